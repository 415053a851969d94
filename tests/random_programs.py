"""
Random EVM programs: valid more often than not, so that a difference between two interpreters is reached, not skipped.

Every instruction is preceded by pushes of plausible operands; memory offsets and sizes are small, addresses come from a
pool. Jumps go forward to the instruction after them, taken or not.
"""

import random
from collections.abc import Sequence

PRECOMPILES = (1, 2, 3, 4, 5, 6, 7, 9, 256)
"""Those that are cheap to run here (BLAKE2F gets no input of its length); 0x0100 exists on OP chains only."""

_VALUES = (0, 1, 2, 31, 32, 255, 256, 2**64 - 1, 2**128, 2**255, 2**256 - 1)
_BINARY = (*range(0x01, 0x08), 0x0A, 0x0B, *range(0x10, 0x15), 0x16, 0x17, 0x18, 0x1A, 0x1B, 0x1C, 0x1D)
_TERNARY = (0x08, 0x09)
_UNARY = (0x15, 0x19, 0x35, 0x40, 0x49)
_NULLARY = (0x30, 0x32, 0x33, 0x34, 0x36, 0x38, *range(0x3D, 0x3E), *range(0x41, 0x49), 0x4A, 0x58, 0x59, 0x5A, 0x3A)
_OF_ADDRESS = (0x31, 0x3B, 0x3F)


def push(value: int) -> bytes:
    """The shortest PUSH of `value`."""
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([0x5F + len(data)]) + data


class ProgramWriter:
    """Writes programs over a pool of addresses; the same seed gives the same programs."""

    def __init__(self, rng: random.Random, addresses: Sequence[bytes]) -> None:
        self._rng = rng
        self._addresses = addresses

    def program(self, steps: int, depth: int = 0) -> bytes:
        """A program of about `steps` instructions; `depth` counts the init codes around it."""
        return b"".join(self._step(depth) for _ in range(steps)) + self._ending()

    def init_code(self, depth: int = 0) -> bytes:
        """Code that runs a little and mostly returns a program as the contract's code."""
        runtime = self.program(self._rng.randrange(1, 12), depth + 1)
        prelude = b"".join(self._step(depth + 1) for _ in range(self._rng.randrange(3)))
        if self._rng.random() < 0.15:
            return prelude + self._ending()
        head_bytes = len(prelude) + 4 + len(push(len(runtime))) * 2 + 5
        code = prelude + push(len(runtime)) + b"\x61" + head_bytes.to_bytes(2, "big") + b"\x5f\x39"
        code += push(len(runtime)) + b"\x5f\xf3"
        return code.ljust(head_bytes, b"\x00") + runtime

    def _step(self, depth: int) -> bytes:
        kinds = (self._pure, self._memory, self._storage, self._storage, self._log, self._call, self._jump)
        if depth < 2 and self._rng.random() < 0.1:
            return self._create(depth)
        return self._rng.choice(kinds)()

    def _pure(self) -> bytes:
        choose = self._rng.randrange(6)
        if choose == 0:
            return push(self._value()) + bytes([self._rng.choice(_UNARY)]) + self._drop()
        if choose == 1:
            return self._address() + bytes([self._rng.choice(_OF_ADDRESS)]) + self._drop()
        if choose == 2:
            return bytes([self._rng.choice(_NULLARY)]) + self._drop()
        if choose == 3:
            return push(self._value()) * 3 + bytes([self._rng.choice(_TERNARY)]) + self._drop()
        return push(self._value()) + push(self._value()) + bytes([self._rng.choice(_BINARY)]) + self._drop()

    def _memory(self) -> bytes:
        offset, size = push(self._small()), push(self._small())
        return self._rng.choice(
            (
                push(self._value()) + offset + b"\x52",
                push(self._value()) + offset + b"\x53",
                offset + b"\x51" + self._drop(),
                size + offset + b"\x20" + self._drop(),
                size + push(self._small()) + offset + b"\x37",
                size + push(self._small()) + offset + b"\x39",
                size + push(self._small()) + offset + b"\x5e",
                size + push(self._small()) + offset + self._address() + b"\x3c",
                push(self._rng.choice((0, 0, 0, 1))) + b"\x5f" + offset + b"\x3e",
                push(self._value()) + b"\x80\x90" + self._drop() * 2,
            )
        )

    def _storage(self) -> bytes:
        slot = push(self._rng.randrange(4))
        value = push(self._rng.choice((0, 0, 1, 2, self._value())))
        return self._rng.choice(
            (
                value + slot + b"\x55",
                slot + b"\x54" + self._drop(),
                value + slot + b"\x5d",
                slot + b"\x5c" + self._drop(),
            )
        )

    def _drop(self) -> bytes:
        """Forget the top of the stack, or store it so that it counts."""
        return self._rng.choice((b"\x50", push(self._rng.randrange(4)) + b"\x55", push(self._small()) + b"\x52"))

    def _log(self) -> bytes:
        topics = self._rng.randrange(5)
        pushes = b"".join(push(self._value()) for _ in range(topics))
        return pushes + push(self._small()) + push(self._small()) + bytes([0xA0 + topics])

    def _call(self) -> bytes:
        opcode = self._rng.choice((0xF1, 0xF1, 0xF2, 0xF4, 0xFA))
        memory = b"".join(push(self._small()) for _ in range(4))
        value = push(self._rng.choice((0, 0, 1, 1000, 10**30))) if opcode in (0xF1, 0xF2) else b""
        gas = self._rng.choice((b"\x5a", push(self._rng.choice((0, 700, 30_000, 200_000)))))
        return memory + value + self._address() + gas + bytes([opcode]) + self._drop()

    def _create(self, depth: int) -> bytes:
        code = self.init_code(depth)
        stores = b"".join(
            push(int.from_bytes(code[i : i + 32].ljust(32, b"\0"), "big")) + push(i) + b"\x52"
            for i in range(0, len(code), 32)
        )
        salt = push(self._rng.randrange(2))
        operands = push(len(code)) + b"\x5f" + push(self._rng.choice((0, 0, 7, 10**30)))
        if self._rng.random() < 0.5:
            return stores + operands + b"\xf0" + self._use_created()
        return stores + salt + operands + b"\xf5" + self._use_created()

    def _use_created(self) -> bytes:
        """Call what was just created, or forget it."""
        if self._rng.random() < 0.4:
            return b"\x50"
        return b"\x5f\x5f\x5f\x5f\x5f" + b"\x85" + b"\x5a\xf1" + self._drop() + b"\x50"

    def _jump(self) -> bytes:
        """PC-relative, so that it works wherever it stands: a jump or conditional jump to just behind itself."""
        if self._rng.random() < 0.5:
            return b"\x58\x60\x05\x01\x56\x5b"
        return push(self._rng.randrange(2)) + b"\x58\x60\x05\x01\x57\x5b"

    def _ending(self) -> bytes:
        size = push(self._small())
        endings = (b"\x00", b"", size + b"\x5f\xf3", size + b"\x5f\xfd", self._address() + b"\xff", b"\xfe", b"\x50")
        return self._rng.choices(endings, (5, 3, 3, 2, 2, 1, 1))[0]

    def _value(self) -> int:
        return self._rng.choice((*_VALUES, self._rng.getrandbits(256)))

    def _small(self) -> int:
        return self._rng.choice((0, 0, 1, 31, 32, 33, 64, 100, 128, 192))

    def _address(self) -> bytes:
        if self._rng.random() < 0.2:
            return push(self._rng.choice(PRECOMPILES))
        return b"\x73" + self._rng.choice(self._addresses)
