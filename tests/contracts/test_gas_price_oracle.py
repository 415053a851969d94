"""GasPriceOracle on the EVM: the Fjord L1 fee with its FastLZ length, the operator fee. Spec: fjord/predeploys.md."""

import random

import pytest
from eth_hash.auto import keccak
from eth_typing import Address
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.genesis import GAS_PRICE_ORACLE, L1_BLOCK, pack_storage
from tests.contracts import fastlz
from tests.contracts.evm import Contract
from tests.contracts.world import USER, L2World

BASE_FEE, BLOB_BASE_FEE = 1_000 * 10**6, 10 * 10**6
BASE_FEE_SCALAR, BLOB_BASE_FEE_SCALAR = 1368, 810_949

PUBLIC_TRANSACTION = bytes.fromhex(
    "02f901550a758302df1483be21b88304743f94f80e51afb613d764fa61751affd3313c190a86bb870151bd62fd12adb8e41ef24f3f"
    + "6e".rjust(64, "0")
    + "af88d065e77c8cc2239327c5edb3a432268e5831".rjust(64, "0")
    + "03c1e5".rjust(64, "0")
    + "0" * 64
    + "a0".rjust(64, "0")
    + "14".rjust(64, "0")
    + "8c89ed219d02f1a5be012c689b4f5b731827bebe".ljust(64, "0")
    + "c001a033fd89cb37c31b2cba46b6466e040c61fc9b2a3675a7f5f493ebd5ad77c497f8a07cdf65680e238392693019b4092f610222e71b7c"
    "ec06449cb922b93b6a12744e"
)
"""A contract call from the public chain; other implementations have its length too, 202."""

SEED = 20_261_123


@pytest.fixture
def oracle() -> Contract:
    world = L2World()
    values = {
        "basefee": BASE_FEE,
        "blobBaseFee": BLOB_BASE_FEE,
        "baseFeeScalar": BASE_FEE_SCALAR,
        "blobBaseFeeScalar": BLOB_BASE_FEE_SCALAR,
        "operatorFeeScalar": 500_000,
        "operatorFeeConstant": 12_345,
    }
    for slot, value in pack_storage("L1Block", values).items():
        world.evm.state.set_storage(Address(L1_BLOCK), slot, value)
    return Contract(world.evm, "GasPriceOracle", GAS_PRICE_ORACLE)


def l1_fee(compressed_length: int) -> int:
    size = max(100_000_000, -42_585_600 + 836_500 * compressed_length)
    return size * (16 * BASE_FEE_SCALAR * BASE_FEE + BLOB_BASE_FEE_SCALAR * BLOB_BASE_FEE) // 10**12


def samples() -> list[bytes]:
    """Return inputs of many lengths and degrees of order, always the same ones."""
    generator = random.Random(SEED)
    cases = [bytes(length) for length in (0, 1, 12, 13, 14, 15, 16, 17, 31, 32, 33, 277, 278, 279, 540, 541)]
    for length in (20, 64, 65, 200, 700, 3000, 9000):
        cases.append(generator.randbytes(length))
        cases.append(bytes(generator.randrange(3) for _ in range(length)))
        words = [generator.randbytes(generator.randrange(3, 40)) for _ in range(6)]
        cases.append(b"".join(generator.choice(words) for _ in range(length // 16 + 1))[:length])
    repeated = generator.randbytes(50)
    cases.extend(repeated + generator.randbytes(gap) + repeated for gap in (8_100, 8_141, 8_142, 8_143, 8_200))
    return cases


def test_the_model_writes_a_format_that_reads_back() -> None:
    for data in [*samples(), PUBLIC_TRANSACTION]:
        assert fastlz.decompress(fastlz.compress(data)) == data


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (b"", 0),
        (bytes.fromhex("facade"), 4),
        (b"\x01" * 1000, 21),
        (bytes(1000), 21),
        (PUBLIC_TRANSACTION, 202),
    ],
)
def test_the_model_has_the_lengths_of_other_implementations(data: bytes, length: int) -> None:
    assert len(fastlz.compress(data)) == length


def test_the_public_transaction_is_the_public_one() -> None:
    assert keccak(PUBLIC_TRANSACTION).hex() == "8eb9dd4eb6d33f4dc25fb015919e4b1e9f7542f9b0322bf6622e268cd116b594"


def test_l1_fee_is_of_the_compressed_length_and_a_signature(oracle: Contract) -> None:
    for data in [*samples(), PUBLIC_TRANSACTION]:
        assert oracle.read("getL1Fee", data) == l1_fee(len(fastlz.compress(data)) + 68), (SEED, data.hex())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.integers(1, 12)), max_size=12))
def test_l1_fee_of_repetitive_data_is_of_the_compressed_length(
    oracle: Contract, pieces: list[tuple[bytes, int]]
) -> None:
    data = b"".join(piece * count for piece, count in pieces)

    assert fastlz.decompress(fastlz.compress(data)) == data
    assert oracle.read("getL1Fee", data) == l1_fee(len(fastlz.compress(data)) + 68)


def test_small_transactions_pay_for_the_minimum_size(oracle: Contract) -> None:
    smallest = 100_000_000 * (16 * BASE_FEE_SCALAR * BASE_FEE + BLOB_BASE_FEE_SCALAR * BLOB_BASE_FEE) // 10**12

    assert oracle.read("getL1Fee", b"") == smallest
    assert oracle.read("getL1Fee", bytes(range(200))) == l1_fee(207 + 68) > smallest


@pytest.mark.parametrize("size", [0, 100, 186, 187, 188, 1000, 100_000])
def test_upper_bound_follows_from_the_size(oracle: Contract, size: int) -> None:
    full = size + 68

    assert oracle.read("getL1FeeUpperBound", size) == l1_fee(full + full // 255 + 16)


def test_l1_gas_used_is_sixteen_a_byte(oracle: Contract) -> None:
    data = bytes(range(256)) * 2
    compressed = len(fastlz.compress(data)) + 68

    assert oracle.read("getL1GasUsed", b"") == 1600
    assert oracle.read("getL1GasUsed", data) == (-42_585_600 + 836_500 * compressed) * 16 // 10**6


def test_operator_fee_follows_the_gas(oracle: Contract) -> None:
    assert oracle.read("getOperatorFee", 0) == 12_345
    assert oracle.read("getOperatorFee", 21_001) == 21_001 * 500_000 // 10**6 + 12_345


def test_operator_fee_does_not_overflow(oracle: Contract) -> None:
    assert oracle.read("getOperatorFee", 2**256 - 1) == (2**256 - 1) // 10**6 + 12_345


def test_prices_come_from_l1_block(oracle: Contract) -> None:
    assert oracle.read("l1BaseFee") == BASE_FEE
    assert oracle.read("blobBaseFee") == BLOB_BASE_FEE
    assert oracle.read("baseFeeScalar") == BASE_FEE_SCALAR
    assert oracle.read("blobBaseFeeScalar") == BLOB_BASE_FEE_SCALAR
    assert oracle.read("gasPrice") == oracle.read("baseFee") == oracle.evm.block.base_fee
    assert oracle.read("decimals") == oracle.read("DECIMALS") == 6


@pytest.mark.parametrize("fork", ["isEcotone", "isFjord", "isIsthmus"])
def test_forks_are_active_from_genesis(oracle: Contract, fork: str) -> None:
    assert oracle.read(fork) is True


@pytest.mark.parametrize("method", ["overhead", "scalar"])
def test_the_values_of_bedrock_are_gone(oracle: Contract, method: str) -> None:
    assert oracle.send(method, sender=USER).reason == f"GasPriceOracle: {method}() is deprecated"
