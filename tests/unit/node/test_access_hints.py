"""Hints of the sequencer: read where they are good, worthless where they are not, and never more than a delay."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import cast

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from batcher.l2_source import L2BlockRef
from contracts.keccak import keccak
from l1_bridge.types import BlockId
from sequencer.derivation.attributes import DerivedAttributes
from sequencer.execution.access_list import BlockAccesses, build_block_access_list
from sequencer.execution.serial import SerialEngine
from sequencer.node import access_hints
from sequencer.node.access_hints import PAUSE_SECONDS, MalformedHints, SequencerHints, connect_hints, read_hints
from sequencer.rpc.access_list_format import format_access_list
from tests.fakes.chain_story import L1_GENESIS, make_attributes
from tests.fakes.tampered_engine import TamperedEngine
from tests.market_blocks import increment, play_list

PLAYED = play_list([increment(0, 0), increment(1, 0), increment(2, 0)])
BLOCK = PLAYED.sealed.block
WANTED = {transaction.hash for transaction in BLOCK.transactions}


def accesses() -> BlockAccesses:
    assert PLAYED.sealed.accesses is not None
    return PLAYED.sealed.accesses


def good_answer() -> dict[str, object]:
    """The answer for a block of three transactions."""
    listed = build_block_access_list(accesses(), PLAYED.state, PLAYED.state.code)
    return {"jsonrpc": "2.0", "id": 1, "result": format_access_list(BLOCK, listed)}


def body(answer: object) -> bytes:
    return json.dumps(answer).encode()


def test_hints_are_what_each_transaction_read_and_wrote() -> None:
    hints = read_hints(body(good_answer()), WANTED)

    assert len(hints.transactions) == 3
    for transaction, access in zip(BLOCK.transactions, accesses(), strict=True):
        hint = hints.transactions[transaction.hash]
        assert sorted(hint.reads) == list(access.reads)
        assert sorted(hint.writes) == [key for key, _ in access.writes]


def test_transactions_that_nobody_asked_for_are_left_out() -> None:
    wanted = {BLOCK.transactions[1].hash}

    assert read_hints(body(good_answer()), wanted).transactions.keys() == wanted


def damaged(path: str, value: object) -> object:
    """The good answer with another value at a path; numbers are places in arrays."""
    answer: object = copy.deepcopy(good_answer())
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    target = answer
    for step in way:
        target = cast("dict[object, object]", target)[step]
    cast("dict[object, object]", target)[last] = value
    return answer


def without(path: str) -> object:
    answer: object = copy.deepcopy(good_answer())
    *way, last = path.split(".")
    target = answer
    for step in way:
        target = cast("dict[object, object]", target)[int(step) if step.isdigit() else step]
    del cast("dict[object, object]", target)[last]
    return answer


@pytest.mark.parametrize(
    "answer",
    [
        None,
        7,
        [],
        {},
        {"error": {"code": -32002, "message": "not kept"}},
        {"result": None},
        without("result.accessList"),
        without("result.transactions.0.reads"),
        without("result.accessList.0.balanceChanges"),
        damaged("result.transactions", {"a": 1}),
        damaged("result.transactions.0", 3),
        damaged("result.transactions.0.hash", "0x12"),
        damaged("result.transactions.0.hash", None),
        damaged("result.transactions.0.reads", [{"address": "0x" + "zz" * 20, "storageKeys": []}]),
        damaged("result.transactions.0.reads", [{"address": "0x" + "  " * 20, "storageKeys": []}]),
        damaged("result.transactions.0.reads", [{"address": "0x" + "aa" * 20, "storageKeys": ["0x7"]}]),
        damaged("result.transactions.0.reads", [{"address": "0x" + "aa" * 20, "storageKeys": "0x7"}]),
        damaged("result.accessList.0.address", "aa" * 21),
        damaged("result.accessList.0.balanceChanges", [{"index": 1, "value": "0x1"}]),
        damaged("result.accessList.0.balanceChanges", [{"index": "0x" + "f" * 4000, "value": "0x1"}]),
        damaged("result.accessList.0.balanceChanges", [{"index": "one", "value": "0x1"}]),
        damaged("result.accessList.0.storageChanges", [{"key": "0x01", "changes": []}]),
    ],
)
def test_an_answer_of_another_form_is_worthless(answer: object) -> None:
    with pytest.raises(MalformedHints):
        read_hints(body(answer), WANTED)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"result":' * 50_000])
def test_bytes_that_are_no_json_are_worthless(raw: bytes) -> None:
    with pytest.raises(MalformedHints):
        read_hints(raw, WANTED)


def test_more_keys_than_any_block_has_are_worthless(monkeypatch: pytest.MonkeyPatch) -> None:
    most = max(sum(len(access.reads) for access in accesses()), sum(len(access.writes) for access in accesses()))
    monkeypatch.setattr(access_hints, "MAX_KEYS", most)
    assert len(read_hints(body(good_answer()), WANTED).transactions) == 3

    monkeypatch.setattr(access_hints, "MAX_KEYS", most - 1)
    with pytest.raises(MalformedHints, match="more than"):
        read_hints(body(good_answer()), WANTED)


def test_changes_of_places_that_are_none_are_left_out() -> None:
    odd = damaged("result.accessList.0.balanceChanges", [{"index": "-0x1"}, {"index": "0xffff"}, {"index": "0x0"}])

    assert len(read_hints(body(odd), WANTED).transactions) == 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("0x" + "aa" * 20) | st.just("0x1"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["hash", "reads", "address", "storageKeys", "storageChanges", "key", "changes", "index"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60)
@given(transactions=JSON, listed=JSON)
def test_any_json_is_read_or_refused(transactions: object, listed: object) -> None:
    answer = {"result": {"transactions": transactions, "accessList": listed}}
    with suppress(MalformedHints):
        read_hints(body(answer), WANTED)


# Over HTTP

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Seconds:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def asked(handler: Handler, seconds: Seconds, timeout: float = 5.0) -> AsyncIterator[SequencerHints]:
    app = web.Application()
    app.router.add_post("/", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with aiohttp.ClientSession() as session:
            yield SequencerHints(session, f"http://127.0.0.1:{port}/", timeout_seconds=timeout, monotonic=seconds)
    finally:
        await runner.cleanup()


def payload() -> DerivedAttributes:
    parent = L2BlockRef(4, b"\x04" * 32, b"\x03" * 32, 1_700_000_000, L1_GENESIS, 0)
    raw = tuple(transaction.raw for transaction in BLOCK.transactions)
    return DerivedAttributes(make_attributes(parent, user_transactions=raw), parent, BlockId(9, b"\x09" * 32))


async def test_the_block_is_asked_for_by_its_number() -> None:
    heard: list[object] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(await request.json())
        return web.json_response(good_answer())

    async with asked(answer, Seconds()) as ask:
        hints = await ask(payload())

    assert hints is not None
    assert hints.transactions.keys() == {keccak(transaction.raw) for transaction in BLOCK.transactions}
    assert [(one["method"], one["params"]) for one in heard] == [("braid_blockAccessList", ["0x5"])]  # type: ignore[index]


async def refuse(request: web.Request) -> web.Response:
    return web.json_response({"jsonrpc": "2.0", "id": 1, "error": {"code": -32002, "message": "not kept"}})


async def fail(request: web.Request) -> web.Response:
    return web.Response(status=500, text="broken")


async def redirect(request: web.Request) -> web.Response:
    raise web.HTTPFound("/elsewhere")


async def flood(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(64):
        await response.write(b" " * 1024)
    return response


@pytest.mark.parametrize("handler", [refuse, fail, redirect, flood])
async def test_no_answer_is_no_hint_and_a_pause(handler: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_hints, "MAX_ANSWER_BYTES", 16 * 1024)
    calls: list[str] = []

    async def count(request: web.Request) -> web.StreamResponse:
        calls.append(request.path)
        return await handler(request)

    seconds = Seconds()
    async with asked(count, seconds) as ask:
        assert await ask(payload()) is None
        assert await ask(payload()) is None
        assert len(calls) == 1

        seconds.now += PAUSE_SECONDS
        assert await ask(payload()) is None
        assert len(calls) == 2


async def test_an_answer_that_does_not_come_is_given_up() -> None:
    silence = asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        await silence.wait()
        return web.Response()

    async with asked(wait, Seconds(), timeout=0.05) as ask:
        assert await ask(payload()) is None
        silence.set()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "no url", "ftp://somewhere/", ""])
async def test_nobody_there_is_no_hint(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        assert await SequencerHints(session, url)(payload()) is None


async def test_nobody_is_asked_without_a_url_or_for_an_engine_that_has_no_use_for_it() -> None:
    async with AsyncExitStack() as stack:
        takes, takes_not = TamperedEngine(SerialEngine()), SerialEngine()

        assert await connect_hints(None, takes, stack) is None
        assert await connect_hints("http://127.0.0.1:1/", takes_not, stack) is None
        assert await connect_hints("http://127.0.0.1:1/", takes, stack) is not None
