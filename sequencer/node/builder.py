"""
The composition root: makes every part of a node in dependency order, and closes them in reverse.

This is the only place that chooses implementations: engine, cache, clock, source of attributes.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from l1_bridge.beacon_client import BeaconClient, BeaconEndpoint
from l1_bridge.l1_chain_config import L1ChainConfig, prague_l1_chain
from l1_bridge.l1_client import L1Client, SenderRecovery
from l1_bridge.l1_connection import L1Endpoint
from l1_bridge.l1_heads import L1HeadTracker
from l1_bridge.rollup_config import RollupConfig
from sequencer.chain.chain import Chain
from sequencer.chain.thread import ChainThread
from sequencer.config import NodeSettings
from sequencer.derivation.driver import DerivationService
from sequencer.execution.interface import Engine
from sequencer.mempool.admission import AdmissionRules
from sequencer.mempool.mempool import Mempool
from sequencer.native import absence
from sequencer.primitives.clock import Clock, SystemClock
from sequencer.primitives.genesis import Genesis
from sequencer.sequencing.attributes_source import AttributesSource, RollupAttributes, StandaloneAttributes
from sequencer.sequencing.budget import BudgetLimits, SpeedBudget
from sequencer.sequencing.finality import DepthFinality
from sequencer.sequencing.service import SequencingOptions, SequencingService
from sequencer.sequencing.throttle import Throttle, ThrottleLimits
from sequencer.state.cache import StateCache
from sequencer.state.store import Store

from .access_hints import SequencerHints, connect_hints
from .catching_up import CatchUpDisplay, CatchUpLog, CatchUpTeller
from .clocks import follow_l1_clock, resume_clock
from .divergence_file import require_no_divergence
from .engines import choose_engine, first_engine, second_engine
from .genesis_file import GenesisReading
from .json_files import UnusableFile, read_json_object
from .pool_view import ChainEvents, ChainPoolView
from .redis import choose_redis, without_password
from .rpc_parts import RpcParts, serve_rpc
from .runner import NamedService

log = structlog.get_logger(__name__)

STANDALONE_FEE_RECIPIENT = bytes(20)
"""Nobody earns the fees of a standalone chain."""


@dataclass(frozen=True, slots=True)
class _Base:
    """What every kind of node has."""

    settings: NodeSettings
    genesis: Genesis
    rollup: RollupConfig | None
    engine: Engine
    chain: Chain
    thread: ChainThread


@dataclass(frozen=True, slots=True)
class _L1Parts:
    """What a node below an L1 has besides."""

    client: L1Client
    beacon: BeaconClient
    config: L1ChainConfig
    tracker: L1HeadTracker


@asynccontextmanager
async def build_node(
    settings: NodeSettings, *, is_sequencer: bool, genesis: GenesisReading | None = None
) -> AsyncIterator[list[NamedService]]:
    """
    Everything of one node, its RPC listening; the services are the caller's to run.

    `genesis` is the file's reading where the caller has begun it.

    Raises
    ------
    CriticalError
        A file, the data directory or a port can not be used; the message says which.
    """
    async with AsyncExitStack() as stack:
        base = await _open_base(settings, stack, genesis)
        l1 = None if settings.l1 is None else await _connect_l1(base, settings.l1, stack)
        clock = await _choose_clock(base, l1)
        services: list[NamedService] = []
        derivation = None
        if l1 is not None and base.rollup is not None:
            hints = None if is_sequencer else await connect_hints(settings.sequencer_rpc, base.engine, stack)
            derivation = _make_derivation(base, base.rollup, l1, hints)
            stack.callback(derivation.close)
            services += [NamedService("l1_heads", l1.tracker), NamedService("derivation", derivation)]
            display = _choose_display()
            stack.callback(display.close)
            services.append(NamedService("catching_up", CatchUpTeller(derivation, clock, display)))
        mempool = await _open_mempool(base, clock, stack) if is_sequencer else None
        rpc = RpcParts.make(base.chain, base.engine, base.rollup, mempool, derivation)
        sequencing = None
        if mempool is not None:
            sequencing = _make_sequencing(base, l1, mempool, clock, rpc)
            services.append(NamedService("sequencing", sequencing))
            rpc.pending.source = sequencing
        if mempool is not None:
            base.chain.subscribe(ChainEvents(asyncio.get_running_loop(), mempool).hear)
        base.chain.subscribe(rpc.backend.preconfirmations.on_chain_event)
        if mempool is not None and sequencing is not None:
            await sequencing.recover(await mempool.recover())
        await serve_rpc(rpc, settings, clock, stack)
        yield services


@dataclass(frozen=True, slots=True)
class Deriver:
    """A chain that follows L1 alone, and what keeps it following: heads first, then derivation."""

    chain: Chain
    l1: L1Client
    l1_heads: L1HeadTracker
    derivation: DerivationService


@asynccontextmanager
async def build_deriver(settings: NodeSettings, rollup: RollupConfig, l1_url: str) -> AsyncIterator[Deriver]:
    """
    A replica without RPC, for commands that compare; its services are the caller's to run.

    Raises
    ------
    CriticalError
        A file or the data directory can not be used; the message says which.
    """
    async with AsyncExitStack() as stack:
        base = await _open_base(settings, stack)
        l1 = await _connect_l1(base, l1_url, stack)
        derivation = _make_derivation(base, rollup, l1, None)
        stack.callback(derivation.close)
        yield Deriver(base.chain, l1.client, l1.tracker, derivation)


async def _open_base(settings: NodeSettings, stack: AsyncExitStack, reading: GenesisReading | None = None) -> _Base:
    genesis_file = await (reading or GenesisReading(settings.genesis, settings.data_dir)).take()
    genesis = genesis_file.genesis
    rollup = None if settings.rollup is None else RollupConfig.from_json(read_json_object(settings.rollup))
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise UnusableFile(f"{settings.data_dir}: {reason.strerror}") from None
    require_no_divergence(settings.data_dir)
    store = Store.open(settings.data_dir / "chain", chain_id=genesis.chain_id)
    stack.callback(store.close)
    redis_url = choose_redis(settings.redis, settings.data_dir, stack)
    cache = None
    if redis_url is not None:
        cache = StateCache.connect(redis_url, store, chain_id=genesis.chain_id)
        stack.callback(cache.close)
    engine = choose_engine(settings, store, genesis.chain_id, redis_url, cache)
    stack.callback(engine.close)
    thread = ChainThread()
    stack.callback(thread.close)
    chain = await thread.run(Chain.open, store, genesis, rollup, engine, cache)
    first = chain.ref(0)
    if first is not None:
        genesis = genesis_file.remember(settings.data_dir, first.hash)
    log.info(
        "chain_opened",
        chain_id=genesis.chain_id,
        head=chain.heads.unsafe.number,
        safe=chain.heads.safe.number,
        engine=first_engine(settings),
        native_extension=absence or "loaded",
        cross_check=second_engine(settings) or "off",
        workers=0 if first_engine(settings) == "serial" else settings.workers,
        redis="off" if redis_url is None else without_password(redis_url),
        config_hash=None if rollup is None else "0x" + rollup.config_hash().hex(),
    )
    return _Base(settings, genesis, rollup, engine, chain, thread)


async def _connect_l1(base: _Base, url: str, stack: AsyncExitStack) -> _L1Parts:
    rollup = base.rollup
    inbox = frozenset() if rollup is None else frozenset({rollup.batch_inbox_address})
    settings = base.settings
    client = await stack.enter_async_context(
        L1Client.connect(
            L1Endpoint(url), SenderRecovery(inbox), trust_transactions_root=settings.trust_l1_transactions_root
        )
    )
    endpoint = BeaconEndpoint(settings.l1_beacon or url, settings.l1_slot_seconds)
    beacon = await stack.enter_async_context(BeaconClient.connect(endpoint))
    chain_id = 0 if rollup is None else rollup.l1_chain_id
    path = settings.l1_chain_config
    config = prague_l1_chain(chain_id) if path is None else L1ChainConfig.from_json(read_json_object(path))
    return _L1Parts(client, beacon, config, L1HeadTracker(client, settings.l1_poll_seconds))


async def _choose_clock(base: _Base, l1: _L1Parts | None) -> Clock:
    system = SystemClock()
    if base.settings.clock == "l1" and l1 is not None:
        return await follow_l1_clock(system, l1.client)
    if base.settings.clock == "resume":
        return resume_clock(system, base.chain.heads.unsafe.timestamp)
    return system


def _choose_display() -> CatchUpDisplay:
    """A line that is drawn where there is a terminal, else lines in the log."""
    if not sys.stderr.isatty():
        return CatchUpLog()
    from rich.console import Console

    from .progress_line import ProgressLine

    return ProgressLine(Console(stderr=True))


def _make_derivation(
    base: _Base, rollup: RollupConfig, l1: _L1Parts, hints: SequencerHints | None
) -> DerivationService:
    tracker = l1.tracker
    return DerivationService(
        base.chain,
        base.thread,
        l1.client,
        lambda: tracker.heads,
        rollup,
        l1.config,
        idle_seconds=base.settings.l1_poll_seconds,
        ask_for_hints=hints,
        blobs=l1.beacon,
    )


async def _open_mempool(base: _Base, clock: Clock, stack: AsyncExitStack) -> Mempool:
    view = ChainPoolView(base.chain)
    rules = AdmissionRules(chain_id=base.genesis.chain_id)
    mempool = await Mempool.open(base.settings.data_dir / "journal", view, clock, rules)
    stack.push_async_callback(mempool.close)
    return mempool


def _make_sequencing(
    base: _Base, l1: _L1Parts | None, mempool: Mempool, clock: Clock, rpc: RpcParts
) -> SequencingService:
    attributes: AttributesSource
    if base.rollup is not None and l1 is not None:
        tracker = l1.tracker
        attributes = RollupAttributes(
            base.rollup, l1.config, l1.client, lambda: tracker.heads, base.settings.l1_confirmations
        )
        block_time, finality = base.rollup.block_time, None
        throttle = Throttle(_throttle_limits(base.settings))
    else:
        attributes = StandaloneAttributes(STANDALONE_FEE_RECIPIENT)
        block_time, finality = base.settings.block_time_seconds, DepthFinality()
        throttle = Throttle(ThrottleLimits(soft_bytes=0))
    return SequencingService(
        base.chain,
        base.thread,
        mempool,
        attributes,
        clock,
        SequencingOptions(block_time_seconds=block_time, late_seconds=base.settings.late_seconds),
        SpeedBudget(BudgetLimits()),
        finality,
        rpc.backend.preconfirmations.on_slice,
        throttle=throttle,
    )


def _throttle_limits(settings: NodeSettings) -> ThrottleLimits:
    return ThrottleLimits(
        soft_bytes=settings.throttle_soft_bytes,
        hard_bytes=settings.throttle_hard_bytes,
        block_bytes=settings.throttle_block_bytes,
        least_block_bytes=settings.throttle_least_block_bytes,
    )
