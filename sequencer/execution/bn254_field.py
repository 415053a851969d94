"""
The fields of the curve alt_bn128 (EIP-196, EIP-197), in plain integers: Fp2, Fp6 and Fp12 over the prime.

    Fp2  = Fp[i] / (i^2 + 1)        (real, imaginary)
    Fp6  = Fp2[v] / (v^3 - XI)      XI = 9 + i; three elements of Fp2, lowest power first, flat
    Fp12 = Fp6[w] / (w^2 - v)       two elements of Fp6, lowest power first

Elements are tuples of integers in [0, PRIME). Products are summed up first and reduced once for each coefficient: in
Python the reduction costs more than the product. The Frobenius map is the power of PRIME. Nothing here is secret, so
nothing takes constant time.
"""

from typing import TypeAlias

PRIME = 21888242871839275222246405745257275088696311157297823662689037894645226208583
ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""Number of points of the curve over Fp, and of the subgroup of the twist that takes part in pairings."""

PARAMETER = 4965661367192848881
"""t, from which the curve of Barreto and Naehrig is made: PRIME = 36t^4 + 36t^3 + 24t^2 + 6t + 1."""

Fp2: TypeAlias = tuple[int, int]
Fp6: TypeAlias = tuple[int, int, int, int, int, int]
Fp12: TypeAlias = tuple[Fp6, Fp6]

ZERO2: Fp2 = (0, 0)
ONE2: Fp2 = (1, 0)
XI: Fp2 = (9, 1)
ONE6: Fp6 = (1, 0, 0, 0, 0, 0)
ZERO6: Fp6 = (0, 0, 0, 0, 0, 0)
ONE12: Fp12 = (ONE6, ZERO6)


def multiply2(a: Fp2, b: Fp2) -> Fp2:
    """a * b."""
    real, imaginary = a[0] * b[0], a[1] * b[1]
    return (real - imaginary) % PRIME, ((a[0] + a[1]) * (b[0] + b[1]) - real - imaginary) % PRIME


def square2(a: Fp2) -> Fp2:
    """a * a."""
    real, imaginary = a
    return (real + imaginary) * (real - imaginary) % PRIME, 2 * real * imaginary % PRIME


def invert2(a: Fp2) -> Fp2:
    """1 / a; raises ValueError for zero."""
    inverse = pow(a[0] * a[0] + a[1] * a[1], -1, PRIME)
    return a[0] * inverse % PRIME, -a[1] * inverse % PRIME


def power2(a: Fp2, exponent: int) -> Fp2:
    """a ** exponent, of an exponent that is not negative."""
    result = ONE2
    for bit in range(exponent.bit_length() - 1, -1, -1):
        result = square2(result)
        if exponent >> bit & 1:
            result = multiply2(result, a)
    return result


def conjugate2(a: Fp2) -> Fp2:
    """a ** PRIME."""
    return a[0], -a[1] % PRIME


def _make_frobenius_factors() -> tuple[tuple[Fp2, ...], ...]:
    base = power2(XI, (PRIME - 1) // 6)
    once = [ONE2]
    for _ in range(5):
        once.append(multiply2(once[-1], base))
    result: list[tuple[Fp2, ...]] = [(ONE2,) * 6]
    for _ in range(3):
        result.append(
            tuple(multiply2(conjugate2(before), factor) for before, factor in zip(result[-1], once, strict=True))
        )
    return tuple(result)


FROBENIUS_FACTORS = _make_frobenius_factors()
"""What w**k turns into is itself times [n][k], when the Frobenius map is applied n times, up to three."""


def _product6(a: Fp6, b: Fp6) -> Fp6:
    """a * b, not reduced: six products of Fp2 (Karatsuba), each of three products of integers."""
    a0, a1, a2, a3, a4, a5 = a
    b0, b1, b2, b3, b4, b5 = b
    left, right = a0 * b0, a1 * b1
    low_r, low_i = left - right, (a0 + a1) * (b0 + b1) - left - right
    left, right = a2 * b2, a3 * b3
    mid_r, mid_i = left - right, (a2 + a3) * (b2 + b3) - left - right
    left, right = a4 * b4, a5 * b5
    high_r, high_i = left - right, (a4 + a5) * (b4 + b5) - left - right

    p, q, r, s = a2 + a4, a3 + a5, b2 + b4, b3 + b5
    left, right = p * r, q * s
    cross_r, cross_i = left - right - mid_r - high_r, (p + q) * (r + s) - left - right - mid_i - high_i
    p, q, r, s = a0 + a2, a1 + a3, b0 + b2, b1 + b3
    left, right = p * r, q * s
    next_r, next_i = left - right - low_r - mid_r, (p + q) * (r + s) - left - right - low_i - mid_i
    p, q, r, s = a0 + a4, a1 + a5, b0 + b4, b1 + b5
    left, right = p * r, q * s
    last_r, last_i = left - right - low_r - high_r, (p + q) * (r + s) - left - right - low_i - high_i
    return (
        low_r + 9 * cross_r - cross_i,
        low_i + 9 * cross_i + cross_r,
        next_r + 9 * high_r - high_i,
        next_i + 9 * high_i + high_r,
        last_r + mid_r,
        last_i + mid_i,
    )


def _product6_by_two(a: Fp6, b: tuple[int, int, int, int]) -> Fp6:
    """a * b, not reduced, where b has no part in v^2."""
    a0, a1, a2, a3, a4, a5 = a
    b0, b1, b2, b3 = b
    left, right = a0 * b0, a1 * b1
    low_r, low_i = left - right, (a0 + a1) * (b0 + b1) - left - right
    left, right = a2 * b2, a3 * b3
    mid_r, mid_i = left - right, (a2 + a3) * (b2 + b3) - left - right
    p, q, r, s = a0 + a2, a1 + a3, b0 + b2, b1 + b3
    left, right = p * r, q * s
    next_r, next_i = left - right - low_r - mid_r, (p + q) * (r + s) - left - right - low_i - mid_i
    left, right = a4 * b2, a5 * b3
    over_r, over_i = left - right, (a4 + a5) * (b2 + b3) - left - right
    left, right = a4 * b0, a5 * b1
    last_r, last_i = left - right, (a4 + a5) * (b0 + b1) - left - right
    return (
        low_r + 9 * over_r - over_i,
        low_i + 9 * over_i + over_r,
        next_r,
        next_i,
        last_r + mid_r,
        last_i + mid_i,
    )


def _reduce6(a: Fp6) -> Fp6:
    a0, a1, a2, a3, a4, a5 = a
    return a0 % PRIME, a1 % PRIME, a2 % PRIME, a3 % PRIME, a4 % PRIME, a5 % PRIME


def _add6(a: Fp6, b: Fp6) -> Fp6:
    a0, a1, a2, a3, a4, a5 = a
    b0, b1, b2, b3, b4, b5 = b
    return a0 + b0, a1 + b1, a2 + b2, a3 + b3, a4 + b4, a5 + b5


def _subtract6(a: Fp6, b: Fp6) -> Fp6:
    a0, a1, a2, a3, a4, a5 = a
    b0, b1, b2, b3, b4, b5 = b
    return a0 - b0, a1 - b1, a2 - b2, a3 - b3, a4 - b4, a5 - b5


def _times_v(a: Fp6) -> Fp6:
    a0, a1, a2, a3, a4, a5 = a
    return 9 * a4 - a5, 9 * a5 + a4, a0, a1, a2, a3


def invert6(a: Fp6) -> Fp6:
    """1 / a; raises ValueError for zero."""
    low, mid, high = a[:2], a[2:4], a[4:]
    low_square, mid_square, high_square = square2(low), square2(mid), square2(high)
    cross, near, far = multiply2(mid, high), multiply2(low, mid), multiply2(low, high)
    first = (low_square[0] - 9 * cross[0] + cross[1]) % PRIME, (low_square[1] - 9 * cross[1] - cross[0]) % PRIME
    second = (
        (9 * high_square[0] - high_square[1] - near[0]) % PRIME,
        (9 * high_square[1] + high_square[0] - near[1]) % PRIME,
    )
    third = (mid_square[0] - far[0]) % PRIME, (mid_square[1] - far[1]) % PRIME
    adjoint = (*first, *second, *third)
    norm = _reduce6(_product6(a, adjoint))  # a times its adjoint is an element of Fp2
    inverse = invert2(norm[:2])
    return (*multiply2(first, inverse), *multiply2(second, inverse), *multiply2(third, inverse))


def multiply12(a: Fp12, b: Fp12) -> Fp12:
    """a * b."""
    low, high = _product6(a[0], b[0]), _product6(a[1], b[1])
    both = _product6(_add6(a[0], a[1]), _add6(b[0], b[1]))
    return _reduce6(_add6(low, _times_v(high))), _reduce6(_subtract6(both, _add6(low, high)))


def square12(a: Fp12) -> Fp12:
    """a * a, in two thirds of the time of a product."""
    low, high = a
    cross = _product6(low, high)
    both = _product6(_add6(low, high), _add6(low, _times_v(high)))
    return _reduce6(_subtract6(both, _add6(cross, _times_v(cross)))), _reduce6(_add6(cross, cross))


def multiply_by_line(a: Fp12, constant: Fp2, slope: Fp2, cube: Fp2) -> Fp12:
    """a * (constant + slope w + cube w^3), the form of a line at a point."""
    low_part, high_part = a
    a0, a1, a2, a3, a4, a5 = low_part
    c0, c1 = constant
    c = c0 + c1
    p0, p1, p2, p3, p4, p5 = a0 * c0, a1 * c1, a2 * c0, a3 * c1, a4 * c0, a5 * c1
    low = (p0 - p1, (a0 + a1) * c - p0 - p1, p2 - p3, (a2 + a3) * c - p2 - p3, p4 - p5, (a4 + a5) * c - p4 - p5)
    high = _product6_by_two(high_part, (*slope, *cube))
    both = _product6_by_two(_add6(low_part, high_part), (c0 + slope[0], c1 + slope[1], *cube))
    return _reduce6(_add6(low, _times_v(high))), _reduce6(_subtract6(both, _add6(low, high)))


def conjugate12(a: Fp12) -> Fp12:
    """a ** (PRIME ** 6): the sign of the odd powers of w changes."""
    a0, a1, a2, a3, a4, a5 = a[1]
    return a[0], (-a0 % PRIME, -a1 % PRIME, -a2 % PRIME, -a3 % PRIME, -a4 % PRIME, -a5 % PRIME)


def invert12(a: Fp12) -> Fp12:
    """1 / a; raises ValueError for zero."""
    low, high = a
    norm = invert6(_reduce6(_subtract6(_product6(low, low), _times_v(_product6(high, high)))))
    return _reduce6(_product6(low, norm)), _reduce6(_subtract6(ZERO6, _product6(high, norm)))


def frobenius12(a: Fp12, times: int) -> Fp12:
    """a ** (PRIME ** times), for `times` from 1 to 3."""
    factors = FROBENIUS_FACTORS[times]
    low, high = a
    sign = -1 if times % 2 else 1  # an odd number of conjugations is one
    parts = [
        multiply2((part[j], sign * part[j + 1]), factors[j + odd])
        for odd, part in enumerate((low, high))
        for j in (0, 2, 4)
    ]
    return (*parts[0], *parts[1], *parts[2]), (*parts[3], *parts[4], *parts[5])


def square_unitary(a: Fp12) -> Fp12:
    """
    a * a, of an element whose order divides PRIME**4 - PRIME**2 + 1 (Granger and Scott, 2010).

    Over Fp4, made by s = w^3, a is A + B w + C w^2, and the square is 3 A^2 - 2 A' + (3 s C^2 + 2 B') w +
    (3 B^2 - 2 C') w^2, where ' turns s into -s.
    """
    (a0, a1, c0, c1, b2, b3), (b0, b1, a2, a3, c2, c3) = a
    p0, p1, p2, p3 = _square4(a0, a1, a2, a3)
    q0, q1, q2, q3 = _square4(b0, b1, b2, b3)
    r0, r1, r2, r3 = _square4(c0, c1, c2, c3)
    low = 3 * p0 - 2 * a0, 3 * p1 - 2 * a1, 3 * q0 - 2 * c0, 3 * q1 - 2 * c1, 3 * r0 - 2 * b2, 3 * r1 - 2 * b3
    first = 3 * (9 * r2 - r3) + 2 * b0, 3 * (9 * r3 + r2) + 2 * b1
    return _reduce6(low), _reduce6((*first, 3 * p2 + 2 * a2, 3 * p3 + 2 * a3, 3 * q2 + 2 * c2, 3 * q3 + 2 * c3))


def _square4(a0: int, a1: int, a2: int, a3: int) -> tuple[int, int, int, int]:
    """The square of an element of Fp4 = Fp2[s] / (s^2 - XI), not reduced."""
    low_r, low_i = (a0 + a1) * (a0 - a1), 2 * a0 * a1
    high_r, high_i = (a2 + a3) * (a2 - a3), 2 * a2 * a3
    p, q = a0 + a2, a1 + a3
    return (
        low_r + 9 * high_r - high_i,
        low_i + 9 * high_i + high_r,
        (p + q) * (p - q) - low_r - high_r,
        2 * p * q - low_i - high_i,
    )
