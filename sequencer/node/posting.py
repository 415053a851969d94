"""The batcher's and the proposer's processes: one account on L1, one node to read from."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import structlog
from prometheus_client import REGISTRY

from batcher.channel_manager import ChannelManager
from batcher.codec.span_batch import SpanParameters
from batcher.config import BatcherSettings, ProposerSettings
from batcher.l2_rpc import JsonRpcL2Source
from batcher.metrics import BatcherMetrics, ProposerMetrics
from batcher.proposer import OutputProposer
from batcher.submitter import BatchSubmitter
from l1_bridge.appointed import check_batcher, check_proposer
from l1_bridge.errors import TemporaryError
from l1_bridge.l1_client import L1Client
from l1_bridge.l1_connection import L1Endpoint
from l1_bridge.market import L1Market
from l1_bridge.output_oracle import L2OutputOracle
from l1_bridge.rollup_config import CHANNEL_TIMEOUT_BLOCKS, RollupConfig
from l1_bridge.tx_manager import TransactionManager

from .admin_port import serve_admin
from .batcher_control import BatcherControl, serve_batcher_admin
from .json_files import read_json_object
from .l1_account import AccountOptions, AppointedService, load_l1_chain, open_account
from .logging import configure_logging
from .runner import NamedService, run_services, stop_on_signals

log = structlog.get_logger(__name__)

CHANNEL_ID_BYTES = 16

FLUSH_SECONDS = 5.0
"""How long the last batches may take on an orderly stop; less than a supervisor waits."""


@dataclass(frozen=True, slots=True)
class PostingOptions:
    """What both processes share on the command line."""

    rollup: Path
    l1_url: str
    account: AccountOptions
    log_level: str


@dataclass(frozen=True, slots=True)
class _Parts:
    rollup: RollupConfig
    l1: L1Client
    session: aiohttp.ClientSession
    sender: TransactionManager


async def run_batcher(options: PostingOptions, settings: BatcherSettings) -> None:
    """Run the batcher until a signal; on an orderly stop what was read is posted first."""
    async with _connect(options) as parts:
        rollup, address = parts.rollup, parts.sender.address
        limits = settings.make_limits(rollup.seq_window_size, CHANNEL_TIMEOUT_BLOCKS)
        chain = load_l1_chain(options.account, rollup.l1_chain_id)
        chooser = settings.make_chooser(chain.most_blobs(), has_calldata_floor="prague" in chain.fork_times)
        submitter = BatchSubmitter(
            JsonRpcL2Source(parts.session, settings.l2_rpc_url, settings.request_timeout_seconds),
            parts.sender,
            ChannelManager(
                limits,
                lambda: secrets.token_bytes(CHANNEL_ID_BYTES),
                choose_policy=chooser.choose,
                span=SpanParameters.from_rollup(rollup),
            ),
            chooser=chooser,
            market=L1Market(parts.l1, chain),
            inbox_address=rollup.batch_inbox_address,
            settings=settings,
            metrics=BatcherMetrics(REGISTRY),
        )
        config, first = rollup.l1_system_config_address, rollup.genesis.system_config.batcher_address
        checked = AppointedService(submitter, lambda: check_batcher(parts.l1, config, first, address))
        async with serve_batcher_admin(BatcherControl(submitter, parts.sender, chooser), settings.admin_port):
            await _run(NamedService("batcher", checked))
        await _flush(submitter)


async def run_proposer(options: PostingOptions, settings: ProposerSettings, oracle: bytes) -> None:
    """Run the proposer until a signal."""
    async with _connect(options) as parts:
        address = parts.sender.address
        proposer = OutputProposer(
            JsonRpcL2Source(parts.session, settings.l2_rpc_url, settings.request_timeout_seconds),
            L2OutputOracle(parts.l1, oracle),
            parts.sender,
            settings=settings,
            metrics=ProposerMetrics(REGISTRY),
        )
        checked = AppointedService(proposer, lambda: check_proposer(parts.l1, oracle, address))
        async with serve_admin(settings.admin_port):
            await _run(NamedService("proposer", checked))


async def _flush(submitter: BatchSubmitter) -> None:
    """Hand over what was read; what L1 does not take now is read again after the next start."""
    try:
        async with asyncio.timeout(FLUSH_SECONDS):
            await submitter.flush()
    except (TemporaryError, TimeoutError) as reason:
        log.warning("batches_left_for_next_start", reason=str(reason))


@asynccontextmanager
async def _connect(options: PostingOptions) -> AsyncIterator[_Parts]:
    configure_logging(options.log_level)
    rollup = RollupConfig.from_json(read_json_object(options.rollup))
    account = options.account
    appointed = rollup.genesis.system_config.batcher_address if account.role == "BATCHER" else None
    async with (
        aiohttp.ClientSession() as session,
        L1Client.connect(L1Endpoint(options.l1_url)) as l1,
        open_account(account, l1, chain_id=rollup.l1_chain_id, appointed=appointed) as sender,
    ):
        yield _Parts(rollup, l1, session, sender)


async def _run(service: NamedService) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    await run_services([service], stop)
