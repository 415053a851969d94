"""
Laws 2 and 5 on the way that production takes: native blocks over the native store, from block to block.

Random chains of the serial engine are made again by one native engine a chain, which keeps committed state from block
to block; its changes go to the tries and into the store as they are. Before some blocks a sibling of theirs, made of
half the transactions, is the head for a while, and is unwound. `BRAID_RANDOM_BLOCKS` says how many: a tenth of it.
"""

import os
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from l1_bridge.types import BlockId
from sequencer.execution.interface import Engine, Outcome, SealedBlock
from sequencer.primitives.account import EMPTY_TRIE_ROOT
from sequencer.primitives.block import AnyTransaction
from sequencer.state import native_trie, tries
from sequencer.state.changes import ChangeSet, StateChanges
from sequencer.state.commitment import TrieUpdate
from sequencer.state.store import Store, Table, WriteTransaction
from sequencer.state.tries import apply_block, commitment_over, settle_if_due, unapply_blocks
from sequencer.state.world_state import StateAt, number_key
from tests.engine_table import NATIVE, play_chain
from tests.fakes.memory_state import MemoryState
from tests.market_blocks import PARENT, PlayedBlock

BLOCKS = int(os.environ.get("BRAID_RANDOM_BLOCKS", "500")) // 10
FIRST_SEED = 11_000_000 + int(os.environ.get("BRAID_RANDOM_SEED", "0"))
WAYS = ("direct", "pending")


class StoredState:
    """A store whose head moves by blocks."""

    def __init__(self, folder: Path, state: MemoryState, block: BlockId) -> None:
        self.store = Store.open(folder, chain_id=1)
        self.blocks: list[BlockId] = []
        self.roots = [EMPTY_TRIE_ROOT]
        changes = StateChanges(
            accounts=dict(state.accounts),
            storage={address: dict(slots) for address, slots in state.slots.items() if slots},
            codes=dict(state.codes),
        )
        self._advance(block, changes, commitment_over(None, EMPTY_TRIE_ROOT).compute(changes))

    def make(self, engine: Engine, played: PlayedBlock, transactions: Sequence[AnyTransaction], seed: int) -> "Made":
        """A block on the head of these transactions, cut into slices at random; it is the head then."""
        rng = random.Random(seed)
        cuts = sorted(rng.randrange(len(transactions) + 1) for _ in range(3))
        opened = engine.open_block(PARENT, played.environment, self.state())
        outcomes: list[Outcome] = []
        for start, end in zip([0, *cuts], [*cuts, len(transactions)], strict=True):
            outcomes += opened.apply(transactions[start:end])
        sealed = opened.seal(commitment_over(self.store, self.roots[-1]))
        self._advance(BlockId(sealed.block.number, sealed.block.hash), sealed.changes, sealed.trie)
        return tuple(outcomes), sealed

    def state(self) -> StateAt:
        """At the head."""
        return StateAt(self.store, self.blocks[-1])

    def unwind(self) -> None:
        """The head's parent is the head."""
        block, parent = self.blocks[-1], self.blocks[-2]

        def commit(transaction: WriteTransaction) -> None:
            unapply_blocks(transaction, [block], parent)
            transaction.delete(Table.REFS, number_key(block.number))

        self.store.write(commit)
        del self.blocks[-1], self.roots[-1]

    def _advance(self, block: BlockId, changes: ChangeSet, update: TrieUpdate) -> None:
        def commit(transaction: WriteTransaction) -> None:
            apply_block(transaction, block, changes, update)
            transaction.put(Table.REFS, number_key(block.number), block.hash)

        self.store.write(commit)
        settle_if_due(self.store)
        self.blocks.append(block)
        self.roots.append(update.state_root)


Made = tuple[tuple[Outcome, ...], SealedBlock]


def check_state(stored: StateAt, before: MemoryState, expected: MemoryState) -> None:
    """Flat values, and those that are gone, are as in the serial engine's state; `before` is its parent's."""
    for address in before.accounts.keys() | expected.accounts.keys():
        assert stored.account(address) == expected.account(address)
    for address in before.slots.keys() | expected.slots.keys():
        for slot in before.slots.get(address, {}).keys() | expected.slots.get(address, {}).keys():
            assert stored.storage(address, slot) == expected.storage(address, slot)


def play_stored(engine: Engine, seed: int, folder: Path) -> int:
    """Make the chain with this seed on a store; how many blocks it had."""
    chain = list(play_chain(seed))
    rng, first = random.Random(seed), chain[0]
    stored = StoredState(folder, first.state, BlockId(first.environment.number - 1, first.environment.parent_hash))
    try:
        for played in chain:
            if rng.random() < 0.4:
                stored.make(engine, played, played.transactions[: len(played.transactions) // 2], seed)
                stored.unwind()
            outcomes, sealed = stored.make(engine, played, played.transactions, seed)
            assert outcomes == played.outcomes
            assert sealed.block == played.sealed.block
            assert [item.encode() for item in sealed.receipts] == [item.encode() for item in played.sealed.receipts]
            check_state(stored.state(), played.state, played.state.after(played.sealed.changes, played.sealed.trie))
    finally:
        stored.store.close()
    return len(chain)


@pytest.mark.parametrize("way", WAYS)
def test_native_chains_on_the_native_store_are_the_serial_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "pending":
        monkeypatch.setattr(native_trie, "DIRECT_KEYS", 0)
        monkeypatch.setattr(tries, "MOST_PENDING_BLOCKS", 2)
    for number, (name, make) in enumerate(NATIVE.items()):
        seed, done = FIRST_SEED + 100_000 * (number + len(NATIVE) * WAYS.index(way)), 0
        while done < BLOCKS // (len(WAYS) * len(NATIVE)):
            try:
                done += play_stored(make(), seed, tmp_path / f"{name}-{seed}")
            except BaseException as reason:
                reason.add_note(f"engine {name}, seed {seed}, {way}")
                raise
            seed += 1
