"""Where an ERC-20 token of ours keeps its numbers: a genesis that is ready to trade writes them directly."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from contracts import deployed_bytecode
from contracts.artifact import storage_layout
from contracts.keccak import keccak
from sequencer.primitives.genesis import GenesisAccount

UNLIMITED = 2**256 - 1
"""An allowance that is never used up, so spending does not write it."""


def mapping_slot(key: bytes, slot: int) -> int:
    """Where a mapping at `slot` keeps the value of an address (Solidity's storage layout)."""
    return int.from_bytes(keccak(key.rjust(32, b"\0") + slot.to_bytes(32, "big")), "big")


def balance_slot(holder: bytes) -> int:
    """Slot of a holder's balance."""
    return mapping_slot(holder, storage_layout("Token")["_balances"]["slot"])


def allowance_slot(owner: bytes, spender: bytes) -> int:
    """Slot of what `spender` may take from `owner`."""
    outer = mapping_slot(owner, storage_layout("Token")["_allowances"]["slot"])
    return mapping_slot(spender, outer)


@dataclass(frozen=True, slots=True)
class TokenBook:
    """Balances and unlimited allowances (owner, spender) of one token."""

    balances: Mapping[bytes, int]
    allowances: Iterable[tuple[bytes, bytes]] = ()

    def account(self) -> GenesisAccount:
        """The token's contract in a genesis."""
        storage = {balance_slot(holder): amount for holder, amount in self.balances.items()}
        storage[storage_layout("Token")["_totalSupply"]["slot"]] = sum(self.balances.values())
        storage |= {allowance_slot(owner, spender): UNLIMITED for owner, spender in self.allowances}
        return GenesisAccount(nonce=1, code=deployed_bytecode("Token"), storage=storage)
