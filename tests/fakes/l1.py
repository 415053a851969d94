"""
A fake L1 that a test drives by hand: hash-linked headers, signed transactions, receipts with logs, reorgs, failures.

    l1 = FakeL1()
    l1.queue_transaction(batcher_key, to=inbox, data=...)     signed, waits for the next block
    l1.queue_deposit(portal, event); l1.queue_config_update(system_config, UPDATE_GAS_LIMIT, word)
    header = l1.act_mine()                                    a block with everything that waits
    l1.act_reorg(depth=2)                                     the last two blocks are gone; mine others
    l1.act_finalize(number)                                   and act_mark_safe
    l1.act_go_away(); l1.act_lie(); l1.fail_next(2); l1.act_come_back()
    l1.act_prune(number); l1.act_prune(0)                     blocks below it have no body and no receipts; all have
    gone = l1.act_fall_behind(depth); l1.act_catch_up(gone)   another node in its place, which has less, or other blocks

Headers hash to their hash, bodies to their roots, and no block of one branch equals one of another. It implements
`L1Source` and `BlobSource`; there is no clock in it: time goes on by `block_time` a block.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from eth_hash.auto import keccak

from l1_bridge.beacon_client import BlobsMissing
from l1_bridge.deposits import DepositEvent, encode_deposit_log
from l1_bridge.errors import BraidError, L1Lied, L1Unavailable
from l1_bridge.ordered_trie import ordered_trie_root
from l1_bridge.system_config import CONFIG_UPDATE_TOPIC, CONFIG_UPDATE_VERSION_0
from l1_bridge.types import ZERO_HASH, BlockId, L1Block, L1Header, L1Log, L1Receipt, L1Tag, L1Transaction
from sequencer.primitives.account import EMPTY_TRIE_ROOT
from sequencer.primitives.header import Header
from sequencer.primitives.receipt import Log, Receipt, compute_logs_bloom, merge_blooms
from tests.factories import GWEI, make_transaction, private_key

L1_CHAIN_ID = 900
GENESIS_TIME = 1_700_000_000
GAS_LIMIT = 60_000_000
DEPOSITOR_INDEX = 9
"""Account of the mnemonic that sends the transactions behind deposits and config updates."""


@dataclass(frozen=True, slots=True)
class QueuedTransaction:
    """A transaction on its way into a block, and what its execution will have emitted; log indexes come with it."""

    transaction: L1Transaction
    raw: bytes
    logs: tuple[L1Log, ...] = ()
    status: int = 1


@dataclass(frozen=True, slots=True)
class FakeBlock:
    """A mined block."""

    header: L1Header
    transactions: tuple[QueuedTransaction, ...]
    receipts: tuple[L1Receipt, ...]

    def to_l1_block(self) -> L1Block:
        """What a reader sees of it beside the receipts."""
        return L1Block(self.header, tuple(entry.transaction for entry in self.transactions))


@dataclass(slots=True)
class FakeL1:
    """See the module. Every block ever mined stays readable by hash, as on a real node."""

    block_time: int = 2
    """Seconds."""
    genesis_time: int = GENESIS_TIME
    base_fee: int = GWEI
    reads: "Counter[str]" = field(default_factory=Counter)
    """How often each method was called."""
    outage: BraidError | None = None
    """Raised by every read while it is set."""
    gate: asyncio.Event | None = None
    """A slow L1: while it is set, reads wait for the event."""
    has_pruned_headers: bool = False
    """Pruned blocks have no header either."""
    kept_blobs: dict[bytes, bytes] = field(default_factory=dict)
    """By versioned hash; a test takes them away."""
    _chain: list[FakeBlock] = field(default_factory=list)
    _by_hash: dict[bytes, FakeBlock] = field(default_factory=dict)
    _queue: list[QueuedTransaction] = field(default_factory=list)
    _nonces: "Counter[bytes]" = field(default_factory=Counter)
    _failures: list[BraidError] = field(default_factory=list)
    _branch: int = 0
    _safe: int = 0
    _finalized: int = 0
    _pruned_below: int = 0

    def __post_init__(self) -> None:
        """Begin with block 0."""
        self._append((), self.genesis_time)

    # What a test reads

    @property
    def head(self) -> L1Header:
        """The newest block."""
        return self._chain[-1].header

    def header(self, number: int) -> L1Header:
        """The canonical header at that height."""
        return self._chain[number].header

    def transactions(self, number: int) -> tuple[L1Transaction, ...]:
        """Transactions of the canonical block at that height."""
        return tuple(entry.transaction for entry in self._chain[number].transactions)

    def is_canonical(self, block: BlockId) -> bool:
        """Whether the block is part of the chain now."""
        return block.number < len(self._chain) and self._chain[block.number].header.hash == block.hash

    @property
    def queued(self) -> tuple[QueuedTransaction, ...]:
        """What the next block will hold."""
        return tuple(self._queue)

    # What a test puts into the next block

    def queue_transaction(
        self,
        key: bytes,
        to: bytes | None,
        data: bytes = b"",
        *,
        type: int = 2,
        logs: Sequence[L1Log] = (),
        status: int = 1,
    ) -> bytes:
        """Sign a transaction with `key` and queue it; returns its hash."""
        signed = make_transaction(
            type=type, nonce=self._nonces[key], key=key, chain_id=L1_CHAIN_ID, to=to, value=0, data=data
        )
        self._nonces[key] += 1
        transaction = L1Transaction(signed.hash, signed.type, signed.sender, to, data)
        self._queue.append(QueuedTransaction(transaction, signed.raw, tuple(logs), status))
        return signed.hash

    def queue_blob_transaction(
        self, sender: bytes, to: bytes, data: bytes = b"", *, blobs: Sequence[bytes] = (bytes(131_072),)
    ) -> bytes:
        """
        Queue a transaction of type 3, and keep its blobs; returns its hash.

        Nobody signs it, and its blobs' hashes commit to nothing: what reads them here believes them.
        """
        raw = b"\x03" + keccak(sender + to + data + len(self._queue).to_bytes(4, "big"))
        hashes = tuple(b"\x01" + keccak(blob)[1:] for blob in blobs)
        self.kept_blobs.update(zip(hashes, blobs, strict=True))
        self._queue.append(QueuedTransaction(L1Transaction(keccak(raw), 3, sender, to, data, hashes), raw))
        return keccak(raw)

    def queue_deposit(self, portal: bytes, event: DepositEvent, *, status: int = 1) -> bytes:
        """A transaction in which the portal orders `event` (its source hash is not looked at)."""
        log = encode_deposit_log(event, portal, 0)
        return self.queue_transaction(private_key(DEPOSITOR_INDEX), portal, logs=(log,), status=status)

    def queue_config_update(self, system_config: bytes, kind: int, payload: bytes, *, status: int = 1) -> bytes:
        """A transaction in which the system config emits an update; `payload` is its ABI-encoded value."""
        log = make_config_log(system_config, kind, payload)
        return self.queue_transaction(private_key(DEPOSITOR_INDEX), system_config, logs=(log,), status=status)

    # What happens to the chain

    def act_mine(self, count: int = 1) -> L1Header:
        """Mine blocks; the first holds everything that is queued. Returns the newest header."""
        for _ in range(count):
            transactions, self._queue = tuple(self._queue), []
            self._append(transactions, self.head.timestamp + self.block_time)
        return self.head

    def act_reorg(self, depth: int, *, requeue: bool = False) -> tuple[FakeBlock, ...]:
        """
        Throw the last `depth` blocks away; returns them. What is mined next is of another branch.

        Parameters
        ----------
        requeue :
            Their transactions go back into the queue, in order, as pools do it; else they are lost.
        """
        if not 0 < depth < len(self._chain):
            raise ValueError(f"a chain of {len(self._chain)} blocks has no reorg of depth {depth}")
        if len(self._chain) - depth <= self._finalized:
            raise ValueError("a finalized block can not be reorged")
        orphans = tuple(self._chain[-depth:])
        del self._chain[-depth:]
        self._branch += 1
        self._safe = min(self._safe, self.head.number)
        if requeue:
            self._queue[:0] = [entry for block in orphans for entry in block.transactions]
        return orphans

    def act_mark_safe(self, number: int | None = None) -> None:
        """The safe tag; the head by default."""
        self._safe = self.head.number if number is None else number

    def act_finalize(self, number: int | None = None) -> None:
        """The finalized tag, and the safe one with it; the head by default."""
        self._finalized = self.head.number if number is None else number
        self._safe = max(self._safe, self._finalized)

    def act_fall_behind(self, depth: int) -> tuple[FakeBlock, ...]:
        """Another node answers, which lacks the last `depth` blocks, final ones too; returns them."""
        missing = tuple(self._chain[-depth:])
        del self._chain[-depth:]
        for block in missing:
            del self._by_hash[block.header.hash]
        self._branch += 1
        self._safe, self._finalized = min(self._safe, self.head.number), min(self._finalized, self.head.number)
        return missing

    def act_catch_up(self, missing: Sequence[FakeBlock]) -> None:
        """It has these now."""
        self._chain += missing
        self._by_hash.update((block.header.hash, block) for block in missing)

    def act_prune(self, number: int) -> None:
        """Of blocks below that number only headers are to be had; of those above all."""
        self._pruned_below = number

    def act_go_away(self) -> None:
        """Every read fails from now on, as if the node was down or too slow."""
        self.outage = L1Unavailable("eth_getBlockByNumber", "connection refused")

    def act_lie(self) -> None:
        """Every read fails from now on, as the client's does when an answer does not hash to its claim."""
        self.outage = L1Lied("a block hash", ZERO_HASH, bytes([1]) * 32)

    def act_come_back(self) -> None:
        """Reads answer again."""
        self.outage = None
        self._failures.clear()

    def fail_next(self, count: int = 1, error: BraidError | None = None) -> None:
        """The next reads fail, one error each; L1Unavailable by default."""
        self._failures += [error or L1Unavailable("eth_getBlockByNumber", "timed out")] * count

    # L1Source

    async def header_by_number(self, number: int) -> L1Header | None:
        """The canonical header at that height."""
        await self._read("header_by_number")
        if self.has_pruned_headers and number < self._pruned_below:
            return None
        return self._chain[number].header if 0 <= number < len(self._chain) else None

    async def header_by_hash(self, hash: bytes) -> L1Header | None:
        """The header with that hash, canonical or not."""
        await self._read("header_by_hash")
        held = self._unpruned_or_none(hash) if self.has_pruned_headers else self._by_hash.get(hash)
        return None if held is None else held.header

    async def header_by_tag(self, tag: L1Tag) -> L1Header | None:
        """The header under a tag."""
        await self._read("header_by_tag")
        return self._chain[
            {"latest": len(self._chain) - 1, "safe": self._safe, "finalized": self._finalized}[tag]
        ].header

    async def block_by_number(self, number: int) -> L1Block | None:
        """The canonical block at that height."""
        await self._read("block_by_number")
        return self._chain[number].to_l1_block() if self._pruned_below <= number < len(self._chain) else None

    async def block_by_hash(self, hash: bytes) -> L1Block | None:
        """Header and transactions."""
        await self._read("block_by_hash")
        held = self._unpruned_or_none(hash)
        return None if held is None else held.to_l1_block()

    async def receipts_by_hash(self, hash: bytes) -> tuple[L1Receipt, ...] | None:
        """All receipts."""
        await self._read("receipts_by_hash")
        held = self._unpruned_or_none(hash)
        return None if held is None else held.receipts

    async def blobs(self, block: L1Header, hashes: Sequence[bytes]) -> tuple[bytes, ...]:
        """Of that block, by versioned hash (`BlobSource`)."""
        await self._read("blobs")
        missing = [hash for hash in hashes if hash not in self.kept_blobs]
        if missing:
            raise BlobsMissing(block, missing, "the test took them away")
        return tuple(self.kept_blobs[hash] for hash in hashes)

    def _unpruned_or_none(self, hash: bytes) -> FakeBlock | None:
        held = self._by_hash.get(hash)
        return None if held is None or held.header.number < self._pruned_below else held

    async def _read(self, method: str) -> None:
        self.reads[method] += 1
        if self.gate is not None:
            await self.gate.wait()
        if self._failures:
            raise self._failures.pop(0)
        if self.outage is not None:
            raise self.outage

    # Blocks

    def _append(self, transactions: tuple[QueuedTransaction, ...], timestamp: int) -> None:
        number = len(self._chain)
        receipts = _receipts_of(transactions)
        encoded = [_encode_receipt(entry, index) for index, entry in enumerate(transactions)]
        randomness = keccak(b"randao" + number.to_bytes(8, "big") + self._branch.to_bytes(8, "big"))
        header = Header(
            parent_hash=self.head.hash if self._chain else ZERO_HASH,
            fee_recipient=bytes(20),
            state_root=EMPTY_TRIE_ROOT,
            transactions_root=ordered_trie_root([entry.raw for entry in transactions]),
            receipts_root=ordered_trie_root([receipt.encode() for receipt in encoded]),
            logs_bloom=merge_blooms([receipt.bloom for receipt in encoded]),
            number=number,
            gas_limit=GAS_LIMIT,
            gas_used=sum(receipt.cumulative_gas_used for receipt in encoded[-1:]),
            timestamp=timestamp,
            extra_data=b"",
            prev_randao=randomness,
            base_fee_per_gas=self.base_fee,
            withdrawals_root=EMPTY_TRIE_ROOT,
            parent_beacon_block_root=keccak(b"beacon" + randomness),
        )
        block = FakeBlock(_to_l1_header(header), transactions, receipts)
        self._chain.append(block)
        self._by_hash[block.header.hash] = block


def make_config_log(system_config: bytes, kind: int, payload: bytes) -> L1Log:
    """The event by which the system config announces an update of that kind."""
    data = (32).to_bytes(32, "big") + len(payload).to_bytes(32, "big") + payload
    return L1Log(system_config, (CONFIG_UPDATE_TOPIC, CONFIG_UPDATE_VERSION_0, kind.to_bytes(32, "big")), data, 0)


def _receipts_of(transactions: Sequence[QueuedTransaction]) -> tuple[L1Receipt, ...]:
    """Receipts whose log indexes count through the block; a failed transaction keeps its logs: readers skip them."""
    receipts: list[L1Receipt] = []
    next_index = 0
    for entry in transactions:
        logs = tuple(
            L1Log(log.address, log.topics, log.data, next_index + position) for position, log in enumerate(entry.logs)
        )
        next_index += len(logs)
        receipts.append(L1Receipt(entry.transaction.hash, entry.status, logs))
    return tuple(receipts)


def _encode_receipt(entry: QueuedTransaction, index: int) -> Receipt:
    logs = tuple(Log(log.address, log.topics, log.data) for log in entry.logs)
    return Receipt(
        type=entry.transaction.type,
        status=entry.status,
        cumulative_gas_used=21_000 * (index + 1),
        bloom=compute_logs_bloom(logs),
        logs=logs,
    )


def _to_l1_header(header: Header) -> L1Header:
    return L1Header(
        hash=header.compute_hash(),
        parent_hash=header.parent_hash,
        number=header.number,
        timestamp=header.timestamp,
        base_fee=header.base_fee_per_gas,
        mix_hash=header.prev_randao,
        parent_beacon_block_root=header.parent_beacon_block_root,
        excess_blob_gas=header.excess_blob_gas,
        receipts_root=header.receipts_root,
        transactions_root=header.transactions_root,
        state_root=header.state_root,
    )
