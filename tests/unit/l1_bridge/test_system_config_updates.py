"""ConfigUpdate events: what each type changes, and which are skipped."""

from dataclasses import replace

import pytest

from l1_bridge.system_config import (
    CONFIG_UPDATE_TOPIC,
    MAX_UINT32,
    SystemConfig,
    apply_config_updates,
    decode_scalar,
    encode_scalar,
)
from l1_bridge.types import L1Log, L1Receipt

ADDRESS = b"\x5c" * 20
CONFIG = SystemConfig(
    batcher_address=b"\xba" * 20,
    gas_limit=30_000_000,
    base_fee_scalar=1368,
    blob_base_fee_scalar=810949,
    eip1559_denominator=250,
    eip1559_elasticity=6,
    operator_fee_scalar=5,
    operator_fee_constant=7,
)


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _log(kind: int, *words: bytes, version: int = 0, address: bytes = ADDRESS) -> L1Log:
    payload = b"".join(words)
    data = _word(32) + _word(len(payload)) + payload
    return L1Log(address, (CONFIG_UPDATE_TOPIC, _word(version), _word(kind)), data, 0)


def _apply(*logs: L1Log, status: int = 1) -> SystemConfig:
    return apply_config_updates(CONFIG, [L1Receipt(bytes(32), status, logs)], ADDRESS)


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (_log(0, _word(0xAA)), {"batcher_address": bytes(19) + b"\xaa"}),
        (_log(1, _word(9), encode_scalar(11, 12)), {"base_fee_scalar": 11, "blob_base_fee_scalar": 12}),
        (_log(1, _word(9), _word(13)), {"base_fee_scalar": 13, "blob_base_fee_scalar": 0}),
        (_log(2, _word(40_000_000)), {"gas_limit": 40_000_000}),
        (_log(4, _word(100 << 32 | 4)), {"eip1559_denominator": 100, "eip1559_elasticity": 4}),
        (_log(4, _word(0)), {"eip1559_denominator": 0, "eip1559_elasticity": 0}),
        (_log(5, _word(21 << 64 | 22)), {"operator_fee_scalar": 21, "operator_fee_constant": 22}),
    ],
)
def test_update_changes_its_fields_alone(log: L1Log, expected: dict[str, object]) -> None:
    assert _apply(log) == replace(CONFIG, **expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "log",
    [
        pytest.param(_log(3, _word(0xAA)), id="unsafe block signer"),
        pytest.param(_log(6, _word(1)), id="unknown type"),
        pytest.param(_log(2, _word(1), version=1), id="unknown version"),
        pytest.param(_log(2, _word(1), address=b"\x5d" * 20), id="another contract"),
        pytest.param(_log(0, _word(1 << 160)), id="address with dirty padding"),
        pytest.param(_log(2, _word(1 << 64)), id="gas limit above 64 bits"),
        pytest.param(_log(2, _word(1), _word(2)), id="one word too many"),
        pytest.param(_log(2), id="no word"),
        pytest.param(_log(1, _word(1)), id="scalars of one word"),
        pytest.param(_log(1, _word(0), b"\x02" + bytes(31)), id="scalar version 2"),
        pytest.param(_log(1, _word(0), b"\x01\x01" + bytes(30)), id="scalar with dirty padding"),
        pytest.param(_log(1, _word(0), b"\x00\x01" + bytes(30)), id="old scalar with dirty padding"),
        pytest.param(_log(4, _word(100 << 32)), id="elasticity alone is zero"),
        pytest.param(_log(4, _word(4)), id="denominator alone is zero"),
        pytest.param(replace(_log(2, _word(1)), topics=(CONFIG_UPDATE_TOPIC, _word(0))), id="two topics"),
        pytest.param(replace(_log(2, _word(1)), topics=(CONFIG_UPDATE_TOPIC, _word(0), _word(2), _word(0))), id="four"),
        pytest.param(replace(_log(2, _word(1)), topics=()), id="no topics"),
        pytest.param(replace(_log(2, _word(1)), data=_word(32) + _word(32)), id="truncated"),
        pytest.param(replace(_log(2, _word(1)), data=_word(64) + _word(32) + _word(1)), id="another offset"),
        pytest.param(replace(_log(2, _word(1)), data=b""), id="no data"),
    ],
)
def test_event_that_is_no_update_is_skipped(log: L1Log) -> None:
    assert _apply(log) == CONFIG


def test_updates_of_a_reverted_transaction_do_not_count() -> None:
    assert _apply(_log(2, _word(1)), status=0) == CONFIG


def test_the_last_of_two_updates_holds_and_a_bad_one_between_stops_nothing() -> None:
    assert _apply(_log(2, _word(1)), _log(2), _log(2, _word(3))).gas_limit == 3


@pytest.mark.parametrize(
    ("word", "scalars"),
    [
        (encode_scalar(1, 2), (1, 2)),
        (_word(5), (5, 0)),
        (_word(1 << 32 | 5), (MAX_UINT32, 0)),
        (b"\x01" + bytes(22) + b"\x01" + bytes(8), None),
        (b"\x02" + bytes(31), None),
    ],
)
def test_scalar_word(word: bytes, scalars: tuple[int, int] | None) -> None:
    assert decode_scalar(word) == scalars


def test_scalar_keeps_its_spelling_until_it_changes() -> None:
    old_spelling = replace(CONFIG, base_fee_scalar=5, blob_base_fee_scalar=0, scalar=_word(5))

    assert old_spelling.packed_scalar() == _word(5)
    assert replace(old_spelling, base_fee_scalar=6).packed_scalar() == encode_scalar(6, 0)
