"""
The precompiles of the curve BLS12-381 (EIP-2537, EIP-4844), and the only door to the library that computes them.

Pure functions from input to output; None means that the input is refused and the call fails. On the wire a coordinate
has 64 bytes of which the first 16 are zero, and infinity is zeros; the library knows the coordinates without the zeros.
Points are checked for the curve everywhere, for the subgroup in multiplications and pairings only.

The library has no wheel for every platform. Where it is missing `IS_AVAILABLE` is False and nothing else here may be
called; the interpreter's own precompiles, slower by far, give the same results.
"""

from functools import cache
from typing import TypeVar

try:
    from py_arkworks_bls12381 import GT, G1Point, G2Point, Scalar

    IS_AVAILABLE = True
except ImportError:
    IS_AVAILABLE = False

G1_ADD_GAS = 375
G2_ADD_GAS = 600
MAP_TO_G1_GAS = 5_500
MAP_TO_G2_GAS = 23_800
PAIRING_GAS = 37_700
PAIRING_GAS_PER_PAIR = 32_600
G1_MULTIPLICATION_GAS = 12_000
G2_MULTIPLICATION_GAS = 22_500

G1_BYTES, G2_BYTES, SCALAR_BYTES = 128, 256, 32
G1_TERM_BYTES = G1_BYTES + SCALAR_BYTES
G2_TERM_BYTES = G2_BYTES + SCALAR_BYTES
PAIR_BYTES = G1_BYTES + G2_BYTES
_PADDING = bytes(16)

SECRET_TIMES_G2 = bytes.fromhex(
    "b5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72"
    "185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2"
)
"""The secret of the KZG ceremony of Ethereum times the generator of G2: all of the setup that proofs are checked by."""

_Point = TypeVar("_Point", "G1Point", "G2Point")

# fmt: off
G1_PER_MILLE = (
    1000, 949, 848, 797, 764, 750, 738, 728, 719, 712, 705, 698, 692, 687, 682, 677,
    673, 669, 665, 661, 658, 654, 651, 648, 645, 642, 640, 637, 635, 632, 630, 627,
    625, 623, 621, 619, 617, 615, 613, 611, 609, 608, 606, 604, 603, 601, 599, 598,
    596, 595, 593, 592, 591, 589, 588, 586, 585, 584, 582, 581, 580, 579, 577, 576,
    575, 574, 573, 572, 570, 569, 568, 567, 566, 565, 564, 563, 562, 561, 560, 559,
    558, 557, 556, 555, 554, 553, 552, 551, 550, 549, 548, 547, 547, 546, 545, 544,
    543, 542, 541, 540, 540, 539, 538, 537, 536, 536, 535, 534, 533, 532, 532, 531,
    530, 529, 528, 528, 527, 526, 525, 525, 524, 523, 522, 522, 521, 520, 520, 519,
)
"""Of the gas of n multiplications their sum costs [n - 1] thousandths; more than 128 cost what 128 do, each."""

G2_PER_MILLE = (
    1000, 1000, 923, 884, 855, 832, 812, 796, 782, 770, 759, 749, 740, 732, 724, 717,
    711, 704, 699, 693, 688, 683, 679, 674, 670, 666, 663, 659, 655, 652, 649, 646,
    643, 640, 637, 634, 632, 629, 627, 624, 622, 620, 618, 615, 613, 611, 609, 607,
    606, 604, 602, 600, 598, 597, 595, 593, 592, 590, 589, 587, 586, 584, 583, 582,
    580, 579, 578, 576, 575, 574, 573, 571, 570, 569, 568, 567, 566, 565, 563, 562,
    561, 560, 559, 558, 557, 556, 555, 554, 553, 552, 552, 551, 550, 549, 548, 547,
    546, 545, 545, 544, 543, 542, 541, 541, 540, 539, 538, 537, 537, 536, 535, 535,
    534, 533, 532, 532, 531, 530, 530, 529, 528, 528, 527, 526, 526, 525, 524, 524,
)
# fmt: on


def g1_sum_gas(data: bytes) -> int:
    """Gas of a sum of multiples in G1."""
    return _sum_gas(len(data) // G1_TERM_BYTES, G1_MULTIPLICATION_GAS, G1_PER_MILLE)


def g2_sum_gas(data: bytes) -> int:
    """Gas of a sum of multiples in G2."""
    return _sum_gas(len(data) // G2_TERM_BYTES, G2_MULTIPLICATION_GAS, G2_PER_MILLE)


def _sum_gas(terms: int, gas_per_term: int, per_mille: tuple[int, ...]) -> int:
    return terms * gas_per_term * per_mille[min(terms, len(per_mille)) - 1] // 1000


def pairing_gas(data: bytes) -> int:
    """Gas of the pairing check."""
    return PAIRING_GAS + PAIRING_GAS_PER_PAIR * (len(data) // PAIR_BYTES)


def run_g1_add(data: bytes) -> bytes | None:
    """The sum of two points of the curve."""
    if len(data) != 2 * G1_BYTES:
        return None
    try:
        return _encode(_decode_g1(data[:G1_BYTES]) + _decode_g1(data[G1_BYTES:]))
    except ValueError:
        return None


def run_g2_add(data: bytes) -> bytes | None:
    """The sum of two points of the twist."""
    if len(data) != 2 * G2_BYTES:
        return None
    try:
        return _encode(_decode_g2(data[:G2_BYTES]) + _decode_g2(data[G2_BYTES:]))
    except ValueError:
        return None


def run_g1_sum(data: bytes) -> bytes | None:
    """The sum of points of G1, each times its scalar."""
    if not data or len(data) % G1_TERM_BYTES:
        return None
    starts = range(0, len(data), G1_TERM_BYTES)
    try:
        points = [_check_subgroup(_decode_g1(data[i : i + G1_BYTES])) for i in starts]
        scalars = [_decode_scalar(data[i + G1_BYTES : i + G1_TERM_BYTES]) for i in starts]
        return _encode(G1Point.multiexp_unchecked(points, scalars))
    except ValueError:
        return None


def run_g2_sum(data: bytes) -> bytes | None:
    """The sum of points of G2, each times its scalar."""
    if not data or len(data) % G2_TERM_BYTES:
        return None
    starts = range(0, len(data), G2_TERM_BYTES)
    try:
        points = [_check_subgroup(_decode_g2(data[i : i + G2_BYTES])) for i in starts]
        scalars = [_decode_scalar(data[i + G2_BYTES : i + G2_TERM_BYTES]) for i in starts]
        return _encode(G2Point.multiexp_unchecked(points, scalars))
    except ValueError:
        return None


def run_pairing(data: bytes) -> bytes | None:
    """32 bytes of value 1 when the pairings of all pairs multiply to one, of value 0 when they do not."""
    if not data or len(data) % PAIR_BYTES:
        return None
    starts = range(0, len(data), PAIR_BYTES)
    try:
        firsts = [_check_subgroup(_decode_g1(data[i : i + G1_BYTES])) for i in starts]
        seconds = [_check_subgroup(_decode_g2(data[i + G1_BYTES : i + PAIR_BYTES])) for i in starts]
        return int(GT.pairing_check(firsts, seconds)).to_bytes(32, "big")
    except ValueError:
        return None


def run_map_to_g1(data: bytes) -> bytes | None:
    """The point of G1 that belongs to an element of the field."""
    if len(data) != 64:
        return None
    try:
        return _encode(G1Point.map_from_fp_be(_strip_padding(data)))
    except ValueError:
        return None


def run_map_to_g2(data: bytes) -> bytes | None:
    """The point of G2 that belongs to an element of the field's square extension."""
    if len(data) != 128:
        return None
    try:
        return _encode(G2Point.map_from_fp2_be(_strip_padding(data)))
    except ValueError:
        return None


def verify_kzg_proof(commitment: bytes, z: bytes, y: bytes, proof: bytes) -> bool:
    """
    Whether the committed polynomial is y at z (EIP-4844, verify_kzg_proof).

    Points have 48 bytes, compressed, and scalars 32; raises ValueError for points not in G1 and scalars not below the
    order.
    """
    committed, quotient = _decompress_g1(commitment), _decompress_g1(proof)
    point, value = Scalar.from_be_bytes(z), Scalar.from_be_bytes(y)
    difference = committed - G1Point() * value + quotient * point
    return GT.pairing_check([difference, -quotient], [G2Point(), _secret_times_g2()])


@cache
def _secret_times_g2() -> "G2Point":
    return G2Point.from_compressed_bytes(SECRET_TIMES_G2)


def _decompress_g1(data: bytes) -> "G1Point":
    if data[0] & 0x40:  # the library does not look at the other bits of infinity
        if data != b"\xc0" + bytes(47):
            raise ValueError("infinity has one form only")
        return G1Point.identity()
    return G1Point.from_compressed_bytes(data)


def _strip_padding(data: bytes) -> bytes:
    """The 48 bytes of every coordinate of 64; raises ValueError where the other 16 are not zero."""
    if any(data[i : i + 16] != _PADDING for i in range(0, len(data), 64)):
        raise ValueError("coordinate has more than 48 bytes")
    return b"".join(data[i + 16 : i + 64] for i in range(0, len(data), 64))


def _decode_g1(data: bytes) -> "G1Point":
    """A point of the curve, in the subgroup or not; raises ValueError for any other."""
    return G1Point.from_xy_bytes_unchecked_be(_strip_padding(data))


def _decode_g2(data: bytes) -> "G2Point":
    """A point of the twist, in the subgroup or not; raises ValueError for any other."""
    return G2Point.from_xy_bytes_unchecked_be(_strip_padding(data))


def _check_subgroup(point: _Point) -> _Point:
    if not point.is_in_subgroup():
        raise ValueError("point is not in the subgroup")
    return point


def _decode_scalar(data: bytes) -> "Scalar":
    return Scalar.from_be_bytes_mod_order(data)


def _encode(point: "G1Point | G2Point") -> bytes:
    coordinates = point.to_xy_bytes_be()
    return b"".join(_PADDING + coordinates[i : i + 48] for i in range(0, len(coordinates), 48))
