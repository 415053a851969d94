"""Withdrawals: hash, storage slot, event."""

from dataclasses import replace

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from l1_bridge.output_root import MESSAGE_PASSER_ADDRESS
from l1_bridge.types import L1Log
from l1_bridge.withdrawals import (
    MESSAGE_PASSED_TOPIC,
    MalformedWithdrawal,
    Withdrawal,
    collect_withdrawals,
    decode_message_passed,
    decode_nonce,
    withdrawal_storage_slot,
)

WITHDRAWAL = Withdrawal(1 << 240 | 5, b"\x01" * 20, b"\x02" * 20, 10**18, 100_000, b"some data")

words = st.integers(0, 2**256 - 1)
addresses = st.binary(min_size=20, max_size=20)
withdrawals = st.builds(Withdrawal, words, addresses, addresses, words, words, st.binary(max_size=100))


def _log(withdrawal: Withdrawal) -> L1Log:
    data = encode(
        ["uint256", "uint256", "bytes", "bytes32"],
        [withdrawal.value, withdrawal.gas_limit, withdrawal.data, withdrawal.hash],
    )
    topics = (
        MESSAGE_PASSED_TOPIC,
        withdrawal.nonce.to_bytes(32, "big"),
        withdrawal.sender.rjust(32, b"\0"),
        withdrawal.target.rjust(32, b"\0"),
    )
    return L1Log(MESSAGE_PASSER_ADDRESS, topics, data, 0)


@given(withdrawals)
def test_hash_is_that_of_the_abi_encoding(withdrawal: Withdrawal) -> None:
    assert withdrawal.hash == keccak(
        encode(
            ["uint256", "address", "address", "uint256", "uint256", "bytes"],
            [
                withdrawal.nonce,
                withdrawal.sender,
                withdrawal.target,
                withdrawal.value,
                withdrawal.gas_limit,
                withdrawal.data,
            ],
        )
    )


@given(withdrawals)
def test_event_is_read_back(withdrawal: Withdrawal) -> None:
    assert decode_message_passed(_log(withdrawal)) == withdrawal


def test_only_events_of_the_message_passer_are_collected() -> None:
    log = _log(WITHDRAWAL)
    others = [replace(log, address=b"\x01" * 20), replace(log, topics=()), replace(log, topics=(bytes(32),))]

    assert collect_withdrawals([*others, log]) == (WITHDRAWAL,)


@pytest.mark.parametrize(
    "log",
    [
        replace(_log(WITHDRAWAL), topics=_log(WITHDRAWAL).topics[:3]),
        replace(_log(WITHDRAWAL), data=_log(WITHDRAWAL).data[:-32]),
        replace(_log(WITHDRAWAL), data=_log(WITHDRAWAL).data[:100]),
        replace(_log(WITHDRAWAL), data=b"\x01" + _log(WITHDRAWAL).data[1:]),
        replace(_log(WITHDRAWAL), topics=(MESSAGE_PASSED_TOPIC, bytes(32), *_log(WITHDRAWAL).topics[2:])),
    ],
)
def test_event_whose_content_does_not_hash_is_refused(log: L1Log) -> None:
    with pytest.raises(MalformedWithdrawal):
        decode_message_passed(log)


def test_slot_is_that_of_the_mapping_at_slot_0() -> None:
    assert withdrawal_storage_slot(WITHDRAWAL.hash) == keccak(encode(["bytes32", "uint256"], [WITHDRAWAL.hash, 0]))


def test_nonce_has_its_version_in_the_top_two_bytes() -> None:
    assert decode_nonce(WITHDRAWAL.nonce) == (1, 5)
