"""The L1 of a recorded chain: blocks and receipts as JSON-RPC gave them, served through `L1Source` and verified."""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

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


def load_vector(name: str) -> Vector:
    """Read `<name>.json.gz`."""
    return cast(Vector, json.loads(gzip.decompress((VECTORS / f"{name}.json.gz").read_bytes())))


@dataclass(frozen=True, slots=True)
class _RecordedBlock:
    header: L1Header
    transactions: Sequence[object]
    receipts: Sequence[object]


class RecordedL1:
    """Implements `L1Source` over a fixed chain; `head_number` and `finalized_number` hide what is above them."""

    def __init__(self, entries: Sequence[L1Entry]) -> None:
        """Every header is checked against its hash; bodies when they are asked for."""
        self._by_hash: dict[bytes, _RecordedBlock] = {}
        self._by_number: dict[int, bytes] = {}
        for entry in entries:
            header = verify_header(entry["block"])
            transactions = cast(Sequence[object], entry["block"]["transactions"])
            self._by_hash[header.hash] = _RecordedBlock(header, transactions, entry["receipts"])
            self._by_number[header.number] = header.hash
        self.head_number = max(self._by_number)
        self.finalized_number = min(self._by_number)

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

    async def block_by_hash(self, hash: bytes) -> L1Block | None:
        """Header and transactions."""
        held = self._by_hash.get(hash)
        if held is None:
            return None
        root = held.header.transactions_root
        return L1Block(held.header, verify_transactions(held.transactions, root, _inbox_of(held.transactions)))

    async def receipts_by_hash(self, hash: bytes) -> tuple[L1Receipt, ...] | None:
        """All receipts."""
        held = self._by_hash.get(hash)
        return None if held is None else verify_receipts(held.receipts, held.header.receipts_root)


def _inbox_of(transactions: Sequence[object]) -> frozenset[bytes]:
    """Recovering every sender is slow; those of transactions to inboxes (0xff00...) are enough."""
    recipients = {cast(Mapping[str, str], transaction)["to"] for transaction in transactions}
    return frozenset(bytes.fromhex(to[2:]) for to in recipients if to is not None and to.lower().startswith("0xff00"))
