"""Law 1 when batches come late, twice, in pieces, or never; law 4 for the transactions of blocks that give way."""

import pytest

from sequencer.mempool.statuses import TransactionState
from tests.actions.agreement import WINDOW
from tests.actions.laws import check_law_1, check_law_4
from tests.actions.posting import CALLDATA
from tests.actions.world import World
from tests.factories import RECIPIENT, address


async def test_an_expired_window_replaces_the_unsafe_blocks_and_their_transactions_return(world: World) -> None:
    """No batch in time: the epoch's blocks hold deposits alone; users' transactions are included later, in order."""
    transfers = [await world.user.act_transfer(wei=number + 1) for number in range(4)]
    await world.sequencer.act_build_blocks(3)
    world.l1.act_mine(WINDOW + 1)
    await world.act_derive_all()
    assert world.sequencer.safe >= 3
    assert all(not world.sequencer.user_hashes(number) for number in range(1, world.sequencer.safe + 1))
    assert {world.sequencer.mempool.status(entry).state for entry in transfers} == {TransactionState.RECEIVED}
    check_law_1(world)
    check_law_4(world)

    built = await world.sequencer.act_build_block()
    assert built is not None
    await world.act_post()

    assert world.sequencer.user_hashes(built.number) == transfers
    assert world.sequencer.safe >= built.number
    assert world.replica.balance(RECIPIENT) == 10
    check_law_1(world)
    check_law_4(world)


async def test_a_batch_in_the_last_moment_of_the_window_counts(world: World) -> None:
    transfer = await world.user.act_transfer()
    await world.sequencer.act_build_blocks(3)
    await world.batcher.act_submit_all()
    held, world.l1._queue = world.l1._queue, []
    world.l1.act_mine(WINDOW - 1)
    world.l1._queue = held
    world.l1.act_mine()
    await world.act_derive_all()

    assert world.sequencer.safe >= 3
    assert world.sequencer.user_hashes(1) == [transfer]
    assert world.replica.user_hashes(1) == [transfer]
    check_law_1(world)


async def test_a_batch_after_the_window_does_not_count(world: World) -> None:
    transfer = await world.user.act_transfer()
    await world.sequencer.act_build_blocks(3)
    await world.batcher.act_submit_all()
    held, world.l1._queue = world.l1._queue, []
    world.l1.act_mine(WINDOW)
    world.l1._queue = held
    world.l1.act_mine(2)
    await world.act_derive_all()

    assert world.replica.user_hashes(1) == []
    assert world.sequencer.mempool.status(transfer).state is TransactionState.RECEIVED
    check_law_1(world)
    check_law_4(world)


async def test_the_open_block_gives_way_to_the_empty_blocks_of_an_expired_window(world: World) -> None:
    """The window ends while a slice is out: it is withdrawn, and its transaction returns."""
    transfer = await world.user.act_transfer()
    await world.sequencer.act_open_block()
    await world.sequencer.act_weave()
    assert world.sequencer.mempool.status(transfer).state is TransactionState.PRECONFIRMED
    world.l1.act_mine(WINDOW + 1)
    await world.act_derive_all()
    await world.sequencer.act_step()

    assert world.sequencer.mempool.status(transfer).state in (TransactionState.RECEIVED, TransactionState.PRECONFIRMED)
    await world.act_settle()
    assert world.sequencer.mempool.status(transfer).state is TransactionState.SAFE
    check_law_1(world)
    check_law_4(world)


@pytest.mark.parametrize("world", [CALLDATA], ids=["calldata"], indirect=True)  # several transactions a channel
@pytest.mark.parametrize("lost", [0, 1, 2, 3])
async def test_a_lost_frame_is_made_up_for(world: World, lost: int) -> None:
    """One transaction of the batcher never arrives: what is behind it is posted again."""
    for number in range(200):
        await world.user.act_transfer(wei=number + 1, account=number % 8)
    await world.sequencer.act_build_blocks(2)
    await world.sequencer.act_derive_all()
    await world.batcher.act_submit_all()
    assert len(world.l1.queued) > 3
    del world.l1._queue[lost]
    world.l1.act_mine()
    await world.act_derive_all()
    check_law_1(world)
    await world.act_settle()

    assert sum(len(world.replica.user_hashes(number)) for number in range(1, world.replica.safe + 1)) == 200
    check_law_1(world)
    check_law_4(world)


@pytest.mark.parametrize("world", [CALLDATA], ids=["calldata"], indirect=True)  # several transactions a channel
async def test_frames_over_several_l1_blocks_are_one_channel(world: World) -> None:
    for number in range(100):
        await world.user.act_transfer(wei=number + 1, account=number % 8)
    await world.sequencer.act_build_blocks(2)
    await world.sequencer.act_derive_all()
    await world.batcher.act_submit_all()
    waiting = list(world.l1.queued)
    assert len(waiting) > 2
    world.l1._queue.clear()
    for entry in waiting:
        world.l1._queue.append(entry)
        world.l1.act_mine()
        await world.act_derive_all()

    assert world.replica.safe == 2
    check_law_1(world)


async def test_two_batchers_with_one_key_do_no_harm(world: World) -> None:
    """A restarted batcher that posts everything once more: the second copy is of the past."""
    await world.user.act_transfer()
    await world.sequencer.act_build_blocks(3)
    await world.sequencer.act_derive_all()
    await world.batcher.act_submit_all()
    world.batcher.act_restart()
    await world.batcher.act_submit_all()
    assert len(world.l1.queued) == 2
    world.l1.act_mine()
    await world.act_derive_all()

    assert world.replica.safe == 3
    check_law_1(world)


async def test_no_l1_for_a_while_stops_nothing_but_the_safe_head(world: World) -> None:
    await world.act_grow(2)
    unsafe, safe = world.sequencer.unsafe, world.replica.safe
    world.l1.act_go_away()
    transfer = await world.user.act_transfer()
    for number in range(1, 4):
        assert await world.replica.act_derive_step() is None
        assert await world.sequencer.act_derive_step() is None
        assert await world.sequencer.act_build_block() is not None
        await world.batcher.act_step()
        assert (world.sequencer.unsafe, world.sequencer.safe, world.replica.safe) == (unsafe + number, safe, safe)
    assert world.sequencer.user_hashes(unsafe + 1) == [transfer]
    world.l1.act_come_back()
    await world.act_settle()

    assert world.sequencer.mempool.status(transfer).state is TransactionState.SAFE
    check_law_1(world)


async def test_a_nonce_gap_waits_and_is_filled(world: World) -> None:
    late = await world.user.act_transfer(nonce=1, account=2)
    await world.sequencer.act_build_block()
    status = world.sequencer.mempool.status(late)
    assert status.state is TransactionState.QUEUED
    assert status.reason == "nonce gap: waits for the sender's transaction with nonce 0"

    await world.user.act_transfer(nonce=0, account=2)
    await world.act_settle()

    account = world.replica.chain.head_state().account(address(2))
    assert account is not None
    assert account.nonce == 2
    check_law_1(world)
    check_law_4(world)


@pytest.mark.parametrize("blocks", [WINDOW - 1, WINDOW + 1, 2 * WINDOW])
async def test_an_l1_outage_longer_than_the_window_heals_and_loses_no_transaction(world: World, blocks: int) -> None:
    """Nobody here reaches L1, which goes on: what was built meanwhile gives way, or not, and all of it is included."""
    await world.act_grow(2)
    world.l1.act_go_away()
    transfers = []
    for number in range(4):
        transfers.append(await world.user.act_transfer(wei=number + 1))
        await world.sequencer.act_build_block()
        await world.batcher.act_step()
    held, world.l1._queue = world.l1._queue, []
    world.l1.act_mine(blocks)
    world.l1._queue = held
    world.l1.act_come_back()
    await world.act_derive_all()
    check_law_4(world)
    for _ in range(2):
        await world.act_settle()

    states = {world.sequencer.mempool.status(entry).state for entry in transfers}
    assert states <= {TransactionState.SAFE, TransactionState.FINALIZED}
    check_law_1(world)
    check_law_4(world)
