"""The L1 of a recorded chain: blocks, receipts and blobs as nodes gave them, served as a source and verified."""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict, cast

from l1_bridge.kzg import compute_commitment, compute_versioned_hash
from l1_bridge.l1_header import verify_header
from l1_bridge.l1_receipt import verify_receipts
from l1_bridge.l1_transaction import verify_transactions
from l1_bridge.types import L1Block, L1Header, L1Receipt, L1Tag

VECTORS = Path(__file__).parents[1] / "vectors" / "op"


class L1Entry(TypedDict):
    """One L1 block of a vector file."""

    block: dict[str, object]
    receipts: list[object]


class L2Entry(TypedDict):
    """One L2 block of a vector file; hex strings."""

    number: int
    hash: str
    block: str
    receipts: list[str]
    output_root: str


class Vector(TypedDict):
    """A file of `tests/vectors/op`."""

    rollup: dict[str, object]
    genesis: dict[str, object]
    l1_chain: dict[str, object]
    l1: list[L1Entry]
    l2: list[L2Entry]
    safe_l2: int
    safe_from_l1: int
    l1_forks: NotRequired[list[list[L1Entry]]]
    """L1 blocks that reorgs took away, in their order; what took their place is in `l1`."""
    blobs: NotRequired[dict[str, str]]


def load_vector(name: str) -> Vector:
    """Read `<name>.json.gz`."""
    return cast(Vector, json.loads(gzip.decompress((VECTORS / f"{name}.json.gz").read_bytes())))


@dataclass(frozen=True, slots=True)
class _RecordedBlock:
    header: L1Header
    transactions: Sequence[object]
    receipts: Sequence[object]


class RecordedL1:
    """Implements `L1Source` and `BlobSource`; `head_number` and `finalized_number` hide what is above them."""

    def __init__(self, vector: Vector) -> None:
        """Every header is checked against its hash; bodies and blobs when they are asked for."""
        self._by_hash: dict[bytes, _RecordedBlock] = {}
        self._last = dict(map(self._hold, vector["l1"]))
        self.forks = [dict(map(self._hold, entries)) for entries in vector.get("l1_forks", [])]
        """Blocks that reorgs took away, by number."""
        self._blobs = vector.get("blobs", {})
        self._inboxes = frozenset({bytes.fromhex(str(vector["rollup"]["batch_inbox_address"])[2:])})
        self._by_number = self._last
        self.head_number = max(self._last)
        self.finalized_number = min(self._last)

    def switch_to(self, fork: Mapping[int, bytes] | None) -> None:
        """Let L1 be as it was before a reorg, or, with None, as it was in the end."""
        below = {number: hash for number, hash in self._last.items() if fork is None or number < min(fork)}
        self._by_number = {**below, **(fork or {})}
        self.head_number = max(self._by_number)

    async def header_by_number(self, number: int) -> L1Header | None:
        """The header at that height, when the head has reached it."""
        return self.canonical(number)

    def canonical(self, number: int) -> L1Header | None:
        """The same, at once."""
        hash = self._by_number.get(number)
        return self._by_hash[hash].header if hash is not None and number <= self.head_number else None

    async def header_by_hash(self, hash: bytes) -> L1Header | None:
        """The header with that hash."""
        held = self._by_hash.get(hash)
        return held.header if held is not None and held.header.number <= self.head_number else None

    async def header_by_tag(self, tag: L1Tag) -> L1Header | None:
        """The head, or the finalized block for the other tags."""
        return await self.header_by_number(self.head_number if tag == "latest" else self.finalized_number)

    async def block_by_number(self, number: int) -> L1Block | None:
        """The block at that height, when the head has reached it."""
        header = self.canonical(number)
        return None if header is None else await self.block_by_hash(header.hash)

    async def block_by_hash(self, hash: bytes) -> L1Block | None:
        """Header and transactions."""
        held = self._by_hash.get(hash)
        if held is None:
            return None
        root, has_blobs = held.header.transactions_root, _has_blobs(held.transactions)
        listed = verify_transactions(held.transactions, root, self._inboxes, trust_root=has_blobs)
        return L1Block(held.header, listed)

    async def receipts_by_hash(self, hash: bytes) -> tuple[L1Receipt, ...] | None:
        """All receipts."""
        held = self._by_hash.get(hash)
        return None if held is None else verify_receipts(held.receipts, held.header.receipts_root)

    async def blobs(self, block: L1Header, hashes: Sequence[bytes]) -> tuple[bytes, ...]:
        """The blobs with these versioned hashes."""
        found = tuple(bytes.fromhex(self._blobs["0x" + hash.hex()][2:]) for hash in hashes)
        assert [compute_versioned_hash(compute_commitment(blob)) for blob in found] == list(hashes)
        return found

    def _hold(self, entry: L1Entry) -> tuple[int, bytes]:
        header = verify_header(entry["block"])
        transactions = cast(Sequence[object], entry["block"]["transactions"])
        self._by_hash[header.hash] = _RecordedBlock(header, transactions, entry["receipts"])
        return header.number, header.hash


def _has_blobs(transactions: Sequence[object]) -> bool:
    """Whether anvil's transactions root of the block is another than the canonical one."""
    return any(cast(Mapping[str, str], transaction)["type"] == "0x3" for transaction in transactions)
