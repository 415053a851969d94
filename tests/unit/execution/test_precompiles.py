"""Precompiles that are ours: P256VERIFY, input limits, MODEXP, ECRECOVER, point evaluation."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from eth_hash.auto import keccak

from sequencer.execution.calls import run_call
from sequencer.execution.interface import CallMessage, CallResult
from sequencer.execution.precompiles import (
    BN256_PAIRING,
    ECRECOVER,
    P256_VERIFY,
    POINT_EVALUATION,
    run_ecrecover,
    run_modexp,
    run_p256_verify,
)
from sequencer.primitives.signature import CURVE_ORDER, sign_digest
from tests.factories import address, private_key
from tests.unit.execution.chain_fixture import make_environment, make_state

DIGEST = keccak(b"a message")


def p256_input(secret: int = 12345) -> bytes:
    key = ec.derive_private_key(secret, ec.SECP256R1())
    r, s = decode_dss_signature(key.sign(DIGEST, ec.ECDSA(Prehashed(hashes.SHA256()))))
    public = key.public_key().public_numbers()
    return DIGEST + b"".join(number.to_bytes(32, "big") for number in (r, s, public.x, public.y))


def call(to: bytes, data: bytes, is_optimism: bool = True) -> CallResult:
    message = CallMessage(sender=address(0), to=to, gas_limit=100_000_000, data=data)
    return run_call(make_environment(is_optimism), make_state(), message, {})


@pytest.mark.parametrize("secret", [1, 2, 12345, 2**255])
def test_p256_signature_verifies(secret: int) -> None:
    assert run_p256_verify(p256_input(secret)) == (1).to_bytes(32, "big")


@pytest.mark.parametrize("position", [0, 40, 70, 100, 140])
def test_p256_signature_with_one_wrong_byte_does_not_verify(position: int) -> None:
    data = bytearray(p256_input())
    data[position] ^= 1

    assert run_p256_verify(bytes(data)) == b""


def test_p256_input_has_exactly_160_bytes() -> None:
    assert run_p256_verify(p256_input() + b"\0") == b""
    assert run_p256_verify(p256_input()[:-1]) == b""


def test_p256_verify_costs_3450_gas_and_exists_on_op_chains_only() -> None:
    data = p256_input()
    intrinsic = 21_000 + 16 * len(data) - 12 * data.count(0)

    assert call(P256_VERIFY, data).output == (1).to_bytes(32, "big")
    assert call(P256_VERIFY, data).gas_used == max(intrinsic + 3_450, 21_000 + 40 * len(data) - 30 * data.count(0))
    assert call(P256_VERIFY, data, is_optimism=False).output == b""


def test_pairing_input_is_limited_on_op_chains() -> None:
    most, more = bytes(586 * 192), bytes(587 * 192)  # 112,512 and 112,704 around the limit of 112,687

    assert len(most) <= 112_687 < len(more)
    assert call(BN256_PAIRING, bytes(192)).error is None
    assert call(BN256_PAIRING, more).error is not None
    assert call(BN256_PAIRING, more).gas_used == 100_000_000


@pytest.mark.parametrize(
    ("base", "exponent", "modulus", "result"),
    [(b"\x03", b"\x02", b"\x05", b"\x04"), (b"", b"", b"\x05", b"\x01"), (b"\x03", b"\x02", b"\x00", b"\x00")],
)
def test_modexp(base: bytes, exponent: bytes, modulus: bytes, result: bytes) -> None:
    lengths = b"".join(len(part).to_bytes(32, "big") for part in (base, exponent, modulus))

    assert run_modexp(lengths + base + exponent + modulus) == result


def test_modexp_with_an_endless_exponent_and_no_modulus_is_cheap() -> None:
    data = bytes(32) + b"\xff" * 32 + bytes(32)

    assert call(bytes(19) + b"\x05", data).error is None


def test_ecrecover_accepts_both_halves_of_s() -> None:
    y_parity, r, s = sign_digest(private_key(0), DIGEST)
    low = DIGEST + b"".join(number.to_bytes(32, "big") for number in (27 + y_parity, r, s))
    high = DIGEST + b"".join(number.to_bytes(32, "big") for number in (28 - y_parity, r, CURVE_ORDER - s))

    assert run_ecrecover(low) == run_ecrecover(high) == address(0).rjust(32, b"\0")


def test_ecrecover_of_garbage_is_nothing_not_a_failure() -> None:
    result = call(ECRECOVER, b"\xff" * 128)

    assert (result.output, result.error) == (b"", None)


def test_point_evaluation_of_a_constant_polynomial() -> None:
    infinity = b"\xc0" + bytes(47)  # commitment to, and proof for, the polynomial 0
    versioned_hash = bytes.fromhex("010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014")
    data = versioned_hash + bytes(32) + bytes(32) + infinity + infinity

    assert call(POINT_EVALUATION, data).output[:32] == (4096).to_bytes(32, "big")
    assert call(POINT_EVALUATION, data[:-1] + b"\x01").error is not None
