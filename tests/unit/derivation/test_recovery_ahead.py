"""Senders found ahead: of these very transactions, or not at all."""

from sequencer.derivation.recovery_ahead import RecoveryAhead
from tests.factories import make_transaction
from tests.unit.derivation.story import Story


async def test_what_was_begun_is_what_is_taken() -> None:
    transactions = [make_transaction(nonce=nonce) for nonce in range(3)]
    raws = tuple(transaction.raw for transaction in transactions)
    ahead = RecoveryAhead()
    ahead.begin(raws, 3)

    assert await ahead.take(raws) == transactions


async def test_other_transactions_are_not_taken_for_these() -> None:
    raws = (make_transaction(nonce=1).raw,)
    ahead = RecoveryAhead()
    ahead.begin(raws, 3)

    assert await ahead.take((make_transaction(nonce=2).raw,)) is None
    assert await ahead.take(()) is None


async def test_more_than_a_block_has_room_for_is_not_begun() -> None:
    raws = (make_transaction(nonce=1).raw, make_transaction(nonce=2).raw)
    ahead = RecoveryAhead()
    ahead.begin(raws, 1)

    assert await ahead.take(raws) is None


async def test_blocks_of_a_span_batch_are_the_ones_of_singular_batches(story: Story) -> None:
    story.l1.act_mine()
    await story.build(6, transfers=3)
    story.post_raw_batches([story.encode_span(1, 6)])
    story.l1.act_mine()

    await story.replica.derive()

    assert story.replica.chain.heads.safe == story.sequencer.chain.heads.unsafe
