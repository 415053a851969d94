"""L1Block on the EVM: the packed attributes, and the slots that the engine reads. Spec: isthmus/l1-attributes.md."""

import pytest

from contracts import method_identifiers
from contracts.genesis import L1_BLOCK
from tests.contracts.evm import Contract, Evm, selector
from tests.contracts.world import BATCHER, DEPOSITOR, USER, L2World

BASE_FEE_SCALAR, BLOB_BASE_FEE_SCALAR, SEQUENCE_NUMBER = 0xA1A2A3A4, 0xB1B2B3B4, 0xC1C2C3C4C5C6C7C8
TIMESTAMP, NUMBER = 0xD1D2D3D4D5D6D7D8, 0xE1E2E3E4E5E6E7E8
BASE_FEE, BLOB_BASE_FEE = 2**255 + 1, 2**254 + 3
OPERATOR_SCALAR, OPERATOR_CONSTANT = 0xF1F2F3F4, 0x0102030405060708
L1_HASH = b"\x5a" * 32


def attributes() -> bytes:
    return b"".join(
        [
            bytes.fromhex("098999be"),
            BASE_FEE_SCALAR.to_bytes(4, "big"),
            BLOB_BASE_FEE_SCALAR.to_bytes(4, "big"),
            SEQUENCE_NUMBER.to_bytes(8, "big"),
            TIMESTAMP.to_bytes(8, "big"),
            NUMBER.to_bytes(8, "big"),
            BASE_FEE.to_bytes(32, "big"),
            BLOB_BASE_FEE.to_bytes(32, "big"),
            L1_HASH,
            BATCHER.rjust(32, b"\0"),
            OPERATOR_SCALAR.to_bytes(4, "big"),
            OPERATOR_CONSTANT.to_bytes(8, "big"),
        ]
    )


@pytest.fixture
def evm() -> Evm:
    return L2World().evm


def test_attributes_are_176_bytes_behind_the_known_selector() -> None:
    assert len(attributes()) == 176
    assert method_identifiers("L1Block")["setL1BlockValuesIsthmus()"] == attributes()[:4]


def test_attributes_land_in_the_slots_that_the_engine_reads(evm: Evm) -> None:
    assert evm.call(L1_BLOCK, attributes(), sender=DEPOSITOR).success

    assert [evm.storage(L1_BLOCK, slot) for slot in range(9)] == [
        TIMESTAMP << 64 | NUMBER,
        BASE_FEE,
        int.from_bytes(L1_HASH, "big"),
        BASE_FEE_SCALAR << 96 | BLOB_BASE_FEE_SCALAR << 64 | SEQUENCE_NUMBER,
        int.from_bytes(BATCHER, "big"),
        0,
        0,
        BLOB_BASE_FEE,
        OPERATOR_SCALAR << 64 | OPERATOR_CONSTANT,
    ]


def test_getters_return_the_attributes(evm: Evm) -> None:
    evm.call(L1_BLOCK, attributes(), sender=DEPOSITOR)
    block = Contract(evm, "L1Block", L1_BLOCK)

    assert block.read("number") == NUMBER
    assert block.read("timestamp") == TIMESTAMP
    assert block.read("basefee") == BASE_FEE
    assert block.read("hash") == L1_HASH
    assert block.read("sequenceNumber") == SEQUENCE_NUMBER
    assert block.read("baseFeeScalar") == BASE_FEE_SCALAR
    assert block.read("blobBaseFeeScalar") == BLOB_BASE_FEE_SCALAR
    assert block.read("blobBaseFee") == BLOB_BASE_FEE
    assert block.read("batcherHash") == BATCHER.rjust(32, b"\0")
    assert block.read("operatorFeeScalar") == OPERATOR_SCALAR
    assert block.read("operatorFeeConstant") == OPERATOR_CONSTANT


def test_only_the_depositor_writes(evm: Evm) -> None:
    result = evm.call(L1_BLOCK, attributes(), sender=USER)

    assert not result.success
    assert result.output == selector("NotDepositor()")
    assert evm.storage(L1_BLOCK, 0) == 0


def test_attributes_fit_their_gas(evm: Evm) -> None:
    intrinsic = 21_000 + 16 * 176

    result = evm.call(L1_BLOCK, attributes(), sender=DEPOSITOR, gas=1_000_000 - intrinsic)

    assert result.success
    assert result.gas_used < 300_000
