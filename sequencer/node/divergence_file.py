"""
What is left of two engines that disagreed: `divergence-<block>.json` in the data directory, read by `braid inspect`.

As long as the file lies there the node does not start: whoever moves it away has looked at it.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path

import structlog

from l1_bridge.errors import CriticalError
from sequencer.execution.cross_check import Divergence, DivergingTransaction
from sequencer.execution.interface import Included, Invalid, Outcome

from .json_files import UnusableFile, read_json_object, write_json_object

log = structlog.get_logger(__name__)

KIND = "braid divergence 1"
"""Says what the file is, and the version of its form."""


class DivergenceUnresolved(CriticalError):
    """The data directory holds a divergence that nobody has moved away."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: two engines disagreed on a block of this chain. Look at it with `braid inspect divergence`,"
            " find out which engine is wrong, then move the file away and start with the one that is right"
        )
        self.path = path


class NoDivergence(CriticalError):
    """There is nothing to look at."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory} holds no divergence-<block>.json: no two engines disagreed there")
        self.directory = directory


def find_divergences(data_dir: Path) -> list[Path]:
    """The files of a data directory, lowest block first."""
    found = [
        path for path in data_dir.glob("divergence-*.json") if path.stem[11:].isascii() and path.stem[11:].isdigit()
    ]
    return sorted(found, key=lambda path: int(path.stem[11:]))


def require_no_divergence(data_dir: Path) -> None:
    """Raise DivergenceUnresolved when there is one."""
    for path in find_divergences(data_dir):
        raise DivergenceUnresolved(path)


def keep_divergence(data_dir: Path, divergence: Divergence) -> None:
    """Write the file, whole or not at all; a disk that takes nothing is logged, and the node stops all the same."""
    path = data_dir / f"divergence-{divergence.environment.number}.json"
    try:
        write_json_object(path, divergence_to_json(divergence))
    except OSError as reason:
        log.error("divergence_not_written", path=str(path), reason=str(reason))
        return
    log.error(
        "engines_disagree", number=divergence.environment.number, engines=list(divergence.engines), path=str(path)
    )


def read_divergence(path: Path) -> dict[str, object]:
    """The content of such a file; raises UnusableFile for anything else."""
    content = read_json_object(path)
    engines = content.get("engines")
    is_pair = isinstance(engines, list) and len(engines) == 2 and all(isinstance(name, str) for name in engines)
    if content.get("kind") != KIND or not is_pair:
        raise UnusableFile(f"{path} is no divergence of two engines")
    return content


def divergence_to_json(divergence: Divergence) -> dict[str, object]:
    """All of it; bytes in hex, pairs in the order of the engines."""
    return {
        "kind": KIND,
        "blockNumber": divergence.environment.number,
        "engines": list(divergence.engines),
        "transaction": None if divergence.transaction is None else _transaction(divergence.transaction),
        "header": {_camel(name): _plain(pair) for name, pair in divergence.header.items()},
        "systemCall": _plain(divergence.system_call),
        "environment": _plain(divergence.environment),
    }


def _transaction(found: DivergingTransaction) -> dict[str, object]:
    transaction = found.transaction
    return {
        "index": found.index,
        "hash": _plain(transaction.hash),
        "type": transaction.type,
        "sender": _plain(transaction.sender),
        "raw": _plain(transaction.raw),
        "outcomes": [_outcome(outcome) for outcome in found.outcomes],
        "writes": [_plain(writes) for writes in found.writes],
    }


def _outcome(outcome: Outcome | None) -> object:
    if outcome is None:
        return None
    if isinstance(outcome, Included):
        return {"outcome": "included", "gasUsed": outcome.gas_used, "receipt": _plain(outcome.receipt)}
    if isinstance(outcome, Invalid):
        return {"outcome": "invalid", "reason": outcome.reason.value}
    return {"outcome": "deferred"}


def _plain(value: object) -> object:
    """Values as JSON has them."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else _plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return {_camel(field.name): _plain(getattr(value, field.name)) for field in fields(value)}
    return value


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
