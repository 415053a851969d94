"""The store: what it refuses to open, atomic writes, growth, and readers in other processes."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sequencer.state.store import (
    ReadTransaction,
    Store,
    StoreInUse,
    StoreMissing,
    StoreOfAnotherChain,
    StoreVersion,
    Table,
    WriteTransaction,
)

READER = """
import sys
from pathlib import Path
from sequencer.state.store import Store, Table
store = Store.open(Path(sys.argv[1]), chain_id=901, read_only=True)
for line in sys.stdin:
    with store.read() as transaction:
        print(transaction.count(Table.CODES), (transaction.get(Table.META, b"mark") or b"").decode(), flush=True)
"""


def test_a_store_keeps_what_was_written_and_its_identity(tmp_path: Path) -> None:
    store = Store.open(tmp_path, chain_id=901)
    identity = store.store_id, store.cache_secret
    store.write(lambda transaction: transaction.put(Table.CODES, b"k", b"v"))
    store.close()

    again = Store.open(tmp_path, chain_id=901)
    with again.read() as transaction:
        assert transaction.get(Table.CODES, b"k") == b"v"
        assert transaction.get(Table.CODES, b"other") is None
    assert (again.store_id, again.cache_secret) == identity
    again.close()


def test_two_stores_have_two_identities(tmp_path: Path) -> None:
    first, second = (Store.open(tmp_path / name, chain_id=901) for name in ("a", "b"))

    assert first.store_id != second.store_id
    assert first.cache_secret != second.cache_secret
    first.close()
    second.close()


def test_a_store_of_another_chain_is_refused(tmp_path: Path) -> None:
    Store.open(tmp_path, chain_id=901).close()

    with pytest.raises(StoreOfAnotherChain) as refusal:
        Store.open(tmp_path, chain_id=902)
    assert (refusal.value.found, refusal.value.expected) == (901, 902)
    Store.open(tmp_path, chain_id=901).close()


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    store = Store.open(tmp_path, chain_id=901)
    store.write(lambda transaction: transaction.put(Table.META, b"format", (99).to_bytes(4, "big")))
    store.close()

    with pytest.raises(StoreVersion) as refusal:
        Store.open(tmp_path, chain_id=901)
    assert refusal.value.found == 99


def test_a_directory_without_a_store_is_not_opened_for_reading(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        Store.open(tmp_path, chain_id=901, read_only=True)


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    store = Store.open(tmp_path, chain_id=901)

    with pytest.raises(StoreInUse):
        Store.open(tmp_path, chain_id=901)
    store.close()
    Store.open(tmp_path, chain_id=901).close()


def test_an_exception_leaves_nothing_of_a_write(tmp_path: Path) -> None:
    store = Store.open(tmp_path, chain_id=901)

    def fail(transaction: WriteTransaction) -> None:
        transaction.put(Table.CODES, b"k", b"v")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.write(fail)
    with store.read() as transaction:
        assert transaction.get(Table.CODES, b"k") is None
    store.close()


def test_ranges_are_ascending_and_bounded_by_their_prefix(tmp_path: Path) -> None:
    store = Store.open(tmp_path, chain_id=901)
    keys = [b"a1", b"a2", b"b1", b"b2", b"c1"]
    store.write(lambda transaction: transaction.put_all(Table.CODES, ((key, key) for key in reversed(keys))))

    def read(transaction: ReadTransaction) -> None:
        assert [key for key, _ in transaction.with_prefix(Table.CODES, b"b")] == [b"b1", b"b2"]
        assert [key for key, _ in transaction.from_key(Table.CODES, b"a2")] == keys[1:]
        assert transaction.first_from(Table.CODES, b"b") == (b"b1", b"b1")
        assert transaction.first_from(Table.CODES, b"d") is None

    with store.read() as transaction:
        read(transaction)
    store.close()


def test_the_map_grows_when_a_write_does_not_fit(tmp_path: Path) -> None:
    store = Store.open(tmp_path, chain_id=901, map_bytes=1 << 18)
    value = bytes(1 << 16)
    for number in range(40):
        key = number.to_bytes(8, "big")
        store.write(lambda transaction, key=key: transaction.put(Table.CODES, key, value))  # type: ignore[misc]

    with store.read() as transaction:
        assert transaction.count(Table.CODES) == 40
    store.close()


def test_the_map_grows_while_other_threads_read(tmp_path: Path) -> None:
    store = Store.open(tmp_path, chain_id=901, map_bytes=1 << 18)
    stop, failures, reads = threading.Event(), [], [0]

    def read() -> None:
        try:
            while not stop.is_set():
                with store.read() as transaction:
                    transaction.get(Table.META, b"chain_id")
                reads[0] += 1
        except Exception as failure:
            failures.append(failure)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(40):
        key = number.to_bytes(8, "big")
        store.write(lambda transaction, key=key: transaction.put(Table.CODES, key, bytes(1 << 16)))  # type: ignore[misc]
    stop.set()
    for reader in readers:
        reader.join()
    store.close()

    assert failures == []
    assert reads[0] > 0


def test_a_reader_in_another_process_follows_commits_and_growth(tmp_path: Path) -> None:
    store = Store.open(tmp_path, chain_id=901, map_bytes=1 << 18)
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdin is not None
    assert reader.stdout is not None
    answers = []
    for number in range(20):

        def change(transaction: WriteTransaction, number: int = number) -> None:
            transaction.put(Table.CODES, number.to_bytes(8, "big"), bytes(1 << 16))
            transaction.put(Table.META, b"mark", str(number).encode())

        store.write(change)
        reader.stdin.write("read\n")
        reader.stdin.flush()
        answers.append(reader.stdout.readline().split())
    reader.communicate()
    store.close()

    assert answers == [[str(number + 1), str(number)] for number in range(20)]
