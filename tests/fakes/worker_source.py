"""
State for worker processes in tests: a state in memory, sent to the workers whole, and one that misbehaves on purpose.

A misbehaving source does in the worker what broken machines do: it ends, stops answering, writes garbage on the
socket, or reads wrong values. It counts reads, so the point where it happens is exact.
"""

import os
import pickle
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

from l1_bridge.types import BlockId
from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.parallel.remote_source import OpenedRemote
from sequencer.primitives.account import Account
from sequencer.state.metrics import TierCounts
from sequencer.state.reader import StateReader
from sequencer.state.world_state import encode_block_id


@dataclass(frozen=True)
class MemorySource:
    """A StateSource whose tickets are the states themselves."""

    def ticket(self, environment: BlockEnvironment, state: StateReader) -> bytes:
        return pickle.dumps(state)

    def open(self) -> "OpenedMemory":
        return OpenedMemory()


class OpenedMemory:
    """MemorySource within a worker."""

    def reader(self, ticket: bytes) -> "MemoryReader":
        return MemoryReader(cast(StateReader, pickle.loads(ticket)))


class MemoryReader:
    """A CountingReader over a state in memory; everything counts as read from the store."""

    def __init__(self, state: StateReader) -> None:
        self._state = state
        self.counts = TierCounts()

    def prefetch(self, accounts: Iterable[bytes], slots: Iterable[tuple[bytes, int]]) -> None:
        self.counts.store_reads += len(list(accounts)) + len(list(slots))

    def account(self, address: bytes) -> Account | None:
        self.counts.store_reads += 1
        return self._state.account(address)

    def storage(self, address: bytes, slot: int) -> int:
        self.counts.store_reads += 1
        return self._state.storage(address, slot)

    def code(self, code_hash: bytes) -> bytes:
        return self._state.code(code_hash)


@dataclass(frozen=True)
class FaultySource(MemorySource):
    """`fault`: "die", "hang", "garble", "cut" or "lie"; it happens about once in `period` reads, by `seed`."""

    fault: str = "die"
    period: int = 40
    seed: int = 0

    def open(self) -> OpenedMemory:
        return OpenedFaulty(self)


class OpenedFaulty(OpenedMemory):
    """FaultySource within a worker."""

    def __init__(self, source: FaultySource) -> None:
        self._source = source
        self._rng = random.Random(source.seed)

    def reader(self, ticket: bytes) -> MemoryReader:
        return FaultyReader(cast(StateReader, pickle.loads(ticket)), self._source, self._rng)


class FaultyReader(MemoryReader):
    """Does at random reads what its source says."""

    def __init__(self, state: StateReader, source: FaultySource, rng: random.Random) -> None:
        super().__init__(state)
        self._source = source
        self._rng = rng

    def account(self, address: bytes) -> Account | None:
        account = super().account(address)
        if not self._is_due():
            return account
        if account is None:
            return Account(balance=10**20)
        part = self._rng.randrange(3)
        if part == 0:
            return replace(account, balance=account.balance * self._rng.randrange(3))
        return replace(account, nonce=account.nonce + 1) if part == 1 else None

    def storage(self, address: bytes, slot: int) -> int:
        value = super().storage(address, slot)
        return value ^ self._rng.getrandbits(8) if self._is_due() else value

    def _is_due(self) -> bool:
        """Whether to lie; the other faults happen here."""
        if self._rng.randrange(self._source.period):
            return False
        fault = self._source.fault
        if fault == "die":
            os._exit(1)
        if fault == "hang":
            time.sleep(1000)
        if fault == "garble":
            os.write(0, (20).to_bytes(4, "big") + self._rng.randbytes(20))
        if fault == "cut":
            os.write(0, (1000).to_bytes(4, "big") + self._rng.randbytes(20))
            os._exit(1)
        return fault == "lie"


@dataclass(frozen=True)
class AskingSource(MemorySource):
    """Reads nothing itself: its workers have to ask for every key, as those on other machines do without Redis."""

    def ticket(self, environment: BlockEnvironment, state: StateReader) -> bytes:
        return encode_block_id(BlockId(environment.number - 1, environment.parent_hash))

    def open(self) -> OpenedRemote:  # type: ignore[override]  # another reader
        return OpenedRemote(None)
