"""The node's JSON-RPC as L2 source, over loopback HTTP, with good and bad answers."""

import gzip
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import aiohttp
import pytest
import rlp
from aiohttp import web
from aiohttp.test_utils import TestServer
from eth_hash.auto import keccak

from batcher.attributes_deposit import MalformedAttributes, decode_epoch
from batcher.l2_rpc import JsonRpcL2Source
from batcher.l2_source import L2Unavailable
from l1_bridge.types import BlockId
from tests.fakes.l2_source import make_l1_id

VECTOR = Path(__file__).parents[2] / "vectors" / "op" / "calldata.json.gz"
Answers = dict[str, object]


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


@pytest.fixture(scope="module")
def op_block() -> Answers:
    """A block that op-geth made, as `braid_rawBlock` gives it, with the parts that a test compares."""
    file = json.loads(gzip.decompress(VECTOR.read_bytes()))
    for entry in file["l2"][1:]:
        raw = bytes.fromhex(entry["block"][2:])
        header, items, *_ = rlp.decode(raw)
        transactions = [rlp.encode(item) if isinstance(item, list) else item for item in items]
        users = [transaction for transaction in transactions if transaction[0] != 0x7E]
        if len(users) > 2 and len(transactions) - len(users) > 1:
            return {
                "header": _hex(rlp.encode(header)),
                "hash": entry["hash"],
                "transactions": [_hex(transaction) for transaction in transactions],
                "number": int(entry["number"]),
                "parent": header[0],
                "timestamp": int.from_bytes(header[11], "big"),
                "users": tuple(users),
                "l1": {int(block["block"]["number"], 16): block["block"]["hash"] for block in file["l1"]},
            }
    raise AssertionError("no block with several user transactions and deposits")


class Node:
    """A server that answers each method with what the test put there."""

    def __init__(self) -> None:
        self.results: Answers = {}
        self.requests: list[dict[str, object]] = []
        self.raw: web.Response | None = None
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.requests.append(body)
        if self.raw is not None:
            return self.raw
        return web.json_response({"jsonrpc": "2.0", "id": body["id"], "result": self.results.get(body["method"])})


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    node = Node()
    application = web.Application()
    application.router.add_post("/", node.handle)
    async with TestServer(application) as server:
        node.url = str(server.make_url("/"))
        yield node


@pytest.fixture
async def source(node: Node) -> AsyncIterator[JsonRpcL2Source]:
    async with aiohttp.ClientSession() as session:
        yield JsonRpcL2Source(session, node.url, timeout_seconds=5.0)


def _block_ref(number: int) -> Answers:
    return {
        "hash": _hex(bytes([number]) * 32),
        "number": number,
        "parentHash": _hex(bytes([number - 1]) * 32),
        "timestamp": 1000 + number,
        "l1origin": {"hash": _hex(make_l1_id(3).hash), "number": 3},
        "sequenceNumber": 2,
    }


def _sync_status() -> Answers:
    def l1(number: int) -> Answers:
        return {"hash": _hex(make_l1_id(number).hash), "number": number, "parentHash": "0x", "timestamp": 1}

    return {
        "current_l1": l1(8),
        "head_l1": l1(9),
        "safe_l1": l1(5),
        "finalized_l1": l1(1),
        "unsafe_l2": _block_ref(30),
        "safe_l2": _block_ref(20),
        "finalized_l2": _block_ref(10),
    }


async def test_sync_status_is_read(node: Node, source: JsonRpcL2Source) -> None:
    node.results["optimism_syncStatus"] = _sync_status()

    status = await source.sync_status()

    assert (status.head_l1, status.current_l1) == (make_l1_id(9), make_l1_id(8))
    assert (status.unsafe.number, status.safe.number, status.finalized.number) == (30, 20, 10)
    assert status.safe.parent_hash == bytes([19]) * 32
    assert (status.safe.l1_origin, status.safe.sequence_number, status.safe.timestamp) == (make_l1_id(3), 2, 1020)


async def test_block_of_op_geth_is_read_without_its_deposits(
    node: Node, source: JsonRpcL2Source, op_block: Answers
) -> None:
    node.results["braid_rawBlock"] = {key: op_block[key] for key in ("header", "hash", "transactions")}
    number = cast(int, op_block["number"])

    block = await source.block(number)

    assert block.transactions == op_block["users"]
    assert (block.ref.number, _hex(block.ref.hash)) == (number, op_block["hash"])
    assert (block.ref.parent_hash, block.ref.timestamp) == (op_block["parent"], op_block["timestamp"])
    l1_hashes = cast(dict[int, str], op_block["l1"])
    assert _hex(block.ref.l1_origin.hash) == l1_hashes[block.ref.l1_origin.number]
    assert node.requests[0]["params"] == [hex(number)]


async def test_block_of_another_number_is_refused(node: Node, source: JsonRpcL2Source, op_block: Answers) -> None:
    node.results["braid_rawBlock"] = {key: op_block[key] for key in ("header", "hash", "transactions")}

    with pytest.raises(L2Unavailable):
        await source.block(cast(int, op_block["number"]) + 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda block: block | {"hash": _hex(keccak(b"other"))},
        lambda block: block | {"header": block["header"][:-2]},
        lambda block: block | {"header": "0xc0", "hash": _hex(keccak(b"\xc0"))},
        lambda block: block | {"header": "0x", "hash": _hex(keccak(b""))},
        lambda block: block | {"transactions": []},
        lambda block: block | {"transactions": block["transactions"][-1:]},
        lambda block: block | {"transactions": ["0xzz"]},
        lambda block: block | {"transactions": None},
        lambda block: {},
    ],
)
async def test_malformed_block_is_refused(
    node: Node, source: JsonRpcL2Source, op_block: Answers, change: Callable[[dict[str, object]], dict[str, object]]
) -> None:
    node.results["braid_rawBlock"] = change({key: op_block[key] for key in ("header", "hash", "transactions")})

    with pytest.raises(L2Unavailable):
        await source.block(cast(int, op_block["number"]))


async def test_output_is_read_with_its_parts(node: Node, source: JsonRpcL2Source) -> None:
    node.results["optimism_outputAtBlock"] = {
        "version": _hex(bytes(32)),
        "outputRoot": _hex(b"\x01" * 32),
        "stateRoot": _hex(b"\x02" * 32),
        "withdrawalStorageRoot": _hex(b"\x03" * 32),
        "blockRef": _block_ref(20),
        "syncStatus": _sync_status(),
    }

    output = await source.output_at_block(20)

    assert (output.output_root, output.state_root) == (b"\x01" * 32, b"\x02" * 32)
    assert output.message_passer_storage_root == b"\x03" * 32
    assert (output.block.number, output.status.current_l1) == (20, make_l1_id(8))


@pytest.mark.parametrize(
    "response",
    [
        web.Response(text="not json"),
        web.Response(text="[" * 100_000),
        web.json_response([]),
        web.json_response({"id": 1}),
        web.json_response({"id": 1, "result": None}),
        web.json_response({"id": 1, "result": "0x"}),
        web.json_response({"id": 1, "error": {"code": -32000, "message": "no such block"}}),
        web.Response(status=503, text="away"),
    ],
)
async def test_answer_that_is_none_is_unavailable(node: Node, source: JsonRpcL2Source, response: web.Response) -> None:
    node.raw = response

    with pytest.raises(L2Unavailable):
        await source.sync_status()


async def test_node_that_is_not_there_is_unavailable() -> None:
    async with aiohttp.ClientSession() as session:
        source = JsonRpcL2Source(session, "http://127.0.0.1:1/", timeout_seconds=1.0)

        with pytest.raises(L2Unavailable):
            await source.sync_status()


async def test_answer_above_the_bound_is_given_up(
    node: Node, source: JsonRpcL2Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.results["optimism_syncStatus"] = _sync_status() | {"padding": "x" * 10_000}
    assert (await source.sync_status()).safe.number == 20

    monkeypatch.setattr("batcher.l2_rpc.MAX_ANSWER_BYTES", 5_000)

    with pytest.raises(L2Unavailable, match="above"):
        await source.sync_status()


def test_epoch_is_read_from_an_attributes_deposit(op_block: Answers) -> None:
    transactions = cast(list[str], op_block["transactions"])
    attributes = bytes.fromhex(transactions[0][2:])
    l1_hashes = cast(dict[int, str], op_block["l1"])

    epoch = decode_epoch(attributes)

    assert epoch.l1_origin == BlockId(epoch.l1_origin.number, bytes.fromhex(l1_hashes[epoch.l1_origin.number][2:]))
    for bad in (b"", b"\x02", attributes[:-1], attributes + b"\x00", b"\x7e\xc0", bytes.fromhex(transactions[1][2:])):
        with pytest.raises(MalformedAttributes):
            decode_epoch(bad)
