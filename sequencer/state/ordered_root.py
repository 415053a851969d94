"""Root of the list of a block's transactions or receipts: by the native extension where it is, else by `l1_bridge`."""

from collections.abc import Sequence

from l1_bridge import ordered_trie
from sequencer.native import extension


def ordered_trie_root(values: Sequence[bytes]) -> bytes:
    """The root over `values`, the encodings, in their order."""
    if extension is None:
        return ordered_trie.ordered_trie_root(values)
    root: bytes = extension.ordered_trie_root(values)
    return root
