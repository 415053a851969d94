"""
Laws 3 to 6 through kill -9: a sequencer with store, journal, mempool and Redis, killed at every kind of instant.

Each directory is lived in and killed several times. After each kill it is opened again and asked: what became of every
transaction that was acknowledged, is every preconfirmed transaction where it was said to be, is the store at a block's
end, is the cache right? At last all blocks are executed again elsewhere, and the stores compared byte by byte.
"""

import asyncio
import os
import random
import signal
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from batcher.l2_source import L2BlockRef
from sequencer.chain.chain import Chain
from sequencer.chain.commit import HeadCache
from sequencer.execution.interface import SealedBlock
from sequencer.execution.serial import SerialEngine
from sequencer.mempool.statuses import TransactionState
from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.block import Block
from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.transaction import Transaction
from sequencer.state.cache import StateCache
from sequencer.state.cached_reader import CachedReader
from sequencer.state.redis_server import RedisServer
from sequencer.state.store import Store, Table
from tests.actions.nodes import Sequencer
from tests.e2e.killed_node import POINTS, Life, Plan, make_sequencer, past_l1
from tests.factories import CHAIN_ID, RECIPIENT, address

DIRECTORIES = 12
KILLS_EACH = 8
"""Ninety-six kills; each point six times, the one between commit and Redis among them."""

RARE = 8
"""Points of a commit are reached once a block, those of journal and slices more often."""

ENDED = (TransactionState.DROPPED, TransactionState.REPLACED, TransactionState.REJECTED)
OPEN = (TransactionState.RECEIVED, TransactionState.QUEUED, TransactionState.PRECONFIRMED)

OpenCache = Callable[[Store], HeadCache | None]


@dataclass(slots=True)
class Promises:
    """What users of one directory were told, over all its lives."""

    acknowledged: set[bytes] = field(default_factory=set)
    preconfirmed: dict[bytes, dict[bytes, bytes]] = field(default_factory=lambda: defaultdict(dict))
    """By the hash of the block's parent: receipt hashes by transaction, in order."""

    def hear(self, line: str) -> None:
        """One line of a life."""
        kind, *hashes = line.split()
        values = [bytes.fromhex(entry) for entry in hashes]
        if kind == "A":
            self.acknowledged.add(values[0])
        else:
            parent, transaction_hash, receipt = values
            held = self.preconfirmed[parent].setdefault(transaction_hash, receipt)
            assert held == receipt, "told twice, and not the same"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    started = RedisServer.start(tmp_path_factory.mktemp("redis"))
    yield started
    started.stop()


def cache_of(server: RedisServer) -> OpenCache:
    return lambda store: StateCache.connect(server.url, store, chain_id=CHAIN_ID)


def live_and_die(folder: Path, plan: Plan, open_cache: OpenCache) -> list[str]:
    """One life in a forked child; what it said until it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            asyncio.run(Life(make_sequencer(folder, open_cache), plan, writing).live())
        finally:
            os._exit(3)
    os.close(writing)
    lines: list[str] = []
    with os.fdopen(reading) as heard:
        for line in heard:
            lines.append(line)
            if plan.point == "after lines" and len(lines) == plan.hit * 9:
                os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status), f"{plan} ended with {os.WEXITSTATUS(status)}, not by the kill"
    assert os.WTERMSIG(status) == signal.SIGKILL, plan
    return [line for line in lines if line.endswith("\n")]


def check_promises(node: Sequencer, promises: Promises) -> None:
    """Laws 4 and 6."""
    for transaction_hash in promises.acknowledged:
        status = node.mempool.status(transaction_hash)
        if status.state in ENDED:
            assert status.reason
        elif status.state in OPEN:
            assert node.mempool.transaction(transaction_hash) is not None
        else:
            assert status.state is not TransactionState.UNKNOWN, transaction_hash.hex()
            assert transaction_hash in node.user_hashes(status.block_number)
    for parent, told in promises.preconfirmed.items():
        number = node.chain.number_of(parent)
        assert number is not None
        if number == node.unsafe:
            found = [(transaction_hash, keccak(receipt.encode())) for transaction_hash, receipt in node.told]
        else:
            entries = zip(node.block(number + 1).transactions, node.receipts(number + 1), strict=True)
            found = [(entry.hash, keccak(receipt.encode())) for entry, receipt in entries if is_user(entry)]
        assert found[: len(told)] == list(told.items()), f"block {number + 1}"


def is_user(entry: object) -> bool:
    return isinstance(entry, Transaction)


def check_head(node: Sequencer, number_before: int) -> None:
    """Law 5: everything of the head block is there, nothing of the next one."""
    chain, number = node.chain, node.unsafe
    assert number >= number_before
    block = node.block()
    assert chain.heads.unsafe.hash == block.hash == block.header.compute_hash()
    assert chain.number_of(block.hash) == number
    assert len(node.receipts()) == len(block.transactions)
    for index, entry in enumerate(block.transactions):
        position = chain.position(entry.hash)
        assert position is not None
        assert (position.number, position.index) == (number, index)
    assert chain.block(number + 1) is None
    assert chain.receipts(number + 1) is None
    assert chain.ref(number + 1) is None


def check_cache(node: Sequencer, open_cache: OpenCache) -> None:
    """Law 3: what the cache gives over this head is what the store holds."""
    state, cache = node.chain.head_state(), open_cache(node.chain.store)
    assert isinstance(cache, StateCache)
    reader = CachedReader(cache, state)
    accounts = [RECIPIENT, *(address(index) for index in range(10))]
    reader.prefetch(accounts, [])
    assert [reader.account(entry) for entry in accounts] == [state.account(entry) for entry in accounts]
    cache.close()


async def examine(folder: Path, open_cache: OpenCache, promises: Promises, number_before: int) -> int:
    """Open what a killed life left; returns its unsafe head's number."""
    node = make_sequencer(folder, open_cache)
    await node.open()
    try:
        check_head(node, number_before)
        check_promises(node, promises)
        check_cache(node, open_cache)
        return node.unsafe
    finally:
        await node.close()


async def finish(folder: Path, open_cache: OpenCache, promises: Promises, again: Path) -> None:
    """Seal what was promised and everything that waits; then execute the whole chain again elsewhere."""
    node = make_sequencer(folder, open_cache)
    await node.open()
    try:
        await node.act_seal()
        await node.act_build_block()
        await node.act_build_block()
        check_promises(node, promises)
        states = {node.mempool.status(entry).state for entry in promises.acknowledged}
        assert states <= {TransactionState.SEALED, TransactionState.QUEUED, *ENDED}
        assert dump(node.chain.store) == dump_again(node, again)
    finally:
        await node.close()


def dump(store: Store) -> dict[Table, list[tuple[bytes, bytes]]]:
    """Everything but the table that names the store itself."""
    with store.read() as transaction:
        return {table: list(transaction.from_key(table, b"")) for table in Table if table is not Table.META}


def dump_again(node: Sequencer, folder: Path) -> dict[Table, list[tuple[bytes, bytes]]]:
    """What a store holds in which the same blocks were executed without an interruption."""
    agreement = past_l1()[1]
    store = Store.open(folder, chain_id=CHAIN_ID)
    try:
        chain = Chain.open(store, agreement.genesis, agreement.rollup, SerialEngine())
        for number in range(1, node.unsafe + 1):
            block = node.block(number)
            sealed = chain.execute_payload(chain.heads.unsafe, attributes_of(block))
            assert isinstance(sealed, SealedBlock)
            assert sealed.block.hash == block.hash
            ref: L2BlockRef = chain.import_sealed(sealed)
            assert ref == node.chain.ref(number)
        return dump(store)
    finally:
        store.close()


def attributes_of(block: Block) -> PayloadAttributes:
    """The attributes from which the block was made."""
    header = block.header
    assert header.parent_beacon_block_root is not None
    return PayloadAttributes(
        timestamp=header.timestamp,
        prev_randao=header.prev_randao,
        fee_recipient=header.fee_recipient,
        parent_beacon_block_root=header.parent_beacon_block_root,
        gas_limit=header.gas_limit,
        extra_data=header.extra_data,
        deposits=tuple(entry for entry in block.transactions if isinstance(entry, DepositTransaction)),
        user_transactions=tuple(entry.raw for entry in block.transactions if isinstance(entry, Transaction)),
    )


@pytest.mark.parametrize("directory", range(DIRECTORIES))
def test_promises_outlive_kill_9(directory: int, tmp_path: Path, server: RedisServer) -> None:
    folder, promises, number = tmp_path / "node", Promises(), 0
    folder.mkdir()
    past_l1()
    for life in range(KILLS_EACH):
        seed = directory * KILLS_EACH + life
        point = POINTS[seed % len(POINTS)]
        hits = RARE if point.startswith(("commit", "block")) else 4 * RARE
        plan = Plan(point, random.Random(seed).randrange(1, hits), seed)
        print(f"seed {seed}: {plan.point}, hit {plan.hit}")
        for line in live_and_die(folder, plan, cache_of(server)):
            promises.hear(line)
        number = asyncio.run(examine(folder, cache_of(server), promises, number))
    asyncio.run(finish(folder, cache_of(server), promises, tmp_path / "again"))

    assert promises.acknowledged
    assert promises.preconfirmed
