"""
A chain on a real store and a real Redis, on which every engine applies the same blocks.

A block is applied and abandoned, so that every run starts from the same state; only `advance` makes one the chain's
next. The chain's own engine is the last of the table.
"""

import gc
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from l1_bridge.ordered_trie import ordered_trie_root
from l1_bridge.types import BlockId
from sequencer.chain.chain import Chain
from sequencer.execution.environment import make_environment
from sequencer.execution.interface import Engine, Included, OpenBlock
from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.source import StoreSource
from sequencer.node.new_chain import ChainPlan, Roles, make_l2_genesis
from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.genesis import GenesisAccount
from sequencer.primitives.l1_info import L1BlockInfo
from sequencer.primitives.predeploys import SEQUENCER_FEE_VAULT
from sequencer.primitives.transaction import Transaction
from sequencer.state.cache import StateCache
from sequencer.state.redis_server import RedisServer
from sequencer.state.store import Store

from .engines import EngineEntry
from .scene import CHAIN_ID, GENESIS_TIME, GWEI

L1_ORIGIN = BlockId(4, b"\x04" * 32)

GAS_LIMIT = 10_000_000_000
"""Wide: the block must not be what ends a run."""


@dataclass(frozen=True, slots=True)
class Applied:
    """One application of a block: seconds of `apply`, how long this process itself computed, and what came out."""

    seconds: float
    own_seconds: float
    gas_used: int
    receipts_root: bytes


class BenchChain:
    """See the module. Use as a context manager."""

    def __init__(
        self, alloc: Mapping[bytes, GenesisAccount], entries: Sequence[EngineEntry], *, with_redis: bool = True
    ) -> None:
        """`with_redis` False: the workers are not told of Redis, and read the store alone."""
        self._stack = ExitStack()
        directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        redis = RedisServer.start(directory / "redis")
        self._stack.callback(redis.stop)
        store = Store.open(directory / "chain", chain_id=CHAIN_ID)
        self._stack.callback(store.close)
        self.cache = cache = StateCache.connect(redis.url, store, chain_id=CHAIN_ID)
        self._stack.callback(cache.close)
        source = StoreSource(directory / "chain", CHAIN_ID, redis.url if with_redis else None)
        self.engines: dict[str, Engine] = {}
        for entry in entries:
            self.engines[entry.label] = engine = entry.make(source)
            self._stack.callback(engine.close)
        roles = Roles(b"\x01" * 20, b"\x02" * 20, b"\x03" * 20, b"\x04" * 20)
        genesis = make_l2_genesis(ChainPlan(900, CHAIN_ID, roles, gas_limit=GAS_LIMIT), GENESIS_TIME)
        genesis = replace(genesis, alloc={**genesis.alloc, **alloc})
        self._chain = Chain.open(store, genesis, None, self.engines[entries[-1].label], cache)
        for engine in self.engines.values():
            if isinstance(engine, ParallelEngine):
                engine.wait_until_ready()

    def __enter__(self) -> "BenchChain":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def open(self, engine: Engine) -> OpenBlock:
        """The next block, with its deposits."""
        chain = self._chain
        head = chain.heads.unsafe
        parent = chain.block(head.number)
        assert parent is not None
        attributes = self._attributes()
        environment = make_environment(chain.rules, parent.header, attributes, chain.recent_hashes(head.number))
        opened = engine.open_block(parent.header, environment, chain.head_state())
        opened.apply(attributes.deposits)
        return opened

    def apply(self, label: str, transactions: Sequence[Transaction], *, with_root: bool = False) -> Applied:
        """Apply a block and abandon it; the receipts' root, which takes time itself, only when it is wanted."""
        opened = self.open(self.engines[label])
        gc.collect()
        start, own_start = time.perf_counter(), time.process_time()
        outcomes = opened.apply(transactions)
        elapsed, own = time.perf_counter() - start, time.process_time() - own_start
        included = [outcome for outcome in outcomes if isinstance(outcome, Included) and outcome.receipt.status]
        assert len(included) == len(transactions), f"{label}: {len(transactions) - len(included)} did not succeed"
        gas_used = sum(outcome.gas_used for outcome in included)
        root = ordered_trie_root([outcome.receipt.encode() for outcome in included]) if with_root else b""
        opened.abandon()
        return Applied(elapsed, own, gas_used, root)

    def advance(self, transactions: Sequence[Transaction]) -> tuple[float, float]:
        """Make a block of these the chain's next; seconds of sealing (the state root is in it) and of the commit."""
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
