"""
A rollup of any length on an L1 of its own, made in this process as fast as both chains can be made, and written down.

    L1, a standalone node of ours      12 s a block, by a clock that is moved
    sequencer                          2 s a block likewise, a transfer in each
      `-> the batcher's channels       -> L1, every few of its blocks

Nothing of it waits for a time, so 10,000 blocks take minutes. The sequencer derives from L1 what was posted; a chain
that is not safe to its last block is not written. The folder has `genesis.json`, `rollup.json`, `l1.json.gz` (what L1
answers about its blocks) and last `chain.json`.
"""

import gzip
import itertools
import json
import logging
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from batcher.channel_manager import ChannelManager
from batcher.channel_policy import BatchType
from batcher.codec.compression import Compression
from batcher.codec.span_batch import SpanParameters
from batcher.config import BatcherSettings
from batcher.l2_source import L2BlockData
from contracts.genesis import l1_addresses
from contracts.keccak import keccak
from l1_bridge.rollup_config import CHANNEL_TIMEOUT_BLOCKS, RollupConfig
from l1_bridge.types import BlockId
from sequencer.native import absence
from sequencer.node.json_files import write_json_object
from sequencer.node.new_chain import (
    ChainPlan,
    Roles,
    contract_parameters,
    make_l1_genesis,
    make_l2_genesis,
    make_rollup_config,
)
from sequencer.primitives.genesis import Genesis
from sequencer.primitives.transaction import Transaction
from sequencer.state.genesis_state import compute_genesis_header
from tests.factories import CHAIN_ID, ETHER, address, make_transaction, private_key
from tests.fakes.real_node import GENESIS_TIME, ManualClock, RealNode, open_node

L1_CHAIN_ID = 900
L1_BLOCK_SECONDS = 12
BATCHER = 21
WINDOW = 600
DERIVE_EVERY_L1_BLOCKS = 50
"""How often the sequencer follows what was posted, so that neither it nor the channels hold much."""

POSTING = BatcherSettings(batch_type=BatchType.SPAN, compression=Compression.BROTLI_10)


@dataclass(frozen=True, slots=True)
class LongLoad:
    """How much is made."""

    blocks: int
    """Of L2."""
    block_seconds: int = 2
    transfers: int = 1
    """In each block."""
    post_every: int = 5
    """L1 blocks between two channels."""

    @property
    def name(self) -> str:
        """Of the folder that keeps the chain."""
        return f"{self.blocks}-of-{self.block_seconds}s-with-{self.transfers}-every-{self.post_every}"


@dataclass(frozen=True, slots=True)
class LongChain:
    """A chain that L1 holds, and what a derivation of it must arrive at."""

    folder: Path
    last: int
    last_hash: str
    l1_blocks: int
    transactions: int


async def get_long_chain(load: LongLoad, cache: Path) -> LongChain:
    """The chain of that load; it is made when the folder has none."""
    folder = cache / "long" / load.name
    told = folder / "chain.json"
    if not told.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        chain = await _make(load, folder)
        told.write_text(json.dumps({**asdict(chain), "folder": ""}))
    return LongChain(**{**json.loads(told.read_text()), "folder": folder})


@dataclass(slots=True)
class _Rollup:
    """Both chains while they grow."""

    load: LongLoad
    l1: RealNode
    l2: RealNode
    config: RollupConfig
    manager: ChannelManager
    posted: int = 0
    """Transactions of the batcher on L1."""
    sent: int = 0
    added: int = 0
    """L2 blocks given to the channels."""

    async def grow(self) -> None:
        """One block of L1, and those of L2 that come before the next one."""
        await self.l1.make_block()
        await self.l2.step("l1_heads")
        for _ in range(L1_BLOCK_SECONDS // self.load.block_seconds):
            if self.l2.chain.heads.unsafe.number >= self.load.blocks:
                return
            for _ in range(self.load.transfers):
                to = keccak(f"long/{self.sent}".encode())[12:]
                await self.l2.send(make_transaction(nonce=self.sent, to=to).raw)
                self.sent += 1
            await self.l2.make_block()

    async def post(self) -> None:
        """All blocks that are not on L1 yet, as one channel or more."""
        chain = self.l2.chain
        while self.added < chain.heads.unsafe.number:
            self.added += 1
            ref, block = chain.ref(self.added), chain.block(self.added)
            assert ref is not None
            assert block is not None
            users = tuple(entry.raw for entry in block.transactions if isinstance(entry, Transaction))
            self.manager.add_block(L2BlockData(ref, users))
        self.manager.flush()
        while (data := self.manager.next_transaction_data()) is not None:
            transaction = make_transaction(
                chain_id=L1_CHAIN_ID,
                key=private_key(BATCHER),
                nonce=self.posted,
                to=self.config.batch_inbox_address,
                value=0,
                data=data.payload.data,
                gas_limit=100_000 + 40 * len(data.payload.data),
            )
            await self.l1.send(transaction.raw)
            self.posted += 1

    async def derive(self) -> None:
        """Follow what was posted; what the channels hold of it is forgotten."""
        await self.l2.derive()
        safe, status = self.l2.chain.heads.safe, self.l1.chain.heads.unsafe
        assert self.manager.safe_head_advanced(safe, status.number), f"block {safe.number} was not posted so"


async def _make(load: LongLoad, folder: Path) -> LongChain:
    async with _open(load, folder) as rollup:
        for height in itertools.count(1):
            await rollup.grow()
            is_whole = rollup.l2.chain.heads.unsafe.number >= load.blocks
            if is_whole or height % load.post_every == 0:
                await rollup.post()
            if height % DERIVE_EVERY_L1_BLOCKS == 0:
                await rollup.derive()
            if is_whole:
                break
        await rollup.l1.make_block()
        await rollup.derive()
        chain = rollup.l2.chain
        assert chain.heads.safe.number == load.blocks, f"safe is {chain.heads.safe.number}"
        l1_blocks = rollup.l1.chain.heads.unsafe.number
        await _record(rollup.l1, l1_blocks, folder / "l1.json.gz")
        return LongChain(folder, load.blocks, "0x" + chain.heads.safe.hash.hex(), l1_blocks, rollup.sent)


async def _record(l1: RealNode, last: int, path: Path) -> None:
    entries: list[dict[str, object]] = []
    for number in range(last + 1):
        block = await l1.ask("eth_getBlockByNumber", hex(number), True)
        entries.append({"block": block, "receipts": await l1.ask("eth_getBlockReceipts", hex(number))})
    _write(path, entries)


def _write(path: Path, entries: list[dict[str, object]]) -> None:
    path.write_bytes(gzip.compress(json.dumps(entries).encode(), compresslevel=3))


@asynccontextmanager
async def _open(load: LongLoad, folder: Path) -> AsyncIterator[_Rollup]:
    plan = _plan(load)
    l1_genesis, l2_genesis = make_l1_genesis(plan, GENESIS_TIME), make_l2_genesis(plan, GENESIS_TIME)
    config = make_rollup_config(
        plan, _block_0(l1_genesis), _block_0(l2_genesis), GENESIS_TIME, _addresses_of_contracts(plan)
    )
    write_json_object(folder / "genesis.json", l2_genesis.to_json())
    write_json_object(folder / "rollup.json", config.to_json())
    making = folder / "making"
    engine = {"engine": "serial" if absence else "native", "late_seconds": 3600.0, "throttle_soft_bytes": 0}
    l1_wishes = {**engine, "block_time_seconds": L1_BLOCK_SECONDS}
    async with open_node(making / "l1", l1_genesis, ManualClock(), wishes=l1_wishes) as l1:
        l2_wishes = {**engine, "rollup": folder / "rollup.json", "l1": l1.url, "clock": "system"}
        async with open_node(making / "l2", l2_genesis, ManualClock(), wishes=l2_wishes) as l2:
            await l2.derive()
            channels = itertools.count()
            manager = ChannelManager(
                POSTING.make_limits(WINDOW, CHANNEL_TIMEOUT_BLOCKS),
                lambda: keccak(next(channels).to_bytes(8, "big"))[:16],
                choose_policy=POSTING.make_chooser(max_blobs=0).choose,
                span=SpanParameters.from_rollup(config),
            )
            manager.restart(l2.chain.heads.safe)
            with _fewer_log_lines():
                yield _Rollup(load, l1, l2, config, manager)
    shutil.rmtree(making)


@contextmanager
def _fewer_log_lines() -> Iterator[None]:
    """Warnings alone: there is a line for each block."""
    configured = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        yield
    finally:
        structlog.configure(**configured)


def _plan(load: LongLoad) -> ChainPlan:
    roles = Roles(owner=address(20), batcher=address(BATCHER), proposer=address(22), challenger=address(23))
    return ChainPlan(
        l1_chain_id=L1_CHAIN_ID,
        l2_chain_id=CHAIN_ID,
        roles=roles,
        block_time=load.block_seconds,
        sequencing_window=WINDOW,
        funded={address(0): 10**6 * ETHER, address(BATCHER): 10**6 * ETHER},
    )


def _addresses_of_contracts(plan: ChainPlan) -> dict[str, bytes]:
    return dict(l1_addresses(contract_parameters(plan, GENESIS_TIME)))


def _block_0(genesis: Genesis) -> BlockId:
    return BlockId(0, compute_genesis_header(genesis).compute_hash())
