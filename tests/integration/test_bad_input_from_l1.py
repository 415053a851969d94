"""
L1 that lies to, hides from, and hangs on a running replica; and the pool of a rollup, whose fees L1 decides.

L1 is a standalone node of ours with the contracts in its genesis. Between it and the rollup's nodes stands a proxy that
a test tells what to change. No batch is ever posted, so with a short sequencing window L1 alone gives every block.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import aiohttp
import pytest
from aiohttp import web

from contracts.genesis import l1_addresses
from l1_bridge.l1_connection import L1Endpoint
from l1_bridge.metrics import L1_FAILURES
from l1_bridge.types import BlockId
from sequencer.node import builder
from sequencer.node.json_files import write_json_object
from sequencer.node.new_chain import (
    ChainPlan,
    Roles,
    contract_parameters,
    make_l1_genesis,
    make_l2_genesis,
    make_rollup_config,
)
from sequencer.primitives.genesis import Genesis
from sequencer.primitives.predeploys import L1_BLOCK
from sequencer.state.genesis_state import compute_genesis_header
from tests.factories import CHAIN_ID, ETHER, GWEI, address, make_transaction, private_key
from tests.fakes.real_node import GENESIS_TIME, ManualClock, RealNode, open_node

pytestmark = pytest.mark.slow

WINDOW = 2
OPERATOR_SCALAR, OPERATOR_CONSTANT = 2_000_000, 12_345

PLAN = ChainPlan(
    l1_chain_id=900,
    l2_chain_id=CHAIN_ID,
    roles=Roles(owner=address(20), batcher=address(21), proposer=address(22), challenger=address(23)),
    sequencing_window=WINDOW,
    operator_fee_scalar=OPERATOR_SCALAR,
    operator_fee_constant=OPERATOR_CONSTANT,
    funded={address(index): 1000 * ETHER for index in range(10)},
)

Json = dict[str, object]
Lie = Callable[[object], object]
"""From the true result to the one that is answered."""


@dataclass(slots=True)
class Proxy:
    """Hands requests on to L1, and what it likes back."""

    target: str
    session: aiohttp.ClientSession
    lies: dict[str, Lie] = field(default_factory=dict)
    """By method."""
    is_away: bool = False
    silence: asyncio.Event | None = None
    told_lies: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        """One request."""
        if self.is_away:
            return web.Response(status=503)
        if self.silence is not None:
            await self.silence.wait()
        body = await request.read()
        async with self.session.post(self.target, data=body, headers={"Content-Type": "application/json"}) as response:
            answers = json.loads(await response.read())
        asked = json.loads(body)
        if isinstance(asked, list):
            methods = {call["id"]: call["method"] for call in asked}
            for answer in answers:
                self._lie(methods[answer["id"]], answer)
        else:
            self._lie(asked["method"], answers)
        return web.json_response(answers)

    def _lie(self, method: str, answer: Json) -> None:
        lie = self.lies.get(method)
        if lie is not None and answer.get("result"):
            self.told_lies += 1
            answer["result"] = lie(answer["result"])


@dataclass(slots=True)
class Rollup:
    """L1, the proxy before it, and the files of a rollup on it."""

    l1: RealNode
    proxy: Proxy
    url: str
    genesis: Genesis
    folder: Path

    @asynccontextmanager
    async def node(self, name: str, *, is_sequencer: bool = False) -> AsyncIterator[RealNode]:
        """A node of the rollup below the proxy."""
        wishes = {"rollup": self.folder / "rollup.json", "l1": self.url, "clock": "system"}
        clock = self.l1.clock
        async with open_node(self.folder / name, self.genesis, clock, is_sequencer=is_sequencer, wishes=wishes) as node:
            yield node

    async def mine(self, count: int = 1) -> None:
        """Blocks on L1."""
        for _ in range(count):
            await self.l1.make_block()


@pytest.fixture
async def rollup(tmp_path: Path) -> AsyncIterator[Rollup]:
    """A rollup at its genesis."""
    l1_genesis = make_l1_genesis(PLAN, GENESIS_TIME)
    l1_hash = compute_genesis_header(l1_genesis).compute_hash()
    genesis = make_l2_genesis(PLAN, GENESIS_TIME)
    config = make_rollup_config(
        PLAN,
        BlockId(0, l1_hash),
        BlockId(0, compute_genesis_header(genesis).compute_hash()),
        GENESIS_TIME,
        l1_addresses(contract_parameters(PLAN, GENESIS_TIME)),
    )
    write_json_object(tmp_path / "rollup.json", config.to_json())
    async with AsyncExitStack() as stack:
        l1 = await stack.enter_async_context(
            open_node(tmp_path / "l1", l1_genesis, ManualClock(), wishes={"block_time_seconds": 2})
        )
        proxy = Proxy(l1.url, await stack.enter_async_context(aiohttp.ClientSession()))
        application = web.Application()
        application.router.add_post("/", proxy.handle)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield Rollup(l1, proxy, f"http://127.0.0.1:{runner.addresses[0][1]}/", genesis, tmp_path)
        if proxy.silence is not None:
            proxy.silence.set()


def change(key: str, value: object) -> Lie:
    """One other field."""
    return lambda result: cast(Json, result) | {key: value}


def first_receipt(key: str, value: object) -> Lie:
    """One other field in the first receipt."""

    def lie(result: object) -> object:
        receipts = cast(list[Json], result)
        return [receipts[0] | {key: value}, *receipts[1:]]

    return lie


LIES: dict[str, tuple[str, Lie]] = {
    "a header that does not hash": ("eth_getBlockByNumber", change("timestamp", hex(GENESIS_TIME + 77))),
    "a state root of its own": ("eth_getBlockByNumber", change("stateRoot", "0x" + "11" * 32)),
    "a hash of its own": ("eth_getBlockByNumber", change("hash", "0x" + "22" * 32)),
    "a number of its own": ("eth_getBlockByNumber", change("number", "0x63")),
    "a receipt that failed": ("eth_getBlockReceipts", first_receipt("status", "0x0")),
    "receipts left out": ("eth_getBlockReceipts", lambda result: []),
    "receipts twice": ("eth_getBlockReceipts", lambda result: [*cast(list[Json], result)] * 2),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_of_l1_changes_nothing_is_counted_and_the_truth_is_followed(rollup: Rollup, lie: str) -> None:
    method, told = LIES[lie]
    async with rollup.node("replica") as replica, rollup.node("honest") as honest:
        await rollup.mine(4)
        await replica.derive()
        before, failed = replica.chain.heads, L1_FAILURES.labels("lied")._value.get()
        assert before.safe.number > 0

        await rollup.l1.send(make_transaction(chain_id=900, key=private_key(5), max_fee_per_gas=10 * GWEI).raw)
        await rollup.mine(4)
        rollup.proxy.lies[method] = told
        for _ in range(3):
            await replica.derive()
        assert rollup.proxy.told_lies > 0
        assert L1_FAILURES.labels("lied")._value.get() > failed
        held = replica.chain.heads.safe

        rollup.proxy.lies.clear()
        await replica.derive()
        await honest.derive()
        assert replica.chain.heads.safe.number > before.safe.number
        assert replica.chain.heads.safe == honest.chain.heads.safe
        assert replica.chain.ref(held.number) == held


@pytest.mark.parametrize("trouble", ["away", "slow"])
async def test_an_l1_that_is_away_or_hangs_holds_up_the_safe_head_alone(
    rollup: Rollup, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "L1Endpoint", lambda url: L1Endpoint(url, timeout_seconds=0.2))
    async with rollup.node("replica") as replica:
        await rollup.mine(4)
        await replica.derive()
        before, failed = replica.chain.heads.safe, L1_FAILURES.labels("unavailable")._value.get()

        await rollup.mine(4)
        rollup.proxy.is_away = trouble == "away"
        rollup.proxy.silence = asyncio.Event() if trouble == "slow" else None
        await replica.derive()
        assert L1_FAILURES.labels("unavailable")._value.get() > failed
        assert replica.retries
        assert replica.chain.heads.safe == before
        assert await replica.ask("eth_blockNumber") == hex(before.number)

        rollup.proxy.is_away = False
        if rollup.proxy.silence is not None:
            rollup.proxy.silence.set()
            rollup.proxy.silence = None
        await replica.derive()
        assert replica.chain.heads.safe.number > before.number


async def test_a_balance_must_cover_value_gas_l1_fee_and_operator_fee(rollup: Rollup) -> None:
    """One wei below the sum is refused, the sum itself is taken and can be paid in a block."""
    async with rollup.node("sequencer", is_sequencer=True) as node:
        await rollup.mine(1)
        await node.derive()
        await node.make_block()
        gas, price, balance = 21_000, 10 * GWEI, 1000 * ETHER
        fees = await l1_fee_of_a_small_transaction(node) + gas * OPERATOR_SCALAR // 10**6 + OPERATOR_CONSTANT
        most = balance - gas * price - fees

        code, message = await node.refused(make_transaction(value=most + 1, max_fee_per_gas=price).raw)
        assert code == -32003
        assert message.startswith("insufficient funds for gas * price + value + L1 fee + operator fee")
        assert f"costs up to {balance + 1} wei" in message

        sent = await node.send(make_transaction(value=most, max_fee_per_gas=price).raw)
        await node.make_block()
        receipt = cast(Json, await node.ask("eth_getTransactionReceipt", "0x" + sent.hex()))
        assert receipt["status"] == "0x1"
        assert receipt["operatorFeeScalar"] == hex(OPERATOR_SCALAR)


async def l1_fee_of_a_small_transaction(node: RealNode) -> int:
    """From the raw slots of L1Block: base fee, scalars, blob base fee (Fjord's formula at its minimum size)."""
    words = []
    for slot in (1, 3, 7):
        word = await node.ask("eth_getStorageAt", "0x" + L1_BLOCK.hex(), hex(slot), "latest")
        words.append(int(str(word), 16))
    base_fee, scalars, blob_base_fee = words
    base_scalar, blob_scalar = (scalars >> 96) & 0xFFFFFFFF, (scalars >> 64) & 0xFFFFFFFF
    assert base_scalar == PLAN.base_fee_scalar
    return 100_000_000 * (16 * base_scalar * base_fee + blob_scalar * blob_base_fee) // 10**12
