"""
What the batcher left on L1, read back: that the configuration of a run is what was really tried.

Only complete channels are looked into; of the others, transactions are counted.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import requests

from batcher.codec.blob import decode_blob
from batcher.codec.channel import read_batches
from batcher.codec.frame import Frame, decode_frames

from .beacon_front import read_blobs_or_none
from .configurations import Configuration
from .json_rpc import JsonRpc

BLOB_TYPE = "0x3"
BROTLI_VERSION = 0x01
BATCH_TYPES = {0: "singular", 1: "span"}


@dataclass(frozen=True, slots=True)
class Postings:
    """Transactions to the inbox by where their data stands; channels by batch type and compression."""

    transactions: Mapping[str, int]
    channels: Mapping[str, int]
    frames: int
    """Of these channels."""
    most_frames: int = 1
    """Of one channel."""
    most_carried: int = 1
    """Blobs of one transaction, or frames in the calldata of one."""

    def contradictions(self, configuration: Configuration) -> list[str]:
        """Where it is not what the configuration asks for."""
        wanted = f"{configuration.batch_type}/{configuration.compression.partition('-')[0]}"
        kinds = {*self.transactions} - {configuration.data_type} | {*self.channels} - {wanted}
        found = [f"L1 holds {kind}, and {configuration.name} was asked for" for kind in sorted(kinds)]
        count = sum(self.channels.values())
        found += ["no channel was found on L1"] * (count == 0)
        found += ["no channel has several frames"] * (configuration.splits_channels and self.most_frames < 2)
        what = "blobs" if configuration.uses_blobs else "frames"
        found += [f"no transaction has several {what}"] * (configuration.has_many and self.most_carried < 2)
        return found

    def describe(self) -> str:
        """A line of figures."""
        return ", ".join(
            [
                *(f"{count} transactions with {kind}" for kind, count in sorted(self.transactions.items())),
                *(f"{count} channels of {kind}" for kind, count in sorted(self.channels.items())),
                f"{self.frames} frames",
                f"at most {self.most_frames} a channel and {self.most_carried} a transaction",
            ]
        )


def read_postings(l1: JsonRpc, session: requests.Session, batcher: str, inbox: str) -> Postings:
    """Read all of L1, and the frames of each transaction from the batcher to the inbox."""
    transactions: Counter[str] = Counter()
    channels: dict[bytes, dict[int, Frame]] = {}
    most_carried = 0
    numbers = range(l1.head_number("latest") + 1)
    for number, block in enumerate(l1.get_all("eth_getBlockByNumber", [(hex(n), True) for n in numbers])):
        for transaction in _select(block, batcher, inbox):
            transactions["blobs" if transaction["type"] == BLOB_TYPE else "calldata"] += 1
            frames = _read_frames(l1.url, session, number, transaction)
            most_carried = max(most_carried, _count_carried(transaction, frames))
            for frame in frames:
                channels.setdefault(frame.channel_id, {})[frame.number] = frame
    complete = [found for found in channels.values() if _is_complete(found)]
    kinds = Counter(_describe_channel(b"".join(found[number].data for number in sorted(found))) for found in complete)
    counts = [len(found) for found in complete]
    return Postings(transactions, kinds, sum(counts), max(counts, default=0), most_carried)


def _count_carried(transaction: Mapping[str, object], frames: Sequence[Frame]) -> int:
    hashes = transaction.get("blobVersionedHashes")
    return len(hashes) if transaction["type"] == BLOB_TYPE and isinstance(hashes, list) else len(frames)


def _is_complete(frames: Mapping[int, Frame]) -> bool:
    return frames[max(frames)].is_last and len(frames) == max(frames) + 1


def _select(block: object, batcher: str, inbox: str) -> list[Mapping[str, object]]:
    listed = block.get("transactions") if isinstance(block, Mapping) else None
    assert isinstance(listed, list), "L1 does not give one of its blocks"
    wanted = (batcher.lower(), inbox.lower())
    return [found for found in listed if (str(found["from"]).lower(), str(found["to"]).lower()) == wanted]


def _read_frames(
    l1_url: str, session: requests.Session, number: int, transaction: Mapping[str, object]
) -> Sequence[Frame]:
    """Frames of one transaction, from its calldata or from its blobs."""
    if transaction["type"] != BLOB_TYPE:
        return decode_frames(bytes.fromhex(str(transaction["input"])[2:]))
    hashes = transaction["blobVersionedHashes"]
    assert isinstance(hashes, list)
    blobs = read_blobs_or_none(l1_url, session, number, hashes)
    assert blobs is not None, f"L1 does not give the blobs of its block {number}"
    return [frame for blob in blobs for frame in decode_frames(decode_blob(bytes.fromhex(blob[2:])))]


def _describe_channel(channel_data: bytes) -> str:
    """Such as `span/brotli`; of its first batch."""
    compression = "brotli" if channel_data[0] == BROTLI_VERSION else "zlib"
    first = next(iter(read_batches(channel_data)))
    return f"{BATCH_TYPES[first[0]]}/{compression}"
