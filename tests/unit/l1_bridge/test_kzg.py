"""Commitments to blobs, against what the library itself verifies."""

import pytest

from l1_bridge.kzg import (
    BLOB_BYTES,
    CELLS_PER_BLOB,
    MalformedBlob,
    compute_blob_proof,
    compute_cell_proofs,
    compute_commitment,
    compute_versioned_hash,
)

EMPTY_COMMITMENT = bytes([0xC0]) + bytes(47)
"""The point at infinity commits to the polynomial that is zero."""


def test_a_blob_of_zeros_has_the_point_at_infinity_as_commitment_and_proof() -> None:
    blob = bytes(BLOB_BYTES)

    assert compute_commitment(blob) == EMPTY_COMMITMENT
    assert compute_blob_proof(blob, EMPTY_COMMITMENT) == EMPTY_COMMITMENT
    assert compute_cell_proofs(blob) == (EMPTY_COMMITMENT,) * CELLS_PER_BLOB


def test_the_versioned_hash_of_the_empty_commitment_is_the_one_known_from_mainnet() -> None:
    known = "010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014"

    assert compute_versioned_hash(EMPTY_COMMITMENT).hex() == known


@pytest.mark.parametrize("blob", [bytes(BLOB_BYTES - 1), bytes(BLOB_BYTES + 1), b"\xff" * BLOB_BYTES])
def test_what_is_no_blob_is_refused(blob: bytes) -> None:
    with pytest.raises(MalformedBlob):
        compute_commitment(blob)
