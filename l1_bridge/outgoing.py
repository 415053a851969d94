"""
A transaction on its way to L1: unsigned, signed, and in the form that nodes pass on.

    DynamicFeeTransaction --signature--> canonical bytes (what blocks hold, what is hashed)
                                              | blob transactions only
                                              v
    0x03 || rlp([canonical, blobs, commitments, proofs])   network form, up to Prague
    0x03 || rlp([canonical, 1, blobs, commitments, cell proofs])   since Osaka

Type 2, or type 3 when it carries blobs. Spec: EIP-1559, EIP-4844 (networking), EIP-7594.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.keccak import keccak
from l1_bridge.kzg import compute_blob_proof, compute_cell_proofs, compute_commitment, compute_versioned_hash
from l1_bridge.l1_transaction import BLOB_TYPE, DYNAMIC_FEE_TYPE, SignedFields
from l1_bridge.rlp_codec import RlpItem, encode_integer, encode_rlp, wrap_rlp_list

CELL_PROOFS_VERSION = b"\x01"
"""EIP-7594: the network form that has a proof for each cell."""


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """What stands in a block, once it is mined."""

    hash: bytes
    encoded: bytes
    """Canonical bytes, without blobs."""


@dataclass(frozen=True, slots=True)
class DynamicFeeTransaction:
    """An unsigned transaction of type 2, or of type 3 when it has blob hashes; all amounts in wei."""

    chain_id: int
    nonce: int
    priority_fee: int
    max_fee: int
    gas_limit: int
    to: bytes | None
    """None: a contract creation."""
    value: int
    data: bytes
    max_blob_fee: int = 0
    """Per blob gas; only with blobs."""
    blob_hashes: tuple[bytes, ...] = ()
    """Versioned hashes."""

    @property
    def type(self) -> int:
        """EIP-2718 type."""
        return BLOB_TYPE if self.blob_hashes else DYNAMIC_FEE_TYPE

    def unsigned_fields(self) -> tuple[RlpItem, ...]:
        """What is signed, in order."""
        integers = (self.chain_id, self.nonce, self.priority_fee, self.max_fee, self.gas_limit)
        fields: tuple[RlpItem, ...] = (
            *map(encode_integer, integers),
            self.to or b"",
            encode_integer(self.value),
            self.data,
            (),
        )
        if not self.blob_hashes:
            return fields
        return (*fields, encode_integer(self.max_blob_fee), self.blob_hashes)

    def with_signature(self, parity: int, r: int, s: int) -> SignedTransaction:
        """The transaction with that signature; whether it is one is not checked here."""
        encoded = self.signed_fields(parity, r, s).encode()
        return SignedTransaction(keccak(encoded), encoded)

    def signed_fields(self, parity: int, r: int, s: int) -> SignedFields:
        """The same taken apart; its `signing_hash` does not depend on the signature."""
        return SignedFields(self.type, self.unsigned_fields(), parity, r, s)


@dataclass(frozen=True, slots=True)
class Sidecar:
    """Blobs with what proves that they belong to their hashes."""

    blobs: tuple[bytes, ...]
    commitments: tuple[bytes, ...]
    proofs: tuple[bytes, ...]
    """One a blob, or 128 a blob when they are cell proofs."""
    has_cell_proofs: bool

    @property
    def blob_hashes(self) -> tuple[bytes, ...]:
        """Versioned hashes, for the transaction."""
        return tuple(map(compute_versioned_hash, self.commitments))

    def wrap(self, encoded: bytes) -> bytes:
        """The network form of the blob transaction with these canonical bytes."""
        version = CELL_PROOFS_VERSION if self.has_cell_proofs else b""
        parts: Sequence[RlpItem] = (self.blobs, self.commitments, self.proofs)
        return encoded[:1] + wrap_rlp_list(encoded[1:] + version + b"".join(map(encode_rlp, parts)))


def make_sidecar(blobs: Sequence[bytes], *, has_cell_proofs: bool = False) -> Sidecar:
    """
    Commit to blobs and prove it; some 50 ms a blob (cell proofs: 200 ms), for any thread.

    Raises
    ------
    MalformedBlob
        One is not 131,072 B, or not made of field elements.
    """
    commitments = tuple(map(compute_commitment, blobs))
    if has_cell_proofs:
        proofs = tuple(proof for blob in blobs for proof in compute_cell_proofs(blob))
    else:
        proofs = tuple(map(compute_blob_proof, blobs, commitments))
    return Sidecar(tuple(blobs), commitments, proofs, has_cell_proofs)
