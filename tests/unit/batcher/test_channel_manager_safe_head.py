"""The channel manager as the safe head moves: what is forgotten, posted again, or started again."""

from dataclasses import replace

import pytest

from batcher.l2_source import L2BlockData, L2BlockRef
from batcher.round_trip import make_batch
from tests.fakes.l2_source import GENESIS, make_l1_id, make_l2_block
from tests.unit.batcher.posting import add_blocks, make_manager, post_channel, read_back, take_all


def _refs(blocks: list[L2BlockData]) -> list[L2BlockRef]:
    return [block.ref for block in blocks]


def test_safe_blocks_are_forgotten_channel_by_channel() -> None:
    manager = make_manager()
    refs = _refs(add_blocks(manager, 2))
    post_channel(manager, 12)
    refs += _refs(add_blocks(manager, 2))
    post_channel(manager, 13)

    assert manager.safe_head_advanced(refs[0], 12)
    assert manager.held_blocks == 4
    assert manager.safe_head_advanced(refs[1], 13)
    assert manager.held_blocks == 2
    assert manager.safe_head_advanced(refs[3], 14)
    assert manager.held_blocks == 0
    assert manager.tip == refs[3]


def test_blocks_that_became_safe_without_us_are_not_posted() -> None:
    manager = make_manager()
    refs = _refs(add_blocks(manager, 3))
    assert manager.next_transaction_data() is None

    assert manager.safe_head_advanced(refs[2], 12)
    manager.flush()

    assert take_all(manager) == []


@pytest.mark.parametrize(("derived_l1", "requeued"), [(13, 0), (14, 1)])
def test_channel_that_derivation_read_without_taking_it_is_posted_again(derived_l1: int, requeued: int) -> None:
    manager = make_manager()
    blocks = add_blocks(manager, 2)
    post_channel(manager, 13)

    assert manager.safe_head_advanced(GENESIS, derived_l1)
    manager.flush()

    assert manager.requeued_channels == requeued
    assert read_back(take_all(manager)) == ([make_batch(block) for block in blocks] if requeued else [])


def test_channel_that_was_taken_in_part_is_posted_again_for_the_rest() -> None:
    manager = make_manager()
    blocks = add_blocks(manager, 3)
    post_channel(manager, 13)

    assert manager.safe_head_advanced(blocks[0].ref, 14)
    manager.flush()

    assert read_back(take_all(manager)) == [make_batch(block) for block in blocks[1:]]


def test_safe_head_on_another_branch_asks_for_a_restart() -> None:
    manager = make_manager()
    blocks = add_blocks(manager, 2)
    other = replace(blocks[0].ref, hash=b"\x99" * 32)

    assert not manager.safe_head_advanced(other, 12)
    assert manager.held_blocks == 2
    assert manager.safe_head_advanced(blocks[0].ref, 12)


def test_safe_head_above_everything_held_asks_for_a_restart() -> None:
    manager = make_manager()
    (block,) = add_blocks(manager, 1)

    assert not manager.safe_head_advanced(make_l2_block(block.ref).ref, 12)


def test_safe_head_that_an_l1_reorg_took_below_what_is_held_asks_for_a_restart() -> None:
    manager = make_manager()
    refs = _refs(add_blocks(manager, 3))
    post_channel(manager, 12)
    assert manager.safe_head_advanced(refs[2], 13)

    assert not manager.safe_head_advanced(refs[0], 12)
    manager.restart(refs[0])

    assert manager.tip == refs[0]


def test_confirmation_told_again_in_another_block_replaces_the_first() -> None:
    manager = make_manager()
    add_blocks(manager, 1)
    (data,) = post_channel(manager, 13)

    manager.confirmed(data.request_id, make_l1_id(20))

    assert manager.safe_head_advanced(GENESIS, 20)
    assert manager.requeued_channels == 0


def test_restart_forgets_everything_in_flight() -> None:
    manager = make_manager()
    add_blocks(manager, 5)
    manager.flush()
    (data,) = take_all(manager)

    manager.restart(GENESIS)
    manager.failed(data.request_id)

    assert (manager.held_blocks, manager.in_flight, manager.tip) == (0, 0, GENESIS)
    assert manager.next_transaction_data() is None
