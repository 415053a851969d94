"""Frame queue and channel assembly: Holocene's order, timeouts and sizes, frame by frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batcher.codec.channel import ChannelAssembly
from batcher.codec.frame import Frame, encode_frames_data
from l1_bridge.types import L1Transaction
from sequencer.derivation.channel_assembly import ChannelStage
from sequencer.derivation.frame_queue import FrameQueue, prune_frames
from sequencer.derivation.l1_retrieval import select_batcher_data

INBOX, BATCHER, OTHER = b"\xff" * 20, b"\xba" * 20, b"\x0e" * 20


def frame(text: str) -> Frame:
    """`a0`, or `a1!` for a last frame: channel and number."""
    return Frame(text[0].encode() * 16, int(text[1]), text.encode(), text.endswith("!"))


def names(frames: list[Frame]) -> str:
    return " ".join(entry.data.decode() for entry in frames)


@pytest.mark.parametrize(
    ("offered", "kept"),
    [
        ("a0 a1 a2!", "a0 a1 a2!"),
        ("a0 a2 a1", "a0 a1"),
        ("a0 a1 a1 a2", "a0 a1 a2"),
        ("a0! a1", "a0!"),
        ("a0! b0 b1!", "a0! b0 b1!"),
        ("a0! b1", "a0!"),
        ("a0 b1 a1", "a0 a1"),
        ("a0 a1 b0 b1!", "b0 b1!"),
        ("a0! b0 b1 c0 c1", "a0! c0 c1"),
        ("a0 b0 a1", "b0"),
        ("a3 a4!", "a3 a4!"),
        ("a3 b0", "b0"),
        ("a3! b0", "a3! b0"),
        ("a0 a0 a1!", "a0 a1!"),
        ("a0! a0", "a0!"),
        ("", ""),
    ],
)
def test_frames_of_one_transaction_are_kept_in_order(offered: str, kept: str) -> None:
    assert names(prune_frames([frame(text) for text in offered.split()])) == kept


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.booleans()), max_size=12))
def test_what_is_kept_is_contiguous(entries: list[tuple[str, int, bool]]) -> None:
    offered = [Frame(name.encode() * 16, number, b"", is_last) for name, number, is_last in entries]

    kept = prune_frames(offered)

    for before, after in zip(kept, kept[1:], strict=False):  # noqa: RUF007
        if before.channel_id == after.channel_id:
            assert after.number == before.number + 1
            assert not before.is_last
        else:
            assert after.number == 0
            assert before.is_last
    assert bool(kept) == bool(offered)


def load(*transactions: str) -> FrameQueue:
    queue = FrameQueue()
    queue.load([encode_frames_data([frame(text) for text in entry.split()]) for entry in transactions])
    return queue


def test_a_malformed_transaction_is_skipped_and_the_next_one_read() -> None:
    queue = FrameQueue()
    good = encode_frames_data([frame("a0!")])
    queue.load([b"", b"\x01garbage", good[:-1], good + b"\x00", good])

    assert queue.next_frame() == frame("a0!")
    assert queue.next_frame() is None


def test_a_channel_of_several_transactions_is_put_together() -> None:
    stage = ChannelStage(load("a0 a1", "a2!"))

    assert stage.next_channel(1) == b"a0a1a2!"
    assert stage.next_channel(1) is None


def test_two_channels_of_one_transaction_come_one_after_the_other() -> None:
    stage = ChannelStage(load("a0! b0!"))

    assert [stage.next_channel(1), stage.next_channel(1), stage.next_channel(1)] == [b"a0!", b"b0!", None]


@pytest.mark.parametrize(
    ("transactions", "channel"),
    [
        (("a1!",), None),
        (("a0", "b1!"), None),
        (("a0", "a2!"), None),
        (("a0", "b0!"), b"b0!"),
        (("a0", "a0", "a1!"), b"a0a1!"),
        (("a0", "b1", "a1!"), b"a0a1!"),
        (("a0", "b0", "a1!"), None),
    ],
)
def test_frames_across_transactions_follow_the_staging_channel(
    transactions: tuple[str, ...], channel: bytes | None
) -> None:
    assert ChannelStage(load(*transactions)).next_channel(1) == channel


@pytest.mark.parametrize(("closed_at", "channel"), [(150, b"a0a1!"), (151, None)])
def test_a_channel_lives_fifty_l1_blocks_beyond_its_first(closed_at: int, channel: bytes | None) -> None:
    queue = load("a0")
    stage = ChannelStage(queue)
    assert stage.next_channel(100) is None

    queue.load([encode_frames_data([frame("a1!")])])

    assert stage.next_channel(closed_at) == channel


def test_a_channel_above_the_size_limit_is_dropped_and_the_next_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChannelAssembly, "is_oversized", property(lambda channel: channel.size_bytes > 403))
    stage = ChannelStage(load("a0", "a1", "a2!", "b0", "b1!"))

    assert stage.next_channel(1) is None
    monkeypatch.setattr(ChannelAssembly, "is_oversized", property(lambda channel: channel.size_bytes > 405))
    assert ChannelStage(load("b0", "b1!")).next_channel(1) == b"b0b1!"


def transaction(type: int = 2, sender: bytes = BATCHER, to: bytes | None = INBOX, data: bytes = b"d") -> L1Transaction:
    return L1Transaction(bytes(32), type, sender, to, data)


@pytest.mark.parametrize("type", [0, 1, 2, 0x7E])
def test_batcher_transactions_of_these_types_carry_data(type: int) -> None:
    assert select_batcher_data([transaction(type=type)], INBOX, BATCHER) == (b"d",)


@pytest.mark.parametrize(
    "entry",
    [
        transaction(type=3),
        transaction(type=4),
        transaction(type=5),
        transaction(sender=OTHER),
        transaction(to=OTHER),
        transaction(to=None),
    ],
    ids=["blobs", "set code", "unknown type", "another sender", "another recipient", "a creation"],
)
def test_other_transactions_do_not(entry: L1Transaction) -> None:
    assert select_batcher_data([entry, transaction(data=b"e")], INBOX, BATCHER) == (b"e",)
