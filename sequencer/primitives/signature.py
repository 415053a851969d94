"""
secp256k1 signatures over 32-byte digests: recovery and signing. The only door to coincurve.

Sender recovery is most of what it costs to take in a transaction, so it uses the C library
(about 0.1 ms; the pure Python fallback of eth-keys takes 50 times as long).
"""

from coincurve import PrivateKey, PublicKey

from contracts.keccak import keccak

from .errors import BadSignature

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of the secp256k1 group."""

HALF_CURVE_ORDER = CURVE_ORDER // 2
"""Largest s that a transaction may carry (EIP-2)."""


def recover_address(digest: bytes, y_parity: int, r: int, s: int) -> bytes:
    """
    The address whose key signed `digest`.

    Raises BadSignature when y_parity is not 0 or 1, r or s are out of range, s is high, or no key is recovered.
    """
    if y_parity not in (0, 1):
        raise BadSignature(f"y parity is {y_parity}, not 0 or 1")
    if not 0 < r < CURVE_ORDER:
        raise BadSignature("r is out of range")
    if not 0 < s <= HALF_CURVE_ORDER:
        raise BadSignature("s is zero or in the upper half of the curve order")
    packed = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([y_parity])
    try:
        key = PublicKey.from_signature_and_message(packed, digest, hasher=None)
    except Exception as reason:  # coincurve raises bare Exception and ValueError for signatures without a key
        raise BadSignature(f"signature recovers to no key: {reason}") from None
    return keccak(key.format(compressed=False)[1:])[12:]


def sign_digest(private_key: bytes, digest: bytes) -> tuple[int, int, int]:
    """Sign `digest`; returns (y_parity, r, s) with a low s."""
    packed = PrivateKey(private_key).sign_recoverable(digest, hasher=None)
    return packed[64], int.from_bytes(packed[:32], "big"), int.from_bytes(packed[32:64], "big")


def address_of(private_key: bytes) -> bytes:
    """The address that belongs to a private key."""
    return keccak(PrivateKey(private_key).public_key.format(compressed=False)[1:])[12:]


class SigningKey:
    """A private key made ready once: for programs that sign many times, which takes half as long then."""

    __slots__ = ("_key", "address")

    def __init__(self, private_key: bytes) -> None:
        self._key = PrivateKey(private_key)
        self.address = keccak(self._key.public_key.format(compressed=False)[1:])[12:]
        """The account that the key controls."""

    def __repr__(self) -> str:
        return f"SigningKey(0x{self.address.hex()})"

    def sign(self, digest: bytes) -> tuple[int, int, int]:
        """Sign `digest`; returns (y_parity, r, s) with a low s."""
        packed = self._key.sign_recoverable(digest, hasher=None)
        return packed[64], int.from_bytes(packed[:32], "big"), int.from_bytes(packed[32:64], "big")
