"""The precompiles of BLS12-381: the interpreter's results, gas and refusals, in a thousandth of its time."""

from pathlib import Path
from random import Random

import eth._utils
import pytest
from py_ecc import optimized_bls12_381 as reference

from sequencer.execution import bls12381
from sequencer.execution.precompiles import (
    BLS_G1_ADD,
    BLS_G1_MSM,
    BLS_G2_ADD,
    BLS_G2_MSM,
    BLS_MAP_TO_G1,
    BLS_MAP_TO_G2,
    BLS_MODULUS,
    BLS_PAIRING,
    PURE_PRECOMPILES,
)
from tests.unit.execution.curve_fixture import (
    BLS_PRIME,
    random_curve_point,
    random_twist_point,
    run_interpreters_own,
    words,
)

TRUE, FALSE = (1).to_bytes(32, "big"), bytes(32)
INFINITY1, INFINITY2 = bytes(128), bytes(256)


def g1(scalar: int) -> bytes:
    x, y = reference.normalize(reference.multiply(reference.G1, scalar % BLS_MODULUS))
    return words(x.n, y.n, size=64)


def g2(scalar: int) -> bytes:
    x, y = reference.normalize(reference.multiply(reference.G2, scalar % BLS_MODULUS))
    return words(*(int(c) for c in (*x.coeffs, *y.coeffs)), size=64)


def curve_point(seed: int) -> bytes:
    """A point of the curve outside of G1."""
    return words(*random_curve_point(Random(seed), BLS_PRIME, 4), size=64)


def twist_point(seed: int) -> bytes:
    """A point of the twist outside of G2."""
    x, y = random_twist_point(Random(seed), BLS_PRIME, (4, 4))
    return words(*x, *y, size=64)


def minus(point: bytes) -> bytes:
    half = len(point) // 2
    numbers = [int.from_bytes(point[i : i + 64], "big") for i in range(half, len(point), 64)]
    return point[:half] + words(*(-number % BLS_PRIME for number in numbers), size=64)


def scalar(number: int) -> bytes:
    return number.to_bytes(32, "big")


def check(address: bytes, data: bytes) -> bytes | None:
    """The output, after a look that the interpreter has the same and takes the same gas."""
    precompile = PURE_PRECOMPILES[address]
    output = precompile.run(data)
    assert run_interpreters_own(address, data) == (None if output is None else (precompile.gas(data), output)), (
        data.hex()
    )
    return output


def test_g1_sums_need_no_subgroup() -> None:
    points = [
        INFINITY1,
        g1(1),
        g1(2),
        minus(g1(1)),
        curve_point(1),
        curve_point(2),
        minus(curve_point(1)),
        words(0, 2, size=64),
    ]

    for first in points:
        for second in points:
            assert check(BLS_G1_ADD, first + second) is not None
    assert check(BLS_G1_ADD, g1(1) + minus(g1(1))) == INFINITY1


def test_g2_sums_need_no_subgroup() -> None:
    points = [INFINITY2, g2(1), g2(2), minus(g2(1)), twist_point(1), minus(twist_point(1))]

    for first in points:
        for second in points:
            assert check(BLS_G2_ADD, first + second) is not None
    assert check(BLS_G2_ADD, twist_point(1) + minus(twist_point(1))) == INFINITY2


@pytest.mark.parametrize("bit", [1 << 381, 1 << 382, 1 << 383, 1 << 384, 1 << 511])
def test_coordinates_have_one_form_only(bit: int) -> None:
    """The library reads flags from the highest bits; on the wire there are none."""
    for position in (0, 64):
        number = int.from_bytes(g1(1)[position : position + 64], "big") + bit
        bad = g1(1)[:position] + number.to_bytes(64, "big") + g1(1)[position + 64 :]
        flagged_infinity = words(bit if position == 0 else 0, bit if position else 0, size=64)
        assert check(BLS_G1_ADD, bad + g1(2)) is None
        assert check(BLS_G1_ADD, flagged_infinity + g1(2)) is None
    for position in (0, 64, 128, 192):
        number = int.from_bytes(g2(1)[position : position + 64], "big") | bit
        bad = g2(1)[:position] + number.to_bytes(64, "big") + g2(1)[position + 64 :]
        flagged_infinity = INFINITY2[:position] + bit.to_bytes(64, "big") + INFINITY2[position + 64 :]
        assert check(BLS_G2_ADD, bad + g2(2)) is None
        assert check(BLS_G2_ADD, flagged_infinity + g2(2)) is None


def test_coordinates_are_below_the_prime_and_on_the_curve() -> None:
    x, y = (int.from_bytes(g1(1)[i : i + 64], "big") for i in (0, 64))

    for bad in (
        words(x + BLS_PRIME, y, size=64),
        words(x, y + 1, size=64),
        words(BLS_PRIME, 0, size=64),
        b"\xff" * 128,
    ):
        assert check(BLS_G1_ADD, bad + INFINITY1) is None
        assert check(BLS_G1_ADD, INFINITY1 + bad) is None
    assert check(BLS_G2_ADD, g2(1)[:-1] + b"\0" + INFINITY2) is None


def test_sums_take_exactly_two_points() -> None:
    assert check(BLS_G1_ADD, b"") is None
    assert check(BLS_G1_ADD, g1(1) + g1(1)[:-1]) is None
    assert check(BLS_G2_ADD, g2(1) + g2(1) + b"\0") is None


def test_g1_multiples() -> None:
    random = Random(8)
    scalars = [0, 1, BLS_MODULUS - 1, BLS_MODULUS, BLS_MODULUS + 5, 2**256 - 1]
    terms = [g1(3) + scalar(n) for n in scalars] + [INFINITY1 + scalar(7)]

    for term in terms:
        check(BLS_G1_MSM, term)
    check(BLS_G1_MSM, b"".join(terms))
    check(BLS_G1_MSM, b"".join(g1(random.randrange(2**64)) + scalar(random.randrange(2**256)) for _ in range(7)))
    assert check(BLS_G1_MSM, g1(3) + scalar(0)) == INFINITY1
    assert check(BLS_G1_MSM, g1(3) + scalar(1) + minus(g1(3)) + scalar(1)) == INFINITY1


def test_g2_multiples() -> None:
    terms = [g2(3) + scalar(n) for n in (0, BLS_MODULUS + 5, 2**256 - 1)] + [INFINITY2 + scalar(7)]

    check(BLS_G2_MSM, b"".join(terms))
    assert check(BLS_G2_MSM, g2(3) + scalar(BLS_MODULUS)) == INFINITY2


def test_multiples_are_of_points_of_the_subgroup_only() -> None:
    assert check(BLS_G1_MSM, curve_point(1) + scalar(1)) is None
    assert check(BLS_G1_MSM, g1(1) + scalar(1) + curve_point(1) + scalar(0)) is None
    assert check(BLS_G2_MSM, twist_point(1) + scalar(1)) is None
    assert check(BLS_G1_MSM, b"") is None
    assert check(BLS_G2_MSM, b"") is None
    assert check(BLS_G1_MSM, g1(1) + scalar(1) + b"\0") is None
    assert check(BLS_G2_MSM, (g2(1) + scalar(1))[:-1]) is None


@pytest.mark.parametrize(
    ("terms", "first", "second"),
    [(0, 0, 0), (1, 12_000, 22_500), (2, 22_776, 45_000), (128, 797_184, 1_509_120), (129, 803_412, 1_520_910)],
)
def test_gas_of_multiples_is_discounted_up_to_128(terms: int, first: int, second: int) -> None:
    assert bls12381.g1_sum_gas(bytes(160 * terms)) == first
    assert bls12381.g2_sum_gas(bytes(288 * terms)) == second


def test_pairing() -> None:
    assert check(BLS_PAIRING, g1(6) + g2(7) + minus(g1(42)) + g2(1)) == TRUE
    assert check(BLS_PAIRING, g1(6) + g2(7)) == FALSE
    assert check(BLS_PAIRING, INFINITY1 + g2(7) + g1(6) + INFINITY2) == TRUE
    assert bls12381.run_pairing(g1(6) + g2(7) + minus(g1(43)) + g2(1)) == FALSE


def test_pairing_refuses_points_outside_of_the_subgroups() -> None:
    assert check(BLS_PAIRING, curve_point(1) + INFINITY2) is None
    assert check(BLS_PAIRING, INFINITY1 + twist_point(1)) is None
    assert check(BLS_PAIRING, b"") is None
    assert check(BLS_PAIRING, g1(1) + g2(1)[:-1]) is None


def test_maps_to_the_groups() -> None:
    for number in (0, 1, BLS_PRIME - 1, Random(9).randrange(BLS_PRIME)):
        assert check(BLS_MAP_TO_G1, words(number, size=64)) is not None
    assert check(BLS_MAP_TO_G2, words(0, 0, size=64)) is not None
    assert check(BLS_MAP_TO_G2, words(BLS_PRIME - 1, Random(9).randrange(BLS_PRIME), size=64)) is not None


def test_maps_are_of_elements_of_the_field_only() -> None:
    for number in (BLS_PRIME, BLS_PRIME + 1, 1 << 384, 2**512 - 1):
        assert check(BLS_MAP_TO_G1, words(number, size=64)) is None
        assert check(BLS_MAP_TO_G2, words(0, number, size=64)) is None
        assert check(BLS_MAP_TO_G2, words(number, 0, size=64)) is None
    assert check(BLS_MAP_TO_G1, bytes(63)) is None
    assert check(BLS_MAP_TO_G2, bytes(129)) is None


def test_secret_of_the_ceremony_is_that_of_the_whole_setup() -> None:
    setup = Path(eth._utils.__file__).with_name("kzg_trusted_setup.txt").read_text().split()

    assert bls12381.SECRET_TIMES_G2.hex() == setup[2 + 4096 + 1]


def test_kzg_proof_of_a_constant_polynomial() -> None:
    generator = "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
    commitment, proof = bytes.fromhex(generator), b"\xc0" + bytes(47)  # the polynomial 1

    assert bls12381.verify_kzg_proof(commitment, scalar(5), scalar(1), proof)
    assert not bls12381.verify_kzg_proof(commitment, scalar(5), scalar(2), proof)
    assert not bls12381.verify_kzg_proof(commitment, scalar(5), scalar(1), commitment)


def test_kzg_proof_of_a_polynomial_of_degree_one() -> None:
    """X + 2: its commitment is the secret's point plus two generators, its quotient is 1 wherever it is opened."""
    setup = Path(eth._utils.__file__).with_name("kzg_trusted_setup.txt").read_text().split()
    secret = bls12381.G1Point.from_compressed_bytes(bytes.fromhex(setup[2 + 4096 + 65 + 1]))
    commitment = (secret + bls12381.G1Point() + bls12381.G1Point()).to_compressed_bytes()
    proof = bls12381.G1Point().to_compressed_bytes()

    assert bls12381.verify_kzg_proof(commitment, scalar(40), scalar(42), proof)
    assert not bls12381.verify_kzg_proof(commitment, scalar(41), scalar(42), proof)


@pytest.mark.parametrize("head", ["c0", "e0", "40", "00", "ff"])
def test_compressed_infinity_has_one_form_only(head: str) -> None:
    infinity = b"\xc0" + bytes(47)
    other = bytes.fromhex(head) + bytes(46) + b"\x01"

    assert bls12381.verify_kzg_proof(infinity, scalar(0), scalar(0), infinity)
    for points in ((other, infinity), (infinity, other)):
        with pytest.raises(ValueError):
            bls12381.verify_kzg_proof(points[0], scalar(0), scalar(0), points[1])


@pytest.mark.parametrize("number", [BLS_MODULUS, 2**256 - 1])
def test_scalars_of_kzg_proofs_are_below_the_order(number: int) -> None:
    infinity = b"\xc0" + bytes(47)

    for z, y in ((scalar(number), scalar(0)), (scalar(0), scalar(number))):
        with pytest.raises(ValueError):
            bls12381.verify_kzg_proof(infinity, z, y, infinity)
