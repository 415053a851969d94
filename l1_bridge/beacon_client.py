"""
Blobs by the beacon API: what L1 keeps of blob transactions, for some eighteen days (EIP-4844).

    GET /eth/v1/beacon/blobs/{slot}?versioned_hashes=...     the blobs alone
    GET /eth/v1/beacon/blob_sidecars/{slot}                  where that is absent: an older node
    GET /eth/v1/beacon/genesis, /eth/v1/config/spec          once, to know the slot of a block

A blob counts when its commitment hashes to what the transaction names; so it does not matter who answers. A blob that
is not there is never passed over: nothing can be derived without it. A node that has no `config/spec` numbers its slots
as its blocks, and a node may answer to one hash of several: that is what anvil does.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import aiohttp
import orjson

from l1_bridge import metrics
from l1_bridge.errors import L1Unavailable, TemporaryError
from l1_bridge.json_fields import MalformedField, get_bytes, get_list, get_object, hex_bytes, parse_bytes
from l1_bridge.kzg import BLOB_BYTES, COMMITMENT_BYTES, MalformedBlob, compute_commitment, compute_versioned_hash
from l1_bridge.l1_connection import DEFAULT_RESPONSE_LIMIT_BYTES, DEFAULT_TIMEOUT_SECONDS, bounded_response
from l1_bridge.types import L1Header

MAX_BLOBS_PER_ANSWER = 128
"""More than any block has room for; each costs a tenth of a second to verify."""

NOT_THERE_STATUSES = frozenset({400, 404, 405, 410, 501})
"""How nodes say that they do not have a slot, or not the method."""


class BlobSource(Protocol):
    """Where derivation reads blobs from."""

    async def blobs(self, block: L1Header, hashes: Sequence[bytes]) -> tuple[bytes, ...]:
        """
        The blobs of that L1 block with these versioned hashes, in the same order.

        Raises
        ------
        TemporaryError
            One of them is not there, or nobody answers.
        """


class BlobsMissing(TemporaryError):
    """A blob that derivation needs is not at the beacon node."""

    def __init__(self, block: L1Header, missing: Collection[bytes], reason: str) -> None:
        names = ", ".join(sorted(hex_bytes(hash) for hash in missing))
        super().__init__(f"L1 block {block.number} holds batches in blobs that can not be read ({reason}): {names}")
        self.block = block
        self.missing = frozenset(missing)


class NoBeacon:
    """Of an L1 that has no blobs: a block that names one is waited for until somebody configures a beacon node."""

    async def blobs(self, block: L1Header, hashes: Sequence[bytes]) -> tuple[bytes, ...]:
        """Raise BlobsMissing, unless nothing is asked for."""
        if hashes:
            raise BlobsMissing(block, hashes, "no beacon node is configured")
        return ()


@dataclass(frozen=True, slots=True)
class BeaconEndpoint:
    """Where the beacon node is, and how it numbers its slots."""

    url: str
    slot_seconds: int | None = None
    """None: what the node says, and the block's number where it says nothing."""
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    response_limit_bytes: int = DEFAULT_RESPONSE_LIMIT_BYTES


@dataclass(frozen=True, slots=True)
class _Slots:
    """How the node numbers its slots; without seconds, as blocks."""

    genesis_time: int = 0
    seconds: int | None = None

    def slot_of(self, block: L1Header) -> int:
        return block.number if self.seconds is None else max(block.timestamp - self.genesis_time, 0) // self.seconds


class BeaconClient:
    """Checked reads of one beacon node; implements `BlobSource`."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: BeaconEndpoint) -> None:
        self._session = session
        self._endpoint = endpoint
        self._slots: _Slots | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, endpoint: BeaconEndpoint) -> AsyncIterator["BeaconClient"]:
        """A client with its own connection pool, closed at the end; nothing is asked yet."""
        timeout = aiohttp.ClientTimeout(total=endpoint.timeout_seconds)
        response_class = bounded_response(endpoint.response_limit_bytes)
        async with aiohttp.ClientSession(timeout=timeout, response_class=response_class) as session:
            yield cls(session, endpoint)

    async def blobs(self, block: L1Header, hashes: Sequence[bytes]) -> tuple[bytes, ...]:
        """The blobs of that block; see `BlobSource`."""
        if not hashes:
            return ()
        slot = (await self._read_slots()).slot_of(block)
        wanted = frozenset(hashes)
        found = await self._read_blobs(slot, wanted)
        for hash in sorted(wanted - found.keys()) if found else ():
            found.update(await self._read_blobs(slot, frozenset({hash})))
        if not wanted <= found.keys():
            found = {**found, **await self._read_sidecars(slot, wanted)}
        missing = wanted - found.keys()
        if missing:
            raise BlobsMissing(
                block, missing, f"not at the beacon node, slot {slot}; an archive of blobs may have them"
            )
        return tuple(found[hash] for hash in hashes)

    async def _read_slots(self) -> _Slots:
        if self._slots is None:
            seconds = self._endpoint.slot_seconds or await self._read_slot_seconds()
            genesis_time = 0
            if seconds is not None:
                genesis = await self._get("eth/v1/beacon/genesis")
                with _answer_checked("genesis"):
                    genesis_time = _decimal(get_object(genesis or {}, "data"), "genesis_time")
            self._slots = _Slots(genesis_time, seconds)
        return self._slots

    async def _read_slot_seconds(self) -> int | None:
        spec = await self._get("eth/v1/config/spec")
        if spec is None:
            return None
        with _answer_checked("spec"):
            data = get_object(spec, "data")
            if "SECONDS_PER_SLOT" in data:
                seconds = _decimal(data, "SECONDS_PER_SLOT")
            else:
                seconds = _decimal(data, "SLOT_DURATION_MS") // 1000
            if seconds == 0:
                raise MalformedField("SECONDS_PER_SLOT", "is zero")
        return seconds

    async def _read_blobs(self, slot: int, wanted: frozenset[bytes]) -> dict[bytes, bytes]:
        parameters = [("versioned_hashes", hex_bytes(hash)) for hash in sorted(wanted)]
        answer = await self._get(f"eth/v1/beacon/blobs/{slot}", parameters)
        if answer is None:
            return {}
        with _answer_checked("blobs"):
            entries = get_list(answer, "data")[:MAX_BLOBS_PER_ANSWER]
            blobs = [parse_bytes("blob", entry, BLOB_BYTES) for entry in entries]
        return await asyncio.to_thread(_select_blobs, blobs, wanted)

    async def _read_sidecars(self, slot: int, wanted: frozenset[bytes]) -> dict[bytes, bytes]:
        answer = await self._get(f"eth/v1/beacon/blob_sidecars/{slot}")
        if answer is None:
            return {}
        with _answer_checked("blob_sidecars"):
            entries = get_list(answer, "data")[:MAX_BLOBS_PER_ANSWER]
            blobs = [_blob_of_sidecar(entry) for entry in entries if _names(entry, wanted)]
        return await asyncio.to_thread(_select_blobs, blobs, wanted)

    async def _get(self, path: str, parameters: Sequence[tuple[str, str]] = ()) -> Mapping[str, object] | None:
        """The JSON object at that path; None when the node does not have it."""
        name = path.split("/")[3]
        metrics.L1_REQUESTS.labels(f"beacon_{name}").inc()
        url = f"{self._endpoint.url.rstrip('/')}/{path}"
        try:
            async with self._session.get(url, params=list(parameters)) as response:
                if response.status in NOT_THERE_STATUSES:
                    return None
                response.raise_for_status()
                answer: object = orjson.loads(await response.read())
        except TimeoutError:
            raise _unavailable(name, f"no answer within {self._endpoint.timeout_seconds} s") from None
        except aiohttp.ClientResponseError as error:
            raise _unavailable(name, f"HTTP status {error.status}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _unavailable(name, type(error).__name__) from error
        if not isinstance(answer, Mapping):
            raise _unavailable(name, "the answer is not a JSON object")
        return answer


def _select_blobs(blobs: Sequence[bytes], wanted: frozenset[bytes]) -> dict[bytes, bytes]:
    """Those whose commitment hashes to what is wanted; on a thread, since each costs a tenth of a second."""
    found: dict[bytes, bytes] = {}
    for blob in blobs:
        if len(found) == len(wanted):
            break
        try:
            hash = compute_versioned_hash(compute_commitment(blob))
        except MalformedBlob:
            continue
        if hash in wanted:
            found[hash] = blob
    return found


def _names(entry: object, wanted: frozenset[bytes]) -> bool:
    """The sidecar says that it is of a blob that is wanted."""
    if not isinstance(entry, Mapping):
        raise MalformedField("data", "not a list of objects")
    return compute_versioned_hash(get_bytes(entry, "kzg_commitment", COMMITMENT_BYTES)) in wanted


def _blob_of_sidecar(entry: object) -> bytes:
    if not isinstance(entry, Mapping):
        raise MalformedField("data", "not a list of objects")
    return get_bytes(entry, "blob", BLOB_BYTES)


def _decimal(source: Mapping[str, object], key: str) -> int:
    """A number as the beacon API writes it: decimal digits in a string."""
    value = source.get(key)
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > 20:
        raise MalformedField(key, "not a decimal string")
    return int(value)


def _unavailable(name: str, reason: str) -> L1Unavailable:
    metrics.L1_FAILURES.labels("unavailable").inc()
    return L1Unavailable(f"beacon {name}", reason)


@contextlib.contextmanager
def _answer_checked(name: str) -> Iterator[None]:
    try:
        yield
    except MalformedField as error:
        raise _unavailable(name, f"malformed answer: {error}") from error
