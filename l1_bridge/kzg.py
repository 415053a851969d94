"""
Commitments to blobs (EIP-4844, EIP-7594): the bridge's door to `ckzg`.

    blob (131,072 B) -> commitment (48 B) -> versioned hash = 0x01 || sha256(commitment)[1:]

The trusted setup is read once, when it is first needed. That takes one to four seconds of a core, and `ckzg` holds the
interpreter for so long, as it does for each blob (60 ms): a thread does not help.
"""

from functools import cache
from hashlib import sha256
from importlib.resources import as_file, files

import ckzg

BLOB_BYTES = 131_072
"""4,096 field elements of 32 B (EIP-4844)."""

COMMITMENT_BYTES = 48
CELLS_PER_BLOB = 128
"""Cells of an extended blob, each with a proof of its own (EIP-7594)."""

VERSIONED_HASH_KZG = 0x01
"""EIP-4844 `VERSIONED_HASH_VERSION_KZG`."""

_PRECOMPUTE = 0
"""Tables that would speed up cell proofs at the price of memory."""


class MalformedBlob(ValueError):
    """Not 131,072 bytes, or a field element that is not below the modulus."""


def compute_commitment(blob: bytes) -> bytes:
    """The 48 bytes that commit to a blob; raises `MalformedBlob`."""
    if len(blob) != BLOB_BYTES:
        raise MalformedBlob(f"a blob has {BLOB_BYTES} B, not {len(blob)}")
    try:
        return bytes(ckzg.blob_to_kzg_commitment(blob, load_setup()))
    except RuntimeError as error:
        raise MalformedBlob("a field element is not below the modulus") from error


def compute_versioned_hash(commitment: bytes) -> bytes:
    """The 32 bytes that stand in a transaction for a blob."""
    return bytes([VERSIONED_HASH_KZG]) + sha256(commitment).digest()[1:]


def compute_blob_proof(blob: bytes, commitment: bytes) -> bytes:
    """The proof, 48 B, that goes with a blob in the network form before Osaka."""
    return bytes(ckzg.compute_blob_kzg_proof(blob, commitment, load_setup()))


def compute_cell_proofs(blob: bytes) -> tuple[bytes, ...]:
    """The 128 proofs of 48 B that go with a blob in the network form since Osaka (EIP-7594)."""
    _, proofs = ckzg.compute_cells_and_kzg_proofs(blob, load_setup())
    return tuple(bytes(proof) for proof in proofs)


@cache
def load_setup() -> object:
    """The setup of the KZG ceremony, from the file that eth-account carries."""
    folder = files("eth_account") / "typed_transactions" / "blob_transactions"
    with as_file(folder / "kzg_trusted_setup.txt") as path:
        return ckzg.load_trusted_setup(str(path), _PRECOMPUTE)
