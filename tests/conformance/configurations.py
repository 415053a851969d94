"""How the batcher writes in a run: batch type, compression, and where on L1 the data goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

BATCH_TYPES = ("singular", "span")
COMPRESSIONS = ("zlib", "brotli-9", "brotli-10", "brotli-11")
DATA_TYPES = ("calldata", "blobs")


class UnknownConfiguration(ValueError):
    """No configuration has that name."""

    def __init__(self, name: str) -> None:
        choices = " / ".join("|".join(names) for names in (BATCH_TYPES, COMPRESSIONS, DATA_TYPES))
        super().__init__(f"{name} is no configuration; write {choices.replace(' ', '')}")


@dataclass(frozen=True, slots=True)
class Configuration:
    """One of each."""

    batch_type: str
    compression: str
    data_type: str

    @classmethod
    def parse(cls, name: str) -> "Configuration":
        """Read `span/brotli-10/blobs`; raise UnknownConfiguration."""
        for parts in product(BATCH_TYPES, COMPRESSIONS, DATA_TYPES):
            if name == "/".join(parts):
                return cls(*parts)
        raise UnknownConfiguration(name)

    @property
    def name(self) -> str:
        """As it is written."""
        return f"{self.batch_type}/{self.compression}/{self.data_type}"

    @property
    def uses_blobs(self) -> bool:
        """Whether batches stand in blobs."""
        return self.data_type == "blobs"

    def environment(self) -> Mapping[str, str]:
        """Settings of the batcher that a devnet starts."""
        return {
            "BRAID_BATCHER_BATCH_TYPE": self.batch_type,
            "BRAID_BATCHER_COMPRESSION": self.compression,
            "BRAID_BATCHER_DATA_AVAILABILITY": self.data_type,
        }


DEFAULT = ("singular/zlib/calldata", "span/brotli-10/calldata", "singular/brotli-10/blobs", "span/zlib/blobs")
"""Each value of each kind meets each value of the others."""
