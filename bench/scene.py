"""
What a workload plays in: its contracts and accounts, as a part of a genesis, and the transactions so far.

Every scene has addresses of its own, made from its name, its size and its seed: one does not warm the state of another,
and the same three give the same bytes.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from contracts import deployed_bytecode
from contracts.calldata import Argument, encode_call
from contracts.keccak import keccak
from sequencer.node.load_account import LoadAccount, LoadFees
from sequencer.primitives.genesis import GenesisAccount

from .pools import pool_template
from .tokens import TokenBook

CHAIN_ID = 901
ETHER, GWEI = 10**18, 10**9
GENESIS_TIME = 1_700_000_000

FEES = LoadFees(tip=GWEI, max_fee=50 * GWEI)
"""Neither tip nor base fee is ever zero: fee recipients are part of the work."""

FUNDS_WEI = 1_000 * ETHER
TOKEN_FUNDS = 10**24

TOKEN_GAS, SWAP_GAS, MINT_GAS, MOVE_GAS = 60_000, 300_000, 120_000, 150_000
"""Gas limits; above what is used, as wallets set them."""


@dataclass(slots=True)
class _Book:
    holders: dict[bytes, int] = field(default_factory=dict)
    allowances: list[tuple[bytes, bytes]] = field(default_factory=list)


class Scene:
    """See the module. Methods that name accounts and contracts make them at the first use."""

    def __init__(self, name: str, count: int, seed: int) -> None:
        self._phrase = f"{name}/{count}/{seed}"
        self.rng = random.Random(self._phrase)
        self.raw: list[bytes] = []
        self._accounts: dict[bytes, GenesisAccount] = {}
        self._senders: dict[int, LoadAccount] = {}
        self._books: dict[bytes, _Book] = {}

    def sender(self, index: int) -> LoadAccount:
        """An account with a key and ether."""
        account = self._senders.get(index)
        if account is None:
            account = self._senders[index] = LoadAccount.of_phrase(f"{self._phrase}/sender {index}", CHAIN_ID, FEES)
            self._accounts[account.address] = GenesisAccount(balance=FUNDS_WEI)
        return account

    def recipient(self, label: object = None) -> bytes:
        """An account that exists (a first payment costs more gas); a new one each time where there is no label."""
        drawn = self.rng.random() if label is None else label
        address = self._address(f"recipient {drawn}")
        self._accounts.setdefault(address, GenesisAccount(balance=FUNDS_WEI))
        return address

    def contract(self, name: str, label: object = 0) -> bytes:
        """One of the example contracts without state."""
        address = self._address(f"{name} {label}")
        self._accounts.setdefault(address, GenesisAccount(nonce=1, code=deployed_bytecode(name)))
        return address

    def token(self, label: object = 0) -> bytes:
        """An ERC-20 token."""
        address = self._address(f"token {label}")
        self._books.setdefault(address, _Book())
        return address

    def pool(self, label: object = 0) -> bytes:
        """A pool with liquidity, of two tokens that all pools share."""
        address = self._address(f"pool {label}")
        if address not in self._accounts:
            template = pool_template(GENESIS_TIME)
            pair = self._pair()
            self._accounts[address] = template.account(*pair)
            for token, amount in zip(pair, template.held, strict=True):
                self._books[token].holders[address] = amount
        return address

    def give(self, token: bytes, holder: bytes) -> None:
        """Let `holder` have of a token from the start."""
        self._books[token].holders.setdefault(holder, TOKEN_FUNDS)

    # Transactions

    def send_ether(self, sender: LoadAccount, to: bytes) -> None:
        """One wei."""
        self.raw.append(sender.sign(to, value=1))

    def send_tokens(self, sender: LoadAccount, to: bytes, token: bytes) -> None:
        """Some of a token; both sides have of it already."""
        for holder in (sender.address, to):
            self.give(token, holder)
        amount = 1 + self.rng.randrange(1_000)
        self._call(sender, token, encode_call("Token", "transfer", to, amount), TOKEN_GAS)

    def approve(self, sender: LoadAccount, token: bytes, spender: bytes) -> None:
        """An allowance."""
        amount = 1 + self.rng.randrange(1_000)
        self._call(sender, token, encode_call("Token", "approve", spender, amount), TOKEN_GAS)

    def swap(self, sender: LoadAccount, pool: bytes, amount: int, *, down: bool) -> None:
        """A swap through the router, which the sender has approved."""
        router = self.contract("Router")
        for token in self._pair():
            self.give(token, sender.address)
            self._books[token].allowances.append((sender.address, router))
        data = encode_call("Router", "swap", pool, down, amount, 0, sender.address)
        self._call(sender, router, data, SWAP_GAS)

    def call(self, sender: LoadAccount, contract: str, method: str, *arguments: Argument, gas: int) -> None:
        """A method of one of the example contracts."""
        self._call(sender, self.contract(contract), encode_call(contract, method, *arguments), gas)

    def genesis_accounts(self) -> dict[bytes, GenesisAccount]:
        """Everything that was used, as it is before the first transaction."""
        tokens = {address: TokenBook(book.holders, book.allowances).account() for address, book in self._books.items()}
        return {**self._accounts, **tokens}

    def _call(self, sender: LoadAccount, to: bytes, data: bytes, gas: int) -> None:
        self.raw.append(sender.sign(to, data=data, gas_limit=gas))

    def _pair(self) -> tuple[bytes, bytes]:
        first, second = sorted((self.token("of pools, first"), self.token("of pools, second")))
        return first, second

    def _address(self, label: str) -> bytes:
        return keccak(f"{self._phrase}/{label}".encode())[12:]


def merge_genesis(scenes: Iterable[Mapping[bytes, GenesisAccount]]) -> dict[bytes, GenesisAccount]:
    """The accounts of several scenes in one genesis; they have none in common."""
    merged: dict[bytes, GenesisAccount] = {}
    for accounts in scenes:
        assert not merged.keys() & accounts.keys()
        merged |= accounts
    return merged
