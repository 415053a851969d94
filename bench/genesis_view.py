"""A genesis as a state that can be read, without a store: what runs before there is a chain reads it."""

from collections.abc import Mapping

from contracts.keccak import keccak
from sequencer.primitives.account import EMPTY_CODE_HASH, Account
from sequencer.primitives.genesis import GenesisAccount
from sequencer.state.changes import StateChanges


class NoState:
    """The StateReader of nothing."""

    def account(self, address: bytes) -> Account | None:
        """No account."""
        return None

    def storage(self, address: bytes, slot: int) -> int:
        """No value."""
        return 0

    def code(self, code_hash: bytes) -> bytes:
        """Only the empty code."""
        assert code_hash == EMPTY_CODE_HASH
        return b""


def as_changes(alloc: Mapping[bytes, GenesisAccount]) -> StateChanges:
    """What a genesis changes, over nothing."""
    hashes = {address: keccak(account.code) for address, account in alloc.items()}
    return StateChanges(
        accounts={
            address: Account(account.nonce, account.balance, hashes[address]) for address, account in alloc.items()
        },
        storage={address: dict(account.storage) for address, account in alloc.items() if account.storage},
        codes={hashes[address]: account.code for address, account in alloc.items() if account.code},
    )
