"""
Signatures over the curve P-256 (FIPS 186-5, section 6.4.2), for the precompile P256VERIFY (specs, precompiles.md).

Points are in Jacobian coordinates (x/z^2, y/z^3); None is the point at infinity. Nothing here is secret, so nothing
takes constant time.
"""

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


def verify_p256(digest: int, r: int, s: int, x: int, y: int) -> bool:
    """Whether (r, s) is a signature of `digest` by the public key (x, y); every out-of-range value is a no."""
    if not (0 < r < ORDER and 0 < s < ORDER and x < PRIME and y < PRIME):
        return False
    if (y * y - x * x * x + 3 * x - B) % PRIME:
        return False
    inverse = pow(s, -1, ORDER)
    point = _add_multiples(digest * inverse % ORDER, GENERATOR, r * inverse % ORDER, (x, y, 1))
    if point is None:
        return False
    return point[0] * pow(point[2], -2, PRIME) % PRIME % ORDER == r


def _add_multiples(first: int, p: Point, second: int, q: Point) -> Point:
    """first * p + second * q, both from the top bit down together (Shamir's trick)."""
    choices = (None, p, q, _add(p, q))
    result: Point = None
    for bit in range(max(first.bit_length(), second.bit_length()) - 1, -1, -1):
        result = _double(result)
        choice = choices[(first >> bit & 1) + 2 * (second >> bit & 1)]
        if choice is not None:
            result = _add(result, choice)
    return result


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
