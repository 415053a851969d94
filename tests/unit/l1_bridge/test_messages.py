"""Messages of the messengers: their calldata and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l1_bridge.messages import CrossDomainMessage, MalformedMessage

words = st.integers(0, 2**256 - 1)
addresses = st.binary(min_size=20, max_size=20)
messages = st.builds(CrossDomainMessage, words, addresses, addresses, words, words, st.binary(max_size=100))

CALL = CrossDomainMessage(1 << 240, b"\x01" * 20, b"\x02" * 20, 3, 4, b"some data").encode_relay()


@given(messages)
def test_a_message_survives_its_calldata(message: CrossDomainMessage) -> None:
    assert CrossDomainMessage.decode_relay(message.encode_relay()) == message


@given(messages)
def test_versions_have_names_of_their_own(message: CrossDomainMessage) -> None:
    assert message.hash != message.hash_v0


@pytest.mark.parametrize(
    "calldata",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0" + CALL[1:], id="another selector"),
        pytest.param(CALL[:200], id="cut off in its head"),
        pytest.param(CALL[:-32], id="cut off in its data"),
        pytest.param(CALL + bytes(32), id="bytes behind it"),
        pytest.param(CALL[:-1] + b"\x01", id="padding that is not zero"),
        pytest.param(CALL[:36] + b"\x01" + CALL[37:], id="an address of more than 20 bytes"),
        pytest.param(CALL[:196] + b"\xff" * 32 + CALL[228:], id="a length without end"),
    ],
)
def test_calldata_that_no_messenger_makes_is_refused(calldata: bytes) -> None:
    with pytest.raises(MalformedMessage):
        CrossDomainMessage.decode_relay(calldata)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        message = CrossDomainMessage.decode_relay(CALL[:4] + data)
    except MalformedMessage:
        return
    assert message.encode_relay() == CALL[:4] + data
