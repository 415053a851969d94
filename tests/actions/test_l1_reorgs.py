"""Law 1 under reorgs of L1: of empty blocks, of batches, of origins, of deposits, of config updates."""

import pytest

from l1_bridge.system_config import UPDATE_GAS_LIMIT
from sequencer.mempool.statuses import TransactionState
from tests.actions.agreement import SYSTEM_CONFIG
from tests.actions.laws import check_law_1, check_law_4
from tests.actions.world import World
from tests.factories import ETHER, RECIPIENT

DEPTHS = (1, 2, 3, 5, 8)


async def test_replica_follows_a_reorg_that_drops_a_batch(world: World) -> None:
    """A batch that a reorg removes is posted again and derived again."""
    await world.user.act_transfer(wei=1)
    await world.sequencer.act_build_block()
    await world.act_post()
    assert world.replica.safe == 1

    world.l1.act_reorg(depth=1)
    world.l1.act_mine()
    await world.act_derive_all()
    assert (world.replica.safe, world.sequencer.safe, world.sequencer.unsafe) == (0, 0, 1)
    await world.act_post()

    assert world.replica.safe == 1
    check_law_1(world)
    check_law_4(world)


@pytest.mark.parametrize("depth", DEPTHS)
async def test_a_reorg_that_loses_everything_is_repaired(world: World, depth: int) -> None:
    """Batches and origins of the last blocks are gone; users' transactions are included again."""
    await world.act_grow(9)
    world.l1.act_reorg(depth)
    world.l1.act_mine(depth + 1)
    await world.act_derive_all()
    check_law_1(world)
    check_law_4(world)
    await world.act_settle()

    check_law_1(world)
    check_law_4(world)
    assert world.replica.balance(RECIPIENT) == 9


@pytest.mark.parametrize("depth", DEPTHS)
async def test_a_reorg_that_keeps_the_transactions_is_followed(world: World, depth: int) -> None:
    """The same batches in other L1 blocks: those whose epoch is gone are dropped, and their blocks unwound."""
    await world.act_grow(9)
    world.l1.act_reorg(depth, requeue=True)
    world.l1.act_mine(depth + 1)
    await world.act_derive_all()
    check_law_1(world)
    await world.act_settle()

    check_law_1(world)
    check_law_4(world)
    assert world.replica.balance(RECIPIENT) == 9


@pytest.mark.parametrize("depth", DEPTHS)
async def test_a_shorter_branch_is_followed(world: World, depth: int) -> None:
    """The new branch is one block long when the nodes first see it."""
    await world.act_grow(9)
    world.l1.act_reorg(depth)
    world.l1.act_mine()
    await world.act_derive_all()
    check_law_1(world)
    world.l1.act_mine(depth)
    await world.act_settle()

    check_law_1(world)
    check_law_4(world)


async def test_a_reorg_behind_the_replicas_back_is_followed(world: World) -> None:
    """The replica was away while L1 changed; it meets the new branch at its next start."""
    await world.act_grow(4)
    await world.replica.close()
    world.l1.act_reorg(2)
    world.l1.act_mine(3)
    await world.sequencer.act_derive_all()
    await world.replica.open()
    await world.act_settle()

    check_law_1(world)
    check_law_4(world)


async def test_reorgs_one_after_the_other_are_followed(world: World) -> None:
    for depth in (1, 2, 1, 3, 2):
        await world.act_grow(2)
        world.l1.act_reorg(depth, requeue=depth == 2)
        world.l1.act_mine(depth)
        await world.act_derive_all()
        check_law_1(world)
    await world.act_settle()

    check_law_1(world)
    check_law_4(world)


async def test_a_reorg_that_takes_a_deposit_takes_its_block(world: World) -> None:
    await world.act_grow(2)
    world.user.act_deposit(mint=ETHER, value=ETHER)
    world.l1.act_mine()
    await world.sequencer.act_build_blocks(2)
    transfer = await world.user.act_transfer(account=1)
    await world.sequencer.act_build_blocks(1)
    assert world.sequencer.balance(RECIPIENT) > ETHER

    world.l1.act_reorg(1)
    world.l1.act_mine(2)
    await world.act_derive_all()
    assert world.sequencer.balance(RECIPIENT) < ETHER
    assert world.sequencer.mempool.status(transfer).state is TransactionState.RECEIVED
    await world.act_settle()

    assert world.sequencer.mempool.status(transfer).state is TransactionState.SAFE
    check_law_1(world)
    check_law_4(world)


async def test_a_deposit_that_comes_back_on_the_new_branch_is_executed_once(world: World) -> None:
    await world.act_grow(1)
    world.user.act_deposit(mint=ETHER, value=ETHER)
    world.l1.act_mine()
    await world.sequencer.act_build_blocks(4)
    world.l1.act_reorg(1, requeue=True)
    world.l1.act_mine(2)
    await world.act_derive_all()
    await world.act_settle()

    assert world.replica.balance(RECIPIENT) == ETHER + 1
    check_law_1(world)


async def test_a_reorg_that_takes_a_config_update_takes_its_effect(world: World) -> None:
    await world.act_grow(1)
    agreed = world.sequencer.block().header.gas_limit
    world.l1.queue_config_update(SYSTEM_CONFIG, UPDATE_GAS_LIMIT, (40_000_000).to_bytes(32, "big"))
    world.l1.act_mine()
    await world.sequencer.act_build_blocks(4)
    assert world.sequencer.block().header.gas_limit == 40_000_000

    world.l1.act_reorg(1)
    world.l1.act_mine(2)
    await world.act_derive_all()
    await world.act_settle()

    assert world.sequencer.block().header.gas_limit == agreed
    check_law_1(world)
    check_law_4(world)


async def test_final_blocks_stay_through_a_reorg_above_them(world: World) -> None:
    await world.act_grow(3)
    world.l1.act_finalize()
    await world.act_derive_all()
    final = world.replica.heads.finalized
    await world.act_grow(3)
    world.l1.act_reorg(3)
    world.l1.act_mine(4)
    await world.act_derive_all()
    await world.act_settle()

    assert final.number == 9
    assert world.replica.chain.ref(9) == world.sequencer.chain.ref(9) == final
    check_law_1(world)
    check_law_4(world)
