"""
The pairing of the curve alt_bn128 (EIP-197), as a check whether a product of pairings is one.

The curve is y^2 = x^3 + 3 over Fp, its twist y^2 = x^3 + 3 / XI over Fp2. The pairing is the optimal ate pairing
(Vercauteren, 2010) in the homogeneous coordinates of Costello, Lange and Naehrig (2010): all pairs share one loop and
one final exponentiation.
"""

from collections.abc import Sequence
from typing import TypeAlias

from .bn254_field import (
    FROBENIUS_FACTORS,
    ONE2,
    ONE12,
    PARAMETER,
    PRIME,
    XI,
    Fp2,
    Fp12,
    conjugate2,
    conjugate12,
    frobenius12,
    invert2,
    invert12,
    multiply2,
    multiply12,
    multiply_by_line,
    square2,
    square12,
    square_unitary,
)

G1Point: TypeAlias = tuple[int, int]
G2Point: TypeAlias = tuple[Fp2, Fp2]
_Homogeneous: TypeAlias = tuple[Fp2, Fp2, Fp2]
_Line: TypeAlias = tuple[Fp2, Fp2, Fp2]

TWIST_B = multiply2((3, 0), invert2(XI))
_THREE_TWIST_B = TWIST_B[0] * 3 % PRIME, TWIST_B[1] * 3 % PRIME


def _signed_digits(number: int) -> tuple[int, ...]:
    """`number` in digits -1, 0, 1 of which no two neighbours count (the non-adjacent form), highest first."""
    digits = []
    while number:
        digit = 2 - number % 4 if number % 2 else 0
        digits.append(digit)
        number = (number - digit) // 2
    return tuple(reversed(digits))


_LOOP = _signed_digits(6 * PARAMETER + 2)[1:]
_PARAMETER_DIGITS = _signed_digits(PARAMETER)[1:]
_EIGENVALUE_DIGITS = _signed_digits(6 * PARAMETER**2)[1:]


def is_on_twist(point: G2Point) -> bool:
    """Whether the point fulfils the twist's equation."""
    x, y = point
    cube, square = multiply2(square2(x), x), square2(y)
    return all((square[k] - cube[k] - TWIST_B[k]) % PRIME == 0 for k in (0, 1))


def is_in_subgroup(point: G2Point) -> bool:
    """
    Whether ORDER times a point of the twist is infinity.

    The Frobenius map of the curve, carried over to the twist, fulfils f^2 - trace f + PRIME = 0 on all of it, and
    trace - 1 = 6t^2. Where f(Q) = (trace - 1) Q, so, (PRIME + 1 - trace) Q = ORDER Q is infinity; and on the subgroup,
    whose order is prime, f is that multiple.
    """
    x, y, z = _multiply_by_eigenvalue(point)
    image_x, image_y = _frobenius_of_twist(point)
    z_squared = square2(z)
    return z != (0, 0) and x == multiply2(image_x, z_squared) and y == multiply2(image_y, multiply2(z_squared, z))


def _frobenius_of_twist(point: G2Point) -> G2Point:
    x, y = point
    return multiply2(conjugate2(x), FROBENIUS_FACTORS[1][2]), multiply2(conjugate2(y), FROBENIUS_FACTORS[1][3])


def _multiply_by_eigenvalue(point: G2Point) -> tuple[Fp2, Fp2, Fp2]:
    """6t^2 times the point, in Jacobian coordinates (x / z^2, y / z^3); z is zero at infinity."""
    x, y = point
    minus_y = (-y[0] % PRIME, -y[1] % PRIME)
    result = (x, y, ONE2)
    for digit in _EIGENVALUE_DIGITS:
        result = _double_jacobian(result)
        if digit:
            result = _add_jacobian(result, x, y if digit > 0 else minus_y)
    return result


def _double_jacobian(point: tuple[Fp2, Fp2, Fp2]) -> tuple[Fp2, Fp2, Fp2]:
    x, y, z = point
    x_squared, y_squared = square2(x), square2(y)
    y_fourth = square2(y_squared)
    shift = multiply2((4 * x[0], 4 * x[1]), y_squared)
    slope = (3 * x_squared[0], 3 * x_squared[1])
    slope_squared = square2(slope)
    new_x = ((slope_squared[0] - 2 * shift[0]) % PRIME, (slope_squared[1] - 2 * shift[1]) % PRIME)
    rise = multiply2(slope, (shift[0] - new_x[0], shift[1] - new_x[1]))
    new_y = ((rise[0] - 8 * y_fourth[0]) % PRIME, (rise[1] - 8 * y_fourth[1]) % PRIME)
    return new_x, new_y, multiply2((2 * y[0], 2 * y[1]), z)


def _add_jacobian(point: tuple[Fp2, Fp2, Fp2], x2: Fp2, y2: Fp2) -> tuple[Fp2, Fp2, Fp2]:
    x1, y1, z1 = point
    if z1 == (0, 0):
        return x2, y2, ONE2
    z_squared = square2(z1)
    u, s = multiply2(x2, z_squared), multiply2(y2, multiply2(z_squared, z1))
    run = ((u[0] - x1[0]) % PRIME, (u[1] - x1[1]) % PRIME)
    rise = ((s[0] - y1[0]) % PRIME, (s[1] - y1[1]) % PRIME)
    if run == (0, 0):
        return _double_jacobian(point) if rise == (0, 0) else (ONE2, ONE2, (0, 0))
    run_squared = square2(run)
    run_cubed, anchor, rise_squared = multiply2(run_squared, run), multiply2(x1, run_squared), square2(rise)
    x = tuple((rise_squared[k] - run_cubed[k] - 2 * anchor[k]) % PRIME for k in (0, 1))
    new_x = (x[0], x[1])
    left, right = multiply2(rise, (anchor[0] - x[0], anchor[1] - x[1])), multiply2(y1, run_cubed)
    return new_x, ((left[0] - right[0]) % PRIME, (left[1] - right[1]) % PRIME), multiply2(run, z1)


def is_product_one(pairs: Sequence[tuple[G1Point, G2Point]]) -> bool:
    """Whether the pairings of all pairs multiply to one; no point is infinity, second points are in the subgroup."""
    return not pairs or _raise_to_final_exponent(_run_loops(pairs)) == ONE12


def _run_loops(pairs: Sequence[tuple[G1Point, G2Point]]) -> Fp12:
    """The product of Miller's functions of all pairs, up to factors that the final exponentiation takes away."""
    minus = [((x, (-y[0] % PRIME, -y[1] % PRIME))) for _, (x, y) in pairs]
    running: list[_Homogeneous] = [(x, y, ONE2) for _, (x, y) in pairs]
    result = ONE12
    for digit in _LOOP:
        result = square12(result)
        for index, (first, second) in enumerate(pairs):
            point, line = _double(running[index])
            result = _evaluate(result, line, first)
            if digit:
                point, line = _add(point, second if digit > 0 else minus[index])
                result = _evaluate(result, line, first)
            running[index] = point
    for index, (first, second) in enumerate(pairs):
        point, line = _add(running[index], _frobenius_of_twist(second))
        result = _evaluate(result, line, first)
        x, y = second
        scale = FROBENIUS_FACTORS[2][2]  # the map twice is (scale x, -y); what is added here is minus that
        result = _evaluate(result, _add(point, (multiply2(x, scale), y))[1], first)
    return result


def _evaluate(value: Fp12, line: _Line, point: G1Point) -> Fp12:
    (a0, a1), (b0, b1), cube = line
    x, y = point
    return multiply_by_line(value, (a0 * y % PRIME, a1 * y % PRIME), (b0 * x % PRIME, b1 * x % PRIME), cube)


def _double(point: _Homogeneous) -> tuple[_Homogeneous, _Line]:
    """Twice the point, and the tangent as coefficients of y, of x w, and of w^3."""
    x, y, z = point
    xy, y_squared, z_squared = multiply2(x, y), square2(y), square2(z)
    x_squared = square2(x)
    e = multiply2(_THREE_TWIST_B, z_squared)
    e_squared = square2(e)
    yz = multiply2(y, z)
    h0, h1 = 2 * yz[0], 2 * yz[1]
    (b0, b1), (e0, e1) = y_squared, e
    new_x = multiply2((2 * xy[0], 2 * xy[1]), (b0 - 3 * e0, b1 - 3 * e1))
    half = square2((b0 + 3 * e0, b1 + 3 * e1))
    new_y = ((half[0] - 12 * e_squared[0]) % PRIME, (half[1] - 12 * e_squared[1]) % PRIME)
    new_z = multiply2((4 * b0, 4 * b1), (h0, h1))
    return (new_x, new_y, new_z), ((-h0, -h1), (3 * x_squared[0], 3 * x_squared[1]), (e0 - b0, e1 - b1))


def _add(point: _Homogeneous, other: G2Point) -> tuple[_Homogeneous, _Line]:
    """Sum of two different points, and the line through them as coefficients of y, of x w, and of w^3."""
    (x1, y1, z1), (x2, y2) = point, other
    p, q = multiply2(y2, z1), multiply2(x2, z1)
    rise, run = (y1[0] - p[0], y1[1] - p[1]), (x1[0] - q[0], x1[1] - q[1])
    c, d = square2(rise), square2(run)
    e, f, g = multiply2(run, d), multiply2(z1, c), multiply2(x1, d)
    h0, h1 = e[0] + f[0] - 2 * g[0], e[1] + f[1] - 2 * g[1]
    left, right = multiply2(rise, (g[0] - h0, g[1] - h1)), multiply2(e, y1)
    sum_ = multiply2(run, (h0, h1)), ((left[0] - right[0]) % PRIME, (left[1] - right[1]) % PRIME), multiply2(e, z1)
    left, right = multiply2(rise, x2), multiply2(run, y2)
    return sum_, (run, (-rise[0], -rise[1]), (left[0] - right[0], left[1] - right[1]))


def _raise_to_final_exponent(value: Fp12) -> Fp12:
    """
    value ** ((PRIME**12 - 1) / ORDER * c), with c not a multiple of ORDER.

    The hard part is that of Fuentes-Castañeda, Knapp and Rodríguez-Henríquez (2011), for c = 2t (6t^2 + 3t + 1).
    """
    value = multiply12(conjugate12(value), invert12(value))
    a = multiply12(frobenius12(value, 2), value)  # from here on the inverse is the conjugate
    a2t = square_unitary(_raise_to_parameter(a))
    a6t = multiply12(square_unitary(a2t), a2t)
    a6tt = _raise_to_parameter(a6t)
    a12ttt = _raise_to_parameter(square_unitary(a6tt))
    third = multiply12(multiply12(a12ttt, a6tt), a6t)  # 12t^3 + 6t^2 + 6t
    second = multiply12(third, conjugate12(a2t))  # 12t^3 + 6t^2 + 4t
    first = multiply12(multiply12(third, a6tt), a)  # 12t^3 + 12t^2 + 6t + 1
    last = multiply12(second, conjugate12(a))  # 12t^3 + 6t^2 + 4t - 1
    result = multiply12(first, frobenius12(second, 1))
    result = multiply12(result, frobenius12(third, 2))
    return multiply12(result, frobenius12(last, 3))


def _raise_to_parameter(value: Fp12) -> Fp12:
    inverse, result = conjugate12(value), value
    for digit in _PARAMETER_DIGITS:
        result = square_unitary(result)
        if digit:
            result = multiply12(result, value if digit > 0 else inverse)
    return result
