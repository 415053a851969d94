"""Access lists of the last blocks: what is kept, for how long, and what is not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sequencer.chain.access_lists import AccessLists, estimate_bytes
from sequencer.chain.chain import Chain
from sequencer.chain.errors import UnknownBlock
from sequencer.execution.access_list import BlockAccesses, TransactionAccess
from sequencer.primitives.block import Block, make_block
from tests.fakes.chain_story import build_block, open_chain

NOTHING = BlockAccesses(0, lambda: [TransactionAccess()] * 2)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    chain = open_chain(tmp_path)
    yield chain
    chain.store.close()


@pytest.fixture
def block(chain: Chain) -> Block:
    build_block(chain)
    made = chain.block(1)
    assert made is not None
    return made


def variant(block: Block, number: int, gas_used: int = 0) -> Block:
    return make_block(replace(block.header, number=number, gas_used=gas_used), ())


def test_an_imported_block_has_one_entry_a_transaction(chain: Chain) -> None:
    build_block(chain)

    listed = chain.access_list(1)

    assert listed is not None
    assert len(listed.transactions) == 2


def test_genesis_and_blocks_of_another_process_have_none(chain: Chain, tmp_path: Path) -> None:
    build_block(chain)
    chain.store.close()
    again = open_chain(tmp_path)

    assert again.access_list(0) is None
    assert again.access_list(1) is None
    again.store.close()


def test_a_block_that_is_not_there_or_was_unwound_is_unknown(chain: Chain) -> None:
    build_block(chain)
    chain.unwind(0)

    with pytest.raises(UnknownBlock):
        chain.access_list(1)


def test_the_oldest_goes_when_there_are_too_many(block: Block) -> None:
    lists = AccessLists(max_blocks=3)
    blocks = [variant(block, number) for number in range(5)]
    for one in blocks:
        lists.keep(one, NOTHING)

    assert [lists.get_or_none(one.hash) is not None for one in blocks] == [False, False, True, True, True]


def test_blocks_that_read_much_push_older_ones_out(block: Block) -> None:
    heavy = [variant(block, number, gas_used=30_000_000) for number in range(4)]
    lists = AccessLists(max_bytes=2 * estimate_bytes(heavy[0]))
    for one in heavy:
        lists.keep(one, NOTHING)

    assert [lists.get_or_none(one.hash) is not None for one in heavy] == [False, False, True, True]


def test_the_newest_is_kept_however_large(block: Block) -> None:
    lists = AccessLists(max_bytes=1)
    huge = variant(block, 1, gas_used=10**9)
    lists.keep(huge, NOTHING)

    assert lists.get_or_none(huge.hash) is NOTHING


def test_a_block_kept_twice_counts_once(block: Block) -> None:
    one, other = variant(block, 1, gas_used=10**7), variant(block, 2, gas_used=10**7)
    lists = AccessLists(max_bytes=2 * estimate_bytes(one))
    for _ in range(5):
        lists.keep(one, NOTHING)
    lists.keep(other, NOTHING)

    assert lists.get_or_none(one.hash) is NOTHING


def test_an_engine_that_can_not_tell_leaves_nothing(block: Block) -> None:
    lists = AccessLists()
    lists.keep(block, None)

    assert lists.get_or_none(block.hash) is None
