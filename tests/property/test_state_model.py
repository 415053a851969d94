"""
The world state against a dictionary: random changes, unwinding, pruning, historical reads, roots and proofs.

The trie's roots are compared with tries built from nothing over the model, by the bottom-up builder that blocks use
for their lists, so two implementations have to agree.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from l1_bridge.rlp_codec import encode_integer, encode_rlp
from l1_bridge.types import BlockId
from sequencer.primitives.account import EMPTY_TRIE_ROOT, Account
from sequencer.state import native_trie
from sequencer.state.changes import ChangesOver, StateChanges
from sequencer.state.commitment import TrieUpdate
from sequencer.state.proofs import account_proof
from sequencer.state.store import Store, Table, WriteTransaction
from sequencer.state.tries import apply_block, commitment_over, ensure_tries, unapply_blocks
from sequencer.state.world_state import StateAt, StateUnavailable, number_key, prune

ADDRESSES = [bytes([number]) * 20 for number in range(1, 7)]
SLOTS = [0, 1, 2, 2**255]
CODES = [b"", b"\x60\x00", b"\xfe" * 40]


@dataclass
class Model:
    """The state as dictionaries."""

    accounts: dict[bytes, Account] = field(default_factory=dict)
    storage: dict[bytes, dict[int, int]] = field(default_factory=dict)

    def after(self, changes: StateChanges) -> "Model":
        accounts, storage = dict(self.accounts), {who: dict(slots) for who, slots in self.storage.items()}
        for who in changes.wiped:
            storage.pop(who, None)
        for who, slots in changes.storage.items():
            storage.setdefault(who, {}).update(slots)
        for who, account in changes.accounts.items():
            if account is None:
                accounts.pop(who, None)
                storage.pop(who, None)
            else:
                accounts[who] = account
        kept = {who: {slot: value for slot, value in slots.items() if value} for who, slots in storage.items()}
        return Model(accounts, {who: slots for who, slots in kept.items() if slots})

    def storage_root(self, who: bytes) -> bytes:
        return fresh_root(
            {slot.to_bytes(32, "big"): encode_rlp(encode_integer(value)) for slot, value in self.slots(who)}
        )

    def slots(self, who: bytes) -> list[tuple[int, int]]:
        return list(self.storage.get(who, {}).items())

    def state_root(self) -> bytes:
        return fresh_root(
            {
                who: encode_rlp(
                    [
                        encode_integer(account.nonce),
                        encode_integer(account.balance),
                        self.storage_root(who),
                        account.code_hash,
                    ]
                )
                for who, account in self.accounts.items()
            }
        )


def fresh_root(entries: dict[bytes, bytes]) -> bytes:
    trie = HexaryTrie({})
    for key, value in entries.items():
        trie[keccak(key)] = value
    return trie.root_hash


@st.composite
def state_changes(draw: st.DrawFn, model: Model) -> StateChanges:
    """Changes that an engine could make: storage only where there is an account."""
    accounts: dict[bytes, Account | None] = {}
    storage: dict[bytes, dict[int, int]] = {}
    wiped: set[bytes] = set()
    codes: dict[bytes, bytes] = {}
    for who in draw(st.lists(st.sampled_from(ADDRESSES), unique=True, max_size=4)):
        action = draw(st.sampled_from(["set", "set", "set", "delete", "replace", "storage"]))
        if action == "delete":
            accounts[who] = None
            continue
        if action == "storage" and who not in model.accounts:
            continue
        if action != "storage":
            code = draw(st.sampled_from(CODES))
            codes[keccak(code)] = code
            accounts[who] = Account(draw(st.integers(0, 2**64 - 1)), draw(st.integers(1, 2**256 - 1)), keccak(code))
        if action == "replace":
            wiped.add(who)
        values = st.one_of(st.just(0), st.integers(1, 2**256 - 1))
        storage[who] = draw(st.dictionaries(st.sampled_from(SLOTS), values, max_size=3))
    return StateChanges(accounts, storage, {name: code for name, code in codes.items() if code}, frozenset(wiped))


def check_reads(state: StateAt, model: Model) -> None:
    for who in ADDRESSES:
        assert state.account(who) == model.accounts.get(who)
        for slot in SLOTS:
            assert state.storage(who, slot) == model.storage.get(who, {}).get(slot, 0)
    keys = [b"a" + who for who in ADDRESSES]
    assert [bool(value) for value in state.read_many(keys).values()] == [who in model.accounts for who in ADDRESSES]


class Line:
    """Blocks of changes over a store, as the chain commits them, with the model of each."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.models = [Model()]
        self.roots = [EMPTY_TRIE_ROOT]
        self.blocks = [BlockId(0, bytes(32))]
        self.made = 0
        self._commit(StateChanges(), self.blocks[0], commitment_over(store, EMPTY_TRIE_ROOT).compute(StateChanges()))

    def extend(self, changes: StateChanges) -> None:
        self.made += 1
        update = commitment_over(self.store, self.roots[-1]).compute(changes)
        block = BlockId(len(self.blocks), keccak(self.made.to_bytes(8, "big")))
        below = StateAt(self.store, self.blocks[-1])
        over = ChangesOver(changes, below)
        model = self.models[-1].after(changes)
        for who in changes.accounts:
            assert over.account(who) == model.accounts.get(who)
        self._commit(changes, block, update)
        self.blocks.append(block)
        self.models.append(model)
        self.roots.append(update.state_root)
        for who, root in update.storage_roots.items():
            assert root == model.storage_root(who)

    def shorten(self) -> None:
        block, parent = self.blocks[-1], self.blocks[-2]

        def commit(transaction: WriteTransaction) -> None:
            unapply_blocks(transaction, [block], parent)
            transaction.delete(Table.REFS, number_key(block.number))

        self.store.write(commit)
        del self.blocks[-1], self.models[-1], self.roots[-1]

    def _commit(self, changes: StateChanges, block: BlockId, update: TrieUpdate) -> None:
        def commit(transaction: WriteTransaction) -> None:
            apply_block(transaction, block, changes, update)
            transaction.put(Table.REFS, number_key(block.number), block.hash)

        self.store.write(commit)


@pytest.fixture(params=["small blocks", "large blocks"], autouse=True, scope="module")
def size_of_blocks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whether blocks count as large, which the native store settles later."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "large blocks":
            patch.setattr(native_trie, "DIRECT_KEYS", 0)
        yield


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_state_is_what_the_model_says_through_growth_unwinding_and_pruning(data: st.DataObject) -> None:
    with TemporaryDirectory() as directory:
        store = Store.open(Path(directory), chain_id=901)
        line, oldest = Line(store), 0
        for _ in range(data.draw(st.integers(1, 10), label="steps")):
            action = data.draw(
                st.sampled_from(["extend", "extend", "extend", "unwind", "prune", "settle"]), label="action"
            )
            head = len(line.blocks) - 1
            if action == "unwind" and head > oldest:
                line.shorten()
            elif action == "settle":
                ensure_tries(store, line.blocks[-1], line.roots[-1])
            elif action == "prune" and head > oldest:
                oldest += 1
                store.write(lambda transaction, finalized=oldest: prune(transaction, finalized))  # type: ignore[misc]
            else:
                line.extend(data.draw(state_changes(line.models[-1]), label="changes"))
        for number, (block, model) in enumerate(zip(line.blocks, line.models, strict=True)):
            state = StateAt(store, block)
            if number >= oldest:
                check_reads(state, model)
            else:
                try:
                    state.check()
                except StateUnavailable:
                    continue
                raise AssertionError("a pruned state was read")
        assert line.roots[-1] == line.models[-1].state_root()
        _check_leftovers(store, line, oldest)
        store.close()


def _check_leftovers(store: Store, line: Line, oldest: int) -> None:
    """No reverse change is left of blocks that were unwound or pruned; the flat tables hold the head alone."""
    ensure_tries(store, line.blocks[-1], line.roots[-1])
    with store.read() as transaction:
        assert transaction.count(Table.PENDING) == 0
        numbers = {int.from_bytes(key[-8:], "big") for key, _ in transaction.from_key(Table.HISTORY, b"")}
        assert all(oldest < number < len(line.blocks) for number in numbers)
        assert transaction.count(Table.ACCOUNTS) == len(line.models[-1].accounts)
        assert transaction.count(Table.STORAGE) == sum(len(slots) for slots in line.models[-1].storage.values())


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_proofs_lead_from_the_root_of_their_block_to_the_models_values(data: st.DataObject) -> None:
    with TemporaryDirectory() as directory:
        store = Store.open(Path(directory), chain_id=901)
        line = Line(store)
        for _ in range(data.draw(st.integers(1, 5), label="blocks")):
            line.extend(data.draw(state_changes(line.models[-1]), label="changes"))
        number = data.draw(st.integers(0, len(line.blocks) - 1), label="block")
        who = data.draw(st.sampled_from(ADDRESSES), label="address")
        root, model = line.roots[number], line.models[number]
        proof = account_proof(store, line.blocks[number], root, who, SLOTS)

        account = model.accounts.get(who)
        assert (proof.nonce, proof.balance) == ((account.nonce, account.balance) if account else (0, 0))
        assert proof.storage_root == model.storage_root(who)
        assert bool(_verify(root, who, proof.nodes)) == (account is not None)
        for entry in proof.storage:
            assert entry.value == model.storage.get(who, {}).get(entry.slot, 0)
        store.close()


def _verify(root: bytes, key: bytes, nodes: tuple[bytes, ...]) -> bytes:
    """What a light client finds at `key` with the proof alone."""
    if root == EMPTY_TRIE_ROOT:
        return b""
    known = {keccak(node): node for node in nodes}
    found: bytes = HexaryTrie(known, root).get(keccak(key))  # a missing node raises
    return found


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_computing_a_root_leaves_the_parents_tries_as_they_were(data: st.DataObject) -> None:
    with TemporaryDirectory() as directory:
        store = Store.open(Path(directory), chain_id=901)
        line = Line(store)
        line.extend(data.draw(state_changes(line.models[-1])))
        first, second = data.draw(state_changes(line.models[-1])), data.draw(state_changes(line.models[-1]))
        commitment = commitment_over(store, line.roots[-1])
        once = commitment.compute(first)
        commitment.compute(second)
        again = commitment.compute(first)

        assert (again.state_root, again.storage_roots) == (once.state_root, once.storage_roots)
        assert once.state_root == line.models[-1].after(first).state_root()
        store.close()
