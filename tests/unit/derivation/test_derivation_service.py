"""The derivation service over a hash-linked L1: following, consolidating, giving way, and coming back."""

from dataclasses import replace

import pytest

from l1_bridge.deposits import DepositEvent
from l1_bridge.errors import TemporaryError
from l1_bridge.system_config import UPDATE_BATCHER, UPDATE_GAS_LIMIT
from l1_bridge.types import ZERO_HASH
from sequencer.derivation.consolidation import HeaderMismatch
from sequencer.primitives.block import make_block
from sequencer.primitives.deposit import DepositTransaction
from tests.factories import ETHER, address, make_transaction, private_key
from tests.unit.derivation.story import BATCHER, WINDOW, Story, require_block, user_transactions


def hash_of(story: Story, number: int) -> bytes:
    return require_block(story.sequencer.chain, number).hash


async def test_a_replica_derives_what_the_sequencer_posted(story: Story) -> None:
    story.l1.act_mine()
    await story.build(5, transfers=2)
    story.post(1, 5)
    story.l1.act_mine()
    await story.replica.derive()

    assert story.replica.chain.heads.safe == story.sequencer.chain.heads.unsafe
    assert story.replica.chain.output_root(5) == story.sequencer.chain.output_root(5)


async def test_a_sequencers_safe_head_moves_without_executing_again(story: Story) -> None:
    story.l1.act_mine()
    head = await story.build(4)
    story.post(1, 4)
    included = story.l1.act_mine()
    await story.sequencer.derive()

    assert story.sequencer.chain.heads.safe == story.sequencer.chain.heads.unsafe == head
    assert story.sequencer.chain.derived_from(4) == included.id


async def test_nothing_happens_before_the_heads_of_l1_are_known(story: Story) -> None:
    wake = await story.replica.service.step()

    assert wake.after_seconds > 0
    assert story.l1.reads.total() == 0
    assert story.replica.service.sync_status.current_l1 is None


async def test_sync_status_names_both_chains_heads(story: Story) -> None:
    story.l1.act_mine(2)
    story.l1.act_finalize(1)
    head = await story.build(2)
    await story.sequencer.derive()

    status = story.sequencer.service.sync_status

    assert status.current_l1 == status.head_l1 == story.l1.head
    assert status.finalized_l1 == status.safe_l1 == story.l1.header(1)
    assert status.unsafe_l2 == head
    assert status.safe_l2 == status.finalized_l2 == story.sequencer.chain.ref(0)


async def test_deposits_come_in_the_first_block_of_their_epoch_alone(story: Story) -> None:
    event = DepositEvent(ZERO_HASH, address(5), address(6), 3 * ETHER, ETHER, 100_000, b"")
    story.l1.queue_deposit(story.rollup.deposit_contract_address, event)
    story.l1.queue_deposit(story.rollup.deposit_contract_address, event, status=0)
    story.l1.act_mine()
    await story.build(5)
    story.post(1, 5)
    story.l1.act_mine()
    await story.replica.derive()

    counts = [
        sum(isinstance(entry, DepositTransaction) for entry in require_block(story.replica.chain, number).transactions)
        for number in range(1, 6)
    ]
    assert counts == [1, 1, 2, 1, 1]
    assert story.replica.chain.heads.safe == story.sequencer.chain.heads.unsafe


async def test_a_new_batcher_counts_from_the_block_of_its_update(story: Story) -> None:
    await story.build(2)
    story.l1.queue_config_update(
        story.rollup.l1_system_config_address, UPDATE_BATCHER, bytes(12) + address(BATCHER + 1)
    )
    story.post(1, 2)
    story.l1.act_mine()
    await story.replica.derive()
    after_old_batcher = story.replica.chain.heads.safe.number

    data = story.l1.transactions(1)[-1].data
    story.l1.queue_transaction(private_key(BATCHER + 1), story.rollup.batch_inbox_address, data)
    story.l1.act_mine()
    await story.replica.derive()

    assert after_old_batcher == 0
    assert story.replica.chain.heads.safe.number == 2


async def test_a_gas_limit_changes_with_the_epoch(story: Story) -> None:
    story.l1.queue_config_update(
        story.rollup.l1_system_config_address, UPDATE_GAS_LIMIT, (40_000_000).to_bytes(32, "big")
    )
    story.l1.act_mine()
    await story.build(4)
    story.post(1, 4)
    story.l1.act_mine()
    await story.replica.derive()

    limits = [require_block(story.replica.chain, number).header.gas_limit for number in range(1, 5)]
    assert limits == [30_000_000, 30_000_000, 40_000_000, 40_000_000]


async def test_an_expired_window_gives_blocks_of_deposits_alone_and_the_unsafe_chain_gives_way(story: Story) -> None:
    story.l1.act_mine()
    await story.build(4)
    story.l1.act_mine(WINDOW - 2)
    await story.sequencer.derive()
    before = story.sequencer.chain.heads

    story.l1.act_mine()
    await story.sequencer.derive()
    await story.replica.derive()

    assert before.safe.number == 0
    assert before.unsafe.number == 4
    safe = story.sequencer.chain.heads.safe
    assert safe.number == 2
    assert safe == story.replica.chain.heads.safe
    assert all(user_transactions(require_block(story.sequencer.chain, number)) == () for number in (1, 2))


async def test_a_batch_in_the_last_block_of_the_window_counts(story: Story) -> None:
    story.l1.act_mine()
    await story.build(2)
    story.l1.act_mine(WINDOW - 2)
    story.post(1, 2)
    story.l1.act_mine()
    await story.sequencer.derive()

    assert story.l1.head.number == WINDOW
    assert story.sequencer.chain.heads.safe.number == 2
    assert user_transactions(require_block(story.sequencer.chain, 1)) != ()


async def test_one_invalid_transaction_leaves_the_deposits_and_drops_the_rest_of_the_channel(story: Story) -> None:
    story.l1.act_mine()
    await story.build(3)
    broken = replace(story.batch_of(2), transactions=(make_transaction(nonce=77).raw,))
    story.post_batches([story.batch_of(1), broken, story.batch_of(3)])
    story.l1.act_mine()
    await story.replica.derive()

    chain = story.replica.chain
    assert chain.heads.safe.number == 2
    assert require_block(chain, 1).hash == hash_of(story, 1)
    assert user_transactions(require_block(chain, 2)) == ()


async def test_undecodable_transactions_invalidate_the_payload_not_the_batch(story: Story) -> None:
    story.l1.act_mine()
    await story.build(1)
    story.post_batches([replace(story.batch_of(1), transactions=(b"\x02\xff",))])
    story.l1.act_mine()
    await story.replica.derive()

    assert story.replica.chain.heads.safe.number == 1
    assert user_transactions(require_block(story.replica.chain, 1)) == ()


async def test_an_l1_reorg_that_removes_a_batch_takes_the_safe_head_back_and_keeps_the_unsafe_block(
    story: Story,
) -> None:
    story.l1.act_mine(2)
    head = await story.build(3)
    story.post(1, 3)
    story.l1.act_mine()
    await story.sequencer.derive()

    story.l1.act_reorg(1)
    story.l1.act_mine()
    await story.sequencer.derive()
    after_reorg = story.sequencer.chain.heads
    story.post(1, 3)
    story.l1.act_mine()
    await story.sequencer.derive()

    assert (after_reorg.safe.number, after_reorg.unsafe) == (0, head)
    assert story.sequencer.chain.heads.safe == head


async def test_an_l1_reorg_of_an_origin_unwinds_the_blocks_that_stand_on_it(story: Story) -> None:
    story.l1.act_mine()
    await story.build(5)
    assert story.sequencer.chain.heads.unsafe.l1_origin.number == 1

    story.l1.act_reorg(1)
    story.l1.act_mine()
    await story.sequencer.derive()

    assert story.sequencer.chain.heads.unsafe.number == 2
    assert story.sequencer.chain.heads.unsafe.l1_origin.number == 0


async def test_an_origin_that_l1_does_not_show_yet_is_kept(story: Story) -> None:
    story.l1.act_mine()
    await story.build(5)
    await story.sequencer.derive()

    story.l1.act_reorg(1)
    await story.sequencer.derive()

    assert story.sequencer.chain.heads.unsafe.number == 5


async def test_a_replica_follows_a_reorg_with_other_batches(story: Story) -> None:
    story.l1.act_mine()
    await story.build(3)
    story.post(1, 3)
    story.l1.act_mine(2)
    await story.replica.derive()

    story.l1.act_reorg(3)
    story.l1.act_mine()
    await story.sequencer.derive()
    await story.build(3, transfers=3)
    story.post(1, story.sequencer.chain.heads.unsafe.number)
    story.l1.act_mine(3)
    await story.replica.derive()
    await story.sequencer.derive()

    assert story.replica.chain.heads.safe == story.sequencer.chain.heads.safe == story.sequencer.chain.heads.unsafe
    assert story.replica.chain.output_root(5) == story.sequencer.chain.output_root(5)


async def test_a_block_is_final_when_the_l1_block_it_was_derived_from_is(story: Story) -> None:
    story.l1.act_mine()
    await story.build(4)
    story.post(1, 2)
    story.l1.act_mine()
    story.post(3, 4)
    story.l1.act_mine()
    story.l1.act_finalize(1)
    await story.replica.derive()
    before = story.replica.chain.heads.finalized.number
    story.l1.act_finalize(2)
    await story.replica.derive()

    assert before == 0
    assert story.replica.chain.heads.finalized.number == 2


async def test_a_node_goes_on_after_a_restart_in_the_middle_of_a_channel(story: Story) -> None:
    story.l1.act_mine()
    await story.build(6)
    story.post(1, 6)
    story.l1.act_mine()
    await story.replica.tracker.step()
    while story.replica.chain.heads.safe.number < 3:
        await story.replica.service.step()

    again = story.restart(story.replica, "replica")
    await again.derive()

    assert again.chain.heads.safe == story.sequencer.chain.heads.unsafe


async def test_a_restart_does_not_revive_what_an_invalid_batch_took_along(story: Story) -> None:
    """Block 2 is in the channel of a broken block 1, and must not be read when block 1 is of the past."""
    story.l1.act_mine()
    await story.build(2)
    story.post_batches([replace(story.batch_of(1), parent_hash=bytes([7]) * 32), story.batch_of(2)])
    story.post(1, 1)
    story.l1.act_mine()
    await story.replica.derive()
    first = story.replica.chain.heads.safe.number

    again = story.restart(story.replica, "replica")
    await again.derive()

    assert first == 1
    assert again.chain.heads.safe.number == 1


async def test_a_restart_does_not_revive_what_an_invalid_payload_took_along(story: Story) -> None:
    story.l1.act_mine()
    await story.build(1)
    broken = replace(story.batch_of(1), transactions=(b"\x01",))
    story.post_batches([broken])
    story.l1.act_mine()
    await story.replica.derive()
    replaced = story.replica.chain.heads.safe
    follower = replace(
        broken, parent_hash=replaced.hash, timestamp=replaced.timestamp + 2, transactions=(make_transaction().raw,)
    )
    story.l1.act_reorg(1)
    story.post_batches([broken, follower])
    story.l1.act_mine()
    await story.replica.derive()
    first = story.replica.chain.heads.safe

    again = story.restart(story.replica, "replica")
    await again.derive()

    assert first == replaced
    assert again.chain.heads.safe == replaced


async def test_a_restart_with_nothing_new_changes_no_head(story: Story) -> None:
    story.l1.act_mine()
    await story.build(5)
    story.post(1, 3)
    story.l1.act_mine()
    story.post(4, 5)
    story.l1.act_mine()
    story.l1.act_finalize(2)
    await story.replica.derive()
    before = story.replica.chain.heads

    again = story.restart(story.replica, "replica")
    await again.derive()

    assert again.chain.heads == before


@pytest.mark.parametrize("is_lying", [False, True])
async def test_an_l1_that_is_away_or_lies_is_temporary_and_changes_nothing(story: Story, is_lying: bool) -> None:
    story.l1.act_mine()
    await story.build(3)
    story.post(1, 3)
    story.l1.act_mine()
    await story.replica.tracker.step()
    if is_lying:
        story.l1.act_lie()
    else:
        story.l1.act_go_away()

    for _ in range(3):
        with pytest.raises(TemporaryError):
            await story.replica.service.step()
    story.l1.act_come_back()
    await story.replica.derive()

    assert story.replica.chain.heads.safe.number == 3


async def test_every_single_read_may_fail_once(story: Story) -> None:
    story.l1.act_mine()
    await story.build(6)
    story.post(1, 3)
    story.l1.act_mine()
    story.post(4, 6)
    story.l1.act_mine(3)
    await story.replica.tracker.step()
    failures = 0

    for _ in range(200):
        story.l1.fail_next()
        try:
            await story.replica.service.step()
        except TemporaryError:
            failures += 1
        story.l1.act_come_back()
        await story.replica.service.step()

    assert failures > 5
    assert story.replica.chain.heads.safe.number == 6


async def test_the_same_attributes_with_another_header_stop_the_node(story: Story) -> None:
    story.l1.act_mine()
    await story.build(1)
    story.post(1, 1)
    story.l1.act_mine()
    held = require_block(story.sequencer.chain, 1)
    forged = make_block(replace(held.header, state_root=bytes([9]) * 32), held.transactions)
    story.replica.service._unwound.add([forged])

    with pytest.raises(HeaderMismatch) as caught:
        await story.replica.derive()

    assert caught.value.held == forged
    assert caught.value.derived == held
    assert story.replica.chain.heads.unsafe.number == 0
