"""P256VERIFY beside another implementation of ECDSA, and where the two halves of the sum meet."""

from random import Random

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)

from sequencer.execution.p256 import ORDER, PRIME, verify_p256


def public_key(secret: int) -> tuple[int, int]:
    numbers = ec.derive_private_key(secret, ec.SECP256R1()).public_key().public_numbers()
    return numbers.x, numbers.y


def verify_with_openssl(digest: int, r: int, s: int, secret: int) -> bool:
    key = ec.derive_private_key(secret, ec.SECP256R1()).public_key()
    try:
        key.verify(encode_dss_signature(r, s), digest.to_bytes(32, "big"), ec.ECDSA(Prehashed(hashes.SHA256())))
    except InvalidSignature:
        return False
    return True


def sign(digest: int, secret: int) -> tuple[int, int]:
    key = ec.derive_private_key(secret, ec.SECP256R1())
    return decode_dss_signature(key.sign(digest.to_bytes(32, "big"), ec.ECDSA(Prehashed(hashes.SHA256()))))


@pytest.mark.parametrize("seed", range(8))
def test_random_signatures_verify_and_their_neighbours_do_not(seed: int) -> None:
    random = Random(seed)
    digest, secret = random.randrange(2**256), random.randrange(1, ORDER)
    r, s = sign(digest, secret)
    x, y = public_key(secret)

    assert verify_p256(digest, r, s, x, y)
    assert verify_p256(digest, r, ORDER - s, x, y)
    for other in ((digest ^ 1, r, s), (digest, r ^ 1, s), (digest, r, s ^ 1), (digest, s, r)):
        assert verify_p256(*other, x, y) == verify_with_openssl(*other, secret) is False
    assert not verify_p256(digest, r, s, x, PRIME - y)


@pytest.mark.parametrize("digest", [0, 1, ORDER - 1, ORDER, ORDER + 1, 2**256 - 1])
@pytest.mark.parametrize("secret", [1, 2, 3, ORDER - 1, ORDER - 2])
def test_signatures_of_edge_digests_by_keys_beside_the_generator(digest: int, secret: int) -> None:
    r, s = sign(digest, secret)

    assert verify_p256(digest, r, s, *public_key(secret))
    assert not verify_p256(digest ^ 2, r, s, *public_key(secret))


def test_sum_at_infinity_is_no_signature() -> None:
    digest, secret = 12345, 6789
    r = -digest * pow(secret, -1, ORDER) % ORDER  # digest + r * secret is zero

    for s in (1, 2, ORDER - 1):
        assert not verify_p256(digest, r, s, *public_key(secret))


def test_values_out_of_range_are_no_signature() -> None:
    digest, secret = 12345, 6789
    r, s = sign(digest, secret)
    x, y = public_key(secret)

    assert verify_p256(digest, r, s, x, y)
    for bad in (
        (0, s, x, y),
        (r, 0, x, y),
        (ORDER, s, x, y),
        (r, ORDER, x, y),
        (r + ORDER, s, x, y),
        (r, s + ORDER, x, y),
    ):
        assert not verify_p256(digest, *bad)
    for bad in ((r, s, 0, 0), (r, s, x + PRIME, y), (r, s, x, y + PRIME), (r, s, x, y ^ 1), (r, s, y, x)):
        assert not verify_p256(digest, *bad)


def test_digest_above_the_order_counts_as_its_rest() -> None:
    r, s = sign(5, 77)

    assert verify_p256(5 + ORDER, r, s, *public_key(77))
    assert not verify_p256(6 + ORDER, r, s, *public_key(77))
