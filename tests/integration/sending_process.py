"""
A process that sends numbered transactions through a stored manager, and may be killed at any instant.

    python -m tests.integration.sending_process L1_URL DIRECTORY COUNT

Like the batcher it remembers nothing itself: what L1 has and what the manager has pending is not submitted again.
"""

import asyncio
import logging
import sys
from pathlib import Path

import structlog

from l1_bridge.errors import TemporaryError
from l1_bridge.l1_client import L1Client
from l1_bridge.l1_connection import L1Endpoint
from l1_bridge.sending import TxManagerSettings
from l1_bridge.sent_store import FileSentStore
from l1_bridge.tx_manager import TransactionManager
from tests.integration.anvil_node import dev_signer

SENDER_INDEX = 5
TO = b"\x11" * 20
MOST_PENDING = 30
STEP_SECONDS = 0.02


async def main(url: str, directory: Path, count: int) -> None:
    """Send what is missing, a few a step, until L1 has settled all of it."""
    signer = dev_signer(SENDER_INDEX)
    settings = TxManagerSettings(900, watch_blocks=2)
    async with L1Client.connect(L1Endpoint(url)) as l1:
        with FileSentStore.open(directory, chain_id=900, address=signer.address) as store:
            manager = TransactionManager(l1, signer, settings, store=store)
            print("running", flush=True)
            pending = [int.from_bytes(item.data, "big") for item in manager.pending()]
            following = max(pending, default=await l1.transaction_count(signer.address) - 1) + 1
            while following < count or manager.pending():
                for _ in range(min(3, count - following, MOST_PENDING - len(manager.pending()))):
                    manager.submit(following, TO, following.to_bytes(4, "big"))
                    following += 1
                try:
                    await manager.step()
                except TemporaryError as reason:
                    print(reason, file=sys.stderr)
                manager.results()
                await asyncio.sleep(STEP_SECONDS)
            print("settled", flush=True)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
