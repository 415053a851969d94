"""A journal cut anywhere: what was synced before the cut group is there, the rest is counted, nothing is made up."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.mempool.errors import JournalCorrupt
from sequencer.mempool.journal_records import AbandonedRecord, Record, SliceRecord, TerminalRecord, TransactionRecord
from sequencer.mempool.journal_replay import replay
from sequencer.mempool.journal_segment import GROUP, GROUP_MAGIC, HEADER, read_segment
from sequencer.mempool.segment_writer import SegmentWriter, segment_path

CHAIN_ID = 901

hashes = st.binary(min_size=32, max_size=32)
records = st.one_of(
    st.builds(
        TransactionRecord,
        raw=st.one_of(st.binary(max_size=120), st.just(GROUP_MAGIC * 20)),
        received_at_ms=st.integers(0, 2**60),
    ),
    st.builds(
        TerminalRecord, transaction_hash=hashes, state=st.sampled_from(["dropped", "replaced"]), reason=st.text()
    ),
    st.builds(
        SliceRecord,
        block_number=st.integers(0, 2**40),
        parent_hash=hashes,
        slice_index=st.integers(1, 100),
        attributes=st.none(),
        transaction_hashes=st.lists(hashes, max_size=3).map(tuple),
        receipts_digest=hashes,
    ),
    st.builds(AbandonedRecord, block_number=st.integers(0, 2**40)),
)
groups = st.lists(st.lists(records, min_size=1, max_size=4), min_size=1, max_size=4)


def write(directory: Path, written: list[list[Record]]) -> list[int]:
    """Write one segment; returns the file's size after each group."""
    writer = SegmentWriter(directory, CHAIN_ID, 0, segment_bytes=1 << 20, sync=lambda descriptor: None)
    sizes = []
    for group in written:
        writer.write([record.encode() for record in group])
        sizes.append(segment_path(directory, 0).stat().st_size)
    writer.close()
    return sizes


@settings(max_examples=30, deadline=None)
@given(written=groups)
def test_every_cut_of_the_last_group_keeps_the_groups_before_it(written: list[list[Record]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        sizes = write(directory, written)
        path = segment_path(directory, 0)
        whole = path.read_bytes()
        last_good = sizes[-2] if len(sizes) > 1 else HEADER.size
        before = tuple(record for group in written[:-1] for record in group)

        for cut in range(last_good, len(whole)):
            path.write_bytes(whole[:cut])
            content = read_segment(path, chain_id=CHAIN_ID, is_last=True)

            assert content is not None
            assert content.records == before
            assert content.torn_bytes == cut - last_good


@settings(max_examples=50, deadline=None)
@given(written=groups, tail=st.binary(max_size=200))
def test_garbage_after_the_last_group_is_cut_and_counted(written: list[list[Record]], tail: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        sizes = write(directory, written)
        path = segment_path(directory, 0)
        path.write_bytes(path.read_bytes() + tail)

        first = replay(directory, chain_id=CHAIN_ID, terminals_kept=100)
        second = replay(directory, chain_id=CHAIN_ID, terminals_kept=100)

        assert first.torn_bytes == len(tail)
        assert path.stat().st_size == sizes[-1]
        assert second.torn_bytes == 0
        assert (second.transactions, second.terminals) == (first.transactions, first.terminals)


@settings(max_examples=50, deadline=None)
@given(written=groups.filter(lambda made: len(made) > 1), data=st.data())
def test_a_flipped_bit_before_a_good_group_is_never_read_over(written: list[list[Record]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        sizes = write(directory, written)
        path = segment_path(directory, 0)
        content = bytearray(path.read_bytes())
        position = data.draw(st.integers(HEADER.size, sizes[-2] - 1))
        content[position] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(content)

        with pytest.raises(JournalCorrupt) as caught:
            replay(directory, chain_id=CHAIN_ID, terminals_kept=100)

        assert caught.value.path == path
        assert HEADER.size <= caught.value.offset <= position


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(0, HEADER.size))
def test_segment_whose_header_was_never_finished_is_removed(cut: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write(directory, [[AbandonedRecord(1)]])
        path = segment_path(directory, 0)
        path.write_bytes(path.read_bytes()[:cut])

        replayed = replay(directory, chain_id=CHAIN_ID, terminals_kept=100)

        assert not replayed.transactions
        assert path.exists() == (cut == HEADER.size)


def test_group_header_has_the_size_that_the_format_says() -> None:
    assert (HEADER.size, GROUP.size) == (28, 16)
