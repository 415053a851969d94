"""Law 8: a copy that differs stops its maker loudly, before anything stands on L1 or is published."""

import pytest

from batcher import round_trip
from batcher.codec.batch import SingularBatch, decode_batch
from batcher.codec.span_batch import SpanParameters
from batcher.proposer import OutputMismatch
from l1_bridge.errors import CriticalError
from sequencer.chain.open_block import OpenBlockHandle
from sequencer.execution.cross_check import CrossCheckEngine, Divergence, EnginesDisagree, NamedEngine
from sequencer.execution.interface import Outcome
from sequencer.execution.serial import SerialEngine
from sequencer.primitives.block import AnyTransaction
from sequencer.sequencing.slices import PreconfirmationBroken
from tests.actions.laws import check_law_1
from tests.actions.world import World
from tests.fakes.tampered_engine import TamperedEngine


async def test_a_batch_that_decodes_to_something_else_is_not_posted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.user.act_transfer()
    await world.sequencer.act_build_blocks(2)
    await world.sequencer.act_derive_all()

    def misread(raw: bytes, span: SpanParameters) -> object:
        batch = decode_batch(raw)
        assert isinstance(batch, SingularBatch)
        return SingularBatch(batch.parent_hash, batch.epoch_number, batch.epoch_hash, batch.timestamp + 2, ())

    with monkeypatch.context() as broken:
        broken.setattr(round_trip, "decode_any_batch", misread)
        with pytest.raises(CriticalError):
            await world.batcher.act_submit_all()
        assert not world.l1.queued
    world.batcher.act_restart()
    await world.act_post()

    assert world.replica.safe == 2
    check_law_1(world)


async def test_an_output_that_does_not_follow_from_its_parts_is_not_posted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.act_grow(1)
    monkeypatch.setattr(world.sequencer, "output_root", lambda number: b"\x66" * 32)
    with pytest.raises(OutputMismatch):
        await world.proposer.act_step()

    assert not world.l1.queued


async def test_an_open_block_that_can_not_be_rebuilt_as_it_was_told_stops_the_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for account in range(2):
        await world.user.act_transfer(account=account)
    await world.sequencer.act_open_block()
    await world.sequencer.act_weave()
    await world.sequencer.close()
    apply = OpenBlockHandle.apply

    def leave_one_out(handle: OpenBlockHandle, transactions: list[AnyTransaction]) -> list[Outcome]:
        return apply(handle, transactions[:1])

    with monkeypatch.context() as broken:
        broken.setattr(OpenBlockHandle, "apply", leave_one_out)
        with pytest.raises(PreconfirmationBroken):
            await world.sequencer.open()
        await world.sequencer.close()
    await world.sequencer.open()
    await world.sequencer.act_seal()

    assert len(world.sequencer.user_hashes()) == 2


async def test_a_replica_whose_engines_disagree_stops_before_the_block_is_part_of_its_chain(world: World) -> None:
    kept: list[Divergence] = []
    await world.act_grow(1)
    await world.user.act_transfer()
    await world.sequencer.act_build_block()
    await world.sequencer.act_derive_all()
    await world.batcher.act_submit_all()
    world.l1.act_mine()
    head = world.replica.chain.heads.unsafe
    agreeing = world.replica.chain._engine
    second = TamperedEngine(SerialEngine(), has_witness=True)
    world.replica.chain._engine = CrossCheckEngine(
        NamedEngine("serial", agreeing), NamedEngine("tampered", second), kept.append
    )

    with pytest.raises(EnginesDisagree):
        await world.replica.act_derive_all()

    assert world.replica.chain.heads.unsafe == head
    assert [divergence.environment.number for divergence in kept] == [head.number + 1]
    second.has_witness = False
    await world.replica.act_derive_all()
    check_law_1(world)
