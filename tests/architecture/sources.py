"""The project's own source files, parsed once for all structure tests."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("contracts", "l1_bridge", "batcher", "sequencer", "bench")
ALL_FOLDERS = (*PACKAGES, "tests")


@dataclass(frozen=True)
class Source:
    """One Python file."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Path from the project's root."""
        return self.path.relative_to(ROOT).as_posix()


@cache
def sources(folders: tuple[str, ...] = ALL_FOLDERS) -> tuple[Source, ...]:
    """Every Python file below `folders`."""
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "node_modules" not in path.parts:
                text = path.read_text()
                found.append(Source(path, text, ast.parse(text)))
    return tuple(found)
