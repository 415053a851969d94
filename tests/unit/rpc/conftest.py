"""A world of fakes for each test, and a way to call methods without HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import orjson
import pytest

from sequencer.rpc.admin import Answering
from sequencer.rpc.dispatcher import Dispatcher
from sequencer.rpc.method_table import methods_for
from tests.fakes.rpc_backend import World, make_world

Call = Callable[..., Awaitable[dict[str, object]]]


@pytest.fixture
def world() -> Iterator[World]:
    """The recorded OP chain."""
    made = make_world()
    yield made
    made.backend.close()


@pytest.fixture
def call(world: World) -> Call:
    """Call a method of the world; the answer object comes back."""
    return caller_of(world)


def caller_of(world: World) -> Call:
    """A function that calls methods of that world."""
    return call_through(Dispatcher(world.backend, methods_for(world.chain.rules.is_optimism)))


def call_through(dispatcher: Answering) -> Call:
    """A function that calls methods of that dispatcher."""

    async def call(method: str, *params: object) -> dict[str, object]:
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        answer = await dispatcher.answer(body)
        assert answer is not None
        decoded: dict[str, object] = orjson.loads(answer)
        assert decoded["id"] == 1
        return decoded

    return call


def result_of(answer: dict[str, object]) -> object:
    """The result; fails when the answer is an error."""
    assert "error" not in answer, answer
    return answer["result"]


def object_of(answer: dict[str, object]) -> dict[str, object]:
    """The result, which is an object."""
    result = result_of(answer)
    assert isinstance(result, dict)
    return result


def list_of(answer: dict[str, object]) -> list[dict[str, object]]:
    """The result, which is a list of objects."""
    result = result_of(answer)
    assert isinstance(result, list)
    return result


def error_of(answer: dict[str, object]) -> tuple[int, str]:
    """Code and message of an error."""
    error = answer["error"]
    assert isinstance(error, dict)
    return error["code"], error["message"]


async def until(condition: Callable[[], object]) -> None:
    """Let other tasks run until the condition holds; fails when it does not come about."""
    for _ in range(100_000):
        if condition():
            return
        await asyncio.sleep(0)
    pytest.fail("the condition did not come about")
