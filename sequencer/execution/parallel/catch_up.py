"""
What blocks have changed, for workers that know the state of an earlier one: a short and small history by block hash.

    worker knows the state of A          A <- B <- C          C is the parent of the block that begins

The worker is told what B and C changed. When the way from A to C is not in the history, or too much happened on it, it
is told nothing and reads again what it needs: that is slower, and as right.
"""

from dataclasses import dataclass

from sequencer.state.changes import ChangeSet

from .messages import ADVANCE, pack_changes, seal

MAX_BLOCKS = 8
"""Blocks that are remembered."""

MAX_KEYS = 20_000
"""Keys on the whole way: more is dearer to send than to read again, as far as it is needed."""


@dataclass(slots=True)
class _Step:
    """One block: from its parent's state to its own."""

    parent_hash: bytes
    block_hash: bytes
    changes: ChangeSet
    keys: int
    message: bytes | None = None

    def get_message(self) -> bytes:
        """What workers are told; made when the first one has to hear it."""
        if self.message is None:
            self.message = seal(ADVANCE, (self.parent_hash, self.block_hash, pack_changes(self.changes)))
        return self.message


class BlockHistory:
    """The last sealed blocks; one thread."""

    def __init__(self) -> None:
        self._steps: dict[bytes, _Step] = {}

    def note(self, parent_hash: bytes, block_hash: bytes, changes: ChangeSet) -> None:
        """A block was sealed. Whether it becomes part of the chain does not matter: nobody builds on it otherwise."""
        keys = len(changes.accounts) + sum(map(len, changes.storage.values()))
        if keys > MAX_KEYS:
            return
        self._steps.pop(block_hash, None)
        self._steps[block_hash] = _Step(parent_hash, block_hash, changes, keys)
        while len(self._steps) > MAX_BLOCKS:
            del self._steps[next(iter(self._steps))]

    def way(self, known: bytes, wanted: bytes) -> list[bytes] | None:
        """The messages that lead from one state to the other; None when there are none, or they say too much."""
        steps: list[_Step] = []
        while wanted != known:
            step = self._steps.get(wanted)
            if step is None or len(steps) == MAX_BLOCKS:
                return None
            steps.append(step)
            wanted = step.parent_hash
        if sum(step.keys for step in steps) > MAX_KEYS:
            return None
        return [step.get_message() for step in reversed(steps)]
