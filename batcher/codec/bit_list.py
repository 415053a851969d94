"""Bit lists of span batches: a big-endian integer whose lowest bit is the first, zeros on the left to a whole byte."""

from dataclasses import dataclass

from batcher.codec.errors import MalformedBatch


@dataclass(frozen=True, slots=True)
class BitList:
    """A list of bits as it stands in a batch."""

    count: int
    encoded: bytes

    @classmethod
    def read(cls, data: bytes, position: int, count: int) -> tuple["BitList", int]:
        """The list at `position`, and where it ends; raises `MalformedBatch`: it is cut off, or has a bit too many."""
        end = position + (count + 7) // 8
        if end > len(data):
            raise MalformedBatch("a bit list is cut off")
        if count % 8 and data[position] >> count % 8:
            raise MalformedBatch(f"a bit list has more than {count} bits")
        return cls(count, data[position:end]), end

    def __getitem__(self, index: int) -> bool:
        return bool(self.encoded[-1 - index // 8] >> index % 8 & 1)

    def count_ones(self, first: int = 0) -> int:
        """How many bits are set, from the one with index `first` on."""
        return (int.from_bytes(self.encoded, "big") >> first).bit_count()


class BitListWriter:
    """Bits, one after the other."""

    def __init__(self) -> None:
        self.count = 0
        """Bits so far."""
        self._little_endian = bytearray()

    def add(self, bit: bool) -> None:
        """Append a bit."""
        if self.count % 8 == 0:
            self._little_endian.append(0)
        if bit:
            self._little_endian[-1] |= 1 << self.count % 8
        self.count += 1

    def encode(self) -> bytes:
        """The list so far."""
        return bytes(reversed(self._little_endian))
