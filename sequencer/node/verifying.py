"""
A range of L2 blocks, derived from L1 alone in a store that is thrown away, against a node's blocks and posted outputs.

The state that a block needs follows from all blocks before it, so derivation begins at genesis; what is compared is the
range. Nothing of it is kept.
"""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from l1_bridge.errors import CriticalError
from l1_bridge.output_oracle import L2OutputOracle
from l1_bridge.portal import oracle_of, output_covering
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.service import Wake
from sequencer.config import NodeSettings, load_settings
from sequencer.derivation.driver import DerivationService
from sequencer.primitives.clock import Clock

from .builder import Deriver, build_deriver
from .deriving import DerivedOutputs, IdleSignal
from .hand_sending import require_chain
from .json_files import read_json_object
from .json_rpc import JsonRpcClient
from .runner import NamedService, run_services, stop_on_signals

BLOCKS_A_REQUEST = 100
"""Headers that the node is asked for at once."""

IDLE_LOOKS = 3
"""Looks in a row that find all of L1 read, before L1 is held to end there."""

LOOK_SECONDS = 0.5
NAMED_DIFFERENCES = 5
"""Differences that a message names; the rest is counted."""


class L1EndsBefore(CriticalError):
    """All of L1 is read, and it does not hold the range."""

    def __init__(self, wanted: int, safe: int) -> None:
        super().__init__(f"L1 holds L2 blocks up to {safe}, not {wanted}")
        self.safe = safe


class RangeDiffers(CriticalError):
    """What was derived is not what was claimed; the message names the first differences."""


class VerificationStopped(CriticalError):
    """A signal ended it before its end."""


@dataclass(frozen=True, slots=True)
class L1Reading:
    """Where L1 is read, and how; None: as a node's settings have it."""

    url: str
    chain_config: Path | None = None
    beacon: str | None = None
    slot_seconds: int | None = None
    is_transactions_root_trusted: bool | None = None


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """As on the command line."""

    first: int
    last: int
    l1: L1Reading
    rollup: Path
    genesis: Path
    node_url: str | None
    """Whose blocks are compared; None: posted outputs alone."""
    engine: str
    work_dir: Path | None
    """Where the temporary store lies; None: the system's place."""


@dataclass(slots=True)
class Verified:
    """What was compared and found equal."""

    blocks: int = 0
    outputs: int = 0
    last_root: bytes = b""
    """Output root of the last block."""
    differences: list[str] = field(default_factory=list)


ShowProgress = Callable[[int, float], None]
"""Gets the safe head's number and the seconds since the start."""


async def verify_range(options: VerifyOptions, clock: Clock, show_progress: ShowProgress) -> Verified:
    """
    Derive up to the end of the range, then compare.

    Raises
    ------
    RangeDiffers
        A block's hash or an output is another than claimed.
    L1EndsBefore
        L1 does not hold the range yet.
    CriticalError
        A file or node can not be used.
    """
    rollup = RollupConfig.from_json(read_json_object(options.rollup))
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="braid-verify-", dir=options.work_dir))
        deriver = await stack.enter_async_context(
            build_deriver(make_settings(options, Path(folder)), rollup, options.l1.url)
        )
        require_chain("L1", await deriver.l1.chain_id(), rollup.l1_chain_id)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        await _derive(deriver, options.last, clock, show_progress)
        found = Verified()
        if options.node_url is not None:
            await _compare_blocks(deriver, JsonRpcClient(session, options.node_url), options, found)
        await _compare_outputs(deriver, rollup, options, found)
        found.last_root = deriver.chain.output_root(options.last)
    if found.differences:
        named = "; ".join(found.differences[:NAMED_DIFFERENCES])
        raise RangeDiffers(f"{len(found.differences)} differences: {named}")
    return found


def make_settings(options: VerifyOptions, folder: Path) -> NodeSettings:
    """Of a node that derives in that folder, as the options say."""
    flags: dict[str, object] = {
        "data_dir": folder,
        "genesis": options.genesis,
        "rollup": options.rollup,
        "l1": options.l1.url,
        "l1_chain_config": options.l1.chain_config,
        "l1_beacon": options.l1.beacon,
        "l1_slot_seconds": options.l1.slot_seconds,
        "trust_l1_transactions_root": options.l1.is_transactions_root_trusted,
        "l1_poll_seconds": LOOK_SECONDS,
        "engine": options.engine,
        "redis": "off",
    }
    return load_settings(NodeSettings, flags)


async def _derive(deriver: Deriver, last: int, clock: Clock, show_progress: ShowProgress) -> None:
    """Run the services until block `last` is safe."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    derivation = IdleSignal(deriver.derivation)
    end = _EndOfRange(deriver.derivation, derivation, last, stop, started=clock.now())
    services = [
        NamedService("l1_heads", deriver.l1_heads),
        NamedService("derivation", derivation),
        NamedService("progress", _Progress(end, clock, show_progress)),
    ]
    await run_services(services, stop)
    safe = deriver.derivation.sync_status.safe_l2.number
    if safe < last:
        raise L1EndsBefore(last, safe) if end.is_l1_read else VerificationStopped(f"stopped at block {safe}")


@dataclass(slots=True)
class _EndOfRange:
    """Whether the range is derived, or can not be."""

    derivation: DerivationService
    signal: IdleSignal
    last: int
    stop: asyncio.Event
    started: float
    is_l1_read: bool = False
    _idle_looks: int = 0

    def look(self) -> int:
        """Number of the safe head; sets `stop` when there is nothing to wait for."""
        safe = self.derivation.sync_status.safe_l2.number
        self._idle_looks = self._idle_looks + 1 if self.signal.is_idle else 0
        self.is_l1_read = self._idle_looks >= IDLE_LOOKS
        if safe >= self.last or self.is_l1_read:
            self.stop.set()
        return safe


class _Progress:
    """Looks at the safe head now and then and shows it."""

    def __init__(self, end: _EndOfRange, clock: Clock, show_progress: ShowProgress) -> None:
        self._end = end
        self._clock = clock
        self._show = show_progress

    async def step(self) -> Wake:
        """Look once."""
        self._show(self._end.look(), self._clock.now() - self._end.started)
        return Wake(LOOK_SECONDS)

    async def reset(self) -> None:
        """Nothing is held."""


async def _compare_blocks(deriver: Deriver, node: JsonRpcClient, options: VerifyOptions, found: Verified) -> None:
    for start in range(options.first, options.last + 1, BLOCKS_A_REQUEST):
        numbers = range(start, min(start + BLOCKS_A_REQUEST, options.last + 1))
        answers = await node.call_many("eth_getBlockByNumber", [(hex(number), False) for number in numbers])
        for number, answer in zip(numbers, answers, strict=True):
            ref = deriver.chain.ref(number)
            if ref is None:
                raise AssertionError(f"block {number} is below the safe head")
            claimed = answer.get("hash") if isinstance(answer, dict) else None
            if claimed == "0x" + ref.hash.hex():
                found.blocks += 1
            else:
                found.differences.append(f"block {number}: derived 0x{ref.hash.hex()}, the node has {claimed}")


async def _compare_outputs(deriver: Deriver, rollup: RollupConfig, options: VerifyOptions, found: Verified) -> None:
    """Every output on L1 of a block of the range."""
    oracle = L2OutputOracle(deriver.l1, await oracle_of(deriver.l1, rollup.deposit_contract_address))
    output = await output_covering(deriver.l1, oracle.address, options.first)
    source = DerivedOutputs(deriver.chain, deriver.derivation)
    while output is not None and output.l2_block_number <= options.last:
        derived = await source.output_at_block(output.l2_block_number)
        if derived.output_root == output.output_root:
            found.outputs += 1
        else:
            found.differences.append(
                f"output {output.index} of block {output.l2_block_number}: derived 0x{derived.output_root.hex()},"
                f" posted 0x{output.output_root.hex()}"
            )
        output = await output_covering(deriver.l1, oracle.address, output.l2_block_number + 1)
