"""
How one channel is written and carried, chosen when it is opened (batcher.md; delta, ecotone and fjord of the spec).

    calldata   a transaction holds some frames                     16 gas a byte, 40 where EIP-7623 holds
    blobs      a transaction holds some blobs, each with a frame   131,072 blob gas a blob, however full it is
    auto       what is cheaper for a channel of the size that channels have now, at L1's prices of the moment
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from batcher.codec.blob import MAX_BLOB_DATA_BYTES
from batcher.codec.compression import Compression
from batcher.codec.frame import FRAME_OVERHEAD_BYTES
from l1_bridge.fees import Market
from l1_bridge.l1_chain_config import MAX_TRANSACTION_BLOBS

MAX_BLOB_FRAME_DATA_BYTES = MAX_BLOB_DATA_BYTES - 1 - FRAME_OVERHEAD_BYTES
"""Data of the one frame in a blob: 130,020 B, so that the frame has 130,043 B beside the version byte."""

TRANSACTION_GAS = 21_000
BLOB_GAS = 131_072
CALLDATA_GAS = 16
"""A byte that is not zero (EIP-2028); compressed data has few zeros."""

FLOOR_CALLDATA_GAS = 40
"""The same in a transaction that executes nothing, since EIP-7623 (Prague)."""


class BatchType(StrEnum):
    """What a channel holds."""

    SINGULAR = "singular"
    """A batch a block."""
    SPAN = "span"
    """One batch of all blocks."""


class DataType(StrEnum):
    """Where L1 carries it."""

    CALLDATA = "calldata"
    BLOBS = "blobs"


class DataChoice(StrEnum):
    """What an operator asks for."""

    CALLDATA = "calldata"
    BLOBS = "blobs"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class ChannelPolicy:
    """How one channel is written; bytes."""

    data_type: DataType = DataType.CALLDATA
    batch_type: BatchType = BatchType.SINGULAR
    compression: Compression = Compression.ZLIB
    frame_data_bytes: int = 120_000
    """Data of a frame; L1 pools refuse transactions above 128 KiB."""
    target_bytes: int = 480_000
    """Compressed size that a channel does not exceed, unless one block does."""
    frames_per_transaction: int = 1
    """Frames in one transaction's calldata, or blobs of one transaction."""


def compute_calldata_cost(data_bytes: int, frame_data_bytes: int, market: Market, *, has_floor: bool) -> int:
    """Wei for posting so many bytes as calldata, one frame a transaction."""
    frames = max(-(-data_bytes // frame_data_bytes), 1)
    gas_a_byte = FLOOR_CALLDATA_GAS if has_floor else CALLDATA_GAS
    gas = frames * (TRANSACTION_GAS + gas_a_byte * FRAME_OVERHEAD_BYTES) + gas_a_byte * data_bytes
    return gas * (market.base_fee + market.priority_fee)


def compute_blobs_cost(data_bytes: int, blobs_per_transaction: int, market: Market) -> int:
    """Wei for posting so many bytes as blobs, which are paid whole."""
    blobs = max(-(-data_bytes // MAX_BLOB_FRAME_DATA_BYTES), 1)
    transactions = -(-blobs // blobs_per_transaction)
    gas_cost = transactions * TRANSACTION_GAS * (market.base_fee + market.priority_fee)
    return gas_cost + blobs * BLOB_GAS * market.blob_base_fee


class PolicyChooser:
    """Two ways to write a channel, and which of them the next one takes."""

    def __init__(
        self,
        calldata: ChannelPolicy,
        blobs: ChannelPolicy,
        choice: DataChoice,
        *,
        max_blobs: int = MAX_TRANSACTION_BLOBS,
        has_calldata_floor: bool = True,
    ) -> None:
        self._calldata = calldata
        self._blobs = blobs
        self.max_blobs = max_blobs
        """Blobs that L1 takes in a transaction now; without any, everything is calldata."""
        self.pool_max_blobs: int | None = None
        """The same as far as refusals of L1's pool tell, which may take fewer; None: it refused none."""
        self._has_calldata_floor = has_calldata_floor
        self.choice = choice
        """May be changed at any time; channels that are open stay as they are."""
        self.market: Market | None = None
        """L1's prices as last seen; without any, auto takes calldata."""
        self.expected_bytes = calldata.target_bytes
        """What the next channel will have, as far as the last one tells."""

    @property
    def has_blobs(self) -> bool:
        """Whether L1 takes any."""
        return self.max_blobs > 0

    @property
    def blobs_per_transaction(self) -> int:
        """What is asked for, cut down to what L1 takes."""
        limits = (self._blobs.frames_per_transaction, self.max_blobs, self.pool_max_blobs or self.max_blobs)
        return max(min(limits), 1)

    def choose(self) -> ChannelPolicy:
        """For the channel that is opened now."""
        is_auto = self.choice is DataChoice.AUTO
        is_blobs = self._are_blobs_cheaper() if is_auto else self.choice is DataChoice.BLOBS
        if not (is_blobs and self.has_blobs):
            return self._calldata
        return replace(self._blobs, frames_per_transaction=self.blobs_per_transaction)

    def _are_blobs_cheaper(self) -> bool:
        if self.market is None or not self.has_blobs:
            return False
        calldata = compute_calldata_cost(
            self.expected_bytes, self._calldata.frame_data_bytes, self.market, has_floor=self._has_calldata_floor
        )
        return compute_blobs_cost(self.expected_bytes, self.blobs_per_transaction, self.market) < calldata
