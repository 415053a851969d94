"""The shape of the code: small files, small functions, documented modules, one door a library, no vague names."""

import ast

import pytest

from tests.architecture.sources import PACKAGES, ROOT, sources

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
VAGUE_NAMES = {"utils", "util", "common", "helpers", "base", "core", "misc", "shared"}

DOORS = {
    "web3": {"l1_bridge/l1_connection.py"},
    "ckzg": {"l1_bridge/kzg.py", "sequencer/execution/precompiles.py"},
    "eth_account": {"l1_bridge/signer.py"},
    "eth_keyfile": {"l1_bridge/signer.py"},
    "eth_hash": {"contracts/keccak.py"},
    "brotli": {"batcher/codec/compression.py"},
    "lmdb": {"sequencer/state/lmdb_environment.py"},
    "ray": {"sequencer/execution/parallel/ray_executor.py"},
    "redis": {"sequencer/state/redis_link.py"},
    "trie": {"sequencer/state/trie.py"},
    "coincurve": {"sequencer/primitives/signature.py"},
    "eth": {
        "sequencer/execution/evm.py",
        "sequencer/execution/interpreter.py",
        "sequencer/execution/opcodes.py",
    },
    "blake2b": {"sequencer/execution/blake2f.py"},
    "py_arkworks_bls12381": {"sequencer/execution/bls12381.py"},
    "uvloop": {"sequencer/node/event_loop.py"},
}
"""The only modules that may import a library."""


def test_files_are_short() -> None:
    lengths = {source.name: len(source.text.splitlines()) for source in sources()}

    assert {name: count for name, count in lengths.items() if count > MAX_FILE_LINES} == {}


def test_functions_are_short() -> None:
    long = {
        f"{source.name}:{node.name}": _code_lines(node)
        for source in sources(PACKAGES)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _code_lines(node) > MAX_FUNCTION_LINES
    }

    assert long == {}


def test_every_module_says_what_it_is() -> None:
    docstrings = {source.name: ast.get_docstring(source.tree) or "" for source in sources(PACKAGES)}

    assert [name for name, text in docstrings.items() if not text or text.startswith("This module")] == []


def test_names_say_something() -> None:
    paths = [source.path.relative_to(ROOT) for source in sources()]

    assert [path for path in paths if VAGUE_NAMES & {part.removesuffix(".py") for part in path.parts}] == []


def test_a_library_has_one_door() -> None:
    wrong = {
        (source.name, name)
        for source in sources(PACKAGES)
        for name in _imported(source.tree) & DOORS.keys()
        if source.name not in DOORS[name]
    }

    assert wrong == set()


@pytest.mark.parametrize("library", sorted(DOORS))
def test_a_door_is_used(library: str) -> None:
    """A door that nobody goes through would make the rule above empty."""
    users = {source.name for source in sources(PACKAGES) if library in _imported(source.tree)}

    assert users == DOORS[library]


def test_nothing_is_left_undone() -> None:
    marks = ("TODO", "FIXME", "raise NotImplementedError")

    assert [source.name for source in sources(PACKAGES) if any(mark in source.text for mark in marks)] == []


def _code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring, which may be as long as it needs to be."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def _imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names
