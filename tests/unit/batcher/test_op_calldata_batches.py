"""Every batcher transaction that op-batcher posted reads back as the blocks that op-node and op-geth built."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict, cast

import pytest
import rlp

from batcher.codec.batch import SingularBatch, decode_batch, encode_batch
from batcher.codec.channel import ChannelAssembly, ChannelEnd, FrameVerdict, read_batches
from batcher.codec.frame import decode_frames, encode_frames_data
from batcher.codec.span_batch import SpanBatch, SpanParameters, decode_span_batch, encode_span_batch
from l1_bridge.rollup_config import RollupConfig
from tests.fuzz.targets import make_batches

VECTOR = Path(__file__).parents[2] / "vectors" / "op" / "calldata.json.gz"
FIRST_SPAN_L1_BLOCK = 70
LAST_SINGULAR_L2_BLOCK = 117


class _L1Entry(TypedDict):
    block: dict[str, object]


class _L2Entry(TypedDict):
    number: int
    hash: str
    block: str


class Vector(TypedDict):
    """The parts of the file that are read here."""

    rollup: dict[str, object]
    l1: list[_L1Entry]
    l2: list[_L2Entry]


@pytest.fixture(scope="module")
def vector() -> Vector:
    return cast(Vector, json.loads(gzip.decompress(VECTOR.read_bytes())))


def _iterate_channels(vector: Vector) -> Iterator[tuple[int, bytes, bytes]]:
    """L1 block number, transaction data and channel data; every channel of the file has one frame."""
    inbox = str(vector["rollup"]["batch_inbox_address"]).lower()
    for entry in vector["l1"]:
        for transaction in cast(list[dict[str, str]], entry["block"]["transactions"]):
            if (transaction["to"] or "").lower() != inbox:
                continue
            data = bytes.fromhex(transaction["input"][2:])
            (frame,) = decode_frames(data)
            channel = ChannelAssembly(frame.channel_id)
            assert channel.add_frame(frame) is FrameVerdict.ADDED
            assert channel.is_complete
            assert encode_frames_data((frame,)) == data
            yield int(str(entry["block"]["number"]), 16), data, channel.data


def _read_singular_batches(vector: Vector) -> list[SingularBatch]:
    batches: list[SingularBatch] = []
    for number, _, channel_data in _iterate_channels(vector):
        if number < FIRST_SPAN_L1_BLOCK:
            reader = read_batches(channel_data)
            for raw in reader:
                batch = decode_batch(raw)
                assert isinstance(batch, SingularBatch)
                assert encode_batch(batch) == raw
                batches.append(batch)
            assert reader.end is ChannelEnd.COMPLETE
    return batches


def test_op_batcher_zlib_channels_hold_the_blocks_of_op_geth(vector: Vector) -> None:
    batches = _read_singular_batches(vector)

    assert len(batches) == LAST_SINGULAR_L2_BLOCK
    parent_hash = bytes.fromhex(vector["l2"][0]["hash"][2:])
    for batch, entry in zip(batches, vector["l2"][1 : LAST_SINGULAR_L2_BLOCK + 1], strict=True):
        header, transactions, *_ = rlp.decode(bytes.fromhex(entry["block"][2:]))
        raw_transactions = [rlp.encode(item) if isinstance(item, list) else item for item in transactions]
        user_transactions = tuple(raw for raw in raw_transactions if raw[0] != 0x7E)
        assert batch.parent_hash == parent_hash == header[0]
        assert batch.timestamp == int.from_bytes(header[11], "big")
        assert batch.transactions == user_transactions
        parent_hash = bytes.fromhex(entry["hash"][2:])


def test_op_batcher_epochs_are_l1_blocks_of_the_file(vector: Vector) -> None:
    hashes = {int(str(entry["block"]["number"]), 16): str(entry["block"]["hash"]) for entry in vector["l1"]}

    for batch in _read_singular_batches(vector):
        assert "0x" + batch.epoch_hash.hex() == hashes[batch.epoch_number]


def test_op_batcher_span_batches_read_back_and_are_written_to_the_same_bytes(vector: Vector) -> None:
    parameters = SpanParameters.from_rollup(RollupConfig.from_json(vector["rollup"]))
    span_channels, blocks = 0, 0
    for number, _, channel_data in _iterate_channels(vector):
        if number >= FIRST_SPAN_L1_BLOCK:
            assert channel_data[0] == 1
            reader = read_batches(channel_data)
            (raw,) = reader
            assert reader.end is ChannelEnd.COMPLETE
            span = decode_span_batch(raw, parameters)
            blocks += span.block_count
            span_channels += 1
            assert _write_again(span, parameters) == raw

    assert span_channels > 30
    assert blocks == len(vector["l2"]) - 1 - LAST_SINGULAR_L2_BLOCK


def _write_again(span: SpanBatch, parameters: SpanParameters) -> bytes:
    batches = make_batches(span, span.iterate_blocks())
    return encode_span_batch(batches, parameters, first_sequence_number=0 if span.origin_bits[0] else 1)
