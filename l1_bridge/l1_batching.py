"""
Reads of L1 that are asked for at the same time go to the node as one JSON-RPC batch.

    call, call, call, ...     in one turn of the event loop
      `-> one request with up to 8 calls           each caller gets its own result or error
            refused   -> its calls one by one      the node takes no batch of that size: remembered
            no answer -> as a single call's        the next one has half the calls, and then one more each time

An error within a batch counts only when the call gets it alone as well: nodes give up a batch in its midst when the
answers become too large or the calls too many. What an answer says is for `l1_client` to check, batched or not.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from l1_bridge import metrics
from l1_bridge.errors import L1Refused, L1Unavailable
from l1_bridge.l1_connection import BatchRefused, L1Call, L1Connection, get_result

log = structlog.get_logger(__name__)

MOST_CALLS = 8
"""Calls in one request: providers allow ten or more, and eight full blocks with all transactions are some 10 MB."""


@dataclass(frozen=True, slots=True)
class _Asked:
    call: L1Call
    answer: "asyncio.Future[object]"

    def settle(self, result: object) -> None:
        if not self.answer.done():  # else whoever asked has given up
            self.answer.set_result(result)

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class CallBatcher:
    """See the module; `close` gives up what is not answered."""

    def __init__(self, connection: L1Connection) -> None:
        self._connection = connection
        self._asked: list[_Asked] = []
        """In this turn of the event loop."""
        self._requests: set[asyncio.Task[object]] = set()
        self._most_calls = MOST_CALLS
        """That the node takes in one request, as far as is known."""
        self._calls = MOST_CALLS
        """That the next request may have; less where the last ones were not answered."""

    async def call(self, method: str, *parameters: object) -> object:
        """The result of one call; raises as `L1Connection.call`."""
        loop = asyncio.get_running_loop()
        asked = _Asked(L1Call(method, parameters), loop.create_future())
        if not self._asked:
            loop.call_soon(self._send)
        self._asked.append(asked)
        return await asked.answer

    def close(self) -> None:
        """End every request; whoever waits is cancelled."""
        for asked in self._asked:
            asked.answer.cancel()
        for request in self._requests:
            request.cancel()

    def _send(self) -> None:
        """Send what was asked for since the last turn, and is still wanted."""
        wanted = [asked for asked in self._asked if not asked.answer.done()]
        self._asked.clear()
        for start in range(0, len(wanted), self._calls):
            self._begin(wanted[start : start + self._calls])

    def _begin(self, batch: Sequence[_Asked]) -> None:
        ask = self._ask_alone(batch[0]) if len(batch) == 1 else self._ask_together(batch)
        request: asyncio.Task[object] = asyncio.get_running_loop().create_task(ask)
        self._requests.add(request)

        def end(_: asyncio.Task[object]) -> None:
            self._requests.discard(request)
            fault = None if request.cancelled() else request.exception()
            for asked in batch:
                if fault is None:
                    asked.answer.cancel()
                else:
                    asked.fail(fault)

        def give_up(_: "asyncio.Future[object]") -> None:
            if all(asked.answer.cancelled() for asked in batch):
                request.cancel()

        request.add_done_callback(end)
        for asked in batch:
            asked.answer.add_done_callback(give_up)

    async def _ask_together(self, batch: Sequence[_Asked]) -> None:
        try:
            responses = await self._connection.call_many([asked.call for asked in batch])
        except BatchRefused as refusal:
            metrics.L1_BATCHES.labels("refused").inc()
            if await self._ask_one_by_one(batch):
                self._remember(refusal)
            return
        except L1Unavailable as error:
            metrics.L1_BATCHES.labels("failed").inc()
            self._calls = max(min(self._calls, len(batch) // 2), 1)
            for asked in batch:
                asked.fail(error)
            return
        metrics.L1_BATCHES.labels("answered").inc()
        self._note_answer()
        refused = []
        for asked, response in zip(batch, responses, strict=True):
            if response.get("error") is None and "result" in response:
                asked.settle(get_result(asked.call.method, response))
            else:
                refused.append(asked)
        if refused:
            await self._ask_one_by_one(refused)

    async def _ask_one_by_one(self, batch: Sequence[_Asked]) -> bool:
        """Each call in a request of its own, at the same time; whether any of them was answered."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._ask_alone(asked)) for asked in batch]
        return any(task.result() for task in tasks)

    async def _ask_alone(self, asked: _Asked) -> bool:
        """One call; whether there was an answer."""
        try:
            result = await self._connection.call(asked.call.method, *asked.call.parameters)
        except L1Refused as error:
            asked.fail(error)
        except L1Unavailable as error:
            asked.fail(error)
            return False
        else:
            asked.settle(result)
        self._note_answer()
        return True

    def _note_answer(self) -> None:
        self._calls = min(self._calls + 1, self._most_calls)

    def _remember(self, refusal: BatchRefused) -> None:
        """The calls were answered one by one, so it was the batch that was wrong."""
        most = max(refusal.calls // 2, 1)
        if most < self._most_calls:
            self._most_calls = most
            log.warning("l1_batch_refused", calls=refusal.calls, from_now_on=most, reason=refusal.reason)
        self._calls = min(self._calls, self._most_calls)
