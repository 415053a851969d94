"""JSON-RPC envelopes and batches: what is answered to bodies that are no requests, and to many requests at once."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import orjson
import pytest

from l1_bridge.errors import BraidError
from sequencer.rpc.dispatcher import Dispatcher
from sequencer.rpc.method import Runs, method
from sequencer.rpc.method_table import methods_for
from sequencer.rpc.metrics import INTERNAL_ERRORS
from sequencer.rpc.settings import RpcSettings
from tests.factories import make_transaction
from tests.fakes.rpc_backend import World, make_world
from tests.unit.rpc.conftest import Call, caller_of, error_of, result_of, until


@pytest.fixture
async def small() -> AsyncIterator[World]:
    """A node with tight limits."""
    made = make_world(count=10, settings=RpcSettings(max_batch_size=3, max_response_bytes=2000, batch_concurrency=1))
    yield made
    made.backend.close()


def dispatcher_of(world: World) -> Dispatcher:
    return Dispatcher(world.backend, methods_for(world.chain.rules.is_optimism))


async def answer_of(world: World, body: bytes) -> object:
    answer = await dispatcher_of(world).answer(body)
    return None if answer is None else orjson.loads(answer)


def request(id: object, name: str = "eth_chainId", *params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": id, "method": name, "params": list(params)}


BAD_BODIES = [
    (b"", -32700),
    (b"{", -32700),
    (b"\xff\xfe", -32700),
    (b"[" * 5000, -32700),
    (b"[" * 900 + b"]" * 900, -32600),
    (b'{"a":' * 5000 + b"1" + b"}" * 5000, -32700),
    (b"1", -32600),
    (b"null", -32600),
    (b'"eth_chainId"', -32600),
    (b"[]", -32600),
    (b"{}", -32600),
    (b'{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}', -32600),
    (b'{"id":1,"method":"eth_chainId"}', -32600),
    (b'{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', -32600),
    (b'{"jsonrpc":"2.0","id":[1],"method":"eth_chainId"}', -32600),
    (b'{"jsonrpc":"2.0","id":true,"method":"eth_chainId"}', -32600),
    (b'{"jsonrpc":"2.0","id":"' + b"x" * 300 + b'","method":"eth_chainId"}', -32600),
    (b'{"jsonrpc":"2.0","id":1}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{}}', -32602),
    (b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":"0x1"}', -32602),
    (b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":["0x1"]}', -32602),
    (b'{"jsonrpc":"2.0","id":1,"method":"eth_nothing","params":[]}', -32601),
    (b'{"jsonrpc":"2.0","id":1,"method":"__init__","params":[]}', -32601),
    (b'{"jsonrpc":"2.0","id":1,"method":"' + b"m" * 100_000 + b'","params":[]}', -32601),
]


@pytest.mark.parametrize(("body", "code"), BAD_BODIES)
async def test_bad_body_gets_the_code_that_says_what_is_wrong(world: World, body: bytes, code: int) -> None:
    answer = await answer_of(world, body)

    if isinstance(answer, list):
        (answer,) = answer
    assert isinstance(answer, dict)
    assert answer["jsonrpc"] == "2.0"
    assert answer["error"]["code"] == code
    assert len(answer["error"]["message"]) < 300


@pytest.mark.parametrize("id", [1, 0, -5, "a", 1.5, None])
async def test_id_comes_back_as_it_was(world: World, id: object) -> None:
    answer = await answer_of(world, orjson.dumps(request(id)))

    assert answer == {"jsonrpc": "2.0", "id": id, "result": hex(world.chain.rules.chain_id)}


async def test_params_may_be_left_out_or_null(world: World) -> None:
    for body in (
        b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}',
        b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":null}',
    ):
        answer = await answer_of(world, body)
        assert isinstance(answer, dict)
        assert "result" in answer


async def test_notification_is_not_answered(world: World) -> None:
    assert await answer_of(world, b'{"jsonrpc":"2.0","method":"eth_chainId"}') is None
    assert await answer_of(world, b'[{"jsonrpc":"2.0","method":"eth_chainId"}]') is None


async def test_batch_is_answered_in_its_order(world: World) -> None:
    batch = [
        request(1, "eth_getBlockByNumber", "0x1", False),
        request(2),
        7,
        request(3, "eth_nothing"),
        {"jsonrpc": "2.0", "method": "eth_chainId"},
        request("last", "eth_blockNumber"),
    ]

    answers = await answer_of(world, orjson.dumps(batch))

    assert isinstance(answers, list)
    assert [answer["id"] for answer in answers] == [1, 2, None, 3, "last"]
    assert answers[2]["error"]["code"] == -32600
    assert answers[3]["error"]["code"] == -32601


async def test_batch_at_the_limit_is_answered_and_one_more_is_not(small: World) -> None:
    accepted = await answer_of(small, orjson.dumps([request(id) for id in range(3)]))
    refused = await answer_of(small, orjson.dumps([request(id) for id in range(4)]))

    assert isinstance(accepted, list)
    assert isinstance(refused, dict)
    assert refused["error"]["code"] == -32005


async def test_batch_stops_when_its_answer_is_large_enough(small: World) -> None:
    batch = [request(id, "eth_getBlockByNumber", "0x5", True) for id in range(3)]

    answers = await answer_of(small, orjson.dumps(batch))

    assert isinstance(answers, list)
    assert "result" in answers[0]
    assert answers[2]["error"]["code"] == -32005


async def test_transactions_of_one_batch_are_handed_in_together(world: World) -> None:
    entered: list[list[bytes]] = []
    submit_many = world.pool.submit_many

    async def submit_and_tell(raws: Sequence[bytes]) -> list[bytes | BraidError]:
        entered.append(list(raws))
        return await submit_many(raws)

    world.pool.submit_many = submit_and_tell  # type: ignore[method-assign]
    sent = [make_transaction(nonce=nonce) for nonce in range(50)]
    batch = [request(one.nonce, "eth_sendRawTransaction", "0x" + one.raw.hex()) for one in sent]

    answers = await answer_of(world, orjson.dumps(batch))

    assert isinstance(answers, list)
    assert [answer["result"] for answer in answers] == ["0x" + one.hash.hex() for one in sent]
    assert entered == [[one.raw for one in sent]]


async def test_each_transaction_of_a_batch_has_an_answer_of_its_own(world: World) -> None:
    good, other = make_transaction(nonce=0), make_transaction(nonce=1)
    batch: list[object] = [
        request(1, "eth_sendRawTransaction", "0x" + good.raw.hex()),
        request(2, "eth_chainId"),
        request(3, "eth_sendRawTransaction", "0x02"),
        request(4, "eth_sendRawTransaction", "no hex"),
        {"id": 5, "method": "eth_sendRawTransaction", "params": ["0x" + other.raw.hex()]},
        {"jsonrpc": "2.0", "method": "eth_sendRawTransaction", "params": ["0x" + other.raw.hex()]},
        request(6, "eth_sendRawTransaction", "0x" + good.raw.hex()),
    ]

    answers = await answer_of(world, orjson.dumps(batch))

    assert isinstance(answers, list)
    assert [answer["id"] for answer in answers] == [1, 2, 3, 4, 5, 6]
    assert answers[0]["result"] == "0x" + good.hash.hex()
    assert [answer["error"]["code"] for answer in answers[2:]] == [-32003, -32602, -32600, -32003]
    assert set(world.pool.known) == {good.hash, other.hash}


async def test_failure_in_a_batch_of_transactions_is_counted_and_its_text_stays_inside(world: World) -> None:
    before = INTERNAL_ERRORS._value.get()
    world.pool.refusal = RuntimeError("the secret path /var/lib/node")
    batch = [request(id, "eth_sendRawTransaction", "0x" + make_transaction(nonce=id).raw.hex()) for id in range(2)]

    answers = await answer_of(world, orjson.dumps(batch))

    assert isinstance(answers, list)
    assert [answer["error"]["code"] for answer in answers] == [-32603, -32603]
    assert b"secret" not in orjson.dumps(answers)
    assert INTERNAL_ERRORS._value.get() == before + 1


async def test_unexpected_failure_is_counted_and_its_text_stays_inside(world: World, call: Call) -> None:
    before = INTERNAL_ERRORS._value.get()
    world.chain.fail_with = RuntimeError("the secret path /var/lib/node")

    answer = await call("eth_getBlockByNumber", "0x1", False)

    assert error_of(answer) == (-32603, "internal error")
    assert b"secret" not in orjson.dumps(answer)
    assert INTERNAL_ERRORS._value.get() == before + 1


async def test_expected_refusal_is_not_counted_as_internal(world: World, call: Call) -> None:
    before = INTERNAL_ERRORS._value.get()

    answer = await call("eth_getBlockByNumber", "bad", False)

    assert error_of(answer)[0] == -32602
    assert INTERNAL_ERRORS._value.get() == before


async def test_slow_read_times_out_and_the_node_goes_on() -> None:
    release = threading.Event()
    world = make_world(count=5, settings=RpcSettings(read_timeout_seconds=0.01))
    slow = method("test_slow", lambda backend: release.wait(), runs=Runs.READING)
    dispatcher = Dispatcher(world.backend, (slow,))
    try:
        answer = await dispatcher.answer(orjson.dumps(request(1, "test_slow")))
        other = await caller_of(world)("eth_blockNumber")
    finally:
        release.set()
        world.backend.close()

    assert answer is not None
    assert orjson.loads(answer)["error"]["code"] == -32002
    assert result_of(other) == "0x4"


async def test_more_waiting_jobs_than_allowed_are_refused_at_once() -> None:
    release = threading.Event()
    world = make_world(count=5, settings=RpcSettings(reader_threads=1, max_waiting_jobs=2))
    slow = method("test_wait", lambda backend: release.wait(), runs=Runs.READING)
    dispatcher = Dispatcher(world.backend, (slow,))
    body = orjson.dumps(request(1, "test_wait"))
    try:
        first, second = asyncio.ensure_future(dispatcher.answer(body)), asyncio.ensure_future(dispatcher.answer(body))
        await until(lambda: world.backend.readers.jobs == 2)
        third = await dispatcher.answer(body)
        release.set()
        answers = [orjson.loads(answer or b"") for answer in await asyncio.gather(first, second)]
    finally:
        release.set()
        world.backend.close()

    assert third is not None
    assert orjson.loads(third)["error"]["code"] == -32005
    assert [answer["result"] for answer in answers] == [True, True]
    assert world.backend.readers.jobs == 0


def test_a_method_name_can_not_stand_in_the_table_twice(world: World) -> None:
    row = method("test_twice", lambda backend: None)

    with pytest.raises(ValueError, match="twice"):
        Dispatcher(world.backend, (row, row))
