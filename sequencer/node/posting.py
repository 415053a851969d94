"""The batcher's and the proposer's processes: one account on L1, one node to read from."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import structlog
from prometheus_client import REGISTRY

from batcher.channel_manager import ChannelManager
from batcher.config import BatcherSettings, ProposerSettings
from batcher.l2_rpc import JsonRpcL2Source
from batcher.metrics import BatcherMetrics, ProposerMetrics
from batcher.proposer import OutputProposer
from batcher.submitter import BatchSubmitter
from l1_bridge.errors import TemporaryError
from l1_bridge.l1_client import L1Client
from l1_bridge.l1_connection import L1Endpoint
from l1_bridge.output_oracle import L2OutputOracle
from l1_bridge.rollup_config import CHANNEL_TIMEOUT_BLOCKS, RollupConfig
from l1_bridge.signer import LocalSigner, signer_from_environment, signer_from_keystore
from l1_bridge.tx_manager import TransactionManager, TxManagerSettings

from .json_files import read_json_object
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
    keystore: Path | None
    log_level: str


@dataclass(frozen=True, slots=True)
class _Parts:
    rollup: RollupConfig
    l1: L1Client
    session: aiohttp.ClientSession
    sender: TransactionManager


async def run_batcher(options: PostingOptions, settings: BatcherSettings) -> None:
    """Run the batcher until a signal; on an orderly stop what was read is posted first."""
    async with _connect(options, "BATCHER") as parts:
        rollup = parts.rollup
        expected = rollup.genesis.system_config.batcher_address
        if parts.sender.address != expected:
            log.warning("batcher_key_differs", address="0x" + parts.sender.address.hex(), genesis="0x" + expected.hex())
        limits = settings.make_limits(rollup.seq_window_size, CHANNEL_TIMEOUT_BLOCKS)
        submitter = BatchSubmitter(
            JsonRpcL2Source(parts.session, settings.l2_rpc_url, settings.request_timeout_seconds),
            parts.sender,
            ChannelManager(limits, lambda: secrets.token_bytes(CHANNEL_ID_BYTES)),
            inbox_address=rollup.batch_inbox_address,
            settings=settings,
            metrics=BatcherMetrics(REGISTRY),
        )
        await _run(NamedService("batcher", submitter), options.log_level)
        await _flush(submitter)


async def run_proposer(options: PostingOptions, settings: ProposerSettings, oracle: bytes) -> None:
    """Run the proposer until a signal."""
    async with _connect(options, "PROPOSER") as parts:
        proposer = OutputProposer(
            JsonRpcL2Source(parts.session, settings.l2_rpc_url, settings.request_timeout_seconds),
            L2OutputOracle(parts.l1, oracle),
            parts.sender,
            settings=settings,
            metrics=ProposerMetrics(REGISTRY),
        )
        await _run(NamedService("proposer", proposer), options.log_level)


async def _flush(submitter: BatchSubmitter) -> None:
    """Hand over what was read; what L1 does not take now is read again after the next start."""
    try:
        async with asyncio.timeout(FLUSH_SECONDS):
            await submitter.flush()
    except (TemporaryError, TimeoutError) as reason:
        log.warning("batches_left_for_next_start", reason=str(reason))


@asynccontextmanager
async def _connect(options: PostingOptions, role: str) -> AsyncIterator[_Parts]:
    rollup = RollupConfig.from_json(read_json_object(options.rollup))
    signer = _load_signer(options.keystore, role)
    async with aiohttp.ClientSession() as session, L1Client.connect(L1Endpoint(options.l1_url)) as l1:
        sender = TransactionManager(l1, signer, TxManagerSettings(chain_id=rollup.l1_chain_id))
        yield _Parts(rollup, l1, session, sender)


def _load_signer(keystore: Path | None, role: str) -> LocalSigner:
    """The key of BRAID_<role>_KEY, or of the keystore file with the password of BRAID_<role>_PASSWORD."""
    if keystore is None:
        return signer_from_environment(os.environ, f"BRAID_{role}_KEY")
    return signer_from_keystore(keystore.read_bytes(), os.environ.get(f"BRAID_{role}_PASSWORD", ""))


async def _run(service: NamedService, log_level: str) -> None:
    configure_logging(log_level)
    stop = asyncio.Event()
    stop_on_signals(stop)
    await run_services([service], stop)
