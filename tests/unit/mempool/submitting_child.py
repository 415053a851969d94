"""
Child of the kill test: submits transactions forever and prints each hash once it is acknowledged.

Arguments: journal directory, seed. Every few submissions a block is sealed, finalized and retired, so that kills also
fall into terminal records, rotation and removal of segments. Prints `S hash` before the block that seals it, `A hash`
after an acknowledgement.
"""

import asyncio
import random
import sys
from pathlib import Path

from sequencer.mempool.admission import AdmissionRules
from sequencer.mempool.journal import Journal
from sequencer.mempool.mempool import Mempool
from sequencer.mempool.pool import PoolLimits
from tests.factories import CHAIN_ID, GWEI, make_transaction, private_key
from tests.unit.mempool.chain_view import FakeChain, ManualClock

SEGMENT_BYTES = 2000
"""Small, so that segments are begun and removed all the time."""


def say(kind: str, transaction_hash: bytes) -> None:
    sys.stdout.write(f"{kind} {transaction_hash.hex()}\n")
    sys.stdout.flush()


async def main(directory: Path, seed: int) -> None:
    """Submit until killed."""
    choice = random.Random(seed)
    rules = AdmissionRules(chain_id=CHAIN_ID)
    chain = FakeChain()
    replayed = Journal.read(directory, chain_id=CHAIN_ID)
    journal = Journal.open(directory, replayed, chain_id=CHAIN_ID, segment_bytes=SEGMENT_BYTES)
    mempool = Mempool(journal, replayed, chain, ManualClock(), rules, PoolLimits(max_transactions=12))
    await mempool.recover()
    nonces = [0] * 10

    async def submit(sender: int) -> None:
        tip = choice.randrange(1, 10) * GWEI
        transaction = make_transaction(
            key=private_key(sender), nonce=nonces[sender], max_priority_fee_per_gas=tip, value=seed
        )
        nonces[sender] += 1
        try:
            say("A", await mempool.submit(transaction.raw))
        except Exception as refusal:  # a full pool is part of the play
            sys.stderr.write(f"{refusal}\n")
            nonces[sender] = mempool.pending_nonce(transaction.sender)

    while True:
        await asyncio.gather(*(submit(sender) for sender in choice.sample(range(10), choice.randrange(1, 6))))
        if choice.random() < 0.5:
            taken = mempool.take(base_fee=GWEI, gas_budget=10**9, limit=choice.randrange(1, 8), max_bytes=10**9)
            for transaction in taken:
                say("S", transaction.hash)
            number = chain.seal(taken)
            chain.finalized_number = number
            mempool.on_block_sealed(number, taken)
            nonces = [mempool.pending_nonce(make_transaction(key=private_key(index)).sender) for index in range(10)]


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
