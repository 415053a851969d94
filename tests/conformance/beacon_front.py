"""
A beacon API before anvil, which has blobs but neither a version, nor a spec, nor slots of a fixed length.

Slots of this front are seconds since 1970, so that the slot of a block is its timestamp; the block is found on L1, and
its blobs are asked for one by one at anvil, whose slots are block numbers.

    GET /eth/v1/node/version, /eth/v1/beacon/genesis, /eth/v1/config/spec, /eth/v1/beacon/blobs/{slot}?versioned_hashes=
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs, urlsplit

import requests

from tests.loopback_server import JsonHandler, serving

from .json_rpc import TIMEOUT_SECONDS, JsonRpc

BLOBS = "/eth/v1/beacon/blobs/"
FIXED: Mapping[str, Mapping[str, str]] = {
    "/eth/v1/node/version": {"version": "front of anvil"},
    "/eth/v1/beacon/genesis": {
        "genesis_time": "0",
        "genesis_validators_root": "0x" + "00" * 32,
        "genesis_fork_version": "0x00000000",
    },
    "/eth/v1/config/spec": {"SECONDS_PER_SLOT": "1"},
}


@contextmanager
def serve_beacon(l1_url: str) -> Iterator[str]:
    """Serve on a free port of loopback; the URL."""

    class Handler(JsonHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            data: object = FIXED.get(asked.path)
            if asked.path.startswith(BLOBS):
                hashes = parse_qs(asked.query).get("versioned_hashes", [])
                data = _find_blobs_or_none(l1_url, int(asked.path.removeprefix(BLOBS)), hashes)
            with suppress(BrokenPipeError):  # who asked waits 10 s, and anvil may take longer for its first blob
                if data is None:
                    self.answer({"message": "not found"}, 404)
                else:
                    self.answer({"data": data})

    with serving(Handler) as served:
        yield served


def _find_blobs_or_none(l1_url: str, timestamp: int, hashes: Sequence[str]) -> list[str] | None:
    """The blobs with these hashes in the block of that time; None when one is not there."""
    with requests.Session() as session:
        number = _find_block_or_none(JsonRpc(l1_url, session), timestamp)
        return None if number is None else read_blobs_or_none(l1_url, session, number, hashes)


def read_blobs_or_none(l1_url: str, session: requests.Session, number: int, hashes: Sequence[str]) -> list[str] | None:
    """The blobs with these hashes in L1 block `number`, as hex, from anvil; None when one is not there."""
    blobs: list[str] = []
    for wanted in hashes:
        answer = session.get(f"{l1_url}{BLOBS}{number}", params={"versioned_hashes": wanted}, timeout=TIMEOUT_SECONDS)
        found = answer.json().get("data", []) if answer.ok else []
        if len(found) != 1:
            return None
        blobs += found
    return blobs


def _find_block_or_none(l1: JsonRpc, timestamp: int) -> int | None:
    """Number of the block with that timestamp, by bisection: timestamps rise."""
    low, high = 0, l1.head_number("latest")
    while low <= high:
        middle = (low + high) // 2
        block = l1.get_or_none("eth_getBlockByNumber", hex(middle), False)
        if not isinstance(block, Mapping):
            return None
        found = int(str(block["timestamp"]), 16)
        if found == timestamp:
            return middle
        if found < timestamp:
            low = middle + 1
        else:
            high = middle - 1
    return None
