"""
The accounts of a genesis file as the native extension reads them: a million of them never become Python values.

Nothing but a file of the usual form is read this way; for every other one, Python's reader says what is wrong with it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from sequencer.native import extension
from sequencer.primitives.account import EMPTY_CODE_HASH, Account
from sequencer.primitives.genesis import Genesis, GenesisAccount, genesis_from_json

from .native_trie import NativeChanges


class NativeAccounts(Mapping[bytes, GenesisAccount]):
    """The accounts of a genesis, which the extension holds as `changes` of the empty state."""

    def __init__(self, changes: NativeChanges) -> None:
        self.changes = changes

    def __getitem__(self, address: bytes) -> GenesisAccount:
        account = self._accounts[address]
        assert account is not None
        code = b"" if account.code_hash == EMPTY_CODE_HASH else self.changes.codes[account.code_hash]
        return GenesisAccount(account.balance, account.nonce, code, self.changes.storage.get(address))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._accounts)

    def __len__(self) -> int:
        return len(self._accounts)

    @property
    def _accounts(self) -> Mapping[bytes, Account | None]:
        return self.changes.accounts


def read_genesis_or_none(path: Path) -> Genesis | None:
    """The genesis in the file, its accounts in the extension; None where Python has to read it."""
    if extension is None:
        return None
    found = extension.read_genesis(path)
    if found is None:
        return None
    text, changes = found
    return replace(genesis_from_json(json.loads(text)), alloc=NativeAccounts(changes))
