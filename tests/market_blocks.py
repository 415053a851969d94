"""
Random blocks as a chain sees them: tokens, a contended counter, transfers to one popular account, creations,
self-destructs, delegations, reverts, deposits, and transactions that can not stand. The same seed gives the same world.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from eth_hash.auto import keccak

from contracts import deployed_bytecode
from contracts.calldata import encode_call, encode_creation
from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.interface import Engine, Outcome, SealedBlock
from sequencer.execution.serial import SerialEngine
from sequencer.primitives.block import AnyTransaction
from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.genesis import GenesisAccount
from sequencer.primitives.header import Header
from sequencer.primitives.predeploys import L1_BLOCK
from sequencer.primitives.transaction import Transaction
from sequencer.state.changes import StateChanges
from sequencer.state.reader import StateReader
from tests.factories import (
    ETHER,
    GWEI,
    address,
    make_authorization,
    make_deposit,
    make_transaction,
    private_key,
)
from tests.fakes.memory_state import MemoryState, memory_state
from tests.unit.execution.chain_fixture import L1_BLOCK_STORAGE, L1_INFO, make_environment

SENDERS = 12
TOKEN, COUNTER, POPULAR = (bytes(19) + bytes([0xE0 + index]) for index in range(3))
EMPTY = bytes(19) + b"\xee"
"""Exists and is empty, as no account should: whoever touches it ends it."""

PARENT = Header.__new__(Header)
"""Engines read nothing of the parent's header that the environment has not got."""


def make_world() -> MemoryState:
    """Rich senders, a token that they hold, a counter, L1 parameters, and an account that exists though empty."""
    holders = [address(index) for index in range(SENDERS)]
    balances = {int.from_bytes(keccak(holder.rjust(32, b"\0") + bytes(32)), "big"): 10**20 for holder in holders}
    alloc = {holder: GenesisAccount(balance=1000 * ETHER) for holder in holders}
    alloc[TOKEN] = GenesisAccount(nonce=1, code=deployed_bytecode("Token"), storage=balances)
    alloc[COUNTER] = GenesisAccount(nonce=1, code=deployed_bytecode("Counter"), storage={0: 1})
    alloc[L1_BLOCK] = GenesisAccount(nonce=1, code=deployed_bytecode("L1Block"), storage=L1_BLOCK_STORAGE)
    alloc[EMPTY] = GenesisAccount()
    return memory_state(alloc)


def send_tokens(sender: int, nonce: int, to: bytes, amount: int = 5) -> Transaction:
    """An ERC-20 transfer."""
    data = encode_call("Token", "transfer", to, amount)
    return make_transaction(key=private_key(sender), nonce=nonce, to=TOKEN, value=0, data=data, gas_limit=100_000)


def increment(sender: int, nonce: int) -> Transaction:
    """Adds one to the slot that everybody writes."""
    data = encode_call("Counter", "increment")
    return make_transaction(key=private_key(sender), nonce=nonce, to=COUNTER, value=0, data=data, gas_limit=100_000)


class MarketBlocks:
    """A source of transactions for `make_world`."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._deposits = 0

    def attributes(self) -> DepositTransaction:
        """What begins each block under OP rules."""
        return L1_INFO.to_deposit()

    def transaction(self, state: StateReader) -> AnyTransaction:
        """The next transaction, to be executed over `state`; about one in twelve is not valid there."""
        rng = self._rng
        if rng.random() < 0.05:
            return self._deposit()
        sender = rng.randrange(SENDERS)
        nonce = self._nonce(state, sender)
        if rng.random() < 0.04:
            nonce += rng.choice((-1, 1, 2)) if nonce else 1
        fee_cap = rng.choice((GWEI - 1,) if rng.random() < 0.02 else (3 * GWEI, 100 * GWEI))
        choose = rng.random()
        if choose < 0.3:
            return send_tokens(sender, nonce, self._somebody(), rng.choice((0, 1, 10**19, 10**30)))
        if choose < 0.4:
            return increment(sender, nonce)
        if choose < 0.6:
            value = rng.choice((0, 1, ETHER, 2000 * ETHER if rng.random() < 0.1 else 2))
            data = rng.choice((b"", b"", bytes(5), b"\1" * 40))
            gas_limit = rng.choice((21_000, 23_000, 60_000, 25_000_000))
            to = rng.choice((POPULAR, POPULAR, EMPTY, self._somebody(), self._somebody()))
            return self._make(sender, nonce, to, data, value=value, gas_limit=gas_limit, fee_cap=fee_cap)
        if choose < 0.7:
            data = encode_call("Counter", rng.choice(("move", "fail")))
            return self._make(sender, nonce, COUNTER, data, gas_limit=rng.choice((30_000, 90_000)), fee_cap=fee_cap)
        if choose < 0.8:
            data = rng.choice((encode_creation("Counter"), b"\x73" + POPULAR + b"\xff", b"\x47\x5f\x55\x30\xff"))
            return self._make(sender, nonce, None, data, value=rng.choice((0, 7)), gas_limit=600_000, fee_cap=fee_cap)
        return self._delegate(state, sender, nonce)

    def _make(
        self, sender: int, nonce: int, to: bytes | None, data: bytes, *, value: int = 0, gas_limit: int, fee_cap: int
    ) -> Transaction:
        return make_transaction(
            type=self._rng.choice((0, 1, 2)),
            key=private_key(sender),
            nonce=nonce,
            to=to,
            data=data,
            value=value,
            gas_limit=gas_limit,
            max_fee_per_gas=fee_cap,
            max_priority_fee_per_gas=min(fee_cap, self._rng.choice((1, GWEI))),
        )

    def _delegate(self, state: StateReader, sender: int, nonce: int) -> Transaction:
        authority = self._rng.randrange(SENDERS)
        authority_nonce = self._nonce(state, authority) + (authority == sender) + (self._rng.random() < 0.1)
        target = self._rng.choice((COUNTER, TOKEN, bytes(20)))
        entry = make_authorization(key=private_key(authority), address=target, nonce=authority_nonce)
        return make_transaction(
            type=4,
            key=private_key(sender),
            nonce=nonce,
            to=address(self._rng.choice((authority, sender))),
            value=self._rng.choice((0, 3)),
            data=encode_call("Counter", "increment"),
            gas_limit=200_000,
            authorizations=[entry],
        )

    def _deposit(self) -> DepositTransaction:
        rng = self._rng
        self._deposits += 1
        return make_deposit(
            source_hash=keccak(b"deposit %d" % self._deposits),
            sender=address(rng.randrange(SENDERS)),
            to=rng.choice((POPULAR, COUNTER, None, address(1))),
            mint=rng.choice((0, ETHER)),
            value=rng.choice((0, 1, 5000 * ETHER)),
            data=rng.choice((b"", encode_call("Counter", "increment"))),
            gas_limit=rng.choice((20_000, 200_000)),
        )

    def _somebody(self) -> bytes:
        rng = self._rng
        return address(rng.randrange(SENDERS)) if rng.random() < 0.5 else rng.randbytes(20)

    def _nonce(self, state: StateReader, index: int) -> int:
        account = state.account(address(index))
        return 0 if account is None else account.nonce


@dataclass(frozen=True)
class PlayedBlock:
    """A block as the serial engine made it: what went in, what came out."""

    state: MemoryState
    environment: BlockEnvironment
    transactions: tuple[AnyTransaction, ...]
    outcomes: tuple[Outcome, ...]
    sealed: SealedBlock


def play_market(seed: int, count: int, *, is_optimism: bool = True, gas_limit: int = 30_000_000) -> PlayedBlock:
    """A random block of `count` transactions in the market's world."""
    blocks, state = MarketBlocks(seed), make_world()
    environment = make_environment(is_optimism, gas_limit=gas_limit)
    opened = SerialEngine().open_block(PARENT, environment, state)
    transactions: list[AnyTransaction] = [blocks.attributes()] if is_optimism else []
    outcomes = opened.apply(transactions)
    for _ in range(count):
        transactions.append(blocks.transaction(opened.view()))
        outcomes += opened.apply(transactions[-1:])
    return PlayedBlock(state, environment, tuple(transactions), tuple(outcomes), opened.seal(state))


def play_list(transactions: Sequence[AnyTransaction], state: MemoryState | None = None) -> PlayedBlock:
    """These transactions as one block in the market's world."""
    state = make_world() if state is None else state
    environment = make_environment()
    opened = SerialEngine().open_block(PARENT, environment, state)
    outcomes = opened.apply(transactions)
    return PlayedBlock(state, environment, tuple(transactions), tuple(outcomes), opened.seal(state))


def new_codes(state: StateReader, changes: StateChanges) -> Mapping[bytes, bytes]:
    """Codes that the changed accounts did not have before: writing a known one again is nobody's business."""
    before = (state.account(address) for address in changes.accounts)
    known = {account.code_hash for account in before if account is not None}
    return {code_hash: code for code_hash, code in changes.codes.items() if code_hash not in known}


def assert_agrees(engine: Engine, played: PlayedBlock, cuts: Sequence[int] = ()) -> None:
    """The engine makes the same block of the same transactions, cut into slices at `cuts`."""
    opened = engine.open_block(PARENT, played.environment, played.state)
    edges = [0, *sorted({cut % (len(played.transactions) + 1) for cut in cuts}), len(played.transactions)]
    outcomes: list[Outcome] = []
    for start, end in pairwise(edges):
        outcomes += opened.apply(played.transactions[start:end])
    sealed = opened.seal(played.state)

    assert tuple(outcomes) == played.outcomes
    assert [item.encode() for item in sealed.receipts] == [item.encode() for item in played.sealed.receipts]
    assert sealed.block == played.sealed.block
    assert sealed.changes.storage == played.sealed.changes.storage
    assert new_codes(played.state, sealed.changes) == new_codes(played.state, played.sealed.changes)
    assert sealed.changes.wiped == played.sealed.changes.wiped
