"""
A node's JSON-RPC as L2 source: the only door to aiohttp here (rollup-node.md).

    optimism_syncStatus       heads of both chains
    optimism_outputAtBlock    output root with its parts
    braid_rawBlock            header RLP and transactions as EIP-2718 bytes, deposits included

Hex ends here. A header that does not hash, an answer that is too large or too
late, and one that is no answer at all are `L2Unavailable`: the node is ours, so
asking again is what helps.
"""

from collections.abc import Mapping

import aiohttp
import orjson

from batcher.attributes_deposit import decode_epoch, is_deposit
from batcher.codec.errors import MalformedData
from batcher.codec.rlp_items import decode_item, decode_string, decode_uint64, iterate_items
from batcher.l2_source import L2BlockData, L2BlockRef, L2Output, L2SyncStatus, L2Unavailable
from contracts.keccak import keccak
from l1_bridge.json_fields import MalformedField, get_bytes, get_integer, get_list, get_object, parse_bytes
from l1_bridge.types import BlockId

MAX_ANSWER_BYTES = 256_000_000
"""A block's transactions fit a channel (100 MB) and take two hex digits a byte."""

_PARENT_HASH_FIELD, _NUMBER_FIELD, _TIMESTAMP_FIELD = 0, 8, 11


class JsonRpcL2Source:
    """Implements `L2Source` and `OutputSource` over HTTP; the session belongs to the caller."""

    def __init__(self, session: aiohttp.ClientSession, url: str, timeout_seconds: float) -> None:
        self._session = session
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._next_id = 0

    async def sync_status(self) -> L2SyncStatus:
        """Heads of both chains; raises `L2Unavailable`."""
        method = "optimism_syncStatus"
        result = await self._call(method)
        try:
            return _read_sync_status(result)
        except MalformedField as error:
            raise L2Unavailable(method, str(error)) from error

    async def block(self, number: int) -> L2BlockData:
        """The canonical block of that number, without its deposits; raises `L2Unavailable`."""
        method = "braid_rawBlock"
        result = await self._call(method, hex(number))
        try:
            block = _read_raw_block(result)
        except (MalformedField, MalformedData) as error:
            raise L2Unavailable(method, str(error)) from error
        if block.ref.number != number:
            raise L2Unavailable(method, f"asked for block {number}, got {block.ref.number}")
        return block

    async def output_at_block(self, number: int) -> L2Output:
        """The output of the canonical block of that number; raises `L2Unavailable`."""
        method = "optimism_outputAtBlock"
        result = await self._call(method, hex(number))
        try:
            return L2Output(
                output_root=get_bytes(result, "outputRoot", 32),
                state_root=get_bytes(result, "stateRoot", 32),
                message_passer_storage_root=get_bytes(result, "withdrawalStorageRoot", 32),
                block=_read_block_ref(get_object(result, "blockRef")),
                status=_read_sync_status(get_object(result, "syncStatus")),
            )
        except MalformedField as error:
            raise L2Unavailable(method, str(error)) from error

    async def _call(self, method: str, *params: object) -> Mapping[str, object]:
        self._next_id += 1
        request = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params}
        try:
            async with self._session.post(self._url, json=request, timeout=self._timeout) as response:
                body = await _read_bounded(response, method)
            answer = orjson.loads(body)
        except (aiohttp.ClientError, OSError) as error:
            raise L2Unavailable(method, f"{type(error).__name__}: {error}") from error
        except orjson.JSONDecodeError as error:
            raise L2Unavailable(method, "the answer is not JSON") from error
        if not isinstance(answer, dict):
            raise L2Unavailable(method, "the answer is not an object")
        if answer.get("error") is not None:
            raise L2Unavailable(method, f"error {answer['error']}")
        result = answer.get("result")
        if not isinstance(result, dict):
            raise L2Unavailable(method, "the result is not an object")
        return result


async def _read_bounded(response: aiohttp.ClientResponse, method: str) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise L2Unavailable(method, f"the answer is above {MAX_ANSWER_BYTES} B")
    return bytes(body)


def _read_block_id(source: Mapping[str, object]) -> BlockId:
    return BlockId(get_integer(source, "number"), get_bytes(source, "hash", 32))


def _read_block_ref(source: Mapping[str, object]) -> L2BlockRef:
    return L2BlockRef(
        number=get_integer(source, "number"),
        hash=get_bytes(source, "hash", 32),
        parent_hash=get_bytes(source, "parentHash", 32),
        timestamp=get_integer(source, "timestamp"),
        l1_origin=_read_block_id(get_object(source, "l1origin")),
        sequence_number=get_integer(source, "sequenceNumber"),
    )


def _read_sync_status(source: Mapping[str, object]) -> L2SyncStatus:
    return L2SyncStatus(
        head_l1=_read_block_id(get_object(source, "head_l1")),
        current_l1=_read_block_id(get_object(source, "current_l1")),
        unsafe=_read_block_ref(get_object(source, "unsafe_l2")),
        safe=_read_block_ref(get_object(source, "safe_l2")),
        finalized=_read_block_ref(get_object(source, "finalized_l2")),
    )


def _read_raw_block(source: Mapping[str, object]) -> L2BlockData:
    """Block from header and transactions; raises `MalformedField` or `MalformedData`."""
    header = get_bytes(source, "header")
    block_hash = get_bytes(source, "hash", 32)
    if keccak(header) != block_hash:
        raise MalformedField("header", f"does not hash to 0x{block_hash.hex()}")
    fields = list(iterate_items(header, decode_item(header, 0, len(header))))
    if len(fields) <= _TIMESTAMP_FIELD:
        raise MalformedField("header", f"has {len(fields)} fields")
    transactions = [
        parse_bytes(f"transactions[{index}]", item) for index, item in enumerate(get_list(source, "transactions"))
    ]
    if not transactions:
        raise MalformedField("transactions", "there is no attributes deposit")
    epoch = decode_epoch(transactions[0])
    ref = L2BlockRef(
        number=decode_uint64(header, fields[_NUMBER_FIELD]),
        hash=block_hash,
        parent_hash=decode_string(header, fields[_PARENT_HASH_FIELD]),
        timestamp=decode_uint64(header, fields[_TIMESTAMP_FIELD]),
        l1_origin=epoch.l1_origin,
        sequence_number=epoch.sequence_number,
    )
    return L2BlockData(ref, tuple(transaction for transaction in transactions if not is_deposit(transaction)))
