"""Law 1: whatever L1 does, the replica's safe blocks are the sequencer's."""

from tests.actions.laws import check_law_1, check_law_4
from tests.actions.world import World
from tests.factories import RECIPIENT


async def test_a_transfer_is_sealed_posted_and_derived(world: World) -> None:
    transfer = await world.user.act_transfer(wei=7)
    await world.sequencer.act_build_block()
    await world.act_post()

    assert world.sequencer.user_hashes(1) == [transfer]
    assert world.replica.safe == 1
    assert world.replica.balance(RECIPIENT) == 7
    assert world.sequencer.chain.ref(1) == world.replica.chain.ref(1)
    check_law_1(world)
    check_law_4(world)
