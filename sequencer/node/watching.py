"""
The watcher's process: outputs on L1 against a derivation of one's own, or a replica's that one trusts.

The challenger's key is optional; it comes as the batcher's does (`l1_account`), and must be the oracle's challenger.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import structlog
from prometheus_client import REGISTRY

from batcher.config import WatcherSettings
from batcher.l2_rpc import JsonRpcL2Source
from batcher.l2_source import OutputSource
from batcher.metrics import WatcherMetrics
from batcher.watcher import OutputWatcher
from l1_bridge.errors import CriticalError
from l1_bridge.l1_client import L1Client
from l1_bridge.l1_connection import L1Endpoint
from l1_bridge.output_oracle import L2OutputOracle
from l1_bridge.portal import oracle_of
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.service import Wake
from l1_bridge.tx_manager import TransactionManager
from sequencer.config import NodeSettings

from .admin_port import serve_admin
from .alarms import CommandAlarm, SilentAlarm, parse_command
from .builder import build_deriver
from .deriving import DerivedOutputs
from .hand_sending import require_chain
from .json_files import read_json_object
from .l1_account import AccountOptions, is_key_given, open_account
from .logging import configure_logging
from .runner import NamedService, run_services, stop_on_signals

log = structlog.get_logger(__name__)


class WrongOutputsFound(CriticalError):
    """At least one posted output is wrong; the message names them."""


class NotTheChallenger(CriticalError):
    """The key belongs to an account that may not delete outputs."""

    def __init__(self, address: bytes, challenger: bytes) -> None:
        super().__init__(f"the key is that of 0x{address.hex()}, the oracle's challenger is 0x{challenger.hex()}")


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """As on the command line; either `replica_url` or `derive` says where outputs are derived."""

    l1_url: str
    rollup: Path
    replica_url: str | None
    derive: NodeSettings | None
    account: AccountOptions
    """The challenger's."""
    alert_command: str | None
    is_once: bool
    admin_port: int
    log_level: str


async def run_watcher(options: WatchOptions, settings: WatcherSettings) -> int:
    """
    Watch until a signal, or until all that was posted is judged; returns how many outputs were judged.

    Raises
    ------
    WrongOutputsFound
        With `is_once`: a wrong one stands on L1.
    CriticalError
        A key, file or node that can not be used.
    """
    configure_logging(options.log_level)
    rollup = RollupConfig.from_json(read_json_object(options.rollup))
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with AsyncExitStack() as stack:
        l1 = await stack.enter_async_context(L1Client.connect(L1Endpoint(options.l1_url)))
        challenger = await _open_challenger(options.account, rollup, l1, stack)
        require_chain("L1", await l1.chain_id(), rollup.l1_chain_id)
        oracle = L2OutputOracle(l1, await oracle_of(l1, rollup.deposit_contract_address))
        await _require_challenger(challenger, oracle)
        source, services = await stack.enter_async_context(_open_source(options, rollup, settings))
        command = options.alert_command
        alarm = SilentAlarm() if command is None else CommandAlarm(parse_command(command), settings.alert_seconds)
        watcher = OutputWatcher(
            source, oracle, alarm, challenger=challenger, settings=settings, metrics=WatcherMetrics(REGISTRY)
        )
        await stack.enter_async_context(serve_admin(options.admin_port))
        services.append(NamedService("watcher", watcher))
        if options.is_once:
            services.append(NamedService("end", _EndOfPosted(watcher, await oracle.output_count(), stop)))
        await run_services(services, stop)
    if options.is_once and watcher.wrong:
        named = ", ".join(f"{wrong.posted.index} (L2 block {wrong.posted.l2_block_number})" for wrong in watcher.wrong)
        raise WrongOutputsFound(f"wrong outputs: {named}")
    return watcher.next_index


class _EndOfPosted:
    """Stops the process once everything that stood on L1 at the start is judged."""

    def __init__(self, watcher: OutputWatcher, count: int, stop: asyncio.Event) -> None:
        self._watcher = watcher
        self._count = count
        self._stop = stop

    async def step(self) -> Wake:
        """Look once."""
        if self._watcher.next_index >= self._count:
            self._stop.set()
        return Wake(0.1)

    async def reset(self) -> None:
        """Nothing is held."""


@asynccontextmanager
async def _open_source(
    options: WatchOptions, rollup: RollupConfig, settings: WatcherSettings
) -> AsyncIterator[tuple[OutputSource, list[NamedService]]]:
    if options.replica_url is not None:
        async with aiohttp.ClientSession() as session:
            yield JsonRpcL2Source(session, options.replica_url, settings.request_timeout_seconds), []
    elif options.derive is not None:
        async with build_deriver(options.derive, rollup, options.l1_url) as deriver:
            services = [
                NamedService("l1_heads", deriver.l1_heads),
                NamedService("derivation", deriver.derivation),
            ]
            yield DerivedOutputs(deriver.chain, deriver.derivation), services


async def _open_challenger(
    account: AccountOptions, rollup: RollupConfig, l1: L1Client, stack: AsyncExitStack
) -> TransactionManager | None:
    """None without a key; raises UnusableKey or UnusableSentStore, before L1 is asked for anything."""
    if not is_key_given(account):
        log.info("no_challenger_key", effect="wrong outputs are told, not deleted")
        return None
    return await stack.enter_async_context(open_account(account, l1, chain_id=rollup.l1_chain_id))


async def _require_challenger(challenger: TransactionManager | None, oracle: L2OutputOracle) -> None:
    if challenger is not None and challenger.address != (allowed := await oracle.challenger()):
        raise NotTheChallenger(challenger.address, allowed)
