"""
Many changes to one trie in a single walk: every node on the way is read, changed and encoded once.

Keys have one length and come sorted, so the keys below a node are a slice of the list. Nodes are encoded only when the
walk is over: what an update makes and unmakes on the way is never hashed and never stored.
"""

from collections.abc import Mapping, Sequence

from sequencer.primitives.account import EMPTY_TRIE_ROOT

from .trie_nodes import Branch, Edge, Link, Node, decode_node, encode_node, hash_and_keep, to_nibbles

Entry = tuple[bytes, bytes]
"""Key in nibbles, and value; an empty value deletes."""


class TrieUpdater:
    """Reads and updates tries whose nodes are in `stored`; new nodes go to `fresh`, by hash."""

    def __init__(self, stored: Mapping[bytes, bytes]) -> None:
        self._stored = stored
        self._decoded: dict[bytes, Node] = {}
        self.fresh: dict[bytes, bytes] = {}

    def get(self, root: bytes, key: bytes) -> bytes:
        """The value under `key`; empty for none. Raises KeyError where a node is missing."""
        path, node = to_nibbles(key), self._root(root)
        while node is not None:
            if isinstance(node, Edge):
                if not path.startswith(node.path):
                    return b""
                if node.is_leaf:
                    return _value(node)
                path = path[len(node.path) :]
                node = self._resolve(node.target)
            else:
                node, path = self._resolve(node[path[0]]), path[1:]
        return b""

    def update(self, root: bytes, leaves: Mapping[bytes, bytes]) -> bytes:
        """Set or delete (empty value) every leaf; returns the new root. Raises KeyError where a node is missing."""
        entries = sorted((to_nibbles(key), value) for key, value in leaves.items())
        if not entries:
            return root
        node = self._change(self._root(root), entries, 0)
        if node is None:
            return EMPTY_TRIE_ROOT
        return self._keep(encode_node(node, self._keep))

    def _keep(self, encoded: bytes) -> bytes:
        return hash_and_keep(self.fresh, encoded)

    def _root(self, root: bytes) -> Node | None:
        return None if root == EMPTY_TRIE_ROOT else self._resolve(root)

    def _resolve(self, link: Link) -> Node | None:
        if not isinstance(link, bytes):
            return link
        if not link:
            return None
        node = self._decoded.get(link)
        if node is None:
            encoded = self.fresh.get(link)
            node = decode_node(self._stored[link] if encoded is None else encoded)
            self._decoded[link] = node
        return node

    def _change(self, node: Node | None, entries: Sequence[Entry], depth: int) -> Node | None:
        """The node after `entries`, all of which lie below it; None when nothing is left."""
        if node is None:
            return _build([entry for entry in entries if entry[1]], depth)
        if not isinstance(node, Edge):
            return self._change_branch(node, entries, depth)
        if node.is_leaf:
            return _build(_with_leaf(node, entries, depth), depth)
        shared = min(_shared(node.path, entries[0][0], depth), _shared(node.path, entries[-1][0], depth))
        if shared == len(node.path):
            return self._lengthen(node.path, self._change(self._resolve(node.target), entries, depth + shared))
        rest = node.path[shared + 1 :]
        branch: Branch = [b""] * 16
        branch[node.path[shared]] = Edge(rest, False, node.target) if rest else node.target
        return self._lengthen(node.path[:shared], self._change_branch(branch, entries, depth + shared))

    def _change_branch(self, branch: Branch, entries: Sequence[Entry], depth: int) -> Node | None:
        changed: Branch = list(branch)
        start = 0
        while start < len(entries):
            nibble, end = entries[start][0][depth], start + 1
            while end < len(entries) and entries[end][0][depth] == nibble:
                end += 1
            child = self._change(self._resolve(branch[nibble]), entries[start:end], depth + 1)
            changed[nibble] = b"" if child is None else child
            start = end
        used = [nibble for nibble, link in enumerate(changed) if link != b""]
        if not used:
            return None
        if len(used) == 1:
            return self._lengthen(bytes(used), self._resolve(changed[used[0]]))
        return changed

    def _lengthen(self, path: bytes, node: Node | None) -> Node | None:
        """`node` at the end of `path`: an edge takes the path in, a branch gets an extension."""
        if node is None or not path:
            return node
        if isinstance(node, Edge):
            return Edge(path + node.path, node.is_leaf, node.target)
        return Edge(path, False, node)


def _value(leaf: Edge) -> bytes:
    assert isinstance(leaf.target, bytes)
    return leaf.target


def _with_leaf(leaf: Edge, entries: Sequence[Entry], depth: int) -> list[Entry]:
    key = entries[0][0][:depth] + leaf.path
    merged = [entry for entry in entries if entry[1]]
    if all(entry[0] != key for entry in entries):
        merged.append((key, _value(leaf)))
        merged.sort()
    return merged


def _build(entries: Sequence[Entry], depth: int) -> Node | None:
    """A trie of these entries alone, which share their first `depth` nibbles."""
    if not entries:
        return None
    first, last = entries[0][0], entries[-1][0]
    if len(entries) == 1:
        return Edge(first[depth:], True, entries[0][1])
    shared = depth
    while first[shared] == last[shared]:
        shared += 1
    branch: Branch = [b""] * 16
    start = 0
    while start < len(entries):
        nibble, end = entries[start][0][shared], start + 1
        while end < len(entries) and entries[end][0][shared] == nibble:
            end += 1
        child = _build(entries[start:end], shared + 1)
        branch[nibble] = b"" if child is None else child
        start = end
    return Edge(first[depth:shared], False, branch) if shared > depth else branch


def _shared(path: bytes, key: bytes, depth: int) -> int:
    """How many nibbles `path` and `key`, from `depth` on, have in common."""
    count = 0
    while count < len(path) and path[count] == key[depth + count]:
        count += 1
    return count
