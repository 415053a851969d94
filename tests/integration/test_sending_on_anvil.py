"""The transaction manager against anvil: blobs, a remote signer, and a sender killed again and again."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from l1_bridge.kzg import compute_commitment, compute_versioned_hash
from l1_bridge.remote_signer import RemoteSigner
from l1_bridge.sending import Confirmed, TxManagerSettings
from l1_bridge.tx_manager import TransactionManager
from tests.integration.anvil_node import Anvil, dev_signer, running_anvil
from tests.integration.sending_process import SENDER_INDEX
from tests.unit.l1_bridge.managing import make_blob

TO = b"\x11" * 20
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def anvil() -> AsyncIterator[Anvil]:
    async with running_anvil() as running:
        yield running


async def test_blobs_are_taken_mined_and_named_by_their_hashes(anvil: Anvil) -> None:
    manager = anvil.manager(dev_signer(4))
    blobs = (make_blob(1), make_blob(2))
    manager.submit(b"blobs", TO, b"", blobs=blobs)
    manager.submit(b"plain", TO, b"calldata")
    results = []
    for _ in range(4):
        await manager.step()
        results += manager.results()
        await anvil.mine()

    assert [result.request_id for result in results] == [b"blobs", b"plain"]
    (first, second) = results
    assert isinstance(first, Confirmed)
    assert isinstance(second, Confirmed)
    assert second.block.number > first.block.number
    mined = await anvil.connection.call("eth_getTransactionByHash", "0x" + first.transaction_hash.hex())
    assert isinstance(mined, dict)
    hashes = ["0x" + compute_versioned_hash(compute_commitment(blob)).hex() for blob in blobs]
    assert mined["blobVersionedHashes"] == hashes
    spent = await anvil.client.mined_transaction(first.transaction_hash)
    assert spent is not None
    assert spent.fee_wei > 0


async def test_remote_signer_signs_what_is_sent(anvil: Anvil) -> None:
    address = dev_signer(4).address
    async with RemoteSigner.connect(anvil.url, address) as signer:
        manager = TransactionManager(anvil.client, signer, TxManagerSettings(900))
        manager.submit(1, TO, b"signed elsewhere", value=5)
        await manager.step()
        await anvil.mine()
        await manager.step()
        (result,) = manager.results()

    assert isinstance(result, Confirmed)
    assert await anvil.client.balance(TO) == 5


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_sender_killed_at_random_sends_everything_once(tmp_path: Path) -> None:
    """`kill -9` again and again, at random, while anvil mines; then everything stands on L1 once, in order."""
    seed = random.randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    kills = int(os.environ.get("BRAID_FAULTS", "6"))
    async with running_anvil(block_seconds=1) as anvil, asyncio.timeout(60 + 10 * kills):
        for _ in range(kills):
            process = await _start_sender(anvil, tmp_path, count=10**6)
            assert process.stdout is not None
            assert await process.stdout.readline() == b"running\n"
            ended = asyncio.create_task(process.wait())
            await asyncio.wait([ended], timeout=dice.uniform(0.0, 1.5))
            assert not ended.done()
            process.send_signal(signal.SIGKILL)
            await ended
        process = await _start_sender(anvil, tmp_path, count=0)
        said, _ = await process.communicate()
        data = [entry["input"] for entry in await _mined_by(anvil, dev_signer(SENDER_INDEX).address)]

    assert said == b"running\nsettled\n"
    assert data == [f"0x{index:08x}" for index in range(len(data))]
    assert len(data) > 1


async def _start_sender(anvil: Anvil, directory: Path, count: int) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "tests.integration.sending_process", anvil.url, str(directory), str(count)]
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)


async def _mined_by(anvil: Anvil, sender: bytes) -> list[dict[str, object]]:
    """Every transaction of the account, in order."""
    head = await anvil.client.header_by_tag("latest")
    assert head is not None
    found = []
    for number in range(head.number + 1):
        block = await anvil.connection.call("eth_getBlockByNumber", hex(number), True)
        assert isinstance(block, dict)
        found += [entry for entry in block["transactions"] if entry["from"] == "0x" + sender.hex()]
    return found
