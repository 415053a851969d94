"""A receipt's encoding is made once, and belongs to this receipt alone."""

import pickle
from dataclasses import replace

from sequencer.primitives.receipt import BLOOM_BYTES, Log, Receipt, compute_logs_bloom, decode_receipt, merge_blooms

LOGS = (Log(bytes(20), (bytes(32),), b"data"),)
RECEIPT = Receipt(2, 1, 21_000, compute_logs_bloom(LOGS), LOGS)


def make_receipt() -> Receipt:
    return replace(RECEIPT)


def test_encoding_is_kept_and_is_no_part_of_the_value() -> None:
    receipt = make_receipt()

    assert receipt.encode() is receipt.encode()
    assert receipt == make_receipt()
    assert decode_receipt(receipt.encode()) == receipt


def test_changed_receipt_has_an_encoding_of_its_own() -> None:
    receipt = make_receipt()
    before = receipt.encode()

    changed = replace(receipt, status=0)

    assert changed.encode() != before
    assert decode_receipt(changed.encode()) == changed


def test_encoding_goes_with_the_receipt_to_other_processes() -> None:
    receipt = make_receipt()
    receipt.encode()

    assert pickle.loads(pickle.dumps(receipt)).raw == receipt.raw


def test_merged_bloom_has_the_bits_of_every_bloom() -> None:
    other = compute_logs_bloom((Log(b"\1" * 20, (), b""),))
    both = compute_logs_bloom((*LOGS, Log(b"\1" * 20, (), b"")))

    assert merge_blooms([bytes(BLOOM_BYTES), RECEIPT.bloom, other]) == both
    assert merge_blooms([bytes(BLOOM_BYTES)] * 2) == bytes(BLOOM_BYTES)
