"""
What the sequencer says of a block's accesses, asked by a replica before it executes the block that it derived.

    braid_blockAccessList(number) -> hints by transaction hash -> the engine: prefetch, and who depends on whom

Only time can be won or lost here. The answer is bounded in bytes, keys and seconds, nothing of it is believed, and who
gives none is left alone for a while.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack

import aiohttp
import orjson
import structlog

from contracts.keccak import keccak
from sequencer.derivation.attributes import DerivedAttributes
from sequencer.execution.access_list import AccessHint, AccessHints, TakesHints
from sequencer.execution.interface import Engine

from . import metrics

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 0.5
"""More than an answer needs, and less than executing a block without hints costs."""

PAUSE_SECONDS = 10.0
"""After a failure nobody is asked for that long: a sequencer that is away must not cost a timeout a block."""

MAX_ANSWER_BYTES = 16 << 20

MAX_KEYS = 200_000
"""Of one block, as many as any block of 30,000,000 gas can have and some; what is more makes the answer worthless."""


class MalformedHints(ValueError):
    """An answer that is no access list."""


class SequencerHints:
    """Asks one URL; a callable for derivation."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._monotonic = monotonic
        self._silent_until = 0.0

    async def __call__(self, derived: DerivedAttributes) -> AccessHints | None:
        """Hints for a derived payload; None when there are none to be had."""
        if self._monotonic() < self._silent_until:
            return None
        number = derived.parent.number + 1
        try:
            body = await self._ask(number)
            wanted = {keccak(raw) for raw in derived.attributes.user_transactions}
            hints = await asyncio.to_thread(read_hints, body, wanted)
        except (aiohttp.ClientError, TimeoutError, OSError) as reason:
            self._fall_silent("failed", number, f"{type(reason).__name__}: {reason}")
            return None
        except MalformedHints as reason:
            self._fall_silent("malformed", number, str(reason))
            return None
        metrics.ACCESS_HINTS.labels("used").inc()
        return hints

    def _fall_silent(self, verdict: str, number: int, reason: str) -> None:
        self._silent_until = self._monotonic() + PAUSE_SECONDS
        metrics.ACCESS_HINTS.labels(verdict).inc()
        log.debug("no_access_hints", number=number, verdict=verdict, reason=reason[:200])

    async def _ask(self, number: int) -> bytes:
        """The body of the answer, which may be anything; raises ClientError for one that is too large."""
        request = {"jsonrpc": "2.0", "id": 1, "method": "braid_blockAccessList", "params": [hex(number)]}
        async with self._session.post(
            self._url, json=request, timeout=self._timeout, allow_redirects=False
        ) as response:
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise aiohttp.ClientPayloadError(f"answer above {MAX_ANSWER_BYTES} bytes")
            return bytes(body)


async def connect_hints(url: str | None, engine: Engine, stack: AsyncExitStack) -> SequencerHints | None:
    """
    Somebody to ask at `url`, until the stack closes; nothing is asked yet.

    None without a URL, and for an engine that has no use for hints.
    """
    if url is None or not isinstance(engine, TakesHints):
        return None
    return SequencerHints(await stack.enter_async_context(aiohttp.ClientSession()), url)


def read_hints(body: bytes, wanted: set[bytes]) -> AccessHints:
    """
    The hints of an answer of `braid_blockAccessList`, of the transactions with a hash in `wanted` alone.

    Raises MalformedHints for anything that has not the form, or more keys than any block.
    """
    try:
        answer = orjson.loads(body)
        result = _object(_object(answer)["result"])
        places = _places(result["transactions"], wanted)
        writes = _writes(result["accessList"], places)
        return AccessHints(
            {hash: AccessHint(reads, tuple(writes.get(index, ()))) for index, (hash, reads) in places.items()}
        )
    except (KeyError, TypeError, ValueError, RecursionError) as reason:
        raise MalformedHints(f"{type(reason).__name__}: {reason}") from None


Places = dict[int, tuple[bytes, tuple[bytes, ...]]]
"""By block access index: a wanted transaction's hash, and the keys that it reads."""


def _places(value: object, wanted: set[bytes]) -> Places:
    places: Places = {}
    count = 0
    for index, line in enumerate(_list(value), start=1):
        transaction = _object(line)
        transaction_hash = _data(transaction["hash"], 32)
        if transaction_hash not in wanted:
            continue
        reads = tuple(_read_keys(transaction["reads"]))
        count = _bounded(count + len(reads))
        places[index] = transaction_hash, reads
    return places


def _read_keys(value: object) -> Iterator[bytes]:
    for line in _list(value):
        entry = _object(line)
        address = _data(entry["address"], 20)
        yield b"a" + address
        for slot in _list(entry["storageKeys"]):
            yield b"s" + address + _data(slot, 32)


def _writes(value: object, places: Places) -> dict[int, list[bytes]]:
    """Written keys by block access index, of the indexes in `places`."""
    writes: dict[int, list[bytes]] = {}
    count = 0
    for line in _list(value):
        account = _object(line)
        address = _data(account["address"], 20)
        for key, index in _changes(account, address):
            if index in places:
                count = _bounded(count + 1)
                writes.setdefault(index, []).append(key)
    return writes


def _changes(account: dict[str, object], address: bytes) -> Iterator[tuple[bytes, int]]:
    for entry in map(_object, _list(account["storageChanges"])):
        key = b"s" + address + _data(entry["key"], 32)
        for change in _list(entry["changes"]):
            yield key, _index(change)
    indexes: set[int] = set()
    for name in ("balanceChanges", "nonceChanges", "codeChanges"):
        indexes |= {_index(change) for change in _list(account[name])}
    for index in indexes:
        yield b"a" + address, index


def _index(change: object) -> int:
    text = _object(change)["index"]
    if not isinstance(text, str) or len(text) > 10:
        raise MalformedHints("an index is no short hex string")
    return int(text, 16)


def _bounded(count: int) -> int:
    if count > MAX_KEYS:
        raise MalformedHints(f"more than {MAX_KEYS} keys")
    return count


def _data(value: object, size: int) -> bytes:
    if not isinstance(value, str) or len(value) != 2 + 2 * size or not value.startswith("0x"):
        raise MalformedHints(f"not {size} bytes in hex")
    decoded = bytes.fromhex(value[2:])
    if len(decoded) != size:  # fromhex skips blanks
        raise MalformedHints(f"not {size} bytes in hex")
    return decoded


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise MalformedHints("not an object")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise MalformedHints("not an array")
    return value
