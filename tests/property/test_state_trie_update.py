"""
The batch updater against the `trie` library: same roots for any changes, and no node that the final trie does not use.

Keys are short and not hashed here, so that edges split and merge, and nodes short enough to stand in their parents
occur, which hashed keys hardly ever show.
"""

from hypothesis import given, settings
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from l1_bridge.rlp_codec import decode_rlp
from sequencer.primitives.account import EMPTY_TRIE_ROOT
from sequencer.state.trie_update import TrieUpdater

KEYS = st.binary(min_size=2, max_size=2)
CLOSE_KEYS = st.sampled_from([bytes([high, low]) for high in (0, 1, 0x10, 0xFF) for low in (0, 1, 2, 0x10, 0x1F, 0xFF)])
VALUES = st.one_of(st.just(b""), st.binary(min_size=1, max_size=3), st.binary(min_size=30, max_size=70))
BATCHES = st.lists(st.dictionaries(st.one_of(KEYS, CLOSE_KEYS), VALUES, max_size=12), min_size=1, max_size=6)


def reachable(nodes: dict[bytes, bytes], link: object) -> set[bytes]:
    """Hashes of all nodes from `link` on."""
    if isinstance(link, bytes):
        if len(link) != 32 or link not in nodes:
            return set()
        return {link} | reachable(nodes, decode_rlp(nodes[link]))
    assert isinstance(link, list)
    return set().union(*(reachable(nodes, item) for item in link))


@settings(max_examples=150, deadline=None)
@given(batches=BATCHES)
def test_roots_are_those_of_the_library_and_of_a_trie_built_at_once(batches: list[dict[bytes, bytes]]) -> None:
    library, stored, root = HexaryTrie({}), dict[bytes, bytes](), EMPTY_TRIE_ROOT
    model: dict[bytes, bytes] = {}
    for batch in batches:
        for key, value in batch.items():
            library[key] = value
        model = {key: value for key, value in (model | batch).items() if value}
        updater = TrieUpdater(stored)
        root = updater.update(root, batch)
        stored |= updater.fresh

        assert root == library.root_hash == TrieUpdater({}).update(EMPTY_TRIE_ROOT, model)
        assert all(TrieUpdater(stored).get(root, key) == model.get(key, b"") for key in batch)


@settings(max_examples=60, deadline=None)
@given(batches=BATCHES)
def test_every_new_node_is_part_of_the_final_trie(batches: list[dict[bytes, bytes]]) -> None:
    stored, root = dict[bytes, bytes](), EMPTY_TRIE_ROOT
    for batch in batches:
        updater = TrieUpdater(stored)
        root = updater.update(root, batch)
        stored |= updater.fresh

        assert set(updater.fresh) <= reachable(stored, root)


@settings(max_examples=60, deadline=None)
@given(batches=BATCHES, other=st.dictionaries(KEYS, VALUES, max_size=8))
def test_an_update_that_is_taken_back_gives_the_old_root(
    batches: list[dict[bytes, bytes]], other: dict[bytes, bytes]
) -> None:
    model: dict[bytes, bytes] = {}
    for batch in batches:
        model |= batch
    updater = TrieUpdater({})
    before = updater.update(EMPTY_TRIE_ROOT, model)
    there = updater.update(before, other)
    back = updater.update(there, {key: model.get(key, b"") for key in other})

    assert back == before
