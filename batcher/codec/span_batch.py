"""
Span batches: what a range of L2 blocks takes from the sequencer, without what follows from the chain itself.

    batch   = 0x01 | prefix | payload                                        (delta/span-batches.md)
    prefix  = rel_timestamp | l1_origin_num | parent_check | l1_origin_check
    payload = block_count | origin_bits | block_tx_counts | txs

Hashes are cut to 20 bytes, times and origins follow from those of the range's ends. So a span batch is read with the
chain's parameters, and becomes singular batches only against the chain: see `derivation/span_rules.py`. Blocks are made
as they are asked for, since a few kilobytes on L1 can claim ten million of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from batcher.codec.batch import SPAN_BATCH_VERSION, SingularBatch
from batcher.codec.bit_list import BitList, BitListWriter
from batcher.codec.errors import MalformedBatch, UnencodableField
from batcher.codec.span_transactions import TransactionColumns, decode_transactions, split_transaction
from batcher.codec.varint import encode_varint, read_varint, read_varints
from l1_bridge.rollup_config import RollupConfig

MAX_SPAN_BATCH_ELEMENT_COUNT = 10_000_000
"""Blocks of a span batch, and transactions; more make it malformed."""

CHECK_BYTES = 20
"""Bytes of a hash that a span batch holds."""

_UINT64_MASK = (1 << 64) - 1
_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class SpanParameters:
    """What of a chain span batches leave out, since every reader has it in `rollup.json`."""

    genesis_timestamp: int
    """Unix seconds of the L2 genesis block."""
    block_time: int
    """Seconds."""
    chain_id: int

    @classmethod
    def from_rollup(cls, rollup: RollupConfig) -> "SpanParameters":
        """What `rollup.json` says."""
        return cls(rollup.genesis.l2_time, rollup.block_time, rollup.l2_chain_id)


@dataclass(frozen=True, slots=True)
class SpanBlock:
    """One block of a span batch; its parent and the hash of its epoch are what the chain says."""

    epoch_number: int
    timestamp: int
    transactions: tuple[bytes, ...]
    """EIP-2718 bytes in order, without deposits."""


@dataclass(frozen=True, slots=True)
class SpanBatch:
    """What the sequencer decided about a range of L2 blocks."""

    parent_check: bytes
    """First 20 bytes of the hash of the L2 block below the first one."""
    origin_check: bytes
    """First 20 bytes of the hash of the last block's L1 origin."""
    first_timestamp: int
    block_time: int
    last_epoch: int
    """Number of the last block's L1 origin."""
    origin_bits: BitList
    """For each block, whether its L1 origin is another one than its parent's; times and numbers are within 64 bits."""
    transaction_counts: Sequence[int]
    """Transactions of each block."""
    transactions: tuple[bytes, ...]
    """Of all blocks, one after the other."""

    @property
    def block_count(self) -> int:
        """Blocks in the range; one at least."""
        return len(self.transaction_counts)

    @property
    def last_timestamp(self) -> int:
        """Unix seconds of the last block."""
        return self.timestamp_at(self.block_count - 1)

    @property
    def first_epoch(self) -> int:
        """Number of the first block's L1 origin."""
        return (self.last_epoch - self.origin_bits.count_ones(1)) & _UINT64_MASK

    def timestamp_at(self, index: int) -> int:
        """Unix seconds of a block by its place in the range."""
        return (self.first_timestamp + self.block_time * index) & _UINT64_MASK

    def iterate_blocks(self, first: int = 0) -> Iterator[SpanBlock]:
        """The blocks from the one with index `first` on, in order, each made when it is asked for."""
        epoch = (self.last_epoch - self.origin_bits.count_ones(first)) & _UINT64_MASK
        transaction_index = sum(self.transaction_counts[:first])
        for index in range(first, self.block_count):
            count = self.transaction_counts[index]
            if self.origin_bits[index]:
                epoch = (epoch + 1) & _UINT64_MASK
            transactions = self.transactions[transaction_index : transaction_index + count]
            transaction_index += count
            yield SpanBlock(epoch, self.timestamp_at(index), transactions)


class SpanBatchWriter:
    """Blocks in, one span batch out; it can be asked for its bytes at any time and goes on."""

    def __init__(self, parameters: SpanParameters) -> None:
        self._parameters = parameters
        self._first: SingularBatch | None = None
        self._last: SingularBatch | None = None
        self._origin_bits = BitListWriter()
        self._counts = bytearray()
        self._transactions = TransactionColumns(parameters.chain_id)

    @property
    def block_count(self) -> int:
        """Blocks so far."""
        return self._origin_bits.count

    @property
    def size_bytes(self) -> int:
        """Length of what `encode` gives now; 0 while there is no block."""
        if self._first is None or self._last is None:
            return 0
        prefix = self._encode_prefix(self._first, self._last)
        return len(prefix) + (self.block_count + 7) // 8 + len(self._counts) + self._transactions.size_bytes

    def add_batch(self, batch: SingularBatch, sequence_number: int = 0) -> None:
        """
        Append a block; nothing is changed when it raises.

        Parameters
        ----------
        sequence_number :
            Of the block in its epoch. It matters for the first block of a range alone: 0 says that its L1 origin is
            another one than its parent's.

        Raises
        ------
        UnencodableField
            The block does not follow the one before it in time or epoch, or holds what span batches have no place for.
        """
        self._require_follows(batch)
        taken_apart = [split_transaction(raw, self._parameters.chain_id) for raw in batch.transactions]
        if self._transactions.count + len(taken_apart) > MAX_SPAN_BATCH_ELEMENT_COUNT:
            raise UnencodableField("transactions", f"more than {MAX_SPAN_BATCH_ELEMENT_COUNT}")
        is_first_of_epoch = (
            sequence_number == 0 if self._last is None else batch.epoch_number != self._last.epoch_number
        )
        self._origin_bits.add(is_first_of_epoch)
        self._counts += encode_varint(len(taken_apart))
        for fields in taken_apart:
            self._transactions.add(fields)
        self._first, self._last = self._first or batch, batch

    def encode(self) -> bytes:
        """Version byte and content; raises `UnencodableField` when there is no block."""
        first, last = self._first, self._last
        if first is None or last is None:
            raise UnencodableField("blocks", "a span batch holds one block at least")
        prefix = self._encode_prefix(first, last)
        return b"".join((prefix, self._origin_bits.encode(), self._counts, self._transactions.encode()))

    def _encode_prefix(self, first: SingularBatch, last: SingularBatch) -> bytes:
        """Everything up to the number of blocks."""
        return b"".join(
            (
                bytes((SPAN_BATCH_VERSION,)),
                encode_varint(first.timestamp - self._parameters.genesis_timestamp),
                encode_varint(last.epoch_number),
                first.parent_hash[:CHECK_BYTES],
                last.epoch_hash[:CHECK_BYTES],
                encode_varint(self.block_count),
            )
        )

    def _require_follows(self, batch: SingularBatch) -> None:
        last = self._last
        for name, hash_ in (("parent_hash", batch.parent_hash), ("epoch_hash", batch.epoch_hash)):
            if len(hash_) != _HASH_BYTES:
                raise UnencodableField(name, f"{len(hash_)} B instead of {_HASH_BYTES}")
        if not self._parameters.genesis_timestamp <= batch.timestamp <= _UINT64_MASK:
            raise UnencodableField("timestamp", f"{batch.timestamp} is before genesis, or not within 64 bits")
        if not 0 <= batch.epoch_number <= _UINT64_MASK:
            raise UnencodableField("epoch_number", f"{batch.epoch_number} is not within 64 bits")
        if last is not None and batch.timestamp != last.timestamp + self._parameters.block_time:
            raise UnencodableField("timestamp", f"{batch.timestamp} does not follow {last.timestamp}")
        if last is not None and batch.epoch_number - last.epoch_number not in (0, 1):
            raise UnencodableField("epoch_number", f"{batch.epoch_number} does not follow {last.epoch_number}")
        if self.block_count == MAX_SPAN_BATCH_ELEMENT_COUNT:
            raise UnencodableField("blocks", f"more than {MAX_SPAN_BATCH_ELEMENT_COUNT}")


def encode_span_batch(
    batches: Iterable[SingularBatch], parameters: SpanParameters, first_sequence_number: int = 0
) -> bytes:
    """Version byte and content of a span batch of these blocks; see `SpanBatchWriter.add_batch`."""
    writer = SpanBatchWriter(parameters)
    for batch in batches:
        writer.add_batch(batch, first_sequence_number)
    return writer.encode()


def decode_span_batch(data: bytes, parameters: SpanParameters) -> SpanBatch:
    """
    Read a span batch, its version byte included; bytes behind it are ignored, as op-node does.

    Raises
    ------
    MalformedBatch
        A part is cut off or has no form, no block, or more blocks or transactions than the protocol has.
    UnreadableTransaction
        All parts are there, but a transaction can not be put together.
    """
    if data[:1] != bytes((SPAN_BATCH_VERSION,)):
        raise MalformedBatch("not a span batch")
    relative_timestamp, position = read_varint(data, 1)
    last_epoch, position = read_varint(data, position)
    checks_end = position + 2 * CHECK_BYTES
    if checks_end > len(data):
        raise MalformedBatch("a check is cut off")
    parent_check, origin_check = data[position : position + CHECK_BYTES], data[position + CHECK_BYTES : checks_end]
    block_count, position = read_varint(data, checks_end)
    if not 0 < block_count <= MAX_SPAN_BATCH_ELEMENT_COUNT:
        raise MalformedBatch(f"{block_count} blocks")
    origin_bits, position = BitList.read(data, position, block_count)
    counts, position = read_varints(data, position, block_count, MAX_SPAN_BATCH_ELEMENT_COUNT)
    return SpanBatch(
        parent_check=parent_check,
        origin_check=origin_check,
        first_timestamp=(parameters.genesis_timestamp + relative_timestamp) & _UINT64_MASK,
        block_time=parameters.block_time,
        last_epoch=last_epoch,
        origin_bits=origin_bits,
        transaction_counts=counts,
        transactions=decode_transactions(data, position, sum(counts), parameters.chain_id),
    )
