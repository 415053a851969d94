"""The root of a block's lists: the same from the extension, where it is, as from the builder that reads L1."""

import random

import pytest

from l1_bridge import ordered_trie
from sequencer.state.ordered_root import ordered_trie_root


@pytest.mark.parametrize("count", [0, 1, 2, 16, 127, 128, 129, 300])
def test_lists_have_the_root_that_the_bridge_computes(count: int) -> None:
    dice = random.Random(count)
    values = [dice.randbytes(dice.choice([1, 31, 32, 200])) for _ in range(count)]

    assert ordered_trie_root(values) == ordered_trie.ordered_trie_root(values)


def test_the_order_counts() -> None:
    assert ordered_trie_root([b"\x01" * 40, b"\x02" * 40]) != ordered_trie_root([b"\x02" * 40, b"\x01" * 40])
