"""TransactionDeposited events: decoding, refusal, source hashes, aliasing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l1_bridge.deposits import (
    DepositEvent,
    MalformedDeposit,
    apply_alias,
    collect_deposits,
    decode_deposit_log,
    encode_deposit_log,
    l1_info_source_hash,
    undo_alias,
    upgrade_source_hash,
    user_deposit_source_hash,
)
from l1_bridge.types import L1Log, L1Receipt

PORTAL = b"\x0b" * 20
L1_HASH = b"\x11" * 32
EVENT = DepositEvent(user_deposit_source_hash(L1_HASH, 3), b"\x01" * 20, b"\x02" * 20, 10, 20, 100_000, b"call")
LOG = encode_deposit_log(EVENT, PORTAL, 3)

words = st.integers(0, 2**256 - 1)
addresses = st.binary(min_size=20, max_size=20)


def _receipt(*logs: L1Log, status: int = 1) -> L1Receipt:
    return L1Receipt(bytes(32), status, logs)


@given(addresses, st.none() | addresses, words, words, st.integers(0, 2**64 - 1), st.binary(max_size=100))
def test_event_round_trips(sender: bytes, to: bytes | None, mint: int, value: int, gas_limit: int, data: bytes) -> None:
    event = DepositEvent(user_deposit_source_hash(L1_HASH, 0), sender, to, mint, value, gas_limit, data)

    assert decode_deposit_log(encode_deposit_log(event, PORTAL, 0), L1_HASH) == event


def _data(log: L1Log, at: int, value: bytes) -> L1Log:
    return replace(log, data=log.data[:at] + value + log.data[at + len(value) :])


@pytest.mark.parametrize(
    "log",
    [
        pytest.param(replace(LOG, topics=LOG.topics[:3]), id="three topics"),
        pytest.param(replace(LOG, topics=(bytes(32), *LOG.topics[1:])), id="another event"),
        pytest.param(replace(LOG, topics=(*LOG.topics[:3], b"\x01".rjust(32, b"\0"))), id="version 1"),
        pytest.param(replace(LOG, data=b""), id="no data"),
        pytest.param(replace(LOG, data=LOG.data[:-1]), id="not whole words"),
        pytest.param(replace(LOG, data=LOG.data + bytes(32)), id="a word too many"),
        pytest.param(replace(LOG, data=LOG.data[:-32]), id="a word missing"),
        pytest.param(_data(LOG, 31, b"\x40"), id="another offset"),
        pytest.param(_data(LOG, 0, b"\x01"), id="a huge offset"),
        pytest.param(_data(LOG, 32, b"\x01"), id="a huge length"),
        pytest.param(_data(LOG, 62, b"\x00\x48"), id="too short for its fixed part"),
    ],
)
def test_malformed_deposit_is_refused(log: L1Log) -> None:
    with pytest.raises(MalformedDeposit) as caught:
        decode_deposit_log(log, L1_HASH)

    assert caught.value.log_index == 3


def test_creation_flag_other_than_one_is_a_creation_too() -> None:
    assert decode_deposit_log(_data(LOG, 64 + 72, b"\x02"), L1_HASH).to is None


def test_only_events_of_the_portal_in_successful_transactions_are_collected() -> None:
    other_event = replace(LOG, topics=(bytes(32), *LOG.topics[1:]))
    receipts = [
        _receipt(LOG, status=0),
        _receipt(replace(LOG, address=b"\x0c" * 20), other_event, replace(LOG, topics=())),
        _receipt(LOG, LOG),
    ]

    assert collect_deposits(receipts, PORTAL, L1_HASH) == (EVENT, EVENT)


def test_malformed_event_of_the_portal_stops_the_collection() -> None:
    with pytest.raises(MalformedDeposit):
        collect_deposits([_receipt(LOG, replace(LOG, data=b""))], PORTAL, L1_HASH)


def test_source_hashes_of_different_origins_differ() -> None:
    hashes = {
        user_deposit_source_hash(L1_HASH, 0),
        user_deposit_source_hash(L1_HASH, 1),
        user_deposit_source_hash(bytes(32), 0),
        l1_info_source_hash(L1_HASH, 0),
        l1_info_source_hash(L1_HASH, 1),
    }

    assert len(hashes) == 5


def test_upgrade_source_hash_is_the_one_the_specification_prints() -> None:
    published = "877a6077205782ea15a6dc8699fa5ebcec5e0f4389f09cb8eda09488231346f8"

    assert upgrade_source_hash("Ecotone: L1 Block Deployment").hex() == published


@given(addresses)
def test_alias_is_undone(address: bytes) -> None:
    assert undo_alias(apply_alias(address)) == address


def test_alias_wraps_at_the_end_of_the_address_space() -> None:
    assert apply_alias(b"\xff" * 20).hex() == "1111000000000000000000000000000000001110"
