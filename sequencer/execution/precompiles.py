"""
Precompiled contracts where py-evm's are missing, wrong or too slow; pure functions from input to gas and output.

`PURE_PRECOMPILES` has them by address; one that it lacks is py-evm's. No byte of a user may cost unbounded time, so all
of them take less than a microsecond for a unit of gas where the libraries are installed.

* P256VERIFY (specs, precompiles.md) and the input limits of Granite and Isthmus exist on OP chains alone.
* MODEXP (EIP-198, EIP-2565): py-evm's takes 0 for every power of an empty base, yet 0**0 is 1.
* ECRECOVER: the chain's own recovery is the one used for transactions.
* Curves (EIP-196, EIP-197, EIP-2537) and BLAKE2F (EIP-152): py-evm's compute in Python, too slowly for what they cost.
* Point evaluation (EIP-4844): py-evm's loads the trusted setup at each call, which takes a second or two. Of the setup
  one point is needed; ckzg, which wants all of it, serves where the library of the curve is missing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import ckzg

from sequencer.primitives.errors import BadSignature
from sequencer.primitives.signature import CURVE_ORDER, HALF_CURVE_ORDER, recover_address

from . import blake2f, bls12381, bn254
from .p256 import verify_p256

ECRECOVER, MODEXP = (bytes(19) + bytes([number]) for number in (1, 5))
BN256_ADD, BN256_MULTIPLY, BN256_PAIRING, BLAKE2F, POINT_EVALUATION = (bytes(19) + bytes([n]) for n in range(6, 11))
BLS_G1_ADD, BLS_G1_MSM, BLS_G2_ADD, BLS_G2_MSM = (bytes(19) + bytes([number]) for number in range(11, 15))
BLS_PAIRING, BLS_MAP_TO_G1, BLS_MAP_TO_G2 = (bytes(19) + bytes([number]) for number in range(15, 18))
P256_VERIFY = bytes(18) + b"\x01\x00"

OPTIMISM_INPUT_LIMITS: Mapping[bytes, int] = {
    BN256_PAIRING: 112_687,
    BLS_G1_MSM: 513_760,
    BLS_G2_MSM: 488_448,
    BLS_PAIRING: 235_008,
}
"""Bytes of input up to which these run; above, the call fails (specs, granite and isthmus/exec-engine.md)."""

P256_VERIFY_GAS = 3_450
ECRECOVER_GAS = 3_000
POINT_EVALUATION_GAS = 50_000
MODEXP_MINIMUM_GAS = 200

FIELD_ELEMENTS_PER_BLOB = 4096
BLS_MODULUS = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001


def run_p256_verify(data: bytes) -> bytes:
    """32 bytes of value 1 for a valid signature, nothing otherwise; input is digest, r, s, x, y."""
    if len(data) != 160:
        return b""
    digest, r, s, x, y = (int.from_bytes(data[i : i + 32], "big") for i in range(0, 160, 32))
    return (1).to_bytes(32, "big") if verify_p256(digest, r, s, x, y) else b""


def run_ecrecover(data: bytes) -> bytes:
    """The signer's address in 32 bytes, nothing when there is none; input is digest, v, r, s."""
    data = data[:128].ljust(128, b"\0")
    v, r, s = (int.from_bytes(data[i : i + 32], "big") for i in (32, 64, 96))
    if v not in (27, 28):
        return b""
    y_parity = v - 27
    if HALF_CURVE_ORDER < s < CURVE_ORDER:  # high s is valid here, and (r, -s) with the other parity is the same
        y_parity, s = 1 - y_parity, CURVE_ORDER - s
    try:
        return recover_address(data[:32], y_parity, r, s).rjust(32, b"\0")
    except BadSignature:
        return b""


def modexp_gas(data: bytes) -> int:
    """Gas of MODEXP (EIP-2565)."""
    base_bytes, exponent_bytes, modulus_bytes = _modexp_lengths(data)
    complexity = ((max(base_bytes, modulus_bytes) + 7) // 8) ** 2
    head_bytes = min(exponent_bytes, 32)
    head = _modexp_operand(data, 96 + base_bytes, head_bytes)
    iterations = max(head.bit_length() - 1, 0) + 8 * (exponent_bytes - head_bytes)
    return max(MODEXP_MINIMUM_GAS, complexity * max(iterations, 1) // 3)


def modexp_gas_before_berlin(data: bytes) -> int:
    """Gas of MODEXP as EIP-198 had it."""
    base_bytes, exponent_bytes, modulus_bytes = _modexp_lengths(data)
    size = max(base_bytes, modulus_bytes)
    if size <= 64:
        complexity = size**2
    elif size <= 1024:
        complexity = size**2 // 4 + 96 * size - 3072
    else:
        complexity = size**2 // 16 + 480 * size - 199_680
    head_bytes = min(exponent_bytes, 32)
    head = _modexp_operand(data, 96 + base_bytes, head_bytes)
    iterations = max(head.bit_length() - 1, 0) + 8 * (exponent_bytes - head_bytes)
    return complexity * max(iterations, 1) // 20


def run_modexp(data: bytes) -> bytes:
    """base**exponent % modulus in as many bytes as the modulus has."""
    base_bytes, exponent_bytes, modulus_bytes = _modexp_lengths(data)
    if modulus_bytes == 0:
        return b""
    base = _modexp_operand(data, 96, base_bytes)
    exponent = _modexp_operand(data, 96 + base_bytes, exponent_bytes)
    modulus = _modexp_operand(data, 96 + base_bytes + exponent_bytes, modulus_bytes)
    return (pow(base, exponent, modulus) if modulus else 0).to_bytes(modulus_bytes, "big")


def _modexp_lengths(data: bytes) -> tuple[int, int, int]:
    base, exponent, modulus = (_modexp_operand(data, i, 32) for i in (0, 32, 64))
    return base, exponent, modulus


def _modexp_operand(data: bytes, start: int, size: int) -> int:
    """`size` bytes of input from `start`, with zeros where the input is over."""
    present = data[start : start + size]
    return int.from_bytes(present, "big") << 8 * (size - len(present)) if present else 0


def run_point_evaluation(data: bytes, verify: Callable[[bytes, bytes, bytes, bytes], bool]) -> bytes | None:
    """
    Check a KZG proof; None when it does not hold. Input: versioned hash, z, y, commitment 48, proof 48.

    `verify` is given commitment, z, y, and proof, and may raise ValueError for what is not a point or a scalar.
    """
    if len(data) != 192:
        return None
    commitment, proof = data[96:144], data[144:192]
    if b"\x01" + sha256(commitment).digest()[1:] != data[:32]:
        return None
    try:
        if not verify(commitment, data[32:64], data[64:96], proof):
            return None
    except ValueError:
        return None
    return FIELD_ELEMENTS_PER_BLOB.to_bytes(32, "big") + BLS_MODULUS.to_bytes(32, "big")


def verify_kzg_proof_with_setup(load_setup: Callable[[], object]) -> Callable[[bytes, bytes, bytes, bytes], bool]:
    """The check by ckzg, whose whole trusted setup is loaded (a second or two) when the first proof is checked."""

    def verify(commitment: bytes, z: bytes, y: bytes, proof: bytes) -> bool:
        try:
            return bool(ckzg.verify_kzg_proof(commitment, z, y, proof, load_setup()))
        except RuntimeError as error:
            raise ValueError("no point of the curve, or no scalar") from error

    return verify


@dataclass(frozen=True, slots=True)
class PurePrecompile:
    """Gas for an input, and its output, which is None when the call fails and all its gas is gone."""

    gas: Callable[[bytes], int]
    run: Callable[[bytes], bytes | None]


def _costing(gas: int, run: Callable[[bytes], bytes | None]) -> PurePrecompile:
    return PurePrecompile(lambda _: gas, run)


_BLS_PRECOMPILES: Mapping[bytes, PurePrecompile] = {
    BLS_G1_ADD: _costing(bls12381.G1_ADD_GAS, bls12381.run_g1_add),
    BLS_G1_MSM: PurePrecompile(bls12381.g1_sum_gas, bls12381.run_g1_sum),
    BLS_G2_ADD: _costing(bls12381.G2_ADD_GAS, bls12381.run_g2_add),
    BLS_G2_MSM: PurePrecompile(bls12381.g2_sum_gas, bls12381.run_g2_sum),
    BLS_PAIRING: PurePrecompile(bls12381.pairing_gas, bls12381.run_pairing),
    BLS_MAP_TO_G1: _costing(bls12381.MAP_TO_G1_GAS, bls12381.run_map_to_g1),
    BLS_MAP_TO_G2: _costing(bls12381.MAP_TO_G2_GAS, bls12381.run_map_to_g2),
    POINT_EVALUATION: _costing(
        POINT_EVALUATION_GAS, lambda data: run_point_evaluation(data, bls12381.verify_kzg_proof)
    ),
}

PURE_PRECOMPILES: Mapping[bytes, PurePrecompile] = {
    ECRECOVER: _costing(ECRECOVER_GAS, run_ecrecover),
    MODEXP: PurePrecompile(modexp_gas, run_modexp),
    BN256_ADD: _costing(bn254.ADD_GAS, bn254.run_add),
    BN256_MULTIPLY: _costing(bn254.MULTIPLY_GAS, bn254.run_multiply),
    BN256_PAIRING: PurePrecompile(bn254.pairing_gas, bn254.run_pairing),
    **({BLAKE2F: PurePrecompile(blake2f.blake2f_gas, blake2f.run_blake2f)} if blake2f.IS_AVAILABLE else {}),
    **(_BLS_PRECOMPILES if bls12381.IS_AVAILABLE else {}),
}
"""By address, those of every chain that need nothing but their input; the libraries that are missing leave gaps."""


def fast_precompiles() -> dict[str, str]:
    """What computes each group of precompiles here, for the operator: the name of a library, or "python"."""
    return {
        "ecrecover": "coincurve",
        "modexp": "python",
        "bn256": "python",
        "blake2f": "blake2b-py" if blake2f.IS_AVAILABLE else "python, slow",
        "kzg": "py_arkworks_bls12381" if bls12381.IS_AVAILABLE else "ckzg",
        "bls12-381": "py_arkworks_bls12381" if bls12381.IS_AVAILABLE else "python, slow",
        "p256": "python",
    }
