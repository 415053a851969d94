"""One store, two implementations: each opens what the other wrote, never both at once; workers beside a live writer."""

import signal
from pathlib import Path

import pytest

from sequencer.native import is_available
from sequencer.state.store import Store, Table, WriteTransaction
from tests.missing_tools import needs_extension

from .store_process import run, start

both = pytest.mark.parametrize("is_pure", [pytest.param(False, marks=needs_extension), True], ids=["native", "python"])


@needs_extension
@pytest.mark.parametrize("is_pure", [False, True], ids=["native first", "python first"])
def test_what_one_implementation_wrote_the_other_one_proves_alike(tmp_path: Path, is_pure: bool) -> None:
    run("make_chain", tmp_path, is_pure=is_pure)
    first = run("show", tmp_path, is_pure=is_pure)

    assert run("show", tmp_path, is_pure=not is_pure) == first
    assert run("show", tmp_path, is_pure=is_pure) == first
    assert len(first.splitlines()) > 100


@needs_extension
@pytest.mark.parametrize("is_pure", [False, True], ids=["native lives", "python lives"])
def test_a_store_that_lives_in_the_other_implementation_is_refused(tmp_path: Path, is_pure: bool) -> None:
    alive = start("write_open", tmp_path, is_pure=is_pure)
    assert alive.stdout is not None
    alive.stdout.readline()
    refusal, same = (run("try_open", tmp_path, is_pure=other) for other in (not is_pure, is_pure))
    alive.communicate()

    assert refusal.startswith("StoreOfAnotherLibrary")
    assert "another build of LMDB" in refusal
    assert same == ""
    assert run("try_open", tmp_path, is_pure=not is_pure) == ""


@both
@pytest.mark.parametrize("content", [b"", b"no database", bytes(1 << 16), b"\xff" * 8192], ids=len)
def test_a_file_that_is_no_store_is_refused(tmp_path: Path, is_pure: bool, content: bytes) -> None:
    (tmp_path / "data.mdb").write_bytes(content)

    assert run("try_open", tmp_path, is_pure=is_pure).startswith("StoreDamaged")


@both
def test_a_store_that_was_cut_off_is_refused(tmp_path: Path, is_pure: bool) -> None:
    run("make_chain", tmp_path, is_pure=is_pure)
    data = (tmp_path / "data.mdb").read_bytes()
    (tmp_path / "data.mdb").write_bytes(data[: len(data) // 2])

    assert run("try_open", tmp_path, is_pure=is_pure).startswith("StoreDamaged")


def test_two_workers_follow_a_live_writer(tmp_path: Path) -> None:
    store = Store.open(tmp_path, chain_id=901, map_bytes=1 << 18)
    workers = [start("follow", tmp_path, is_pure=not is_available()) for _ in range(2)]
    answers = []
    for number in range(12):

        def change(transaction: WriteTransaction, number: int = number) -> None:
            transaction.put(Table.CODES, number.to_bytes(8, "big"), bytes(1 << 16))
            transaction.put(Table.META, b"mark", str(number).encode())

        store.write(change)
        for worker in workers:
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write("read\n")
            worker.stdin.flush()
            answers.append(worker.stdout.readline().split())
    for worker in workers:
        worker.communicate()
    store.close()

    assert answers == [[str(number + 1), str(number)] for number in range(12) for _ in workers]


def test_slots_of_killed_workers_are_given_back(tmp_path: Path) -> None:
    store = Store.open(tmp_path, chain_id=901)
    workers = [start("hold", tmp_path, is_pure=not is_available()) for _ in range(2)]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    assert store.check_readers() == 0
    for worker in workers:
        worker.send_signal(signal.SIGKILL)
        worker.communicate()

    assert store.check_readers() == 2
    assert store.check_readers() == 0
    store.close()
