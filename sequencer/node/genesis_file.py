"""
The genesis file of a node, which is read in full only where block 0 has to be made or compared from its accounts.

A file with a million accounts takes seconds. After a chain was opened with one, the data directory remembers which
file that was: `genesis.known` holds the file's digest, the hash of block 0, and the file without its accounts. A file
with another digest is read in full, and the chain refuses it when its block 0 is another one.
"""

import asyncio
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from sequencer.primitives.errors import DecodingError
from sequencer.primitives.genesis import Genesis, GenesisAccount, genesis_from_json
from sequencer.state.genesis_accounts import read_genesis_or_none

from .json_files import UnusableFile, read_json_object, write_json_object

KNOWN_NAME = "genesis.known"


class AccountsOfFile(Mapping[bytes, GenesisAccount]):
    """The accounts of a genesis file, read when somebody asks for one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _accounts(self) -> Mapping[bytes, GenesisAccount]:
        return genesis_from_json(read_json_object(self._path)).alloc

    def __getitem__(self, address: bytes) -> GenesisAccount:
        return self._accounts[address]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._accounts)

    def __len__(self) -> int:
        return len(self._accounts)


@dataclass(frozen=True, slots=True)
class GenesisFile:
    """A genesis with the file that it came from."""

    genesis: Genesis
    path: Path
    digest: str

    def remember(self, data_dir: Path, block_hash: bytes) -> Genesis:
        """Remember the file, whose block 0 has that hash; returns the genesis without the burden of its accounts."""
        light = replace(self.genesis, alloc=AccountsOfFile(self.path), known_hash=block_hash)
        if self.genesis.known_hash != block_hash:
            content = replace(self.genesis, alloc={}).to_json()
            known = {"digest": self.digest, "hash": block_hash.hex(), "genesis": content}
            write_json_object(data_dir / KNOWN_NAME, known)
        return light


class GenesisReading:
    """A genesis file that is read on a thread of its own from now on, while the rest of a node is loaded."""

    def __init__(self, path: Path, data_dir: Path) -> None:
        self._found: asyncio.Future[GenesisFile] | None
        self._found = asyncio.get_running_loop().run_in_executor(None, load_genesis, path, data_dir)

    async def take(self) -> GenesisFile:
        """The file, once: its accounts are many, and are not kept here. Raises as `load_genesis` does."""
        found, self._found = self._found, None
        assert found is not None, "the file was taken before"
        return await found


def load_genesis(path: Path, data_dir: Path) -> GenesisFile:
    """The genesis in `path`, without reading its accounts when `data_dir` knows the file; raises UnusableFile."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as reason:
        raise UnusableFile(f"{path}: {reason.strerror}") from None
    genesis = _known(path, data_dir / KNOWN_NAME, digest)
    if genesis is None:
        genesis = read_genesis_or_none(path) or genesis_from_json(read_json_object(path))
    return GenesisFile(genesis, path, digest)


def _known(path: Path, known: Path, digest: str) -> Genesis | None:
    """The genesis as it is remembered; None when it is not, or is not readable any more."""
    try:
        content = read_json_object(known)
        if content["digest"] != digest:
            return None
        header, block_hash = content["genesis"], content["hash"]
        if not isinstance(header, dict) or not isinstance(block_hash, str):
            return None
        genesis = genesis_from_json(header)
        return replace(genesis, alloc=AccountsOfFile(path), known_hash=bytes.fromhex(block_hash))
    except (UnusableFile, KeyError, ValueError, DecodingError):
        return None
