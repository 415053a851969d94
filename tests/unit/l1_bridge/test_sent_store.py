"""The store of sent transactions: what was appended is there after any crash, and nothing else."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from l1_bridge import sent_store
from l1_bridge.fees import Fees
from l1_bridge.sent_records import Ended, L1Request, Queued, Record, Returned, Signed, StoredRequest, encode_records
from l1_bridge.sent_store import HEADER_BYTES, FileSentStore, SentStoreFailed, UnusableSentStore

ADDRESS = b"\x22" * 20
TO = b"\x11" * 20


def _request(sequence: int) -> L1Request:
    names = (sequence, bytes([sequence]) * 3, None)
    limit = sequence if sequence % 2 else None
    return L1Request(names[sequence % 3], TO if sequence % 2 else None, bytes([sequence]) * 5, 7, limit, (b"blob",))


def _signed(sequence: int, nonce: int, *, is_cancel: bool = False) -> Signed:
    return Signed(sequence, nonce, 21_000, Fees(1, 2, 3), b"\x02encoded" + bytes([nonce]), is_cancel)


GROUPS: list[list[Record]] = [
    [Queued(0, _request(0)), Queued(1, _request(1))],
    [_signed(0, 5)],
    [_signed(0, 5, is_cancel=True), _signed(1, 6)],
    [Ended(0), Queued(2, _request(2))],
    [Returned(1)],
]
SUMS: list[dict[int, StoredRequest]] = [
    {},
    {0: StoredRequest(_request(0)), 1: StoredRequest(_request(1))},
    {0: StoredRequest(_request(0), [_signed(0, 5)]), 1: StoredRequest(_request(1))},
    {
        0: StoredRequest(_request(0), [_signed(0, 5), _signed(0, 5, is_cancel=True)]),
        1: StoredRequest(_request(1), [_signed(1, 6)]),
    },
    {1: StoredRequest(_request(1), [_signed(1, 6)]), 2: StoredRequest(_request(2))},
    {1: StoredRequest(_request(1)), 2: StoredRequest(_request(2))},
]


def _open(directory: Path, chain_id: int = 900, address: bytes = ADDRESS):  # noqa: ANN202
    return FileSentStore.open(directory, chain_id=chain_id, address=address)


def _load(directory: Path) -> dict[int, StoredRequest]:
    with _open(directory) as store:
        return store.load()


def _file(directory: Path) -> Path:
    return directory / f"900-{ADDRESS.hex()}.sent"


def _fill(directory: Path) -> list[int]:
    """All groups; returns the file's size after each."""
    with _open(directory) as store:
        sizes = [_file(directory).stat().st_size]
        for group in GROUPS:
            store.append(group)
            sizes.append(_file(directory).stat().st_size)
    return sizes


def test_records_add_up_and_survive(tmp_path: Path) -> None:
    for count in range(len(GROUPS) + 1):
        with _open(tmp_path / str(count)) as store:
            for group in GROUPS[:count]:
                store.append(group)
            assert store.load() == SUMS[count]

        assert _load(tmp_path / str(count)) == SUMS[count]


def test_file_that_ends_anywhere_holds_the_groups_before_and_takes_more(tmp_path: Path) -> None:
    sizes = _fill(tmp_path)
    content = _file(tmp_path).read_bytes()
    for length in range(len(content) + 1):
        whole = sum(size <= length for size in sizes[1:])
        for tail in (b"", b"\0" * 40):
            _file(tmp_path).write_bytes(content[:length] + (tail if length >= HEADER_BYTES else b""))
            with _open(tmp_path) as store:
                assert store.load() == SUMS[whole], length
                store.append([Queued(9, _request(9))])
            assert _load(tmp_path) == SUMS[whole] | {9: StoredRequest(_request(9))}


@pytest.mark.parametrize("group", [0, 2])
def test_damage_before_the_end_is_named_not_cut(tmp_path: Path, group: int) -> None:
    sizes = _fill(tmp_path)
    content = bytearray(_file(tmp_path).read_bytes())
    for position in range(sizes[group], sizes[group + 1]):
        damaged = content.copy()
        damaged[position] ^= 0x40
        _file(tmp_path).write_bytes(damaged)

        with pytest.raises(UnusableSentStore, match=f"damaged at byte {sizes[group]}"):
            _load(tmp_path)


def test_file_of_another_account_chain_or_kind_is_refused(tmp_path: Path) -> None:
    _fill(tmp_path)
    other = tmp_path / f"901-{ADDRESS.hex()}.sent"
    other.write_bytes(_file(tmp_path).read_bytes())
    with pytest.raises(UnusableSentStore, match="this chain"), _open(tmp_path, chain_id=901):
        pass
    _file(tmp_path).write_bytes(b"something else that is long enough to be a header of a store")

    with pytest.raises(UnusableSentStore):
        _load(tmp_path)


def test_second_process_is_refused_and_the_next_one_is_not(tmp_path: Path) -> None:
    with _open(tmp_path), pytest.raises(UnusableSentStore, match="another process"):
        _load(tmp_path)

    assert _load(tmp_path) == {}


@pytest.mark.parametrize("name", ["pwrite", "fdatasync"])
def test_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    real: Callable[..., int] = getattr(os, name)

    def fail(*arguments: object) -> int:
        real(*arguments)
        raise OSError(errno.ENOSPC, "No space left on device")

    with _open(tmp_path) as store:
        store.append(GROUPS[0])
        monkeypatch.setattr(os, name, fail)
        with pytest.raises(SentStoreFailed, match="No space left"):
            store.append(GROUPS[1])
        monkeypatch.setattr(os, name, real)
        assert store.load() == SUMS[1]
        store.append(GROUPS[1])

    assert _load(tmp_path) == SUMS[2]


def test_settled_requests_leave_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent_store, "COMPACT_FLOOR_BYTES", 2_000)
    with _open(tmp_path) as store:
        store.append([Queued(0, _request(0)), _signed(0, 1)])
        for sequence in range(1, 200):
            store.append([Queued(sequence, _request(sequence)), _signed(sequence, sequence)])
            store.append([Ended(sequence)])
        assert _file(tmp_path).stat().st_size < 4_000
        assert store.load() == {0: StoredRequest(_request(0), [_signed(0, 1)])}

    assert _load(tmp_path) == {0: StoredRequest(_request(0), [_signed(0, 1)])}
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".lock", ".sent"]


def test_store_holds_no_more_than_what_goes_to_l1() -> None:
    request = L1Request(b"name", TO, b"data")

    assert len(encode_records([Queued(0, request)])) < 60
