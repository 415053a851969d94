"""
Signatures over the curve P-256 (FIPS 186-5, section 6.4.2), for the precompile P256VERIFY (specs, precompiles.md).

Points are in Jacobian coordinates (x/z^2, y/z^3); None is the point at infinity. Nothing here is secret, so nothing
takes constant time.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from operator import itemgetter
from typing import TypeAlias

PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
GENERATOR = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    1,
)

Point: TypeAlias = "tuple[int, int, int] | None"


WINDOW_BITS = 5
"""Bits of a scalar that one addition of a multiple of the public key takes care of, at most."""

GENERATOR_WINDOW_BITS = 8
"""The same for the generator, whose multiples are made once."""


def verify_p256(digest: int, r: int, s: int, x: int, y: int) -> bool:
    """Whether (r, s) is a signature of `digest` by the public key (x, y); every out-of-range value is a no."""
    if not (0 < r < ORDER and 0 < s < ORDER and x < PRIME and y < PRIME):
        return False
    if (y * y - x * x * x + 3 * x - B) % PRIME:
        return False
    inverse = pow(s, -1, ORDER)
    point = _add_multiples(digest * inverse % ORDER, r * inverse % ORDER, (x, y, 1))
    if point is None:
        return False
    return point[0] * pow(point[2], -2, PRIME) % PRIME % ORDER == r


def _add_multiples(first: int, second: int, key: Point) -> Point:
    """first * GENERATOR + second * key, both from the top bit down together (Shamir's trick, sliding windows)."""
    key_multiples = _make_odd_multiples(key, WINDOW_BITS)
    additions = [*_split(first, GENERATOR_WINDOW_BITS, _generator_multiples())]
    additions += _split(second, WINDOW_BITS, key_multiples)
    additions.sort(key=itemgetter(0), reverse=True)
    result: Point = None
    position = additions[0][0] if additions else 0
    for shift, multiple in additions:
        while position > shift:
            result = _double(result)
            position -= 1
        result = _add(result, multiple)
    for _ in range(position):
        result = _double(result)
    return result


def _split(scalar: int, window_bits: int, odd_multiples: Sequence[Point]) -> Iterator[tuple[int, Point]]:
    """Write a scalar as odd multiples below 2**window_bits, each shifted; from the lowest bit up."""
    shift = 0
    while scalar:
        zeros = (scalar & -scalar).bit_length() - 1
        scalar >>= zeros
        shift += zeros
        odd = scalar & (1 << window_bits) - 1
        yield shift, odd_multiples[odd >> 1]
        scalar -= odd


def _make_odd_multiples(point: Point, window_bits: int) -> list[Point]:
    """1, 3, 5... times the point, up to 2**window_bits."""
    twice, multiples = _double(point), [point]
    for _ in range((1 << window_bits - 1) - 1):
        multiples.append(_add(multiples[-1], twice))
    return multiples


@cache
def _generator_multiples() -> tuple[Point, ...]:
    return tuple(_make_odd_multiples(GENERATOR, GENERATOR_WINDOW_BITS))


def _double(point: Point) -> Point:
    if point is None or point[1] == 0:
        return None
    x, y, z = point
    z_squared, y_squared = z * z % PRIME, y * y % PRIME
    slope = 3 * (x - z_squared) * (x + z_squared) % PRIME
    shift = 4 * x * y_squared % PRIME
    new_x = (slope * slope - 2 * shift) % PRIME
    return new_x, (slope * (shift - new_x) - 8 * y_squared * y_squared) % PRIME, 2 * y * z % PRIME


def _add(p: Point, q: Point) -> Point:
    if p is None or q is None:
        return q if p is None else p
    (x1, y1, z1), (x2, y2, z2) = p, q
    z1_squared, z2_squared = z1 * z1 % PRIME, z2 * z2 % PRIME
    u1, u2 = x1 * z2_squared % PRIME, x2 * z1_squared % PRIME
    s1, s2 = y1 * z2 * z2_squared % PRIME, y2 * z1 * z1_squared % PRIME
    if u1 == u2:
        return _double(p) if s1 == s2 else None
    run, rise = (u2 - u1) % PRIME, (s2 - s1) % PRIME
    run_squared = run * run % PRIME
    run_cubed, anchor = run * run_squared % PRIME, u1 * run_squared % PRIME
    x = (rise * rise - run_cubed - 2 * anchor) % PRIME
    return x, (rise * (anchor - x) - s1 * run_cubed) % PRIME, run * z1 * z2 % PRIME
