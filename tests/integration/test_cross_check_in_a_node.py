"""`--cross-check` in a whole node: what engines agree on is published, a difference stops the node and is kept."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from l1_bridge.errors import CriticalError
from sequencer import cli, native
from sequencer.config import InvalidSettings
from sequencer.execution.cross_check import CrossCheckEngine, EnginesDisagree
from sequencer.execution.parallel import engine as parallel
from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.serial import SerialEngine
from sequencer.mempool.journal import Journal
from sequencer.mempool.journal_records import SliceRecord
from sequencer.mempool.statuses import TransactionState
from sequencer.node.divergence_file import DivergenceUnresolved, NoDivergence
from sequencer.node.engines import SameEngine
from sequencer.node.json_files import UnusableFile
from tests.factories import make_transaction, private_key
from tests.fakes.real_node import COUNTER, ManualClock, open_node, standalone_genesis
from tests.fakes.tampered_engine import TamperedEngine, change_receipt

INCREMENT = bytes.fromhex("d09de08a")


PAIRS = [("serial", "parallel"), ("parallel", "serial")] + [("native", "serial")] * native.is_available()
"""First engine, and the one that `auto` takes to check it."""


def increment(sender: int, nonce: int = 0) -> bytes:
    made = make_transaction(
        key=private_key(sender), nonce=nonce, to=COUNTER, value=0, data=INCREMENT, gas_limit=100_000
    )
    return made.raw


@pytest.fixture
def spoil_second(monkeypatch: pytest.MonkeyPatch) -> Callable[[TamperedEngine], None]:
    """Makes the given engine the second one."""

    def spoil(second: TamperedEngine) -> None:
        monkeypatch.setattr(parallel, "ParallelEngine", lambda *parts, **more: second)

    return spoil


def divergences(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "data").glob("divergence*"))


@pytest.fixture
def slices_written(monkeypatch: pytest.MonkeyPatch) -> list[SliceRecord]:
    """Slice records that went to the journal."""
    written: list[SliceRecord] = []
    monkeypatch.setattr(Journal, "append_slice", lambda journal, record, on_synced: written.append(record))
    return written


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_what_both_engines_say_is_published(tmp_path: Path, first: str, second: str) -> None:
    wishes = {"engine": first, "cross_check": "auto"}
    async with open_node(tmp_path, standalone_genesis(), ManualClock(), wishes=wishes) as node:
        assert isinstance(node.engine, CrossCheckEngine)
        assert [one.name for one in (node.engine._first, node.engine._second)] == [first, second]
        kinds = {"serial": SerialEngine, "parallel": ParallelEngine}
        assert isinstance(node.engine._second.engine, kinds[second])
        for sender in range(6):
            await node.send(increment(sender))
        await node.make_block()

        block = node.chain.block(1)
        assert block is not None
        assert len(block.transactions) == 6
        assert node.chain.head_state().storage(COUNTER, 0) == 6
    assert divergences(tmp_path) == []


async def test_a_slice_that_differs_is_not_told_and_stops_the_node(
    tmp_path: Path, spoil_second: Callable[[TamperedEngine], None], slices_written: list[SliceRecord]
) -> None:
    spoil_second(
        TamperedEngine(SerialEngine(), change_receipt(lambda receipt: replace(receipt, status=1 - receipt.status)))
    )
    async with open_node(tmp_path, standalone_genesis(), ManualClock(), wishes={"cross_check": "auto"}) as node:
        sent = await node.send(increment(0))

        with pytest.raises(EnginesDisagree, match="engines serial and parallel disagree on block 1: transaction 0x"):
            await node.weave()

        assert slices_written == []
        assert node.chain.heads.unsafe.number == 0
        assert node.mempool.status(sent).state is TransactionState.RECEIVED
        assert await node.ask("braid_getPreconfirmedReceipt", "0x" + sent.hex()) is None
    assert divergences(tmp_path) == ["divergence-1.json"]


async def test_a_state_that_differs_is_not_imported_and_stops_the_node(
    tmp_path: Path, spoil_second: Callable[[TamperedEngine], None]
) -> None:
    spoil_second(TamperedEngine(SerialEngine(), has_witness=True))
    async with open_node(tmp_path, standalone_genesis(), ManualClock(), wishes={"cross_check": "auto"}) as node:
        await node.send(increment(0))

        with pytest.raises(EnginesDisagree):
            await node.make_block()

        assert node.chain.heads.unsafe.number == 0
    content = json.loads((tmp_path / "data" / "divergence-1.json").read_text())
    assert content["header"].keys() == {"stateRoot"}
    assert content["transaction"]["index"] == 0


async def test_the_next_start_is_refused_until_the_file_is_moved_away(
    tmp_path: Path, spoil_second: Callable[[TamperedEngine], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_second(TamperedEngine(SerialEngine(), has_witness=True))
    async with open_node(tmp_path, standalone_genesis(), ManualClock(), wishes={"cross_check": "auto"}) as node:
        sent = await node.send(increment(0))
        with pytest.raises(EnginesDisagree):
            await node.make_block()
    monkeypatch.undo()

    for wishes in ({"cross_check": "auto"}, {}):
        with pytest.raises(
            DivergenceUnresolved, match=r"divergence-1\.json: two engines disagreed .* move the file away"
        ):
            async with open_node(tmp_path, standalone_genesis(), ManualClock(), wishes=wishes):
                pass
    (tmp_path / "data" / "divergence-1.json").rename(tmp_path / "looked-at.json")
    async with open_node(tmp_path, standalone_genesis(), ManualClock()) as node:
        await node.make_block()

        block = node.chain.block(1)
        assert block is not None
        assert [transaction.hash for transaction in block.transactions] == [sent]


async def test_a_disk_that_takes_no_file_does_not_let_the_node_go_on(
    tmp_path: Path, spoil_second: Callable[[TamperedEngine], None]
) -> None:
    spoil_second(TamperedEngine(SerialEngine(), has_witness=True))
    async with open_node(tmp_path, standalone_genesis(), ManualClock(), wishes={"cross_check": "auto"}) as node:
        (tmp_path / "data" / "divergence-1.json.tmp").mkdir()
        await node.send(increment(0))

        with pytest.raises(EnginesDisagree):
            await node.make_block()

        assert node.chain.heads.unsafe.number == 0


async def test_an_engine_that_auto_stands_for_does_not_check_itself(tmp_path: Path) -> None:
    first = "native" if native.is_available() else "parallel"
    with pytest.raises(SameEngine, match=f"--cross-check-engine {first}"):
        async with open_node(
            tmp_path, standalone_genesis(), ManualClock(), wishes={"engine": "auto", "cross_check": first}
        ):
            pass


async def test_an_engine_does_not_check_itself(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="cross_check needs another engine than serial"):
        async with open_node(
            tmp_path, standalone_genesis(), ManualClock(), wishes={"engine": "serial", "cross_check": "serial"}
        ):
            pass


# braid inspect divergence


@pytest.fixture
async def divergence(tmp_path: Path, spoil_second: Callable[[TamperedEngine], None]) -> Path:
    """The file of a slice that differs."""
    spoil_second(
        TamperedEngine(SerialEngine(), change_receipt(lambda receipt: replace(receipt, status=1 - receipt.status)))
    )
    async with open_node(tmp_path, standalone_genesis(), ManualClock(), wishes={"cross_check": "auto"}) as node:
        await node.send(increment(0))
        with pytest.raises(EnginesDisagree):
            await node.weave()
    return tmp_path / "data" / "divergence-1.json"


def inspect(*arguments: str) -> str:
    environment = {"COLUMNS": "160", "NO_COLOR": "1", "TERM": "dumb"}
    result = CliRunner().invoke(cli.app, ["inspect", "divergence", *arguments], env=environment, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_divergence_is_shown_with_both_results(divergence: Path) -> None:
    shown = inspect(str(divergence))

    assert "Block 1: engines serial and parallel disagree" in shown
    assert "0x" + increment(0).hex() in shown
    [line] = [line for line in shown.splitlines() if "receipt.status" in line]
    assert line.split() == ["!=", "receipt.status", "1", "0"]
    assert "receipt.cumulativeGasUsed" in shown


def test_a_divergence_is_found_in_the_data_directory_and_given_as_json(divergence: Path) -> None:
    content = json.loads(inspect("--data-dir", str(divergence.parent), "--json"))

    assert content == json.loads(divergence.read_text())
    assert content["engines"] == ["serial", "parallel"]
    assert content["transaction"]["raw"] == "0x" + increment(0).hex()
    assert [outcome["receipt"]["status"] for outcome in content["transaction"]["outcomes"]] == [1, 0]
    assert content["environment"]["number"] == 1


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "{", '{"kind": "braid divergence 1", "engines": ["one"]}', "\0\xff"]
)
def test_a_file_that_is_no_divergence_is_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "divergence-1.json"
    path.write_text(content)

    with pytest.raises(UnusableFile, match=r"divergence-1\.json"):
        inspect(str(path))


def test_a_file_of_odd_content_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "divergence-1.json"
    odd = {"kind": "braid divergence 1", "engines": ["[red]a", "b"], "header": {"x": 3}, "transaction": {"outcomes": 7}}
    path.write_text(json.dumps(odd))

    assert "[red]a and b disagree" in inspect(str(path))


def test_nothing_to_look_at_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoDivergence, match="no two engines disagreed there"):
        inspect("--data-dir", str(tmp_path))
    with pytest.raises(CriticalError):
        inspect(str(tmp_path / "missing.json"))
