"""
Random blocks of user transactions over a small world, the same for the same seed.

Everything that engines could disagree on is in it: transfers, calls of random programs, creations, storage, reverts,
self-destructs, access lists, authorizations and chains of them, data that only pays its floor, the largest code and
data, gas limits at every edge, contracts that are hard (`hard_contracts`), fee recipients that spend or are called, and
transactions that can not stand at their place.
"""

import random

from sequencer.execution.intrinsic import floor_gas, intrinsic_gas
from sequencer.primitives.genesis import GenesisAccount
from sequencer.primitives.predeploys import BEACON_ROOTS, HISTORY_STORAGE, SEQUENCER_FEE_VAULT
from sequencer.primitives.transaction import AccessListEntry, Authorization, Transaction
from sequencer.state.reader import StateReader
from tests.factories import CHAIN_ID, ETHER, GWEI, address, make_authorization, make_transaction, private_key
from tests.hard_contracts import HARD_CONTRACTS, PAID, hard_alloc, largest_creation
from tests.random_programs import ProgramWriter

SENDERS = 4
CONTRACTS = tuple(bytes(18) + b"\xc0" + bytes([index]) for index in range(6))
FRESH = tuple(bytes(18) + b"\xf0" + bytes([index]) for index in range(3))

SYSTEM_CONTRACTS = {
    BEACON_ROOTS: (
        "3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001fff8106"
        "90815414603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff015500"
    ),
    HISTORY_STORAGE: (
        "3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff814303"
        "11604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
    ),
}
"""Code of the system contracts, as EIP-4788 and EIP-2935 give it."""


class RandomBlocks:
    """A source of transactions; `alloc` is the world that they start in, `fee_recipient` who should take the tips."""

    def __init__(self, seed: int, base_fee: int = GWEI) -> None:
        self._rng = random.Random(seed)
        self._base_fee = base_fee
        self._pool = [*CONTRACTS, *FRESH, *(address(index) for index in range(SENDERS + 2)), *HARD_CONTRACTS]
        self.fee_recipient = self._rng.choice((SEQUENCER_FEE_VAULT, PAID, address(1), FRESH[0]))
        self._writer = ProgramWriter(self._rng, self._pool)
        self.alloc = {address(index): GenesisAccount(balance=1000 * ETHER) for index in range(SENDERS)}
        self.alloc |= {
            system: GenesisAccount(nonce=1, code=bytes.fromhex(code)) for system, code in SYSTEM_CONTRACTS.items()
        }
        self.alloc |= {
            contract: GenesisAccount(
                balance=self._rng.choice((0, 10**6)),
                nonce=1,
                code=self._writer.program(self._rng.randrange(2, 25)),
                storage={slot: 1 + slot for slot in range(3)},
            )
            for contract in CONTRACTS
        }
        self.alloc |= hard_alloc(self._rng)

    def transaction(self, state: StateReader, gas_left: int = 30_000_000) -> Transaction:
        """
        The next transaction, to be executed over `state`; about one in ten is not valid there.

        `gas_left` is what the block has left: some want exactly that, or one more.
        """
        rng = self._rng
        sender = rng.randrange(SENDERS)
        nonce = _nonce(state, sender)
        if rng.random() < 0.05:
            nonce += rng.choice((-1, 1)) if nonce else 1
        kind = rng.choices((0, 1, 2, 4), (3, 2, 4, 2))[0]
        to = None if kind != 4 and rng.random() < 0.15 else rng.choice(self._pool)
        data = self._data(is_creation=to is None)
        authorizations = self._authorizations(state, sender) if kind == 4 else []
        access_list = () if kind == 0 or rng.random() < 0.5 else (self._access_list_entry(),)
        sizes = [len(entry.slots) for entry in access_list]
        intrinsic = intrinsic_gas(data, to is None, sizes, len(authorizations))
        return make_transaction(
            type=kind,
            nonce=nonce,
            key=private_key(sender),
            max_priority_fee_per_gas=rng.choice((0, 1, GWEI)),
            max_fee_per_gas=self._base_fee + rng.choice((0, 1, 10 * GWEI)),
            gas_limit=self._gas_limit(max(intrinsic, floor_gas(data)), intrinsic, gas_left),
            to=to,
            value=rng.choice((0, 0, 1, ETHER)),
            data=data,
            access_list=access_list,
            authorizations=authorizations if kind == 4 else None,
        )

    def _data(self, *, is_creation: bool) -> bytes:
        rng = self._rng
        if is_creation:
            return largest_creation(rng) if rng.random() < 0.05 else self._writer.init_code()
        if rng.random() < 0.02:
            return rng.choice((bytes(100_000), rng.randbytes(30_000)))
        return rng.randbytes(rng.choice((0, 0, 4, 36, 700)))

    def _gas_limit(self, needed: int, intrinsic: int, gas_left: int) -> int:
        """Mostly some gas to run with; sometimes at the edge of what it takes, or of what is there."""
        rng = self._rng
        if rng.random() < 0.85:
            return needed + rng.choice((40_000, 150_000, 400_000, 1_000_000, 6_000_000))
        edge = rng.choice((needed, needed, intrinsic, gas_left))
        return max(edge + rng.choice((-1, 0, 0, 1)), 0)

    def _access_list_entry(self) -> AccessListEntry:
        return AccessListEntry(self._rng.choice(self._pool), tuple(range(self._rng.randrange(4))))

    def _authorizations(self, state: StateReader, sender: int) -> list[Authorization]:
        """Several authorities, or one that changes its mind; the sender's own nonce has moved before they count."""
        rng = self._rng
        if rng.random() < 0.6:
            return [self._authorization(state, rng.randrange(SENDERS + 2), 0) for _ in range(rng.randrange(1, 4))]
        authority = rng.choice((sender, rng.randrange(SENDERS + 2)))
        start = int(authority == sender)
        return [self._authorization(state, authority, start + step) for step in range(rng.randrange(1, 4))]

    def _authorization(self, state: StateReader, authority: int, ahead: int) -> Authorization:
        """Signed for the authority's nonce `ahead` of now; delegates may be delegated accounts themselves."""
        rng = self._rng
        return make_authorization(
            key=private_key(authority),
            chain_id=rng.choice((0, CHAIN_ID, CHAIN_ID, CHAIN_ID, CHAIN_ID + 1)),
            address=rng.choice((*self._pool, bytes(20), bytes(19) + b"\x02")),
            nonce=_nonce(state, authority) + ahead + (rng.random() < 0.1),
        )


def _nonce(state: StateReader, index: int) -> int:
    account = state.account(address(index))
    return 0 if account is None else account.nonce
