"""L1 and operator fees: sizes as op-geth counts them, parameters as L1Block stores them."""

import pytest

from sequencer.execution.fees import FeeParameters, compute_fastlz_size, estimate_size_scaled, read_fee_parameters
from tests.factories import GWEI, make_transaction
from tests.unit.execution.chain_fixture import L1_INFO, make_state

EMPTY_TRANSACTION = "dd80808094095e7baea6a6c7c4c2dfeb977efac326af552d878080808080"
"""A legacy transfer of nothing without signature, as go-ethereum's tests have it."""

CONTRACT_CALL = (
    "02f901550a758302df1483be21b88304743f94f80e51afb613d764fa61751affd3313c190a86bb870151bd62fd12adb8e41ef24f3f"
    "000000000000000000000000000000000000000000000000000000000000006e000000000000000000000000af88d065e77c8cc2239327"
    "c5edb3a432268e5831000000000000000000000000000000000000000000000000000000000003c1e5000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000a00000"
    "000000000000000000000000000000000000000000000000000000000000148c89ed219d02f1a5be012c689b4f5b731827bebe00000000"
    "0000000000000000c001a033fd89cb37c31b2cba46b6466e040c61fc9b2a3675a7f5f493ebd5ad77c497f8a07cdf65680e238392693019"
    "b4092f610222e71b7cec06449cb922b93b6a12744e"
)
"""Transaction 0x8eb9dd4e...116b594 of OP Mainnet, whose size op-geth's tests record."""


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"", 0),
        (bytes([1]) * 1000, 21),
        (bytes(1000), 21),
        (bytes.fromhex(EMPTY_TRANSACTION), 31),
        (bytes.fromhex(CONTRACT_CALL), 202),
    ],
)
def test_fastlz_size_is_that_of_op_geth(data: bytes, size: int) -> None:
    assert compute_fastlz_size(data) == size


def test_small_transactions_count_as_one_hundred_bytes() -> None:
    assert estimate_size_scaled(bytes(10)) == 100_000_000


def test_size_estimate_follows_the_regression_above_the_minimum() -> None:
    assert estimate_size_scaled(bytes.fromhex(CONTRACT_CALL)) == -42_585_600 + 836_500 * 202


def test_parameters_are_read_from_the_slots_of_l1_block() -> None:
    parameters = read_fee_parameters(make_state())

    assert parameters == FeeParameters(
        l1_base_fee=L1_INFO.base_fee,
        l1_blob_base_fee=L1_INFO.blob_base_fee,
        base_fee_scalar=L1_INFO.base_fee_scalar,
        blob_base_fee_scalar=L1_INFO.blob_base_fee_scalar,
        operator_fee_scalar=L1_INFO.operator_fee_scalar,
        operator_fee_constant=L1_INFO.operator_fee_constant,
    )


def test_l1_fee_is_size_times_weighted_price() -> None:
    parameters = FeeParameters(30 * GWEI, 2, 1_368, 810_949, 0, 0)
    raw = make_transaction().raw

    assert parameters.l1_fee(raw) == 100_000_000 * (16 * 1_368 * 30 * GWEI + 810_949 * 2) // 10**12


def test_operator_fee_is_floored_and_its_constant_stands_alone() -> None:
    parameters = FeeParameters(0, 0, 0, 0, operator_fee_scalar=999_999, operator_fee_constant=7)

    assert [parameters.operator_fee(gas) for gas in (0, 1, 21_000)] == [7, 7, 20_999 + 7 - 0]
