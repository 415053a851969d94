"""
The precompiles of the curve alt_bn128: addition and multiplication (EIP-196, EIP-1108), pairing check (EIP-197).

Pure functions from input to output; None means that the input is refused and the call fails. Points are affine, None
is infinity, which is zeros on the wire. Addition and multiplication take short input for one that goes on with zeros.
"""

from typing import TypeAlias

from .bn254_field import ORDER, PRIME, Fp2
from .bn254_pairing import G1Point, G2Point, is_in_subgroup, is_on_twist, is_product_one

ADD_GAS = 150
MULTIPLY_GAS = 6_000
PAIRING_GAS = 45_000
PAIRING_GAS_PER_PAIR = 34_000
BYTES_PER_PAIR = 192

WINDOW_BITS = 4
"""Bits of a scalar that one addition takes care of; more would only lengthen the table that each point needs."""

_Jacobian: TypeAlias = tuple[int, int, int]
_INFINITY: _Jacobian = (1, 1, 0)


class BadPoint(ValueError):
    """The input is no point of the curve, or of the subgroup where that is asked for."""


def pairing_gas(data: bytes) -> int:
    """Gas of the pairing check."""
    return PAIRING_GAS + PAIRING_GAS_PER_PAIR * (len(data) // BYTES_PER_PAIR)


def run_add(data: bytes) -> bytes | None:
    """The sum of two points."""
    data = data[:128].ljust(128, b"\0")
    try:
        first, second = _decode_g1(data[:64]), _decode_g1(data[64:])
    except BadPoint:
        return None
    if first is None or second is None:
        return _encode_g1(second if first is None else first)
    (x1, y1), (x2, y2) = first, second
    if x1 != x2:
        slope = (y2 - y1) * pow(x2 - x1, -1, PRIME)
    elif y1 == y2:  # never zero: the order of the curve is odd
        slope = 3 * x1 * x1 * pow(2 * y1, -1, PRIME)
    else:
        return bytes(64)
    x = (slope * slope - x1 - x2) % PRIME
    return _encode_g1((x, (slope * (x1 - x) - y1) % PRIME))


def run_multiply(data: bytes) -> bytes | None:
    """A point times a scalar, which may be above the order."""
    data = data[:96].ljust(96, b"\0")
    try:
        point = _decode_g1(data[:64])
    except BadPoint:
        return None
    scalar = int.from_bytes(data[64:], "big") % ORDER
    return bytes(64) if point is None or scalar == 0 else _encode_g1(_multiply(point, scalar))


def run_pairing(data: bytes) -> bytes | None:
    """32 bytes of value 1 when the pairings of all pairs multiply to one, of value 0 when they do not."""
    if len(data) % BYTES_PER_PAIR:
        return None
    pairs = []
    try:
        for start in range(0, len(data), BYTES_PER_PAIR):
            first = _decode_g1(data[start : start + 64])
            second = _decode_g2(data[start + 64 : start + BYTES_PER_PAIR])
            if first is not None and second is not None:
                pairs.append((first, second))
    except BadPoint:
        return None
    return int(is_product_one(pairs)).to_bytes(32, "big")


def _decode_coordinates(data: bytes) -> list[int]:
    numbers = [int.from_bytes(data[i : i + 32], "big") for i in range(0, len(data), 32)]
    if any(number >= PRIME for number in numbers):
        raise BadPoint("coordinate is not below the prime")
    return numbers


def _decode_g1(data: bytes) -> G1Point | None:
    x, y = _decode_coordinates(data)
    if x == y == 0:
        return None
    if (y * y - x * x * x - 3) % PRIME:
        raise BadPoint("point is not on the curve")
    return x, y


def _decode_g2(data: bytes) -> G2Point | None:
    x_imaginary, x_real, y_imaginary, y_real = _decode_coordinates(data)
    x: Fp2 = (x_real, x_imaginary)
    y: Fp2 = (y_real, y_imaginary)
    if x == y == (0, 0):
        return None
    if not is_on_twist((x, y)):
        raise BadPoint("point is not on the twist")
    if not is_in_subgroup((x, y)):
        raise BadPoint("point is not in the subgroup")
    return x, y


def _encode_g1(point: G1Point | None) -> bytes:
    return bytes(64) if point is None else point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def _multiply(point: G1Point, scalar: int) -> G1Point:
    """scalar * point, of a scalar above zero and below the order: never infinity."""
    table: list[_Jacobian] = [_INFINITY, (*point, 1)]
    for _ in range(2, 1 << WINDOW_BITS):
        table.append(_add(table[-1], table[1]))
    result = _INFINITY
    for shift in range((scalar.bit_length() - 1) // WINDOW_BITS * WINDOW_BITS, -1, -WINDOW_BITS):
        for _ in range(WINDOW_BITS):
            result = _double(result)
        digit = scalar >> shift & (1 << WINDOW_BITS) - 1
        if digit:
            result = _add(result, table[digit])
    x, y, z = result
    inverse = pow(z, -1, PRIME)
    square = inverse * inverse % PRIME
    return x * square % PRIME, y * square * inverse % PRIME


def _double(point: _Jacobian) -> _Jacobian:
    x, y, z = point
    y_squared = y * y % PRIME
    shift = 4 * x * y_squared % PRIME
    slope = 3 * x * x % PRIME
    new_x = (slope * slope - 2 * shift) % PRIME
    return new_x, (slope * (shift - new_x) - 8 * y_squared * y_squared) % PRIME, 2 * y * z % PRIME


def _add(p: _Jacobian, q: _Jacobian) -> _Jacobian:
    (x1, y1, z1), (x2, y2, z2) = p, q
    if z1 == 0 or z2 == 0:
        return q if z1 == 0 else p
    z1_squared, z2_squared = z1 * z1 % PRIME, z2 * z2 % PRIME
    u1, u2 = x1 * z2_squared % PRIME, x2 * z1_squared % PRIME
    s1, s2 = y1 * z2 * z2_squared % PRIME, y2 * z1 * z1_squared % PRIME
    if u1 == u2:
        return _double(p) if s1 == s2 else _INFINITY
    run, rise = u2 - u1, s2 - s1
    run_squared = run * run % PRIME
    run_cubed, anchor = run * run_squared % PRIME, u1 * run_squared % PRIME
    x = (rise * rise - run_cubed - 2 * anchor) % PRIME
    return x, (rise * (anchor - x) - s1 * run_cubed) % PRIME, run * z1 * z2 % PRIME
