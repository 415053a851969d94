"""The filter of `eth_getLogs`: which blocks, and which logs in them (execution-apis `src/schemas/filter.yaml`)."""

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.keccak import keccak
from sequencer.primitives.receipt import Log

from .parameters import (
    Malformed,
    NumberReference,
    Tag,
    read_address,
    read_array,
    read_field_or_none,
    read_hash,
    read_number_reference,
    read_object,
)

MAX_ADDRESSES = 1000
MAX_TOPICS = 1000
"""Alternatives at one position."""
TOPIC_POSITIONS = 4


@dataclass(frozen=True, slots=True)
class LogFilter:
    """`addresses` empty: any; a topic position that is empty: any value, but the topic must be there."""

    block_hash: bytes | None
    from_block: NumberReference
    to_block: NumberReference
    addresses: frozenset[bytes]
    topics: tuple[frozenset[bytes], ...]

    def matches(self, log: Log) -> bool:
        """Whether the log is one of those asked for."""
        if self.addresses and log.address not in self.addresses:
            return False
        if len(self.topics) > len(log.topics):
            return False
        return all(
            not wanted or topic in wanted
            for wanted, topic in zip(self.topics, log.topics[: len(self.topics)], strict=True)
        )


class BloomTest:
    """A filter's test of block blooms, with the bits of every wanted value computed once."""

    def __init__(self, wanted: LogFilter) -> None:
        groups = [group for group in (wanted.addresses, *wanted.topics) if group]
        self._groups = [[_bloom_bits(value) for value in group] for group in groups]

    def may_match(self, bloom: bytes) -> bool:
        """False: no log of a block with this bloom matches. True: one may."""
        bits = int.from_bytes(bloom, "big")
        return all(any(bits & mask == mask for mask in masks) for masks in self._groups)


def _bloom_bits(value: bytes) -> int:
    digest = keccak(value)
    return sum({1 << (int.from_bytes(digest[offset : offset + 2], "big") & 0x7FF) for offset in (0, 2, 4)})


def read_log_filter(value: object) -> LogFilter:
    """The filter object; a block hash excludes a block range."""
    source = read_object(value)
    block_hash = read_field_or_none(source, "blockHash", read_hash)
    if block_hash is not None and (source.get("fromBlock") is not None or source.get("toBlock") is not None):
        raise Malformed("blockHash stands beside fromBlock or toBlock")
    return LogFilter(
        block_hash=block_hash,
        from_block=_read_end(source, "fromBlock"),
        to_block=_read_end(source, "toBlock"),
        addresses=read_field_or_none(source, "address", _read_addresses) or frozenset(),
        topics=read_field_or_none(source, "topics", _read_topics) or (),
    )


def _read_end(source: Mapping[str, object], key: str) -> NumberReference:
    found = read_field_or_none(source, key, read_number_reference)
    return Tag.LATEST if found is None else found


def _read_addresses(value: object) -> frozenset[bytes]:
    items = [value] if isinstance(value, str) else read_array(value, MAX_ADDRESSES)
    return frozenset(read_address(item) for item in items)


def _read_topics(value: object) -> tuple[frozenset[bytes], ...]:
    return tuple(_read_position(item) for item in read_array(value, TOPIC_POSITIONS))


def _read_position(value: object) -> frozenset[bytes]:
    if value is None:
        return frozenset()
    if isinstance(value, str):
        return frozenset({read_hash(value)})
    items = read_array(value, MAX_TOPICS)
    if None in items:
        return frozenset()
    return frozenset(read_hash(item) for item in items)
