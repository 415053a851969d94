"""
What a run tries: batch type, compression, where on L1 the data goes, how it is cut, and what happens meanwhile.

    span/brotli-10/blobs            nothing happens
    span/brotli-10/blobs/many       several blobs in a transaction; of calldata, several frames
    span/brotli-10/blobs/reorg      L1 is reorged
    span/brotli-10/blobs/expiry     the batcher stands still for longer than the sequencing window
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

BATCH_TYPES = ("singular", "span")
COMPRESSIONS = ("zlib", "brotli-9", "brotli-10", "brotli-11")
DATA_TYPES = ("calldata", "blobs")
NOTHING, REORG, EXPIRY = "nothing", "reorg", "expiry"
EVENTS = (NOTHING, REORG, EXPIRY)
MANY = "many"
BRAID, OP_BATCHER = "braid", "op-batcher"
"""Who writes to L1."""

SHORT_WINDOW = 14
"""L1 blocks, for a run in which it expires. At two L2 blocks to one of L1, fewer are replaced than the 64 whose
transactions op-geth puts back into its pool."""

LONG_WINDOW = 600

SPLIT_FRAME_BYTES, SPLIT_FRAMES, SPLIT_L1_BLOCKS = 1_500, 6, 3
"""Where channels are split: data of a frame, frames of a channel, and L1 blocks after which it is closed."""

MANY_CARRIED = 3
"""Frames, or blobs, of one transaction that shall have several."""

BULK_BYTES = 60_000
"""Of random calldata in each round of the traffic where channels are to fill several blobs, each of which holds 130,020
bytes and can not be asked to hold less. A round lasts about a second."""

SPLIT_OPTIONS = (
    *("--max-l1-tx-size-bytes", str(SPLIT_FRAME_BYTES), "--target-num-frames", str(SPLIT_FRAMES)),
    *("--max-pending-tx", "4"),
)


class UnknownConfiguration(ValueError):
    """No configuration has that name."""

    def __init__(self, name: str) -> None:
        choices = " / ".join("|".join(names) for names in (BATCH_TYPES, COMPRESSIONS, DATA_TYPES))
        super().__init__(
            f"{name} is no configuration; write {choices.replace(' ', '')}, and behind it or not /{MANY}, and then "
            f"/{REORG} or /{EXPIRY} or not"
        )


class NotWritten(ValueError):
    """A writer has no way to write a configuration."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: op-batcher puts a single frame into the calldata of a transaction")


@dataclass(frozen=True, slots=True)
class Configuration:
    """One of each."""

    batch_type: str
    compression: str
    data_type: str
    event: str = NOTHING
    has_many: bool = False
    """Whether transactions with several frames, or blobs, are to be seen."""

    @classmethod
    def parse(cls, name: str) -> "Configuration":
        """Read `span/brotli-10/blobs` or `span/brotli-10/blobs/many/reorg`; raise UnknownConfiguration."""
        for parts in product(BATCH_TYPES, COMPRESSIONS, DATA_TYPES, EVENTS, (False, True)):
            found = cls(*parts)
            if name == found.name:
                return found
        raise UnknownConfiguration(name)

    @property
    def name(self) -> str:
        """As it is written."""
        many = f"/{MANY}" if self.has_many else ""
        event = "" if self.event == NOTHING else f"/{self.event}"
        return f"{self.batch_type}/{self.compression}/{self.data_type}{many}{event}"

    @property
    def uses_blobs(self) -> bool:
        """Whether batches stand in blobs."""
        return self.data_type == "blobs"

    @property
    def sequencing_window(self) -> int:
        """L1 blocks."""
        return SHORT_WINDOW if self.event == EXPIRY else LONG_WINDOW

    @property
    def splits_channels(self) -> bool:
        """Whether channels shall have several frames: each in its transaction, which a reorg can cut, or together."""
        return self.has_many or (self.event == REORG and not self.uses_blobs)

    @property
    def bulk_bytes(self) -> int:
        """Random calldata in each round of the traffic."""
        return BULK_BYTES if self.has_many and self.uses_blobs else 0

    def require_writable(self, writer: str) -> None:
        """Raise NotWritten where that writer has no such transactions."""
        if writer == OP_BATCHER and self.has_many and not self.uses_blobs:
            raise NotWritten(self.name)

    def environment(self) -> Mapping[str, str]:
        """Settings of the batcher that a devnet starts."""
        split = {
            "BRAID_BATCHER_MAX_FRAME_DATA_BYTES": str(SPLIT_FRAME_BYTES),
            "BRAID_BATCHER_TARGET_FRAMES": str(SPLIT_FRAMES),
            "BRAID_BATCHER_MAX_CHANNEL_DURATION_L1_BLOCKS": str(SPLIT_L1_BLOCKS),
        }
        many = {
            "BRAID_BATCHER_FRAMES_PER_TRANSACTION": str(MANY_CARRIED),
            "BRAID_BATCHER_BLOBS_PER_TRANSACTION": str(MANY_CARRIED),
        }
        return {
            "BRAID_BATCHER_BATCH_TYPE": self.batch_type,
            "BRAID_BATCHER_COMPRESSION": self.compression,
            "BRAID_BATCHER_DATA_AVAILABILITY": self.data_type,
            **(split if self.splits_channels else {}),
            **(many if self.has_many else {}),
        }

    def op_batcher_options(self) -> list[str]:
        """The same for op-batcher."""
        return [
            *("--batch-type", str(BATCH_TYPES.index(self.batch_type)), "--compression-algo", self.compression),
            *("--data-availability-type", self.data_type),
            *("--max-channel-duration", str(SPLIT_L1_BLOCKS if self.splits_channels else 1)),
            *(SPLIT_OPTIONS if self.splits_channels and not self.uses_blobs else ()),
            *(("--target-num-frames", str(MANY_CARRIED)) if self.has_many else ()),
        ]


_BOTH = (
    *("singular/zlib/calldata", "span/brotli-10/calldata", "singular/brotli-10/blobs", "span/zlib/blobs"),
    *("span/brotli-10/blobs", "span/brotli-10/blobs/many"),
    *("span/brotli-11/calldata/reorg", "singular/zlib/blobs/reorg"),
    *("singular/brotli-9/calldata/expiry", "span/zlib/blobs/expiry"),
)

DEFAULT: Mapping[str, tuple[str, ...]] = {BRAID: (*_BOTH, "singular/zlib/calldata/many"), OP_BATCHER: _BOTH}
"""By writer; each value of each kind meets each value of the others."""
