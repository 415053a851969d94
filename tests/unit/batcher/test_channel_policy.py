"""Calldata or blobs: what each costs, and which one a channel takes when it is opened."""

import pytest

from batcher.channel_policy import (
    MAX_BLOB_FRAME_DATA_BYTES,
    ChannelPolicy,
    DataChoice,
    DataType,
    PolicyChooser,
    compute_blobs_cost,
    compute_calldata_cost,
)
from l1_bridge.fees import GWEI, Market

CALLDATA, BLOBS = ChannelPolicy(), ChannelPolicy(data_type=DataType.BLOBS, frames_per_transaction=6)


def _chooser(choice: DataChoice, *, has_blobs: bool = True) -> PolicyChooser:
    chooser = PolicyChooser(CALLDATA, BLOBS, choice, max_blobs=9 if has_blobs else 0)
    chooser.market = Market(10 * GWEI, GWEI, blob_base_fee=1)
    return chooser


def test_a_frame_fills_a_blob_to_its_last_byte() -> None:
    assert MAX_BLOB_FRAME_DATA_BYTES == 130_020


@pytest.mark.parametrize(("has_floor", "gas_a_byte"), [(True, 40), (False, 16)])
def test_calldata_is_paid_by_the_byte_and_by_the_transaction(has_floor: bool, gas_a_byte: int) -> None:
    market = Market(base_fee=2, priority_fee=1)

    one = compute_calldata_cost(1_000, 1_000, market, has_floor=has_floor)
    two = compute_calldata_cost(1_001, 1_000, market, has_floor=has_floor)

    assert one == 3 * (21_000 + gas_a_byte * 1_023)
    assert two == 3 * (42_000 + gas_a_byte * 1_047)


def test_blobs_are_paid_whole() -> None:
    market = Market(base_fee=2, priority_fee=1, blob_base_fee=5)
    full = MAX_BLOB_FRAME_DATA_BYTES

    assert compute_blobs_cost(1, 6, market) == compute_blobs_cost(full, 6, market) == 3 * 21_000 + 5 * 131_072
    assert compute_blobs_cost(6 * full + 1, 6, market) == 3 * 42_000 + 5 * 7 * 131_072


@pytest.mark.parametrize(
    ("blob_base_fee", "data_bytes", "chosen"),
    [
        (1, 120_000, DataType.BLOBS),
        (1, 100, DataType.BLOBS),
        (10 * GWEI, 120_000, DataType.BLOBS),
        (10 * GWEI, 1_000, DataType.CALLDATA),
        (500 * GWEI, 120_000, DataType.CALLDATA),
    ],
)
def test_auto_takes_what_is_cheaper_for_such_a_channel(blob_base_fee: int, data_bytes: int, chosen: DataType) -> None:
    chooser = _chooser(DataChoice.AUTO)
    chooser.market = Market(10 * GWEI, GWEI, blob_base_fee)
    chooser.expected_bytes = data_bytes

    assert chooser.choose().data_type is chosen


def test_auto_takes_calldata_while_prices_are_unknown() -> None:
    chooser = _chooser(DataChoice.AUTO)
    chooser.market = None

    assert chooser.choose() == CALLDATA


def test_auto_takes_calldata_where_l1_has_no_blobs() -> None:
    assert _chooser(DataChoice.AUTO, has_blobs=False).choose() == CALLDATA


def test_a_choice_made_while_running_holds_for_the_next_channel() -> None:
    chooser = _chooser(DataChoice.CALLDATA)
    before = chooser.choose()
    chooser.choice = DataChoice.BLOBS

    assert (before, chooser.choose()) == (CALLDATA, BLOBS)
