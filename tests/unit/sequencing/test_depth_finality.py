"""Safe and finalized heads of a standalone chain follow the newest block at fixed depths."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sequencer.chain.chain import Chain
from sequencer.sequencing.finality import NOT_DERIVED, DepthFinality
from tests.fakes.chain_story import build_block, open_chain


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    chain = open_chain(tmp_path)
    yield chain
    chain.store.close()


def _grow(chain: Chain, count: int, finality: DepthFinality) -> None:
    for _ in range(count):
        build_block(chain)
        finality.advance(chain)


@pytest.mark.parametrize(
    ("newest", "safe", "finalized"), [(0, 0, 0), (2, 0, 0), (3, 1, 0), (4, 2, 0), (5, 3, 1), (7, 5, 3)]
)
def test_heads_are_their_depth_behind(chain: Chain, newest: int, safe: int, finalized: int) -> None:
    _grow(chain, newest, DepthFinality(safe_depth=2, finalized_depth=4))

    heads = chain.heads
    assert (heads.unsafe.number, heads.safe.number, heads.finalized.number) == (newest, safe, finalized)


def test_advancing_twice_on_the_same_head_changes_nothing(chain: Chain) -> None:
    finality = DepthFinality(safe_depth=1, finalized_depth=2)
    _grow(chain, 4, finality)
    before = chain.heads

    finality.advance(chain)

    assert chain.heads == before


def test_heads_do_not_go_back_when_the_depth_grows(chain: Chain) -> None:
    _grow(chain, 4, DepthFinality(safe_depth=1, finalized_depth=1))

    DepthFinality(safe_depth=4, finalized_depth=4).advance(chain)

    assert (chain.heads.safe.number, chain.heads.finalized.number) == (3, 3)


def test_safe_blocks_of_a_standalone_chain_are_derived_from_nothing(chain: Chain) -> None:
    _grow(chain, 3, DepthFinality(safe_depth=1, finalized_depth=2))

    assert chain.derived_from(2) == NOT_DERIVED


def test_the_defaults_are_those_of_an_l1_with_four_slots_an_epoch() -> None:
    assert (DepthFinality().safe_depth, DepthFinality().finalized_depth) == (4, 8)
