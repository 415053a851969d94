"""Laws 1, 4 and 6 through restarts in order of every part, at every step of a story. (Kills: tests/e2e.)"""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sequencer.mempool.statuses import TransactionState
from tests.actions.laws import check_law_1, check_law_4
from tests.actions.world import World

Act = Callable[[World], Awaitable[object]]


async def _mine(world: World) -> None:
    world.l1.act_mine()


async def _reorg(world: World) -> None:
    world.l1.act_reorg(1)
    world.l1.act_mine()


STORY: tuple[Act, ...] = (
    lambda world: world.user.act_transfer(wei=1),
    lambda world: world.user.act_transfer(wei=2, account=1),
    lambda world: world.sequencer.act_open_block(),
    lambda world: world.sequencer.act_weave(),
    lambda world: world.user.act_transfer(wei=3),
    lambda world: world.user.act_transfer(wei=4, account=2, nonce=1),
    lambda world: world.sequencer.act_weave(),
    lambda world: world.sequencer.act_seal(),
    lambda world: world.sequencer.act_build_blocks(2),
    lambda world: world.batcher.act_step(),
    _mine,
    lambda world: world.sequencer.act_derive_all(),
    lambda world: world.batcher.act_step(),
    _mine,
    lambda world: world.replica.act_see_l1(),
    lambda world: world.replica.act_derive_step(),
    lambda world: world.replica.act_derive_step(),
    lambda world: world.replica.act_derive_all(),
    lambda world: world.proposer.act_step(),
    lambda world: world.user.act_transfer(wei=5),
    lambda world: world.sequencer.act_open_block(),
    lambda world: world.sequencer.act_weave(),
    _reorg,
    lambda world: world.sequencer.act_derive_step(),
    lambda world: world.sequencer.act_seal(),
    lambda world: world.replica.act_derive_all(),
)


async def _restart_batcher(world: World) -> None:
    world.batcher.act_restart()


async def _restart_proposer(world: World) -> None:
    world.proposer.act_restart()


RESTARTS: dict[str, Act] = {
    "sequencer": lambda world: world.sequencer.act_restart(),
    "replica": lambda world: world.replica.act_restart(),
    "batcher": _restart_batcher,
    "proposer": _restart_proposer,
}


PLACES = [("sequencer", at) for at in range(len(STORY))] + [
    (part, at) for part in ("replica", "batcher", "proposer") for at in range(9, len(STORY), 3)
]


@pytest.mark.parametrize(("part", "at"), PLACES)
async def test_a_restart_between_any_two_steps_changes_nothing(world: World, part: str, at: int) -> None:
    for number, act in enumerate(STORY):
        await act(world)
        if number == at:
            await RESTARTS[part](world)
            check_law_4(world)
    await world.act_derive_all()
    await world.act_settle()
    await world.user.act_transfer(account=2, nonce=0)
    await world.act_settle()

    check_law_1(world)
    check_law_4(world)
    states = {world.sequencer.mempool.status(entry).state for entry in world.user.acknowledged}
    assert states == {TransactionState.SAFE}


async def test_restarts_between_all_steps_change_nothing(world: World) -> None:
    for act in STORY:
        await act(world)
        for restart in RESTARTS.values():
            await restart(world)
    await world.act_derive_all()
    await world.act_settle()

    check_law_1(world)
    check_law_4(world)


async def test_an_open_block_is_rebuilt_with_the_slices_that_were_published(world: World) -> None:
    first = await world.user.act_transfer(wei=1)
    await world.sequencer.act_open_block()
    await world.sequencer.act_weave()
    second = await world.user.act_transfer(wei=2, account=1)
    await world.sequencer.act_weave()
    told = list(world.sequencer.told)
    await world.sequencer.act_restart()

    assert [entry for entry, _ in told] == [first, second]
    assert world.sequencer.told == told
    assert world.sequencer.mempool.status(second).state is TransactionState.PRECONFIRMED
    await world.sequencer.act_seal()
    assert world.sequencer.user_hashes() == [first, second]


async def test_a_replica_begun_later_derives_the_same_chain(world: World, tmp_path: Path) -> None:
    await world.act_grow(6)
    other = type(world.replica)(world.agreement, world.l1, tmp_path / "late")
    other.folder.mkdir()
    await other.open()
    await other.act_derive_all()

    assert other.heads.safe == world.sequencer.heads.safe
    assert other.output_root() == world.sequencer.output_root()
    await other.close()


async def test_a_sequencer_that_lost_its_disk_comes_back_from_l1(world: World, tmp_path: Path) -> None:
    await world.act_grow(3)
    await world.sequencer.close()
    world.sequencer.folder = tmp_path / "new"
    world.sequencer.folder.mkdir()
    await world.sequencer.open()
    world.batcher.act_restart()
    await world.act_derive_all()
    await world.act_grow(2)

    assert world.sequencer.safe == world.replica.safe == 15
    check_law_1(world)
