"""
Law 6 within one process: what was preconfirmed is what is sealed, whatever fails between two slices.

`Sequencer.act_step` compares each sealed block with what was told, so every story here (and elsewhere) checks it.
"""

import asyncio
import errno
from collections.abc import Callable
from contextlib import suppress

import pytest

from sequencer.chain.chain import Chain
from sequencer.mempool.statuses import TransactionState
from sequencer.sequencing import metrics
from tests.actions.agreement import WINDOW
from tests.actions.laws import check_law_1, check_law_4
from tests.actions.world import World

Break = Callable[[World, pytest.MonkeyPatch], None]


class EngineBroke(Exception):
    """Something in the engine that nobody foresaw."""


def break_journal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full."""

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(world.sequencer.mempool._journal._writer, "_sync", fail)


def break_engine_before(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine fails before it has executed anything."""
    opened = world.sequencer.chain.current
    assert opened is not None

    def fail(transactions: object) -> None:
        raise EngineBroke

    monkeypatch.setattr(opened._block, "apply", fail)


def break_engine_after(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine fails when it has executed the slice."""
    opened = world.sequencer.chain.current
    assert opened is not None

    def fail() -> None:
        raise EngineBroke

    monkeypatch.setattr(opened._block, "view", fail)


def break_seal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit fails after the block was sealed."""

    def fail(chain: Chain, sealed: object) -> None:
        raise EngineBroke

    monkeypatch.setattr(Chain, "import_sealed", fail)


async def two_slices_told(world: World) -> list[bytes]:
    """An open block with two published slices; returns its transactions."""
    transfers = []
    await world.sequencer.act_open_block()
    for account in range(2):
        transfers.append(await world.user.act_transfer(account=account))
        transfers.append(await world.user.act_transfer(account=account))
        await world.sequencer.act_weave()
    return transfers


@pytest.mark.parametrize("breaking", [break_journal, break_engine_before, break_engine_after])
async def test_a_slice_that_fails_takes_no_published_slice_along(
    world: World, monkeypatch: pytest.MonkeyPatch, breaking: Break
) -> None:
    told = await two_slices_told(world)
    late = await world.user.act_transfer(account=2)
    remade, withdrawn = metrics.REMADE_BLOCKS._value.get(), metrics.WITHDRAWN_BLOCKS._value.get()
    with monkeypatch.context() as broken:
        breaking(world, broken)
        with suppress(EngineBroke):
            await world.sequencer.act_weave()
        assert world.sequencer.mempool.status(late).state is TransactionState.RECEIVED
        assert world.sequencer.mempool.status(told[0]).state is TransactionState.PRECONFIRMED
    await world.sequencer.act_weave()
    await world.sequencer.act_seal()

    assert world.sequencer.user_hashes() == [*told, late]
    assert metrics.REMADE_BLOCKS._value.get() == remade + 1
    assert metrics.WITHDRAWN_BLOCKS._value.get() == withdrawn
    check_law_4(world)
    await world.act_post()
    check_law_1(world)


async def test_a_seal_that_fails_is_done_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told = await two_slices_told(world)
    with monkeypatch.context() as broken:
        break_seal(world, broken)
        with suppress(EngineBroke):
            await world.sequencer.act_seal()
    await world.sequencer.act_step()

    assert world.sequencer.user_hashes() == told
    check_law_4(world)


@pytest.mark.parametrize("breaking", [break_journal, break_engine_before, break_engine_after])
async def test_a_failed_slice_and_a_restart_keep_what_was_told(
    world: World, monkeypatch: pytest.MonkeyPatch, breaking: Break
) -> None:
    told = await two_slices_told(world)
    late = await world.user.act_transfer(account=2)
    with monkeypatch.context() as broken:
        breaking(world, broken)
        with suppress(EngineBroke):
            await world.sequencer.act_weave()
    await world.sequencer.act_restart()
    await world.sequencer.act_seal()
    await world.sequencer.act_build_block()

    assert world.sequencer.user_hashes(1) == told
    assert world.sequencer.mempool.status(late).state is TransactionState.SEALED
    check_law_4(world)


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("is_restarted", [False, True])
async def test_a_slice_that_is_cancelled_takes_no_published_slice_along(
    world: World, turns: int, is_restarted: bool
) -> None:
    """As when another service fails and the runner ends all of them; at each turn of the event loop."""
    told = await two_slices_told(world)
    late = await world.user.act_transfer(account=2)
    weaving = asyncio.ensure_future(world.sequencer.act_weave())
    for _ in range(turns):
        await asyncio.sleep(0)
    weaving.cancel()
    with suppress(asyncio.CancelledError):
        await weaving
    if is_restarted:
        await world.sequencer.act_restart()
    later = await world.user.act_transfer(account=3)
    await world.sequencer.act_weave()
    await world.sequencer.act_restart()
    await world.sequencer.act_seal()
    await world.sequencer.act_build_block()

    assert world.sequencer.user_hashes(1)[: len(told)] == told
    assert {world.sequencer.mempool.status(entry).state for entry in (late, later)} == {TransactionState.SEALED}
    check_law_4(world)


async def test_an_l1_reorg_of_the_open_blocks_origin_withdraws_its_slices_and_says_so(world: World) -> None:
    """The exception of law 6."""
    await world.sequencer.act_build_blocks(2)
    world.l1.act_mine()
    transfer = await world.user.act_transfer()
    await world.sequencer.act_open_block()
    await world.sequencer.act_weave()
    opened = world.sequencer.chain.current
    assert opened is not None
    assert world.sequencer.mempool.status(transfer).state is TransactionState.PRECONFIRMED

    world.l1.act_reorg(1)
    world.l1.act_mine(2)
    await world.sequencer.act_derive_all()
    await world.sequencer.act_seal()
    await world.sequencer.act_derive_all()

    assert world.sequencer.mempool.status(transfer).state is TransactionState.RECEIVED
    assert world.sequencer.mempool.status(transfer).block_number is None
    check_law_4(world)
    await world.act_settle()
    assert world.sequencer.mempool.status(transfer).state is TransactionState.SAFE
    check_law_1(world)


async def test_an_l1_reorg_elsewhere_withdraws_nothing(world: World) -> None:
    await world.act_grow(2)
    told = await two_slices_told(world)
    world.l1.act_mine(2)
    world.l1.act_reorg(1)
    world.l1.act_mine(2)
    await world.act_derive_all()
    await world.sequencer.act_seal()

    assert world.sequencer.user_hashes() == told
    await world.act_settle()
    check_law_1(world)
    check_law_4(world)


@pytest.mark.parametrize("turns", range(6))
async def test_a_block_that_derivation_takes_away_while_it_is_sealed_loses_nothing(world: World, turns: int) -> None:
    """The window of an epoch without batches ends while the first block is sealed: a derived block takes its place."""
    transfer = await world.user.act_transfer()
    await world.sequencer.act_open_block()
    await world.sequencer.act_weave()
    world.l1.act_mine(WINDOW + 1)
    deriving = asyncio.ensure_future(world.sequencer.act_derive_all())
    for _ in range(turns):
        await asyncio.sleep(0)
    await world.sequencer.act_seal()
    await deriving
    check_law_4(world)
    await world.act_settle()

    assert world.sequencer.mempool.status(transfer).state is TransactionState.SAFE
    check_law_1(world)
    check_law_4(world)
