"""`braid evm`: what others wrote down of plain Ethereum, run through an engine of ours."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sequencer.conformance.runner import Kind
    from sequencer.conformance.verdicts import Verdict

Paths = Annotated[list[Path], typer.Argument(help="files, and folders to look for *.json in")]
EngineOption = Annotated[str, typer.Option("--engine", help="serial, parallel or native")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="threads (native) or processes (parallel) of the engine")]
Jobs = Annotated[int, typer.Option(min=0, max=256, help="processes that run files side by side; 0: one a core")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object a case, and a last one with the numbers")]


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    evm = typer.Typer(no_args_is_help=True, help="Run test fixtures and blocks of Ethereum through an engine.")
    evm.command("statetest")(statetest)
    evm.command("blocktest")(blocktest)
    evm.command("replay")(replay)
    app.add_typer(evm, name="evm")


def statetest(
    paths: Paths, engine: EngineOption = "serial", workers: Workers = 1, jobs: Jobs = 0, as_json: AsJson = False
) -> None:
    """Run state tests (Cancun, Prague): one line a case, exit 1 when one fails."""
    from sequencer.conformance.runner import Kind

    _run_fixtures(Kind.STATE_TESTS, paths, engine, workers, jobs, as_json)


def blocktest(
    paths: Paths, engine: EngineOption = "serial", workers: Workers = 1, jobs: Jobs = 0, as_json: AsJson = False
) -> None:
    """Run blockchain tests (Cancun, Prague): one line a case, exit 1 when one fails."""
    from sequencer.conformance.runner import Kind

    _run_fixtures(Kind.BLOCK_TESTS, paths, engine, workers, jobs, as_json)


def replay(
    folder: Annotated[Path, typer.Argument(help="holds block.json, pre_state.json and perhaps block_hashes.json")],
    engine: EngineOption = "serial",
    workers: Workers = 1,
    as_json: AsJson = False,
) -> None:
    """Execute a block of mainnet (Istanbul to Prague) again and compare with its header; exit 1 on a difference."""
    from sequencer.conformance.engines import make_engine, parse_engine
    from sequencer.conformance.runner import run_folder

    name = parse_engine(engine)
    started = time.perf_counter()
    made = make_engine(name, workers)
    try:
        _report([run_folder(made, folder)], started, as_json)
    finally:
        made.close()


def _run_fixtures(kind: "Kind", paths: list[Path], engine: str, workers: int, jobs: int, as_json: bool) -> None:
    from sequencer.conformance.engines import parse_engine
    from sequencer.conformance.files import find_files
    from sequencer.conformance.runner import Run, run_files

    run = Run(kind, parse_engine(engine), workers, jobs or None)
    files = find_files(paths)
    _report(run_files(run, files), time.perf_counter(), as_json)


def _report(found: Iterable[list["Verdict"]], started: float, as_json: bool) -> None:
    """Print what comes as it comes, then the numbers; exit 1 when a case failed."""
    import orjson

    from sequencer.conformance.verdicts import Tally

    tally = Tally()
    for verdicts in found:
        tally.count(verdicts)
        for verdict in verdicts:
            if as_json:
                if not verdict.is_skipped:
                    typer.echo(orjson.dumps(verdict.to_json()))
            else:
                typer.echo(verdict.line())
    seconds = time.perf_counter() - started
    if as_json:
        typer.echo(orjson.dumps(tally.to_json(seconds)))
    else:
        typer.echo(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped in {seconds:.1f} s")
    if not tally.is_good:
        raise typer.Exit(1)
