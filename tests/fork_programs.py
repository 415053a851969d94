"""
Random programs that mean something at every fork from Istanbul on: no instruction younger than that, but for those
that the forks since have brought, each of which ends a program where it is unknown.
"""

import random

from sequencer.primitives.genesis import GenesisAccount
from sequencer.primitives.transaction import AccessListEntry
from tests.factories import ETHER, address

SENDERS = 3
CONTRACTS = tuple(bytes(18) + b"\xc1" + bytes([index]) for index in range(5))
PRECOMPILES = (1, 2, 3, 4, 5, 6, 7, 9, 10, 11)

YOUNG = (0x48, 0x5F, 0x4A)
"""BASEFEE (London), PUSH0 (Shanghai), BLOBBASEFEE (Cancun)."""


def push(value: int) -> bytes:
    """PUSH1 or longer, since PUSH0 is young."""
    data = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
    return bytes([0x5F + len(data)]) + data


class ForkWorld:
    """Funded senders and contracts with random programs; the same for the same state of `rng`."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.alloc = {address(index): GenesisAccount(balance=1000 * ETHER) for index in range(SENDERS)}
        self.alloc |= {
            contract: GenesisAccount(
                balance=rng.choice((0, 10**6)),
                nonce=1,
                code=self.program(rng.randrange(3, 20)),
                storage={slot: 1 + slot for slot in range(3)},
            )
            for contract in CONTRACTS
        }

    def access_list(self) -> tuple[AccessListEntry, ...]:
        """One entry, or none."""
        if self._rng.random() < 0.5:
            return ()
        return (AccessListEntry(self._rng.choice(CONTRACTS), tuple(range(self._rng.randrange(3)))),)

    def init_code(self) -> bytes:
        """A few steps, then code that is refused, empty or one byte."""
        value = self._rng.choice((0xEF, 0x00, 0xFF, 0x30))
        return self.program(2)[:-1] + push(value) + push(0) + b"\x53" + push(1) + push(0) + b"\xf3"

    def program(self, steps: int) -> bytes:
        """So many steps and an ending."""
        body = b"".join(self._step() for _ in range(steps))
        return (
            body
            + self._rng.choice((b"\x00", b"\x00", b"\x00", self._address() + b"\xff", push(0) * 2 + b"\xfd", b"\xfe"))[
                -40:
            ]
        )

    def _step(self) -> bytes:
        rng = self._rng
        kind = rng.randrange(9)
        slot, value = push(rng.randrange(4)), push(rng.choice((0, 0, 1, 2, 2**255)))
        if kind < 3:
            return rng.choice(
                (
                    value + slot + b"\x55",
                    slot + b"\x54" + slot + b"\x55",
                    value + slot + b"\x55" + value + slot + b"\x55",
                )
            )
        if kind == 3:
            return self._address() + bytes([rng.choice((0x31, 0x3B, 0x3F))]) + slot + b"\x55"
        if kind == 4:
            opcode = rng.choice(
                (0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x3A, 0x32, 0x5A, *(YOUNG if rng.random() < 0.3 else ()))
            )
            return bytes([opcode]) + slot + b"\x55"
        if kind == 5:
            return push(rng.choice((43, 44, 299, 300, 301))) + b"\x40" + slot + b"\x55"
        if kind == 6:
            return push(rng.randrange(64)) + push(rng.randrange(64)) + bytes([0xA0])
        if kind == 7 and rng.random() < 0.3:
            code = int.from_bytes(self._tiny_init_code().ljust(32, b"\0"), "big")
            salt = push(rng.randrange(2)) if rng.random() < 0.5 else b""
            return (
                push(code)
                + push(0)
                + b"\x52"
                + salt
                + push(20)
                + push(0)
                + push(rng.choice((0, 1)))
                + (b"\xf5" if salt else b"\xf0")
                + slot
                + b"\x55"
            )
        return self._call()

    def _call(self) -> bytes:
        rng = self._rng
        opcode = rng.choice((0xF1, 0xF1, 0xF2, 0xF4, 0xFA))
        memory = push(32) + push(0) + push(rng.choice((0, 96, 160))) + push(0)
        value = push(rng.choice((0, 0, 1))) if opcode in (0xF1, 0xF2) else b""
        gas = push(rng.choice((700, 5_000, 40_000, 100_000)))
        return memory + value + self._address() + gas + bytes([opcode]) + push(rng.randrange(4)) + b"\x55"

    def _tiny_init_code(self) -> bytes:
        """At most 20 bytes: stores, destroys itself, or returns one byte of code."""
        return self._rng.choice(
            (
                bytes.fromhex("600160005560ff60005360016000f3"),
                bytes.fromhex("33ff"),
                bytes.fromhex("60ef60005360016000f3"),
                b"",
            )
        )

    def _address(self) -> bytes:
        rng = self._rng
        if rng.random() < 0.3:
            return push(rng.choice(PRECOMPILES))
        return b"\x73" + rng.choice((*CONTRACTS, address(0), address(9), bytes(18) + b"\xf1\x01"))
