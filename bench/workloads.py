"""
What the engines are given: blocks of signed transactions, and the genesis accounts that they need.

Every workload has senders and recipients of its own, so that one does not warm the state of the next. The same seed
gives the same transactions.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from contracts import deployed_bytecode
from contracts.calldata import encode_call
from contracts.keccak import keccak
from l1_bridge.signer import DynamicFeeTransaction, LocalSigner
from sequencer.primitives.genesis import GenesisAccount

CHAIN_ID = 901
ETHER, GWEI = 10**18, 10**9

TOKEN = bytes(19) + b"\xe0"
"""Where the genesis has the ERC-20 token. Its first slot is the mapping of balances."""

COUNTER = bytes(19) + b"\xe1"
TOKEN_BALANCE = 10**24


@dataclass(frozen=True, slots=True)
class Workload:
    """One block's user transactions in their signed encoding, and the balance holders of ether and token."""

    name: str
    raw: tuple[bytes, ...]
    holders: tuple[bytes, ...]


class _Writer:
    """Signs transactions and keeps count of nonces."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._signers: dict[int, LocalSigner] = {}
        self._nonces: dict[int, int] = {}
        self.rng = random.Random(name)
        self.raw: list[bytes] = []
        self.recipients: list[bytes] = []

    @property
    def holders(self) -> tuple[bytes, ...]:
        return (*(signer.address for signer in self._signers.values()), *self.recipients)

    def recipient(self) -> bytes:
        """A new account that has ether and tokens already: a first payment costs more gas, and is another workload."""
        address = self.rng.randbytes(20)
        self.recipients.append(address)
        return address

    def send(self, sender: int, to: bytes, *, value: int = 0, data: bytes = b"", gas_limit: int = 21_000) -> None:
        signer = self._signers.get(sender)
        if signer is None:
            signer = self._signers[sender] = LocalSigner(keccak(f"{self._name} {sender}".encode()))
        nonce = self._nonces.get(sender, 0)
        self._nonces[sender] = nonce + 1
        signed = signer.sign(DynamicFeeTransaction(CHAIN_ID, nonce, GWEI, 50 * GWEI, gas_limit, to, value, data))
        self.raw.append(signed.encoded)

    def send_tokens(self, sender: int, to: bytes) -> None:
        data = encode_call("Token", "transfer", to, 1 + self.rng.randrange(1000))
        self.send(sender, TOKEN, data=data, gas_limit=60_000)


def _independent_tokens(writer: _Writer, count: int) -> None:
    for sender in range(count):
        writer.send_tokens(sender, writer.recipient())


def _independent_transfers(writer: _Writer, count: int) -> None:
    for sender in range(count):
        writer.send(sender, writer.recipient(), value=1)


def _one_recipient(writer: _Writer, count: int) -> None:
    popular = writer.recipient()
    for sender in range(count):
        writer.send(sender, popular, value=1)


def _one_sender(writer: _Writer, count: int) -> None:
    for _ in range(count):
        writer.send_tokens(0, writer.recipient())


def _relay(writer: _Writer, count: int) -> None:
    """Every transfer spends from the account that the one before has paid."""
    keys = [LocalSigner(keccak(f"relay {index}".encode())).address for index in range(count + 1)]
    writer.recipients += keys
    for index in range(count):
        writer._signers[index] = LocalSigner(keccak(f"relay {index}".encode()))
        writer.send_tokens(index, keys[index + 1])


def _counter(writer: _Writer, count: int) -> None:
    for sender in range(count):
        writer.send(sender, COUNTER, data=encode_call("Counter", "increment"), gas_limit=80_000)


def _mixed(writer: _Writer, count: int) -> None:
    """A day on a chain: mostly tokens, some transfers, a hot counter, senders that send more than once."""
    senders = max(count // 3, 1)
    for _ in range(count):
        sender = writer.rng.randrange(senders)
        kind = writer.rng.random()
        if kind < 0.55:
            writer.send_tokens(sender, writer.recipient())
        elif kind < 0.85:
            writer.send(sender, writer.recipient(), value=1)
        else:
            method = "increment" if kind < 0.93 else "move"
            writer.send(sender, COUNTER, data=encode_call("Counter", method), gas_limit=80_000)


WORKLOADS: Mapping[str, Callable[[_Writer, int], None]] = {
    "independent ERC-20 transfers": _independent_tokens,
    "independent plain transfers": _independent_transfers,
    "plain transfers to one account": _one_recipient,
    "ERC-20 transfers of one sender": _one_sender,
    "ERC-20 transfers hand to hand": _relay,
    "contended counter": _counter,
    "mixed": _mixed,
}


def make_workload(name: str, count: int) -> Workload:
    """The workload with that name, as a block of `count` transactions."""
    writer = _Writer(name)
    WORKLOADS[name](writer, count)
    return Workload(name, tuple(writer.raw), writer.holders)


def genesis_accounts(workloads: Iterable[Workload]) -> dict[bytes, GenesisAccount]:
    """The contracts, and ether and tokens for everybody."""
    holders = [holder for workload in workloads for holder in workload.holders]
    balances = {int.from_bytes(keccak(holder.rjust(32, b"\0") + bytes(32)), "big"): TOKEN_BALANCE for holder in holders}
    accounts = {holder: GenesisAccount(balance=1000 * ETHER) for holder in holders}
    accounts[TOKEN] = GenesisAccount(nonce=1, code=deployed_bytecode("Token"), storage=balances)
    accounts[COUNTER] = GenesisAccount(nonce=1, code=deployed_bytecode("Counter"), storage={0: 1})
    return accounts
