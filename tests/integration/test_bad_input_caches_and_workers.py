"""
Law 3 on a whole node, and workers that die: what happens to Redis or to workers costs speed and changes no block.

A node makes blocks with an engine that reads Redis, which suffers; a chain of its own executes each of them again,
serially and without Redis, and must find the same header and receipts.
"""

import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import redis

from contracts.calldata import encode_call
from sequencer.chain.chain import Chain
from sequencer.execution.interface import SealedBlock
from sequencer.execution.native.engine import NativeEngine
from sequencer.execution.native.prefetch import RedisPrefetch
from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.serial import SerialEngine
from sequencer.native import is_available
from sequencer.node import engines
from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.block import Block
from sequencer.primitives.transaction import Transaction
from sequencer.state.metrics import CACHE_GENERATIONS
from sequencer.state.redis_server import RedisServer
from sequencer.state.store import Store
from tests.factories import GWEI, address, make_transaction, private_key
from tests.fakes.cached_chain import dump, failures, put
from tests.fakes.real_node import COUNTER, TOKEN, ManualClock, RealNode, open_node, standalone_genesis

pytestmark = pytest.mark.slow

SENDERS = 10
READERS = ("parallel", "native") if is_available() else ("parallel",)
"""Engines that read Redis."""

ROUNDS = 4
"""Transactions of each sender in one block."""


class Traffic:
    """Token transfers, and a counter that all of them move now and then."""

    def __init__(self) -> None:
        self._nonces = [0] * SENDERS
        self._rng = random.Random(1)

    def block(self) -> list[Transaction]:
        """Transactions for one block."""
        return [self._next(sender) for _ in range(ROUNDS) for sender in range(SENDERS)]

    def _next(self, sender: int) -> Transaction:
        nonce = self._nonces[sender]
        self._nonces[sender] += 1
        recipient = bytes([0xD0 + sender]) * 19 + bytes([nonce % 4])
        to, data = TOKEN, encode_call("Token", "transfer", recipient, 5)
        if self._rng.random() < 0.05:
            to, data = COUNTER, encode_call("Counter", "increment")
        tip = GWEI + self._rng.randrange(GWEI)
        return make_transaction(
            key=private_key(sender),
            nonce=nonce,
            to=to,
            value=0,
            data=data,
            gas_limit=100_000,
            max_priority_fee_per_gas=tip,
        )


@dataclass(slots=True)
class Pair:
    """The node under test, and a chain that executes its blocks again."""

    node: RealNode
    judge: Chain
    traffic: Traffic

    @property
    def engine(self) -> ParallelEngine:
        """The engine under test, where it is the parallel one."""
        assert isinstance(self.node.engine, ParallelEngine)
        return self.node.engine

    @property
    def native(self) -> NativeEngine:
        """The engine under test, where it is the native one."""
        assert isinstance(self.node.engine, NativeEngine)
        return self.node.engine

    @property
    def executed(self) -> int:
        """Transactions that the engine has executed as it should: on workers, or natively."""
        if isinstance(self.node.engine, NativeEngine):
            return self.native.counts.executed
        return self.engine.counts.speculated

    async def make_block(self, between: Callable[[], object] = lambda: None) -> None:
        """A block in two slices or more, with `between` after the first: it holds everything, and the judge agrees."""
        transactions = self.traffic.block()
        half = len(transactions) // 2
        await self._hand_in(transactions[:half])
        await self.node.weave()
        between()
        await self._hand_in(transactions[half:])
        await self.node.make_block()
        number = self.node.chain.heads.unsafe.number
        made, receipts = self.node.chain.block(number), self.node.chain.receipts(number)
        assert made is not None
        assert {entry.hash for entry in made.transactions} == {transaction.hash for transaction in transactions}
        sealed = self.judge.execute_payload(self.judge.heads.unsafe, payload_of(made))
        assert isinstance(sealed, SealedBlock)
        self.judge.import_sealed(sealed)
        assert sealed.block == made
        assert tuple(sealed.receipts) == receipts

    async def _hand_in(self, transactions: list[Transaction]) -> None:
        for transaction in transactions:
            await self.node.send(transaction.raw)


def payload_of(block: Block) -> PayloadAttributes:
    """What the block was made from."""
    header = block.header
    return PayloadAttributes(
        timestamp=header.timestamp,
        prev_randao=header.prev_randao,
        fee_recipient=header.fee_recipient,
        parent_beacon_block_root=header.parent_beacon_block_root or bytes(32),
        gas_limit=header.gas_limit,
        extra_data=header.extra_data,
        deposits=(),
        user_transactions=tuple(entry.raw for entry in block.transactions if isinstance(entry, Transaction)),
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    started = RedisServer.start(tmp_path / "redis")
    yield started
    started.process.send_signal(signal.SIGCONT)
    started.stop()


@pytest.fixture
def client(server: RedisServer) -> Iterator["redis.Redis"]:
    made = redis.Redis.from_url(server.url)
    yield made
    made.close()


@pytest.fixture(params=["parallel"])
async def pair(
    tmp_path: Path, server: RedisServer, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[Pair]:
    """
    A node with one block; Redis is warm and the workers are ready. The engine is `request.param`.

    What a native engine knows itself it does not ask for, so here it knows nothing from block to block.
    """
    monkeypatch.setattr(engines, "NativeEngine", partial(NativeEngine, is_cached=False))
    genesis = standalone_genesis()
    wishes = {"engine": request.param, "redis": server.url, "native_prefetch": True}
    store = Store.open(tmp_path / "judge", chain_id=genesis.chain_id)
    judge = Chain.open(store, genesis, None, SerialEngine())
    async with open_node(tmp_path / "node", genesis, ManualClock(), wishes=wishes) as node:
        made = Pair(node, judge, Traffic())
        if request.param == "parallel":
            assert made.engine.wait_until_ready()
        await made.make_block()
        yield made
    store.close()


async def test_redis_and_workers_take_part_while_all_is_well(pair: Pair) -> None:
    for _ in range(2):
        await pair.make_block()

    assert pair.engine.counts.speculated > 0
    assert pair.engine.counts.reads.tiers.redis_hits > 0
    assert sum(pair.engine.counts.failures.values()) == 0


def fill(server: RedisServer, client: "redis.Redis") -> None:
    """No room for a single write."""
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)


def poison(server: RedisServer, client: "redis.Redis") -> None:
    """Every value is another one of the same size."""
    put(client, {name: bytes(byte ^ 0x55 for byte in value) for name, value in dump(client).items()})


def shuffle(server: RedisServer, client: "redis.Redis") -> None:
    """True values under the names of others."""
    entries = dump(client)
    put(client, dict(zip(entries, list(entries.values())[1:] + list(entries.values())[:1], strict=True)))


def change_types(server: RedisServer, client: "redis.Redis") -> None:
    for name in client.keys("*"):
        client.delete(name)
        client.rpush(name, b"a list")


def stop_answering(server: RedisServer, client: "redis.Redis") -> None:
    server.process.send_signal(signal.SIGSTOP)


def kill(server: RedisServer, client: "redis.Redis") -> None:
    server.process.kill()
    server.process.wait()


HARMS = {
    "full": (fill, "refused"),
    "wrong values": (poison, "poisoned"),
    "values under other names": (shuffle, "poisoned"),
    "wrong types": (change_types, "refused"),
    "not answering": (stop_answering, "away"),
    "away": (kill, "away"),
}


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("pair", READERS, indirect=True)
async def test_a_harmed_redis_changes_no_block(
    pair: Pair, server: RedisServer, client: "redis.Redis", harm: str
) -> None:
    act, counted = HARMS[harm]
    before, executed = failures(counted), pair.executed

    if isinstance(pair.node.engine, NativeEngine):  # it asks once, at the first slice of a block
        act(server, client)
        await pair.make_block()
    else:
        await pair.make_block(between=lambda: act(server, client))
    await pair.make_block()

    assert failures(counted) > before
    assert pair.executed > executed


@pytest.mark.parametrize("pair", READERS, indirect=True)
async def test_an_older_value_of_one_key_changes_no_block(pair: Pair, client: "redis.Redis") -> None:
    """Name, generation, head and seal are right; only the head moved on since the value was written."""
    if isinstance(pair.node.engine, ParallelEngine):
        pair.engine.keeps_state = False  # else workers know the state themselves, and need not ask
    [name] = [name for name in dump(client) if name.endswith(b":a" + address(3))]
    old, generations = dump(client)[name], CACHE_GENERATIONS._value.get()
    await pair.make_block()
    assert dump(client)[name] != old

    put(client, {name: old})
    await pair.make_block()
    await pair.make_block()

    if isinstance(pair.node.engine, NativeEngine):
        prefetch = pair.native.prefetch
        assert isinstance(prefetch, RedisPrefetch)
        assert prefetch.counts.redis_hits > 0
        assert pair.native.counts.misled_slices == 1
        assert CACHE_GENERATIONS._value.get() == generations + 1


async def test_a_redis_restored_from_an_older_copy_changes_no_block(pair: Pair, client: "redis.Redis") -> None:
    old = dump(client)
    await pair.make_block()

    await pair.make_block(between=lambda: put(client, old))
    await pair.make_block()


async def test_a_flushed_redis_changes_no_block_and_is_warm_again_soon(pair: Pair, client: "redis.Redis") -> None:
    pair.engine.keeps_state = False  # else workers know the state themselves, and need not ask
    await pair.make_block(between=lambda: client.flushall())
    hits = pair.engine.counts.reads.tiers.redis_hits
    await pair.make_block()
    await pair.make_block()

    assert pair.engine.counts.reads.tiers.redis_hits > hits


async def test_killed_workers_change_no_block_are_counted_and_replaced(pair: Pair) -> None:
    def kill_workers() -> None:
        for process_id in pair.engine.pool.executor.process_ids:
            os.kill(process_id, signal.SIGKILL)

    before = pair.engine.pool.executor.process_ids
    await pair.make_block(between=kill_workers)
    assert pair.engine.counts.failures["died"] == len(before)

    assert pair.engine.wait_until_ready()
    assert not set(before) & set(pair.engine.pool.executor.process_ids)
    speculated = pair.engine.counts.speculated
    await pair.make_block()
    assert pair.engine.counts.speculated > speculated


async def test_workers_killed_again_and_again_keep_no_block_from_being_made(pair: Pair) -> None:
    def kill_workers() -> None:
        for process_id in pair.engine.pool.executor.process_ids:
            os.kill(process_id, signal.SIGKILL)

    for _ in range(3):
        await pair.make_block(between=kill_workers)
