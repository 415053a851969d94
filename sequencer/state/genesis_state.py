"""Block 0: from a genesis file to the state changes that make its state, its header and its block."""

from dataclasses import dataclass

from contracts.keccak import keccak
from sequencer.primitives.account import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, Account
from sequencer.primitives.block import Block, make_block
from sequencer.primitives.genesis import Genesis
from sequencer.primitives.header import Header
from sequencer.primitives.predeploys import MESSAGE_PASSER

from .changes import ChangeSet, StateChanges
from .commitment import TrieUpdate
from .genesis_accounts import NativeAccounts
from .tries import commitment_over


@dataclass(frozen=True, slots=True)
class GenesisBlock:
    """Block 0 with all that its commit writes."""

    block: Block
    changes: ChangeSet
    trie: TrieUpdate


def compute_genesis_header(genesis: Genesis) -> Header:
    """The header of block 0, for who needs its hash before there is a store."""
    return make_genesis_block(genesis).block.header


def make_genesis_block(genesis: Genesis) -> GenesisBlock:
    """
    Block 0 of `genesis`, with its tries.

    Under OP rules the header's withdrawals root is the storage root of the message passer (isthmus/exec-engine.md).
    """
    changes = genesis_changes(genesis)
    trie = commitment_over(None, EMPTY_TRIE_ROOT).compute(changes)
    withdrawals_root = EMPTY_TRIE_ROOT
    if genesis.optimism is not None:
        withdrawals_root = trie.storage_roots.get(MESSAGE_PASSER, EMPTY_TRIE_ROOT)
    header = genesis.header(trie.state_root, withdrawals_root)
    return GenesisBlock(make_block(header, ()), changes, trie)


def genesis_changes(genesis: Genesis) -> ChangeSet:
    """The accounts of the file as changes of an empty state."""
    if isinstance(genesis.alloc, NativeAccounts):
        return genesis.alloc.changes
    accounts: dict[bytes, Account | None] = {}
    codes: dict[bytes, bytes] = {}
    for address, entry in genesis.alloc.items():
        code_hash = keccak(entry.code) if entry.code else EMPTY_CODE_HASH
        accounts[address] = Account(entry.nonce, entry.balance, code_hash)
        if entry.code:
            codes[code_hash] = entry.code
    storage = {address: dict(entry.storage) for address, entry in genesis.alloc.items() if entry.storage}
    return StateChanges(accounts=accounts, storage=storage, codes=codes)
