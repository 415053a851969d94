"""
A whole node as `build_node` makes it, in this process and asked over HTTP, on a clock that a test moves.

    genesis = standalone_genesis()
    async with open_node(folder, genesis, clock) as node:
        answer = await node.ask("eth_chainId")
        await node.make_block()

Its services are stepped by hand, with what the runner does around a step: wait out what is temporary, reset when told.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from unittest import mock

import aiohttp
import orjson
import structlog

from contracts import deployed_bytecode
from contracts.keccak import keccak
from l1_bridge.errors import ResetError, TemporaryError
from sequencer.chain.chain import Chain
from sequencer.config import NodeSettings, load_settings
from sequencer.execution.interface import Engine
from sequencer.mempool.mempool import Mempool
from sequencer.node import builder
from sequencer.node.json_files import write_json_object
from sequencer.node.rpc_parts import RpcParts, serve_rpc
from sequencer.node.runner import NamedService
from sequencer.primitives.clock import Clock
from sequencer.primitives.genesis import Genesis, GenesisAccount
from sequencer.sequencing.service import SequencingService
from tests.factories import CHAIN_ID, ETHER, GWEI, address

GENESIS_TIME = 1_700_000_000

TOKEN, COUNTER = (bytes(19) + bytes([0xE0 + index]) for index in range(2))
"""Contracts of the standalone chain: an ERC-20 token that the rich hold, a counter."""

MAX_STEPS = 2000

Answer = dict[str, object]


@dataclass(slots=True)
class ManualClock:
    """A clock that a test moves."""

    seconds: float = GENESIS_TIME

    def now(self) -> float:
        """Seconds since 1970."""
        return self.seconds


def standalone_genesis(chain_id: int = CHAIN_ID) -> Genesis:
    """A plain chain with ten rich accounts and two contracts."""
    alloc = {address(index): GenesisAccount(balance=1000 * ETHER) for index in range(10)}
    balances = {_balance_slot(address(index)): 10**20 for index in range(10)}
    alloc[TOKEN] = GenesisAccount(nonce=1, code=deployed_bytecode("Token"), storage=balances)
    alloc[COUNTER] = GenesisAccount(nonce=1, code=deployed_bytecode("Counter"))
    return Genesis(
        chain_id=chain_id,
        timestamp=GENESIS_TIME,
        extra_data=b"",
        gas_limit=30_000_000,
        fee_recipient=bytes(20),
        base_fee_per_gas=GWEI,
        alloc=alloc,
    )


def _balance_slot(holder: bytes) -> int:
    """Where the token keeps a balance: a mapping in slot 0."""
    return int.from_bytes(keccak(holder.rjust(32, b"\0") + bytes(32)), "big")


@dataclass(slots=True)
class RealNode:
    """A node that runs as far as it is stepped."""

    services: Mapping[str, NamedService]
    url: str
    session: aiohttp.ClientSession
    clock: ManualClock
    parts: RpcParts
    engine: Engine
    retries: list[str] = field(default_factory=list)
    """What was temporary, in the order it was met."""

    @property
    def chain(self) -> Chain:
        """The node's chain."""
        return cast(Chain, self.parts.backend.chain)

    @property
    def mempool(self) -> Mempool:
        """The node's pool."""
        pool = self.parts.backend.pool
        assert isinstance(pool, Mempool)
        return pool

    async def post(self, body: bytes, status: int = 200) -> object:
        """The decoded answer to a body; the HTTP status must be as said."""
        async with self.session.post(self.url, data=body, headers={"Content-Type": "application/json"}) as response:
            answer = await response.read()
            assert response.status == status, answer[:300]
            return orjson.loads(answer)

    async def call(self, method: str, *params: object) -> Answer:
        """One request, and the whole answer object."""
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        return cast(Answer, await self.post(body))

    async def ask(self, method: str, *params: object) -> object:
        """The result; fails when the answer is an error."""
        answer = await self.call(method, *params)
        assert "error" not in answer, answer
        return answer["result"]

    async def refusal(self, method: str, *params: object) -> tuple[int, str]:
        """Code and message of the error that this must be."""
        answer = await self.call(method, *params)
        assert "error" in answer, answer
        error = cast(Answer, answer["error"])
        return cast(int, error["code"]), cast(str, error["message"])

    async def send(self, raw: bytes) -> bytes:
        """Hand in a transaction that is taken; its hash."""
        return bytes.fromhex(str(await self.ask("eth_sendRawTransaction", "0x" + raw.hex()))[2:])

    async def refused(self, raw: bytes) -> tuple[int, str]:
        """Hand in a transaction that is not taken."""
        return await self.refusal("eth_sendRawTransaction", "0x" + raw.hex())

    async def step(self, name: str) -> float | None:
        """One step of a service as the runner does it: seconds to the next, None when it is to be tried again."""
        service = self.services[name].service
        try:
            return (await service.step()).after_seconds
        except TemporaryError as reason:
            self.retries.append(str(reason))
        except ResetError as reason:
            self.retries.append(str(reason))
            await service.reset()
        return None

    async def weave(self) -> None:
        """Open the next block where none is, and give it slices until nothing is ready any more."""
        sequencing = self.services["sequencing"].service
        assert isinstance(sequencing, SequencingService)
        self.clock.seconds = max(self.clock.seconds, self.chain.heads.unsafe.timestamp)
        for _ in range(MAX_STEPS):
            if sequencing.current is not None:
                break
            await self.step("sequencing")
        woven = -1
        while (opened := self.parts.pending.current) is not None and len(opened.outcomes) != woven:
            woven = len(opened.outcomes)
            await self.step("sequencing")

    async def make_block(self) -> bytes:
        """A whole block of what is ready; its hash."""
        before = self.chain.heads.unsafe
        await self.weave()
        opened = self.parts.pending.current
        if opened is not None:  # else it was late, and is sealed already
            self.clock.seconds = max(self.clock.seconds, opened.environment.timestamp)
        for _ in range(MAX_STEPS):
            if self.chain.heads.unsafe != before:
                await asyncio.sleep(0)  # the pool hears of it on the loop
                return self.chain.heads.unsafe.hash
            await self.step("sequencing")
        raise AssertionError("no block came about")

    async def derive(self) -> None:
        """See L1's heads, and derive until nothing is left to do or L1 can not be believed for now."""
        if await self.step("l1_heads") is None:
            return
        for _ in range(MAX_STEPS):
            wait = await self.step("derivation")
            if wait is None or wait > 0:
                return
        raise AssertionError("derivation does not come to rest")


def _settle(folder: Path, genesis: Genesis, wishes: Mapping[str, object]) -> NodeSettings:
    folder.mkdir(parents=True, exist_ok=True)
    write_json_object(folder / "genesis.json", genesis.to_json())
    given: dict[str, object] = {"data_dir": folder / "data", "genesis": folder / "genesis.json", "rpc_port": 0}
    given |= {"engine": "serial", "redis": "off", "block_time_seconds": 1}
    return load_settings(NodeSettings, {**given, **wishes})


@asynccontextmanager
async def open_node(
    folder: Path,
    genesis: Genesis,
    clock: ManualClock,
    *,
    is_sequencer: bool = True,
    wishes: Mapping[str, object] | None = None,
) -> AsyncIterator[RealNode]:
    """
    Build the node over `folder`; serial and without Redis unless the wishes (settings by name) say otherwise.

    Raises
    ------
    CriticalError
        As `build_node` does.
    """
    settings = _settle(folder, genesis, wishes or {})
    parts: list[RpcParts] = []

    async def serve(made: RpcParts, settings: NodeSettings, clock: Clock, stack: AsyncExitStack) -> None:
        parts.append(made)
        await serve_rpc(made, settings, clock, stack)

    async with AsyncExitStack() as stack:
        with (
            mock.patch.object(builder, "SystemClock", return_value=clock),
            mock.patch.object(builder, "serve_rpc", serve),
            structlog.testing.capture_logs() as lines,
        ):
            services = await stack.enter_async_context(builder.build_node(settings, is_sequencer=is_sequencer))
        [port] = [line["port"] for line in lines if line["event"] == "rpc_listens"]
        session = await stack.enter_async_context(aiohttp.ClientSession())
        named = {service.name: service for service in services}
        yield RealNode(named, f"http://127.0.0.1:{port}/", session, clock, parts[0], parts[0].backend.engine)
