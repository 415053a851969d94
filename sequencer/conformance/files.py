"""Files of fixtures: found below what the user names, read as JSON, and told apart by what they hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from .fields import NoFixture

OTHER_KINDS = ({"engineNewPayloads"}, {"txbytes", "result"}, {"blocks"}, {"transaction", "post"}, {"rlp"})
"""Keys that give away fixtures of a kind that the command at hand does not run."""


@dataclass(frozen=True, slots=True)
class FixtureFile:
    """A file, and whether the user named it (or only a folder above it)."""

    path: str
    is_named: bool


def find_files(paths: Sequence[Path]) -> list[FixtureFile]:
    """All JSON files, in order; hidden folders are left out. Raises NoFixture for a path where there is nothing."""
    found: list[FixtureFile] = []
    for path in paths:
        if path.is_file():
            found.append(FixtureFile(str(path), is_named=True))
        elif path.is_dir():
            found += [FixtureFile(str(file), is_named=False) for file in sorted(_walk(path))]
        else:
            raise NoFixture(f"{path}: there is no such file or folder")
    if not found:
        raise NoFixture(f"no JSON file below {', '.join(map(str, paths))}")
    return found


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*.json"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def read_json(path: str) -> object:
    """The content of a file; raises NoFixture."""
    try:
        return orjson.loads(Path(path).read_bytes())
    except OSError as problem:
        raise NoFixture(f"can not be read: {problem.strerror}") from None
    except orjson.JSONDecodeError as problem:
        raise NoFixture(f"is not JSON: {problem}") from None


def read_fixtures(path: str) -> Mapping[str, Mapping[str, object]]:
    """The fixtures of a file by name; raises NoFixture where it does not hold objects by name."""
    content = read_json(path)
    if not isinstance(content, dict) or not content:
        raise NoFixture("is not a JSON object that holds fixtures by name")
    for name, fixture in content.items():
        if not isinstance(fixture, dict):
            raise NoFixture(f"{name!r} is not a fixture: not a JSON object")
    return content


def is_of_another_kind(fixture: Mapping[str, object]) -> bool:
    """Whether this is a fixture all the same, for another command or for none."""
    return any(keys <= fixture.keys() for keys in OTHER_KINDS)
