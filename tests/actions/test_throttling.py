"""Back-pressure: while L1 is behind, blocks take few bytes; nobody starves, and all is well once L1 has caught up."""

from sequencer.mempool.statuses import TransactionState
from sequencer.sequencing.throttle import ThrottleLimits
from tests.actions.laws import check_law_1, check_law_4
from tests.actions.world import World

TINY = ThrottleLimits(soft_bytes=400, hard_bytes=800, block_bytes=250, least_block_bytes=100)
"""A transfer has some 110 bytes: throttled from the fifth on, and then one a block."""


async def _fill(world: World) -> None:
    """Eight transfers, one a block, none of which gets to L1."""
    for _ in range(8):
        await world.user.act_transfer()
        await world.sequencer.act_build_block()


async def _throttled(world: World) -> None:
    world.sequencer.throttle_limits = TINY
    await world.sequencer.act_restart()


async def test_blocks_take_less_while_l1_is_behind(world: World) -> None:
    await _throttled(world)
    await _fill(world)
    for account in range(5):
        await world.user.act_transfer(account=account)
    await world.sequencer.act_build_block()

    assert len(world.sequencer.user_hashes()) == 1


async def test_a_transaction_says_that_it_waits_for_l1(world: World) -> None:
    await _throttled(world)
    await _fill(world)
    waiting = [await world.user.act_transfer(account=account) for account in range(3)]
    await world.sequencer.act_build_block()
    left = [each for each in waiting if each not in world.sequencer.user_hashes()]
    status = world.sequencer.mempool.status(left[0])

    assert status.state is TransactionState.QUEUED
    assert status.reason is not None
    assert "not on L1 yet" in status.reason


async def test_nobody_starves_however_large_the_transaction(world: World) -> None:
    """A transaction far above every share is taken at its turn; the blocks after it pay its bytes back."""
    await _throttled(world)
    await _fill(world)
    large = await world.user.act_call(bytes(20), b"\x01" * 1_000, account=1)
    small = await world.user.act_transfer(account=2)
    found: dict[bytes, int] = {}
    for _ in range(16):
        await world.sequencer.act_build_block()
        found.update(dict.fromkeys(world.sequencer.user_hashes(), world.sequencer.unsafe))

    assert found[small] - found[large] >= 1_000 // TINY.least_block_bytes


async def test_blocks_are_full_again_when_l1_has_caught_up(world: World) -> None:
    await _throttled(world)
    await _fill(world)
    for account in range(5):
        await world.user.act_transfer(account=account)
    await world.act_post()
    await world.sequencer.act_build_block()
    await world.sequencer.act_build_block()
    included = [hash_ for number in (9, 10) for hash_ in world.sequencer.user_hashes(number)]

    assert len(included) == 5
    await world.act_settle()
    check_law_1(world)
    check_law_4(world)


async def test_what_waits_for_l1_is_known_after_a_restart(world: World) -> None:
    await _throttled(world)
    await _fill(world)
    await world.sequencer.act_restart()
    for account in range(5):
        await world.user.act_transfer(account=account)
    await world.sequencer.act_derive_all()
    await world.sequencer.act_build_block()

    assert len(world.sequencer.user_hashes()) == 1
