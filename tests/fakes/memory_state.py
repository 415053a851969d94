"""A whole state in memory, flat and as tries: StateReader and StateCommitment without a store."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from eth_hash.auto import keccak
from trie.hexary import HexaryTrie

from l1_bridge.rlp_codec import encode_integer, encode_rlp
from l1_bridge.types import BlockId
from sequencer.primitives.account import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, Account
from sequencer.primitives.genesis import Genesis, GenesisAccount
from sequencer.primitives.header import Header
from sequencer.primitives.predeploys import MESSAGE_PASSER
from sequencer.state.changes import StateChanges
from sequencer.state.commitment import TrieUpdate
from sequencer.state.world_state import StateUnavailable


@dataclass(frozen=True)
class MemoryState:
    """One state; `after` gives the next one, this one stays as it is."""

    accounts: Mapping[bytes, Account] = field(default_factory=dict)
    slots: Mapping[bytes, Mapping[int, int]] = field(default_factory=dict)
    codes: Mapping[bytes, bytes] = field(default_factory=dict)
    state_root: bytes = EMPTY_TRIE_ROOT
    storage_roots: Mapping[bytes, bytes] = field(default_factory=dict)
    nodes: Mapping[bytes, bytes] = field(default_factory=dict)

    # StateReader

    def account(self, address: bytes) -> Account | None:
        return self.accounts.get(address)

    def storage(self, address: bytes, slot: int) -> int:
        return self.slots.get(address, {}).get(slot, 0)

    def code(self, code_hash: bytes) -> bytes:
        if code_hash == EMPTY_CODE_HASH:
            return b""
        if code_hash not in self.codes:
            raise StateUnavailable(BlockId(0, bytes(32)))  # as the store says it
        return self.codes[code_hash]

    # StateCommitment

    def storage_root(self, address: bytes) -> bytes:
        return self.storage_roots.get(address, EMPTY_TRIE_ROOT)

    def compute(self, changes: StateChanges) -> TrieUpdate:
        nodes = _Overlay(self.nodes)
        roots: dict[bytes, bytes] = {}
        for address in changes.storage.keys() | changes.wiped:
            start = EMPTY_TRIE_ROOT if address in changes.wiped else self.storage_root(address)
            slots = changes.storage.get(address, {})
            pairs = {slot.to_bytes(32, "big"): encode_rlp(encode_integer(v)) if v else b"" for slot, v in slots.items()}
            roots[address] = _updated(nodes, start, pairs)
        leaves: dict[bytes, bytes] = {}
        for address in changes.accounts.keys() | roots.keys():
            account = changes.accounts[address] if address in changes.accounts else self.account(address)
            leaves[address] = b""
            if account is not None:
                root = roots.get(address, self.storage_root(address))
                fields = [encode_integer(account.nonce), encode_integer(account.balance), root, account.code_hash]
                leaves[address] = encode_rlp(fields)
        return TrieUpdate(_updated(nodes, self.state_root, leaves), roots, nodes.added)

    def after(self, changes: StateChanges, update: TrieUpdate | None = None) -> "MemoryState":
        """The state after `changes`."""
        update = self.compute(changes) if update is None else update
        accounts = {**self.accounts, **changes.accounts}
        slots = {address: values for address, values in self.slots.items() if address not in changes.wiped}
        for address, values in changes.storage.items():
            merged = {**slots.get(address, {}), **values}
            slots[address] = {slot: value for slot, value in merged.items() if value}
        return MemoryState(
            accounts={address: account for address, account in accounts.items() if account is not None},
            slots=slots,
            codes={**self.codes, **changes.codes},
            state_root=update.state_root,
            storage_roots={**self.storage_roots, **update.storage_roots},
            nodes={**self.nodes, **update.nodes},
        )


def memory_state(alloc: Mapping[bytes, GenesisAccount]) -> MemoryState:
    """The state that holds exactly these accounts."""
    changes = StateChanges(
        accounts={
            address: Account(account.nonce, account.balance, keccak(account.code)) for address, account in alloc.items()
        },
        storage={address: dict(account.storage) for address, account in alloc.items() if account.storage},
        codes={keccak(account.code): account.code for account in alloc.values() if account.code},
    )
    return MemoryState().after(changes)


def genesis_header(genesis: Genesis, state: MemoryState) -> Header:
    """Block 0 of `genesis`, whose state is `state`."""
    if genesis.optimism is None:
        return genesis.header(state.state_root)
    return genesis.header(state.state_root, state.storage_root(MESSAGE_PASSER))


class _Overlay(dict[bytes, bytes]):
    """Trie nodes: old ones are read, new ones are kept apart."""

    def __init__(self, below: Mapping[bytes, bytes]) -> None:
        super().__init__()
        self._below = below

    @property
    def added(self) -> dict[bytes, bytes]:
        return dict(self)

    def __missing__(self, key: bytes) -> bytes:
        return self._below[key]

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key) or key in self._below


def _updated(nodes: _Overlay, root: bytes, pairs: Mapping[bytes, bytes]) -> bytes:
    trie = HexaryTrie(nodes, root)
    for key, value in pairs.items():
        trie[keccak(key)] = value  # an empty value deletes
    new_root: bytes = trie.root_hash
    return new_root
