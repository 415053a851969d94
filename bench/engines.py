"""
Serial against parallel: the same block applied again and again by both, in turns, over a real store and a real Redis.

A block is applied and abandoned, so every run starts from the same state; before the measured runs each engine has
applied it twice, so caches are warm. What does not depend on the engine is measured apart: recovering the senders,
computing the state root, committing the block.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from l1_bridge.types import BlockId
from sequencer.chain.chain import Chain
from sequencer.execution.environment import make_environment
from sequencer.execution.interface import Engine, Included, OpenBlock
from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.metrics import WorkerReads
from sequencer.execution.parallel.source import StoreSource
from sequencer.execution.serial import SerialEngine
from sequencer.node.new_chain import ChainPlan, Roles, make_l2_genesis
from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.l1_info import L1BlockInfo
from sequencer.primitives.predeploys import SEQUENCER_FEE_VAULT
from sequencer.primitives.transaction import Transaction, decode_transaction
from sequencer.state.cache import StateCache
from sequencer.state.redis_server import RedisServer
from sequencer.state.store import Store

from .workloads import CHAIN_ID, GWEI, Workload, genesis_accounts

GENESIS_TIME = 1_700_000_000
L1_ORIGIN = BlockId(4, b"\x04" * 32)
GAS_LIMIT = 400_000_000
"""Wide: the block must not be what ends a run."""

WARM_RUNS = 2


@dataclass(frozen=True, slots=True)
class Measurement:
    """One workload; times in seconds, `serial` and `parallel` the medians of `apply`."""

    name: str
    transactions: int
    serial: float
    parallel: float
    recovery: float
    root: float
    commit: float
    speculated: int
    conflicts: int
    prefetched: int
    """Keys that workers loaded ahead, in all measured runs."""
    served_by_redis: int
    """How many of them came from Redis."""

    @property
    def ratio(self) -> float:
        """How many times as fast the parallel engine is."""
        return self.serial / self.parallel


class EngineBench:
    """A chain with everybody's accounts, and both engines on it. Use as a context manager."""

    def __init__(self, workloads: Sequence[Workload], workers: int, *, with_redis: bool = True) -> None:
        """`with_redis` False: the workers are not told of Redis, and read the store alone."""
        self._stack = ExitStack()
        directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        redis = RedisServer.start(directory / "redis")
        self._stack.callback(redis.stop)
        store = Store.open(directory / "chain", chain_id=CHAIN_ID)
        self._stack.callback(store.close)
        cache = StateCache.connect(redis.url, store, chain_id=CHAIN_ID)
        self._stack.callback(cache.close)
        self.serial = SerialEngine()
        self.parallel = ParallelEngine(
            StoreSource(directory / "chain", CHAIN_ID, redis.url if with_redis else None), workers
        )
        self._stack.callback(self.parallel.close)
        roles = Roles(b"\x01" * 20, b"\x02" * 20, b"\x03" * 20, b"\x04" * 20)
        genesis = make_l2_genesis(ChainPlan(900, CHAIN_ID, roles, gas_limit=GAS_LIMIT), GENESIS_TIME)
        genesis = replace(genesis, alloc={**genesis.alloc, **genesis_accounts(workloads)})
        self._chain = Chain.open(store, genesis, None, self.parallel, cache)
        self.parallel.wait_until_ready()

    def __enter__(self) -> "EngineBench":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def measure(self, workload: Workload, runs: int) -> Measurement:
        """Apply the workload's block `runs` times with each engine in turns, then make it the next block."""
        start = time.perf_counter()
        transactions = [decode_transaction(raw) for raw in workload.raw]
        recovery = time.perf_counter() - start
        times: dict[Engine, list[float]] = {self.serial: [], self.parallel: []}
        for _ in range(WARM_RUNS):
            for engine in times:
                self._apply(engine, transactions)
        counts = self.parallel.counts
        counts.reads = WorkerReads()
        before = (counts.speculated, counts.conflicts)
        for _ in range(runs):
            for engine, list_of_times in times.items():
                list_of_times.append(self._apply(engine, transactions))
        speculated, conflicts = counts.speculated - before[0], counts.conflicts - before[1]
        prefetched = counts.reads.prefetched
        keys = prefetched.redis_hits + prefetched.redis_misses + prefetched.store_reads
        hits = prefetched.redis_hits
        root, commit = self._import(transactions)
        return Measurement(
            name=workload.name,
            transactions=len(transactions),
            serial=statistics.median(times[self.serial]),
            parallel=statistics.median(times[self.parallel]),
            recovery=recovery,
            root=root,
            commit=commit,
            speculated=speculated // runs,
            conflicts=conflicts // runs,
            prefetched=keys,
            served_by_redis=hits,
        )

    def _apply(self, engine: Engine, transactions: Sequence[Transaction]) -> float:
        opened = self._open(engine)
        start = time.perf_counter()
        outcomes = opened.apply(transactions)
        elapsed = time.perf_counter() - start
        assert all(isinstance(outcome, Included) and outcome.receipt.status for outcome in outcomes)
        opened.abandon()
        return elapsed

    def _open(self, engine: Engine) -> OpenBlock:
        chain = self._chain
        head = chain.heads.unsafe
        parent = chain.block(head.number)
        assert parent is not None
        attributes = self._attributes()
        environment = make_environment(chain.rules, parent.header, attributes, chain.recent_hashes(head.number))
        opened = engine.open_block(parent.header, environment, chain.head_state())
        opened.apply(attributes.deposits)
        return opened

    def _import(self, transactions: Sequence[Transaction]) -> tuple[float, float]:
        """Seconds of the state root and of the commit."""
        self._chain.open_block(self._attributes()).apply(transactions)
        start = time.perf_counter()
        sealed = self._chain.seal_open_block()
        middle = time.perf_counter()
        self._chain.import_sealed(sealed)
        return middle - start, time.perf_counter() - middle

    def _attributes(self) -> PayloadAttributes:
        head = self._chain.heads.unsafe
        parent = self._chain.block(head.number)
        assert parent is not None
        info = L1BlockInfo(
            number=L1_ORIGIN.number,
            timestamp=GENESIS_TIME,
            base_fee=GWEI,
            blob_base_fee=1,
            hash=L1_ORIGIN.hash,
            sequence_number=head.number,
            batcher_address=b"\x02" * 20,
            base_fee_scalar=1368,
            blob_base_fee_scalar=810949,
            operator_fee_scalar=0,
            operator_fee_constant=0,
        )
        return PayloadAttributes(
            timestamp=head.timestamp + 2,
            prev_randao=bytes(32),
            fee_recipient=SEQUENCER_FEE_VAULT,
            parent_beacon_block_root=bytes(32),
            gas_limit=GAS_LIMIT,
            extra_data=parent.header.extra_data,
            deposits=(info.to_deposit(),),
        )
