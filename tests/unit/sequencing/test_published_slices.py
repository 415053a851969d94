"""The open block as others see it: it only grows, and each look is a whole one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sequencer.chain.chain import Chain
from sequencer.execution.interface import Included
from sequencer.sequencing.slices import PreconfirmationBroken, PublishedBlock, included_of
from tests.factories import make_transaction
from tests.fakes.chain_story import make_attributes, open_chain, transfer


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    chain = open_chain(tmp_path)
    yield chain
    chain.store.close()


def test_only_what_stands_in_the_block_is_included(chain: Chain) -> None:
    handle = chain.open_block(make_attributes(chain.heads.unsafe))

    outcomes = handle.apply([transfer(chain), make_transaction(nonce=7)])

    assert [type(outcome) is Included for outcome in outcomes] == [True, False]
    assert included_of(outcomes) == [outcomes[0]]


def test_a_published_block_grows_slice_by_slice(chain: Chain) -> None:
    handle = chain.open_block(make_attributes(chain.heads.unsafe))
    pending = handle.pending
    published = PublishedBlock(pending.environment, pending.included, pending.state)
    deposits = published.outcomes
    first_view = published.view()

    included = included_of(handle.apply([transfer(chain)]))
    before = published.outcomes
    published.publish(included, handle.view())

    assert len(deposits) == 1
    assert before == deposits
    assert published.outcomes == (*deposits, *included)
    assert published.view() is not first_view


def test_a_broken_preconfirmation_names_its_slice() -> None:
    problem = PreconfirmationBroken(12, 3)

    assert (problem.block_number, problem.slice_index) == (12, 3)
    assert "slice 3 of block 12" in str(problem)
