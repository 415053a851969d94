"""
Accounts of a development chain: the well-known test phrase that every tool of the field knows. Never for real value.

Indexes 0 to 9 are for users and funded on both chains; 20 to 23 post batches and outputs, challenge, and own contracts.
"""

from dataclasses import dataclass

from l1_bridge.signer import LocalSigner, keys_from_mnemonic, signer_from_hex
from sequencer.primitives.signature import address_of

from .new_chain import Roles

DEV_MNEMONIC = "test test test test test test test test test test test junk"
USER_COUNT = 10
BATCHER_INDEX, PROPOSER_INDEX, CHALLENGER_INDEX, OWNER_INDEX = 20, 21, 22, 23
BALANCE_WEI = 10_000 * 10**18


@dataclass(frozen=True, slots=True)
class DevAccount:
    """An account whose key everybody knows."""

    address: bytes
    private_key: bytes

    def signer(self) -> LocalSigner:
        """A signer for L1."""
        return signer_from_hex(self.private_key.hex())


@dataclass(frozen=True, slots=True)
class DevAccounts:
    """All accounts of a development chain."""

    users: tuple[DevAccount, ...]
    batcher: DevAccount
    proposer: DevAccount
    challenger: DevAccount
    owner: DevAccount

    def roles(self) -> Roles:
        """Who may do what on L1."""
        return Roles(
            owner=self.owner.address,
            batcher=self.batcher.address,
            proposer=self.proposer.address,
            challenger=self.challenger.address,
        )

    def funded(self) -> dict[bytes, int]:
        """Genesis balances in wei."""
        special = (self.batcher, self.proposer, self.challenger, self.owner)
        return {account.address: BALANCE_WEI for account in (*self.users, *special)}


def derive_dev_accounts() -> DevAccounts:
    """Derive them from the phrase; half a second, mostly the phrase's key stretching."""
    keys = keys_from_mnemonic(
        DEV_MNEMONIC, [*range(USER_COUNT), BATCHER_INDEX, PROPOSER_INDEX, CHALLENGER_INDEX, OWNER_INDEX]
    )
    accounts = [DevAccount(address_of(key), key) for key in keys]
    return DevAccounts(tuple(accounts[:USER_COUNT]), *accounts[USER_COUNT:])
