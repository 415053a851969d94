"""The operator's switch: names and answers as op-node's tools expect them."""

from sequencer.rpc.admin_sequencer import sequencer_methods
from sequencer.rpc.dispatcher import Dispatcher
from tests.fakes.rpc_backend import World
from tests.unit.rpc.conftest import call_through, result_of


class _Switch:
    is_paused = False
    block_bytes: int | None = 7

    def limit_block_bytes(self, limit: int | None) -> None:
        self.block_bytes = limit


async def test_a_stopped_sequencer_says_so_and_names_its_head(world: World) -> None:
    switch = _Switch()
    call = call_through(Dispatcher(world.backend, sequencer_methods(switch)))

    assert result_of(await call("admin_sequencerActive")) is True
    assert result_of(await call("admin_stopSequencer")) == "0x" + world.chain.heads.unsafe.hash.hex()
    assert switch.is_paused
    assert result_of(await call("admin_sequencerActive")) is False


async def test_a_started_sequencer_goes_on(world: World) -> None:
    switch = _Switch()
    switch.is_paused = True
    call = call_through(Dispatcher(world.backend, sequencer_methods(switch)))

    assert result_of(await call("admin_startSequencer")) is None
    assert not switch.is_paused


async def test_op_batcher_may_bound_what_a_block_takes(world: World) -> None:
    switch = _Switch()
    call = call_through(Dispatcher(world.backend, sequencer_methods(switch)))

    assert result_of(await call("miner_setMaxDASize", "0x96", "0x7d0")) is True
    assert switch.block_bytes == 2_000


async def test_a_bound_of_nothing_is_no_bound(world: World) -> None:
    switch = _Switch()
    call = call_through(Dispatcher(world.backend, sequencer_methods(switch)))

    assert result_of(await call("miner_setMaxDASize", "0x0", "0x0")) is True
    assert switch.block_bytes is None
