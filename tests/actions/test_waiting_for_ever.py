"""An acknowledged transaction ends, however large its gas limit and wherever the clock jumps (law 4)."""

from sequencer.mempool.statuses import TransactionState
from tests.actions.world import World
from tests.factories import make_transaction


async def test_a_transaction_with_a_gas_limit_above_any_slice_is_included(world: World) -> None:
    large = await world.user.act_send(make_transaction(gas_limit=20_000_000))

    await world.sequencer.act_build_block()

    assert world.sequencer.mempool.status(large).state is TransactionState.SEALED


async def test_a_clock_that_was_set_back_is_looked_at_again_within_a_block_time(world: World) -> None:
    await world.sequencer.act_build_blocks(1)
    world.sequencer.clock.seconds -= 3600

    wake = await world.sequencer.step(world.sequencer.sequencing)

    assert wake is not None
    assert 0 < wake.after_seconds <= world.agreement.rollup.block_time
