"""
The run: many files, a few processes, one verdict a case.

A case that breaks, its engine with it, is a failed case. A process that ends takes its run with it: then nobody knows
what passed.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing import get_context
from pathlib import Path

from l1_bridge.errors import BraidError
from l1_bridge.json_fields import MalformedField
from sequencer.execution.interface import Engine

from .block_tests import is_block_test, run_block_test
from .engines import EngineName, make_engine
from .fields import NoFixture
from .files import FixtureFile, is_of_another_kind, read_fixtures
from .replay import replay_folder
from .state_tests import is_state_test, run_state_test
from .verdicts import Verdict

FILES_A_TURN = 4
"""Files that a process takes at once."""


class Kind(StrEnum):
    """What is run."""

    STATE_TESTS = "state test"
    BLOCK_TESTS = "blockchain test"


@dataclass(frozen=True, slots=True)
class Run:
    """What to run by which engine; `workers` are its threads or processes, `jobs` the processes that run cases."""

    kind: Kind
    engine: EngineName = EngineName.SERIAL
    workers: int = 1
    jobs: int | None = None


class ProcessEnded(BraidError):
    """A process that ran cases is gone, with what it had found."""


def run_files(run: Run, files: Sequence[FixtureFile]) -> Iterator[list[Verdict]]:
    """The verdicts of each file, in the order of the files."""
    turns = -(-len(files) // FILES_A_TURN)
    jobs = min(run.jobs or min(os.cpu_count() or 1, turns), len(files))
    if jobs == 1:
        engine = make_engine(run.engine, run.workers)
        try:
            yield from (run_file(engine, run.kind, file) for file in files)
        finally:
            engine.close()
        return
    context = get_context("spawn")
    try:
        with ProcessPoolExecutor(jobs, context, _begin, (run,)) as pool:
            yield from pool.map(_run_one, files, chunksize=min(FILES_A_TURN, -(-len(files) // jobs)))
    except BrokenProcessPool:
        raise ProcessEnded("a process that ran cases ended; run with --jobs 1 to see which case ends it") from None


_ENGINES: list[tuple[Engine, Kind]] = []
"""Within a process of the pool: its engine, and what it runs."""


def _begin(run: Run) -> None:
    _ENGINES.append((make_engine(run.engine, run.workers), run.kind))


def _run_one(file: FixtureFile) -> list[Verdict]:
    engine, kind = _ENGINES[0]
    return run_file(engine, kind, file)


def run_file(engine: Engine, kind: Kind, file: FixtureFile) -> list[Verdict]:
    """The verdicts on all cases of a file; a file that is no fixture is one failed case."""
    try:
        fixtures = read_fixtures(file.path)
    except NoFixture as problem:
        return [Verdict(file.path, "", error=str(problem))]
    verdicts: list[Verdict] = []
    for name, fixture in fixtures.items():
        verdicts += _judge(file.path, name, _CASES[kind](engine, file, name, fixture))
    return verdicts


def run_folder(engine: Engine, folder: Path) -> list[Verdict]:
    """The verdict on one block of mainnet."""
    return _judge(str(folder), "", replay_folder(engine, folder))


def _judge(file: str, name: str, cases: Iterable[Verdict]) -> list[Verdict]:
    """All of `cases`; what is raised on the way is a failed case."""
    verdicts: list[Verdict] = []
    try:
        verdicts.extend(cases)
    except MalformedField as problem:
        verdicts.append(Verdict(file, name, error=f"no fixture: {problem}"))
    except NoFixture as problem:
        verdicts.append(Verdict(file, name, error=str(problem)))
    except Exception as problem:
        verdicts.append(Verdict(file, name, error=f"crashed: {type(problem).__name__}: {problem}"))
    return verdicts


def _state_cases(engine: Engine, file: FixtureFile, name: str, fixture: Mapping[str, object]) -> Iterator[Verdict]:
    if is_state_test(fixture):
        yield from run_state_test(engine, file.path, name, fixture)
    else:
        yield _stranger(file, name, fixture, Kind.STATE_TESTS)


def _block_cases(engine: Engine, file: FixtureFile, name: str, fixture: Mapping[str, object]) -> Iterator[Verdict]:
    if is_block_test(fixture):
        yield run_block_test(engine, file.path, name, fixture)
    else:
        yield _stranger(file, name, fixture, Kind.BLOCK_TESTS)


def _stranger(file: FixtureFile, name: str, fixture: Mapping[str, object], kind: Kind) -> Verdict:
    """Below a folder other kinds of fixtures may lie; a file that was named must be what it is named for."""
    if not file.is_named and is_of_another_kind(fixture):
        return Verdict(file.path, name, is_skipped=True)
    return Verdict(file.path, name, error=f"no {kind.value}")


_CASES: Mapping[Kind, Callable[[Engine, FixtureFile, str, Mapping[str, object]], Iterator[Verdict]]] = {
    Kind.STATE_TESTS: _state_cases,
    Kind.BLOCK_TESTS: _block_cases,
}
