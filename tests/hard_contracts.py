"""
Contracts that engines find hard, for random blocks: everything that the bad input of a block's users can be made of.

    deep      calls itself until gas or depth ends, and counts on the way back
    collider  reads and writes slots that are equal in their low, middle or high bits, or modulo 2^61 - 1
    factory   creates, calls and creates again at one CREATE2 address; what it creates destroys itself
    vault     pays half of its balance to whoever calls it, and writes down what it had
    large     code of the largest size, mostly behind a jump
"""

import random

from contracts.keccak import keccak
from sequencer.primitives.genesis import GenesisAccount
from sequencer.primitives.predeploys import BASE_FEE_VAULT, L1_FEE_VAULT, OPERATOR_FEE_VAULT, SEQUENCER_FEE_VAULT
from tests.random_programs import push

MAX_CODE_BYTES = 24_576
MAX_INIT_CODE_BYTES = 49_152

DEEP, DEEP_DELEGATE, COLLIDER, LARGE, PAID = (bytes(18) + b"\xd0" + bytes([index]) for index in range(5))
FACTORIES = tuple(bytes(18) + b"\xd1" + bytes([index]) for index in range(4))
VAULTS = (SEQUENCER_FEE_VAULT, BASE_FEE_VAULT, L1_FEE_VAULT, OPERATOR_FEE_VAULT)
HARD_CONTRACTS = (DEEP, DEEP_DELEGATE, COLLIDER, LARGE, PAID, *FACTORIES, *VAULTS)

COLLIDING_SLOTS = (
    *(5 + index * (2**61 - 1) for index in range(4)),
    *(5 + (index << 64) for index in range(1, 4)),
    *(5 + (index << 192) for index in range(1, 4)),
    2**256 - 1,
    2**255,
)
"""Python hashes integers modulo 2^61 - 1; other tables look at some of the bits."""

_COUNT = b"\x60\x01\x5f\x54\x01\x5f\x55"
"""Adds one to slot 0."""

_DESTROY_TO_CALLER = b"\x33\xff"


def hard_alloc(rng: random.Random) -> dict[bytes, GenesisAccount]:
    """The contracts with their code, some with ether."""
    codes = {
        DEEP: b"\x5f\x5f\x5f\x5f\x5f\x30\x5a\xf1\x50" + _COUNT,
        DEEP_DELEGATE: b"\x5f\x5f\x5f\x5f\x30\x5a\xf4\x50" + _COUNT,
        COLLIDER: _collider(rng),
        LARGE: _large(rng),
        PAID: _vault(),
    }
    codes |= dict(zip(FACTORIES, _factories(), strict=True))
    codes |= dict.fromkeys(VAULTS, _vault())
    paid_before = {_created(FACTORIES[index], _INIT_CODES[index]): GenesisAccount(balance=5) for index in range(2)}
    colliding = dict.fromkeys(rng.sample(COLLIDING_SLOTS, 6), 9)
    return paid_before | {
        address: GenesisAccount(
            balance=rng.choice((0, 10**15)), nonce=1, code=code, storage=colliding if address == COLLIDER else None
        )
        for address, code in codes.items()
    }


def largest_creation(rng: random.Random) -> bytes:
    """Init code whose code, or itself, is as large as can be, or one byte larger."""
    code_bytes = MAX_CODE_BYTES + rng.randrange(2)
    init_code = push(code_bytes) + b"\x5f\xf3"
    return init_code if rng.random() < 0.5 else init_code.ljust(MAX_INIT_CODE_BYTES + rng.randrange(2), b"\0")


def _collider(rng: random.Random) -> bytes:
    """Adds up all colliding slots, then writes the sum, the caller or nothing into some."""
    code = b"\x5f" + b"".join(push(slot) + b"\x54\x01" for slot in COLLIDING_SLOTS)
    for slot in rng.sample(COLLIDING_SLOTS, 3):
        code += rng.choice((b"\x80", b"\x33", b"\x5f")) + push(slot) + b"\x55"
    return code


def _large(rng: random.Random) -> bytes:
    head, tail = b"\x61" + (MAX_CODE_BYTES - len(_COUNT) - 1).to_bytes(2, "big") + b"\x56", bytes(33) + b"\x5b" + _COUNT
    return head + rng.randbytes(MAX_CODE_BYTES - len(head) - len(tail)) + tail


def _vault() -> bytes:
    return b"\x47\x5f\x55" + b"\x5f\x5f\x5f\x5f" + b"\x60\x02\x47\x04" + b"\x33\x5a\xf1"


def _factories() -> list[bytes]:
    """Salts: none, none, the caller, a word of the data."""
    return [
        _factory(code, salt) for code, salt in zip(_INIT_CODES, (b"\x5f", b"\x5f", b"\x33", b"\x5f\x35"), strict=True)
    ]


_STORE = b"\x60\x07\x60\x01\x55"
_DEPLOY_MORTAL = _STORE + b"\x61" + _DESTROY_TO_CALLER + b"\x5f\x52\x60\x02\x60\x1e\xf3"
_INIT_CODES = (
    _DEPLOY_MORTAL,
    _STORE + b"\x30\xff",
    _DEPLOY_MORTAL,
    _STORE + b"\x66" + _COUNT + b"\x5f\x52\x60\x07\x60\x19\xf3",
)
"""What is created stores something, then destroys itself when called, in its init code, when called, or never."""


def _created(factory: bytes, init_code: bytes) -> bytes:
    """Where the factory puts it at salt 0: an account with a balance, which ends for good when it is destroyed."""
    return keccak(b"\xff" + factory + bytes(32) + keccak(init_code))[12:]


def _factory(init_code: bytes, salt: bytes) -> bytes:
    """Twice: create with some wei at a salt, call what was created (or nothing), and keep the address."""
    stores = b"\x7f" + init_code.ljust(32, b"\0") + b"\x5f\x52"
    create = salt + push(len(init_code)) + b"\x5f\x60\x03\xf5"
    call = b"\x5f\x5f\x5f\x5f\x60\x01\x85\x5a\xf1\x50"
    return stores + b"".join(create + call + push(slot) + b"\x55" for slot in (0, 1))
