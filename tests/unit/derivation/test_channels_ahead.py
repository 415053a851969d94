"""Channels decoded before their turn: what comes out is what would have come out in their turn, or nothing does."""

import threading

import pytest

from batcher.codec.batch import SingularBatch, encode_batch
from batcher.codec.channel import cut_frames
from batcher.codec.compression import compress_zlib
from batcher.codec.frame import encode_frames_data
from batcher.codec.span_batch import SpanParameters
from l1_bridge.rlp_codec import encode_rlp
from sequencer.derivation.channels_ahead import CHANNELS_HELD, ChannelsAhead
from sequencer.derivation.open_channel import AHEAD_BYTES, Ended, OpenChannel, Reading, decode_ahead
from tests.factories import make_transaction
from tests.unit.derivation.story import Story

PARAMETERS = SpanParameters(genesis_timestamp=0, block_time=2, chain_id=901)


def channel_of(*raws: bytes) -> bytes:
    return compress_zlib(b"".join(encode_rlp(raw) for raw in raws))


def data_of(number: int, channel: bytes, frames: int = 1) -> list[bytes]:
    """Transaction data, a frame each."""
    cut = cut_frames(number.to_bytes(16, "big"), channel, -(-len(channel) // frames))
    return [encode_frames_data([frame]) for frame in cut]


def read_all(channel: OpenChannel) -> list[Reading]:
    readings: list[Reading] = []
    while not readings or not isinstance(readings[-1], Ended):
        while not channel.is_at_hand:
            channel.decode()
        readings.append(channel.take())
    return readings


def batch_of(number: int) -> bytes:
    raws = tuple(make_transaction(nonce=number + offset).raw for offset in range(2))
    return encode_batch(SingularBatch(bytes(32), number, bytes(32), number, raws))


async def test_a_channel_that_was_guessed_reads_as_in_its_turn() -> None:
    channel = channel_of(batch_of(1), batch_of(3), b"\x05")
    ahead = ChannelsAhead(PARAMETERS)
    for piece in data_of(1, channel, frames=3):
        ahead.offer([piece])

    taken = await ahead.take(channel)

    assert taken is not None
    assert read_all(taken) == read_all(OpenChannel(channel, PARAMETERS))


async def test_senders_of_a_guessed_channel_are_known() -> None:
    channel = channel_of(batch_of(1), batch_of(3))
    ahead = ChannelsAhead(PARAMETERS)
    ahead.offer(data_of(1, channel))
    transaction = make_transaction(nonce=3)

    taken = await ahead.take(channel)

    assert taken is not None
    assert taken.recovered([transaction.raw]) == [transaction]
    assert taken.recovered([transaction.raw, make_transaction(nonce=9).raw]) is None


async def test_other_bytes_are_no_guess_and_a_wrong_one_does_no_harm() -> None:
    wrong, right = channel_of(batch_of(1)), channel_of(batch_of(3))
    ahead = ChannelsAhead(PARAMETERS)
    ahead.offer([*data_of(1, wrong), b"no frames", *data_of(2, right)])

    assert await ahead.take(channel_of(batch_of(5))) is None
    assert await ahead.take(right) is not None


async def test_guesses_that_nobody_asks_for_are_bounded_and_give_way() -> None:
    channels = [channel_of(batch_of(number)) for number in range(1, 4 * CHANNELS_HELD)]
    ahead = ChannelsAhead(PARAMETERS)
    ahead.offer(piece for number, channel in enumerate(channels) for piece in data_of(number, channel))

    for missed in range(len(channels)):
        assert await ahead.take(b"another %d" % missed) is None
        assert len(ahead.held) <= CHANNELS_HELD


def test_a_channel_that_is_not_small_waits_for_its_turn() -> None:
    assert decode_ahead(channel_of(bytes(AHEAD_BYTES + 1)), PARAMETERS) is None
    assert decode_ahead(channel_of(bytes(1_000)), PARAMETERS) is not None


async def test_no_channel_however_small_is_decoded_on_the_event_loop(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few kilobytes may hold a hundred million."""
    threads = []
    decode = OpenChannel.decode

    def look_and_decode(channel: OpenChannel) -> None:
        threads.append(threading.current_thread())
        decode(channel)

    monkeypatch.setattr(OpenChannel, "decode", look_and_decode)
    story.l1.act_mine()
    await story.build(3)
    story.post(1, 3)
    story.l1.act_mine()
    await story.replica.derive()

    assert story.replica.chain.heads.safe.number == 3
    assert threads
    assert threading.main_thread() not in threads
