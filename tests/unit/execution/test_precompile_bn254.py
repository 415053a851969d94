"""The precompiles of alt_bn128: the interpreter's results, in a hundredth of its time."""

from random import Random

import pytest
from py_ecc import optimized_bn128 as reference

from sequencer.execution import bn254
from sequencer.execution.bn254_field import (
    ONE12,
    ORDER,
    PARAMETER,
    PRIME,
    Fp12,
    conjugate12,
    frobenius12,
    invert12,
    multiply12,
    multiply_by_line,
    square12,
    square_unitary,
)
from sequencer.execution.bn254_pairing import TWIST_B, is_in_subgroup, is_on_twist
from sequencer.execution.precompiles import BN256_ADD, BN256_MULTIPLY, BN256_PAIRING
from tests.unit.execution.curve_fixture import random_curve_point, random_twist_point, run_interpreters_own, words

TRUE, FALSE = (1).to_bytes(32, "big"), bytes(32)


def g1(scalar: int) -> bytes:
    x, y = reference.normalize(reference.multiply(reference.G1, scalar % ORDER))
    return words(x.n, y.n, size=32)


def g2(scalar: int) -> bytes:
    x, y = reference.normalize(reference.multiply(reference.G2, scalar % ORDER))
    return words(*(int(c) for c in (*reversed(x.coeffs), *reversed(y.coeffs))), size=32)


def minus(point: bytes) -> bytes:
    return point[:32] + (PRIME - int.from_bytes(point[32:], "big")).to_bytes(32, "big")


def random_element(random: Random) -> Fp12:
    a, b, c, d, e, f, *rest = (random.randrange(PRIME) for _ in range(12))
    return (a, b, c, d, e, f), (rest[0], rest[1], rest[2], rest[3], rest[4], rest[5])


def power(value: Fp12, exponent: int) -> Fp12:
    result = ONE12
    for bit in range(exponent.bit_length() - 1, -1, -1):
        result = square12(result)
        result = multiply12(result, value) if exponent >> bit & 1 else result
    return result


def test_field_has_the_laws_of_a_field() -> None:
    random = Random(1)
    a, b, c = (random_element(random) for _ in range(3))

    assert multiply12(multiply12(a, b), c) == multiply12(a, multiply12(b, c))
    assert square12(a) == multiply12(a, a)
    assert multiply12(a, invert12(a)) == ONE12
    assert multiply_by_line(a, b[0][:2], b[0][2:4], b[0][4:]) == multiply12(
        a, ((*b[0][:2], 0, 0, 0, 0), (*b[0][2:], 0, 0))
    )


@pytest.mark.parametrize("times", [1, 2, 3])
def test_frobenius_map_is_the_power_of_the_prime(times: int) -> None:
    a = random_element(Random(2))

    assert frobenius12(a, times) == power(a, PRIME**times)


def test_unitary_square_is_the_square_of_unitary_elements_only() -> None:
    a = random_element(Random(3))
    unitary = multiply12(conjugate12(a), invert12(a))
    unitary = multiply12(frobenius12(unitary, 2), unitary)

    assert square_unitary(unitary) == square12(unitary)
    assert square_unitary(a) != square12(a)


def test_prime_and_order_are_those_of_the_parameter() -> None:
    t = PARAMETER

    assert 36 * t**4 + 36 * t**3 + 24 * t**2 + 6 * t + 1 == PRIME
    assert PRIME - 6 * t**2 == ORDER


def test_sums_are_those_of_the_interpreter() -> None:
    random = Random(4)
    points = [words(*random_curve_point(random, PRIME, 3), size=32) for _ in range(4)]
    points += [bytes(64), words(1, 2, size=32), words(1, PRIME - 2, size=32)]
    inputs = [first + second for first in points for second in points]
    inputs += [b"", points[0], points[0][:40], points[0] + b"\x01", points[0] + points[1] + b"more"]
    inputs += [words(1, 3, size=32), words(PRIME, 0, size=32), words(1, PRIME + 2, size=32), b"\xff" * 128]

    for data in inputs:
        result = bn254.run_add(data)
        assert run_interpreters_own(BN256_ADD, data) == (None if result is None else (bn254.ADD_GAS, result)), (
            data.hex()
        )


def test_products_are_those_of_the_interpreter() -> None:
    random = Random(5)
    points = [words(*random_curve_point(random, PRIME, 3), size=32) for _ in range(3)] + [bytes(64)]
    scalars = [0, 1, 2, 15, 16, 17, ORDER - 1, ORDER, ORDER + 1, 2**256 - 1, random.randrange(2**256)]
    inputs = [point + scalar.to_bytes(32, "big") for point in points for scalar in scalars]
    inputs += [b"", points[0], points[0] + b"\x01", words(1, 3, 5, size=32), words(PRIME + 1, 2, 5, size=32)]

    for data in inputs:
        result = bn254.run_multiply(data)
        expected = None if result is None else (bn254.MULTIPLY_GAS, result)
        assert run_interpreters_own(BN256_MULTIPLY, data) == expected, data.hex()


def test_pairing_is_bilinear() -> None:
    a, b = 123456789, 2**200 + 7

    assert bn254.run_pairing(g1(a) + g2(b) + minus(g1(a * b)) + g2(1)) == TRUE
    assert bn254.run_pairing(g1(a) + g2(b) + g1(b) + g2(a) + minus(g1(2 * a * b)) + g2(1)) == TRUE
    assert bn254.run_pairing(g1(a) + g2(b) + minus(g1(a * b + 1)) + g2(1)) == FALSE
    assert bn254.run_pairing(g1(a) + g2(b)) == FALSE


def test_pairing_of_infinity_is_one() -> None:
    assert bn254.run_pairing(b"") == TRUE
    assert bn254.run_pairing(bytes(64) + g2(3)) == TRUE
    assert bn254.run_pairing(g1(3) + bytes(128)) == TRUE
    assert bn254.run_pairing(bytes(192) + g1(3) + g2(5)) == FALSE


def test_pairing_refuses_what_the_interpreter_refuses() -> None:
    off_the_twist = g2(3)[:-1] + bytes([g2(3)[-1] ^ 1])
    (x0, x1), (y0, y1) = random_twist_point(Random(6), PRIME, TWIST_B)
    out_of_subgroup = words(x1, x0, y1, y0, size=32)
    too_large = words(PRIME, 0, 0, 0, size=32)

    for bad in (off_the_twist, out_of_subgroup, too_large):
        for data in (g1(1) + bad, bytes(64) + bad, g1(1) + g2(1) + g1(1) + bad):
            assert bn254.run_pairing(data) is None
        assert run_interpreters_own(BN256_PAIRING, g1(1) + bad) is None
    assert bn254.run_pairing(words(1, 3, size=32) + g2(1)) is None
    assert bn254.run_pairing(bytes(191)) is None
    assert bn254.run_pairing(words(1, 3, size=32) + bytes(128)) is None


def test_pairing_and_its_gas_are_those_of_the_interpreter() -> None:
    for data in (b"", g1(5) + g2(7), g1(5) + g2(7) + minus(g1(35)) + g2(1), g1(5) + bytes(128)):
        result = bn254.run_pairing(data)
        assert result is not None
        assert run_interpreters_own(BN256_PAIRING, data) == (bn254.pairing_gas(data), result)


def test_twist_has_points_outside_of_the_subgroup() -> None:
    point = random_twist_point(Random(7), PRIME, TWIST_B)
    x, y = reference.normalize(reference.multiply(reference.G2, 11))
    inside = (int(x.coeffs[0]), int(x.coeffs[1])), (int(y.coeffs[0]), int(y.coeffs[1]))

    assert is_on_twist(point)
    assert is_on_twist(inside)
    assert is_in_subgroup(inside)
    assert not is_in_subgroup(point)
