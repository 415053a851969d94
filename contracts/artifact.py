"""
Reads the committed artifacts, from a checkout or from an installed wheel alike.

Every name is a contract's name as in its source, such as `OptimismPortal`. Nothing here needs a compiler.
"""

import copy
import functools
import json
from importlib import resources
from typing import TypedDict


class UnknownContract(KeyError):
    """There is no artifact of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no contract artifact {name!r}")
        self.name = name


class StorageEntry(TypedDict):
    """A variable's place: `offset` bytes from the low end of slot `slot`, `bytes` long."""

    label: str
    slot: int
    offset: int
    type: str
    bytes: int


class Artifact(TypedDict):
    """One artifact file, as `build.py` writes it."""

    name: str
    abi: list[dict[str, object]]
    bytecode: str
    deployedBytecode: str
    immutableReferences: list[list[dict[str, int]]]
    methodIdentifiers: dict[str, str]
    storageLayout: list[StorageEntry]


@functools.cache
def read_artifact(name: str) -> Artifact:
    """Return an artifact; it is shared, so callers must not change it."""
    file = resources.files("contracts") / "artifacts" / f"{name}.json"
    if not name.isidentifier() or not file.is_file():
        raise UnknownContract(name)
    artifact: Artifact = json.loads(file.read_text(encoding="utf-8"))
    return artifact


def abi(name: str) -> list[dict[str, object]]:
    """Return the JSON ABI of a contract; the list is the caller's own."""
    return copy.deepcopy(read_artifact(name)["abi"])


def bytecode(name: str) -> bytes:
    """Return the creation code of a contract, without constructor arguments."""
    return bytes.fromhex(read_artifact(name)["bytecode"].removeprefix("0x"))


def deployed_bytecode(name: str) -> bytes:
    """Return the code at a contract's address; what a constructor fills in, as for tokens of factories, is zero."""
    return bytes.fromhex(read_artifact(name)["deployedBytecode"].removeprefix("0x"))


def method_identifiers(name: str) -> dict[str, bytes]:
    """Return the 4-byte selectors of a contract's functions, by canonical signature."""
    return {signature: bytes.fromhex(value) for signature, value in read_artifact(name)["methodIdentifiers"].items()}


def storage_layout(name: str) -> dict[str, StorageEntry]:
    """Return where a contract keeps its variables, by their names."""
    return {entry["label"]: entry for entry in read_artifact(name)["storageLayout"]}
