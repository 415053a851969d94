"""What a batcher left on L1, read back: frames of a channel, frames and blobs of a transaction."""

from collections.abc import Mapping, Sequence

import pytest
import requests

from batcher.codec.batch import SingularBatch
from batcher.codec.blob import encode_blob
from batcher.codec.channel import ChannelWriter, cut_frames
from batcher.codec.compression import Compression
from batcher.codec.frame import Frame, encode_frames_data
from tests.conformance.json_rpc import JsonRpc
from tests.conformance.postings import read_postings

BATCHER, INBOX, OTHER = "0xAA", "0xff", "0xbb"
FRAME_BYTES = 40


class ToldL1(JsonRpc):
    """One block with these transactions."""

    def __init__(self, transactions: Sequence[Mapping[str, object]]) -> None:
        super().__init__("", requests.Session())
        self._transactions = transactions

    def head_number(self, tag: str) -> int:
        return 0

    def get_all(self, method: str, parameters: Sequence[Sequence[object]]) -> list[object]:
        return [{"transactions": self._transactions} for _ in parameters]


class ToldAnswer(requests.Response):
    """A beacon API's answer with one blob."""

    def __init__(self, blob: bytes) -> None:
        super().__init__()
        self.status_code = 200
        self._blob = blob

    def json(self, **_: object) -> object:
        return {"data": ["0x" + self._blob.hex()]}


class ToldBeacon(requests.Session):
    """Blobs by what is asked for as their hash."""

    def __init__(self, blobs: Mapping[str, bytes]) -> None:
        super().__init__()
        self._blobs = blobs

    def get(self, url: str | bytes, **options: object) -> requests.Response:
        asked = options["params"]
        assert isinstance(asked, Mapping)
        return ToldAnswer(self._blobs[asked["versioned_hashes"]])


def test_frames_of_a_channel_and_of_a_transaction_are_counted() -> None:
    frames = _make_frames(1)
    l1 = ToldL1([_in_calldata(frames[:1]), _in_calldata(frames[1:]), _in_calldata(_make_frames(2)[:1])])

    found = read_postings(l1, requests.Session(), BATCHER, INBOX)

    assert (found.transactions, found.channels) == ({"calldata": 3}, {"singular/brotli": 1})
    assert found.frames == found.most_frames == len(frames)
    assert found.most_carried == len(frames) - 1 > 1


def test_transactions_of_one_frame_carry_one() -> None:
    frames = _make_frames(1)
    l1 = ToldL1([_in_calldata([frame]) for frame in frames])

    found = read_postings(l1, requests.Session(), BATCHER, INBOX)

    assert (found.most_frames, found.most_carried) == (len(frames), 1)


@pytest.mark.parametrize("blobs_a_transaction", [1, 2])
def test_blobs_of_a_transaction_are_counted(blobs_a_transaction: int) -> None:
    blobs = {f"blob {frame.number}": encode_blob(encode_frames_data([frame])) for frame in _make_frames(1)}
    hashes = list(blobs)
    groups = [hashes[start : start + blobs_a_transaction] for start in range(0, len(hashes), blobs_a_transaction)]
    l1 = ToldL1([{**_sent(), "type": "0x3", "blobVersionedHashes": group} for group in groups])

    found = read_postings(l1, ToldBeacon(blobs), BATCHER, INBOX)

    assert found.transactions == {"blobs": len(groups)}
    assert (found.most_frames, found.most_carried) == (len(hashes), blobs_a_transaction)


def test_what_others_send_to_the_inbox_is_not_counted() -> None:
    l1 = ToldL1([{**_in_calldata(_make_frames(1)), "from": OTHER}])

    found = read_postings(l1, requests.Session(), BATCHER, INBOX)

    assert (found.transactions, found.most_frames, found.most_carried) == ({}, 0, 0)


def _make_frames(channel: int) -> tuple[Frame, ...]:
    """Some frames of a channel with one batch."""
    writer = ChannelWriter(compression=Compression.BROTLI_10)
    writer.add_batch(SingularBatch(bytes(range(32)), 1, bytes(range(1, 33)), 2, (bytes(range(256)),)))
    frames = cut_frames(bytes([channel] * 16), writer.close(), FRAME_BYTES)
    assert len(frames) > 2
    return frames


def _sent() -> Mapping[str, object]:
    return {"type": "0x2", "from": BATCHER, "to": INBOX.upper().replace("X", "x")}


def _in_calldata(frames: Sequence[Frame]) -> Mapping[str, object]:
    return {**_sent(), "input": "0x" + encode_frames_data(frames).hex()}
