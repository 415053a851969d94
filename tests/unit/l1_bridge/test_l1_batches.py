"""Reads that are made at the same time are one request, whatever a node makes of batches; each is checked as ever."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import TypeVar

import pytest
from aiohttp import web
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from l1_bridge.errors import BraidError, L1Lied, L1Refused, L1Unavailable
from l1_bridge.l1_batching import MOST_CALLS
from l1_bridge.l1_client import L1Client
from l1_bridge.l1_connection import L1Endpoint
from l1_bridge.types import L1Header
from tests.unit.l1_bridge.fake_l1_server import FakeL1Server, Json, serve_fake_l1

T = TypeVar("T")

LIMIT_BYTES = 200_000
"""Of a response; the blocks of the server have some kilobytes each."""


@pytest.fixture
async def server() -> AsyncIterator[FakeL1Server]:
    async with serve_fake_l1() as running:
        yield running


@pytest.fixture
async def client(server: FakeL1Server) -> AsyncIterator[L1Client]:
    endpoint = L1Endpoint(server.url, timeout_seconds=5.0, response_limit_bytes=LIMIT_BYTES)
    async with L1Client.connect(endpoint) as connected:
        yield connected


def numbers(server: FakeL1Server, count: int = MOST_CALLS) -> list[int]:
    return [int(str(block["number"]), 16) for block in server.blocks[1 : count + 1]]


async def read_headers(client: L1Client, wanted: Sequence[int]) -> list[L1Header | None]:
    return await at_once([client.header_by_number(number) for number in wanted])


async def at_once(reads: Sequence[Coroutine[object, object, T]]) -> list[T]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(read) for read in reads]
    return [task.result() for task in tasks]


async def read_each(client: L1Client, wanted: Sequence[int]) -> list[L1Header | BaseException | None]:
    return await asyncio.gather(*[client.header_by_number(number) for number in wanted], return_exceptions=True)


def found(headers: Sequence[L1Header | BaseException | None]) -> list[int]:
    return [header.number for header in headers if isinstance(header, L1Header)]


def batches(outcome: str) -> float:
    return REGISTRY.get_sample_value("braid_l1_bridge_batches_total", {"outcome": outcome}) or 0.0


async def test_what_is_read_at_the_same_time_is_one_request(server: FakeL1Server, client: L1Client) -> None:
    wanted = numbers(server)

    headers = await read_headers(client, wanted)

    assert found(headers) == wanted
    assert (server.batches, server.requests) == ([MOST_CALLS], ["eth_getBlockByNumber"] * MOST_CALLS)


async def test_one_read_is_no_batch(server: FakeL1Server, client: L1Client) -> None:
    assert await client.header_by_number(numbers(server)[0]) is not None
    assert server.batches == []


async def test_blocks_with_transactions_and_receipts_are_read_so_too(server: FakeL1Server, client: L1Client) -> None:
    wanted = numbers(server)

    blocks = await at_once([client.block_by_number(number) for number in wanted])
    receipts = await at_once([client.receipts_by_hash(block.header.hash) for block in blocks if block is not None])

    assert [len(block.transactions) for block in blocks if block is not None] == [len(one or ()) for one in receipts]
    assert server.batches == [MOST_CALLS, MOST_CALLS]


async def test_a_batch_has_a_bounded_number_of_calls(server: FakeL1Server, client: L1Client) -> None:
    wanted = numbers(server, 2 * MOST_CALLS + 3)

    assert found(await read_headers(client, wanted)) == wanted
    assert sorted(server.batches) == [3, MOST_CALLS, MOST_CALLS]


async def test_answers_count_by_their_ids_in_whatever_order_they_come(server: FakeL1Server, client: L1Client) -> None:
    server.batch_override = lambda answers: web.json_response(answers[::-1])
    wanted = numbers(server)

    assert found(await read_headers(client, wanted)) == wanted
    assert server.batches == [MOST_CALLS]


async def test_a_block_that_is_not_there_is_none_for_whoever_asked(server: FakeL1Server, client: L1Client) -> None:
    first, second, *_ = numbers(server)

    headers = await read_headers(client, [first, 10**6, second])

    assert [header.number if header else None for header in headers] == [first, None, second]


def _bodies() -> dict[str, Callable[[list[Json]], web.Response]]:
    json = web.json_response
    error: Json = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batches are not for you"}}
    return {
        "an error object": lambda answers: json(error),
        "HTTP 400": lambda answers: web.Response(status=400),
        "HTTP 403": lambda answers: web.Response(status=403),
        "HTTP 413": lambda answers: web.Response(status=413, body=b"too large"),
        "no JSON": lambda answers: web.Response(body=b"<html>no</html>"),
        "an empty list": lambda answers: json([]),
        "one answer alone": lambda answers: json(answers[0]),
        "an answer left out": lambda answers: json(answers[1:]),
        "an answer twice": lambda answers: json([*answers, answers[0]]),
        "an answer twice, in the place of another": lambda answers: json([answers[0], *answers[:-1]]),
        "an id that was not asked": lambda answers: json([answers[0] | {"id": 99}, *answers[1:]]),
        "an id that is a text": lambda answers: json([answers[0] | {"id": "0"}, *answers[1:]]),
        "an id that is true": lambda answers: json([answers[0], answers[1] | {"id": True}, *answers[2:]]),
        "no id": lambda answers: json([{"result": answers[0]["result"]}, *answers[1:]]),
        "an entry that is no object": lambda answers: json([7, *answers[1:]]),
        "ten thousand entries": lambda answers: json(answers * 10),
        "more bytes than are read": lambda answers: web.Response(body=b"[" + b" " * LIMIT_BYTES + b"]"),
        "deep nesting": lambda answers: web.Response(body=b"[" * 100_000),
    }


@pytest.mark.parametrize("refusal", _bodies())
async def test_a_node_that_refuses_batches_is_asked_one_by_one_from_then_on(
    server: FakeL1Server, client: L1Client, refusal: str
) -> None:
    server.batch_override = _bodies()[refusal]
    wanted, before = numbers(server), batches("refused")

    with capture_logs() as lines:
        for _ in range(6):
            assert found(await read_headers(client, wanted)) == wanted

    sizes = [MOST_CALLS >> halvings for halvings in range(MOST_CALLS.bit_length() - 1)]
    assert sorted(set(server.batches), reverse=True) == sizes
    assert batches("refused") - before == len(server.batches)
    asked = len(server.batches)
    assert found(await read_headers(client, wanted)) == wanted
    assert len(server.batches) == asked
    assert [(line["event"], line["from_now_on"]) for line in lines] == [
        ("l1_batch_refused", size // 2) for size in sizes
    ]


async def test_a_node_that_takes_smaller_batches_gets_those(server: FakeL1Server, client: L1Client) -> None:
    most = MOST_CALLS // 2
    server.batch_override = lambda answers: (
        web.Response(status=413) if len(answers) > most else web.json_response(answers)
    )
    wanted = numbers(server)

    for _ in range(3):
        assert found(await read_headers(client, wanted)) == wanted

    assert server.batches == [MOST_CALLS, most, most, most, most]


@pytest.mark.parametrize("entry", [{"error": {"code": -32003, "message": "response too large"}}, {}, {"result": None}])
async def test_a_call_that_fails_within_a_batch_is_made_again_alone(
    server: FakeL1Server, client: L1Client, entry: Json
) -> None:
    def give_up(answers: list[Json]) -> web.Response:
        return web.json_response([*answers[:2], *({"id": answer["id"]} | entry for answer in answers[2:])])

    server.batch_override = give_up
    wanted = numbers(server)

    headers = await read_headers(client, wanted)

    is_null = "result" in entry
    assert found(headers) == (wanted[:2] if is_null else wanted)
    assert len(server.requests) - MOST_CALLS == (0 if is_null else MOST_CALLS - 2)


async def test_an_error_that_stays_is_that_calls_own(server: FakeL1Server, client: L1Client) -> None:
    server.error = {"code": -32000, "message": "out of memory"}

    answers = await read_each(client, numbers(server))

    assert [type(answer) for answer in answers] == [L1Refused] * MOST_CALLS


async def test_a_lie_within_a_batch_is_found(server: FakeL1Server, client: L1Client) -> None:
    def swap(answers: list[Json]) -> web.Response:
        """True blocks, each for another number than was asked for."""
        results = [answer["result"] for answer in answers]
        return web.json_response(
            [answer | {"result": result} for answer, result in zip(answers, results[1:] + results[:1], strict=True)]
        )

    server.batch_override = swap

    answers = await read_each(client, numbers(server))

    assert [type(answer) for answer in answers] == [L1Lied] * MOST_CALLS


@pytest.mark.parametrize("status", [401, 429, 500, 503])
async def test_a_node_that_is_away_for_a_while_is_asked_less_at_once_until_it_answers(
    server: FakeL1Server, client: L1Client, status: int
) -> None:
    server.status = status
    wanted = numbers(server)

    assert [type(answer) for answer in await read_each(client, wanted)] == [L1Unavailable] * MOST_CALLS
    assert server.batches == [MOST_CALLS]
    server.status = 200
    for _ in range(2 * MOST_CALLS):
        assert found(await read_headers(client, wanted)) == wanted

    assert server.batches[1:3] == [MOST_CALLS // 2, MOST_CALLS // 2]
    assert server.batches[-1] == MOST_CALLS


async def test_batches_that_get_no_answer_in_time_shrink_until_single_calls_go_through(server: FakeL1Server) -> None:
    server.batch_override = lambda answers: web.Response(status=504)
    wanted = numbers(server)
    async with L1Client.connect(L1Endpoint(server.url)) as client:
        while not found(await read_each(client, wanted)):
            assert len(server.batches) < 4 * MOST_CALLS, "it never gets through"


async def test_a_silent_node_is_given_up_after_the_timeout(server: FakeL1Server) -> None:
    server.silence = asyncio.Event()
    async with L1Client.connect(L1Endpoint(server.url, timeout_seconds=0.05)) as client:
        answers = await read_each(client, numbers(server))

    assert [type(answer) for answer in answers] == [L1Unavailable] * MOST_CALLS


async def test_one_who_gives_up_takes_nobody_along(server: FakeL1Server, client: L1Client) -> None:
    server.silence = asyncio.Event()
    wanted = numbers(server)
    reads = [asyncio.ensure_future(client.header_by_number(number)) for number in wanted]
    await server.was_asked.wait()

    reads[0].cancel()
    await asyncio.sleep(0)
    server.silence.set()
    answers = await asyncio.gather(*reads, return_exceptions=True)

    assert isinstance(answers[0], asyncio.CancelledError)
    assert found(answers[1:]) == wanted[1:]


async def test_when_all_give_up_the_next_request_is_made(server: FakeL1Server, client: L1Client) -> None:
    server.silence = asyncio.Event()
    wanted = numbers(server)
    for turns in range(8):
        reads = [asyncio.ensure_future(client.header_by_number(number)) for number in wanted]
        for _ in range(turns):
            await asyncio.sleep(0)
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)

    server.silence.set()
    assert found(await read_headers(client, wanted)) == wanted


async def test_whoever_waits_when_the_client_closes_is_released(server: FakeL1Server) -> None:
    server.silence = asyncio.Event()
    async with L1Client.connect(L1Endpoint(server.url)) as client:
        reads = [asyncio.ensure_future(client.header_by_number(number)) for number in numbers(server)]
        await server.was_asked.wait()

    answers = await asyncio.gather(*reads, return_exceptions=True)
    assert all(isinstance(answer, asyncio.CancelledError | BraidError) for answer in answers)
