"""Points for tests of the curve precompiles, and the interpreter's own precompiles to compare with."""

from random import Random

from eth.exceptions import VMError
from eth.vm.forks.prague.computation import PRAGUE_PRECOMPILES

Fp2 = tuple[int, int]

BN_PRIME = 21888242871839275222246405745257275088696311157297823662689037894645226208583
BLS_PRIME = int("1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab", 16)


class _Call:
    """As much of a computation as precompiles look at."""

    def __init__(self, data: bytes) -> None:
        self.msg = self
        self.data = self.data_as_bytes = data
        self.gas = 0
        self.output = b""

    def consume_gas(self, amount: int, reason: str) -> None:
        self.gas += amount


def run_interpreters_own(address: bytes, data: bytes) -> tuple[int, bytes] | None:
    """Gas and output of the precompile that comes with the interpreter, None when it fails."""
    call = _Call(data)
    try:
        PRAGUE_PRECOMPILES[address](call)
    except VMError:
        return None
    return call.gas, call.output


def words(*numbers: int, size: int) -> bytes:
    return b"".join(number.to_bytes(size, "big") for number in numbers)


def random_curve_point(random: Random, prime: int, b: int) -> tuple[int, int]:
    """A point of y^2 = x^3 + b over the prime's field (of primes that leave 3 when divided by 4)."""
    while True:
        x = random.randrange(prime)
        y = _root(x**3 + b, prime)
        if y is not None:
            return x, y if random.random() < 0.5 else prime - y


def random_twist_point(random: Random, prime: int, b: Fp2) -> tuple[Fp2, Fp2]:
    """A point of y^2 = x^3 + b over the square extension; in a subgroup of large order hardly ever."""
    while True:
        real, imaginary = random.randrange(prime), random.randrange(prime)
        cube = real**3 - 3 * real * imaginary**2 + b[0], 3 * real**2 * imaginary - imaginary**3 + b[1]
        y = _root2(cube, prime)
        if y is not None:
            return (real, imaginary), y


def _root(square: int, prime: int) -> int | None:
    root = pow(square, (prime + 1) // 4, prime)
    return root if (root * root - square) % prime == 0 else None


def _root2(square: Fp2, prime: int) -> Fp2 | None:
    norm = _root(square[0] ** 2 + square[1] ** 2, prime)
    if norm is None:
        return None
    half = pow(2, -1, prime)
    real = _root((square[0] + norm) * half, prime) or _root((square[0] - norm) * half, prime)
    return None if not real else (real, square[1] * half * pow(real, -1, prime) % prime)
