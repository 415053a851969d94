"""The operator's switch: names and answers as op-node's tools expect them."""

from sequencer.rpc.admin_sequencer import sequencer_methods
from sequencer.rpc.dispatcher import Dispatcher
from tests.fakes.rpc_backend import World
from tests.unit.rpc.conftest import call_through, result_of


class _Switch:
    is_paused = False


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
