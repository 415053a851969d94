"""A replica that asks the sequencer what a block's transactions read and wrote: the same chain, whatever it is told."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from contracts.artifact import bytecode
from sequencer.derivation.attributes import DerivedAttributes
from sequencer.execution.access_list import AccessHint, AccessHints
from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.source import StoreSource
from sequencer.execution.serial import SerialEngine
from sequencer.node.access_hints import SequencerHints
from sequencer.primitives.transaction import decode_transaction
from sequencer.rpc.backend import make_backend
from sequencer.rpc.dispatcher import Dispatcher
from sequencer.rpc.method_table import ROLLUP_METHODS
from sequencer.rpc.server import RpcServer
from sequencer.rpc.settings import RpcSettings
from tests.actions.laws import check_law_1
from tests.actions.nodes import Node
from tests.actions.world import World
from tests.engine_table import EAGER
from tests.fakes.tampered_engine import TamperedEngine


class Asked:
    """What derivation asks for hints; answers by a function of the payload."""

    def __init__(self, node: Node) -> None:
        self.numbers: list[int] = []
        self.engine = TamperedEngine(SerialEngine())
        node.chain._engine = self.engine
        node.derivation._ask_for_hints = self

    async def __call__(self, derived: DerivedAttributes) -> AccessHints | None:
        self.numbers.append(derived.parent.number + 1)
        hashes = [decode_transaction(raw).hash for raw in derived.attributes.user_transactions]
        return AccessHints({one: AccessHint() for one in hashes}) if len(self.numbers) != 2 else None


@asynccontextmanager
async def served(world: World) -> AsyncIterator[str]:
    """The sequencer's RPC; its URL."""
    backend = make_backend(
        chain=world.sequencer.chain,
        engine=SerialEngine(),
        pending=world.sequencer.chain,
        pool=None,
        rollup=None,
        l1_progress=None,
        settings=RpcSettings(),
    )
    server = RpcServer(Dispatcher(backend, ROLLUP_METHODS), backend.settings)
    await server.start("127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.port}/"
    finally:
        await server.close()
        backend.close()


async def test_hints_are_asked_for_blocks_that_are_executed_and_hold_transactions(world: World) -> None:
    replica, sequencer = Asked(world.replica), Asked(world.sequencer)
    for _ in range(3):
        await world.user.act_transfer()
        await world.sequencer.act_build_blocks(2)
    await world.act_post()

    assert replica.numbers == [1, 3, 5]
    assert [len(hints.transactions) for hints in replica.engine.hints] == [1, 1]
    assert sequencer.numbers == []
    check_law_1(world)


async def test_a_replica_hears_from_the_sequencer_what_was_read_and_written(world: World) -> None:
    engine = TamperedEngine(SerialEngine())
    world.replica.chain._engine = engine
    await world.user.act_call(None, bytecode("Counter"))
    for account in range(1, 4):
        await world.user.act_transfer(account=account)
    await world.sequencer.act_build_block()
    async with served(world) as url, aiohttp.ClientSession() as session:
        world.replica.derivation._ask_for_hints = SequencerHints(session, url)
        await world.act_post()

    listed = world.sequencer.chain.access_list(1)
    assert listed is not None
    [hints] = engine.hints
    users = world.sequencer.block(1).transactions[1:]
    assert hints.transactions.keys() == {transaction.hash for transaction in users}
    for transaction, access in zip(users, listed.transactions[1:], strict=True):
        hint = hints.transactions[transaction.hash]
        assert sorted(hint.reads) == list(access.reads)
        assert sorted(hint.writes) == [key for key, _ in access.writes]
    check_law_1(world)


async def test_a_sequencer_that_is_away_or_restarted_costs_the_replica_nothing(world: World) -> None:
    async with aiohttp.ClientSession() as session:
        world.replica.derivation._ask_for_hints = SequencerHints(session, "http://127.0.0.1:1/")
        await world.act_grow(2)
        await world.sequencer.act_restart()
        async with served(world) as url:
            world.replica.derivation._ask_for_hints = SequencerHints(session, url)
            await world.act_grow(1)

    assert world.replica.safe == world.sequencer.safe == 9
    check_law_1(world)


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_replica_that_is_lied_to_has_the_same_chain(world: World, seed: int) -> None:
    """Each transaction is said to do what another does, and what none does; by an engine that makes use of it."""
    rng = random.Random(seed)
    source = StoreSource(world.replica.folder / "chain", world.agreement.genesis.chain_id)
    engine = ParallelEngine(source, 2, limits=EAGER)
    assert engine.wait_until_ready()
    world.replica.chain._engine = engine
    told = 0

    async def lie(derived: DerivedAttributes) -> AccessHints:
        nonlocal told
        told += 1
        keys = [b"a" + rng.randbytes(20), b"s" + rng.randbytes(52), b"a" + bytes(20)]
        hashes = [decode_transaction(raw).hash for raw in derived.attributes.user_transactions]
        return AccessHints({one: AccessHint(tuple(rng.sample(keys, 2)), tuple(rng.sample(keys, 2))) for one in hashes})

    world.replica.derivation._ask_for_hints = lie
    for number in range(3):
        for account in range(4):
            await world.user.act_call(None, bytecode("Counter"), account=account, wei=number % 2)
        await world.sequencer.act_build_block()
        await world.act_post()
    engine.close()

    assert told == 3
    assert world.replica.safe == 3
    check_law_1(world)
