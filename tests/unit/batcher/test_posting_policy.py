"""The submitter's policy: blobs beside calldata, whole channels, urgency, and what an operator changes meanwhile."""

import pytest

from batcher.channel_policy import DataChoice, DataType
from batcher.config import BatcherSettings, NoBlobsOnL1
from l1_bridge.fees import GWEI, Market
from tests.unit.batcher.test_batch_submitter import World


async def test_blobs_are_handed_over_as_blobs() -> None:
    world = World(data_availability="blobs")
    world.source.extend(3)
    await world.submitter.step()

    (submission,) = world.sender.submissions
    assert submission.data == b""
    assert [len(blob) for blob in submission.blobs] == [131_072]


async def test_auto_follows_the_prices_of_l1() -> None:
    world = World(data_availability="auto")
    world.market.now = Market(GWEI, GWEI, blob_base_fee=1)
    world.source.extend(1)
    await world.submitter.step()
    world.market.now = Market(GWEI, GWEI, blob_base_fee=1_000 * GWEI)
    world.source.extend(1)
    await world.submitter.step()
    await world.submitter.step()
    world.source.extend(1)
    await world.submitter.step()

    assert [bool(each.blobs) for each in world.sender.submissions] == [True, False, False]


async def test_prices_that_can_not_be_read_stop_nothing() -> None:
    world = World(data_availability="auto")
    world.source.extend(1)
    await world.submitter.step()

    assert len(world.sender.submissions) == 1


async def test_a_paused_batcher_reads_and_hands_over_nothing() -> None:
    world = World()
    world.submitter.is_paused = True
    world.source.extend(2)
    await world.submitter.step()
    await world.submitter.flush()
    assert world.sender.submissions == []
    world.submitter.is_paused = False
    await world.submitter.step()

    assert len(world.sender.submissions) == 1


async def test_a_flush_that_is_wanted_closes_a_young_channel() -> None:
    world = World(max_channel_duration_l1_blocks=50)
    world.source.extend(2)
    await world.submitter.step()
    assert world.sender.submissions == []
    world.submitter.is_flush_wanted = True
    await world.submitter.step()

    assert len(world.sender.submissions) == 1
    assert not world.submitter.is_flush_wanted


async def test_a_choice_made_while_running_holds_for_the_next_channel() -> None:
    world = World()
    world.source.extend(1)
    await world.submitter.step()
    world.submitter.chooser.choice = DataChoice.BLOBS
    world.source.extend(1)
    await world.submitter.step()

    assert [bool(each.blobs) for each in world.sender.submissions] == [False, True]


async def test_a_channel_is_handed_over_whole() -> None:
    """Half a channel would be worth nothing to a batcher that starts again, nor to anybody else."""
    world = World(max_frame_data_bytes=20, max_in_flight=1)
    world.source.extend(2)
    await world.submitter.step()

    assert len(world.sender.submissions) > 2
    assert len({each.data[1:17] for each in world.sender.submissions}) == 1


@pytest.mark.parametrize(("age", "urgency"), [(0, 0.0), (25, 0.0), (50, 0.5), (75, 1.0), (99, 1.0)])
async def test_urgency_grows_with_the_age_of_the_oldest_block(age: int, urgency: float) -> None:
    world = World(max_channel_duration_l1_blocks=1000)
    world.source.extend(1)
    world.source.head_l1 += age
    await world.submitter.step()

    assert world.sender.urgency == urgency


def test_blobs_of_a_transaction_are_bounded_by_l1() -> None:
    settings = BatcherSettings(data_availability=DataChoice.BLOBS, blobs_per_transaction=9)

    assert settings.make_chooser(6).choose().frames_per_transaction == 6
    assert settings.make_chooser(12).choose().frames_per_transaction == 9


def test_a_live_limit_holds_for_the_next_channel() -> None:
    chooser = BatcherSettings(data_availability=DataChoice.BLOBS, blobs_per_transaction=9).make_chooser(21)
    chooser.max_blobs = 6
    assert chooser.choose().frames_per_transaction == 6
    chooser.pool_max_blobs = 3
    assert chooser.choose().frames_per_transaction == 3
    chooser.max_blobs = 0
    assert chooser.choose().data_type is DataType.CALLDATA


async def test_a_setting_above_the_live_limit_is_cut_down_with_one_warning(capsys: pytest.CaptureFixture[str]) -> None:
    world = World(data_availability="blobs", blobs_per_transaction=9)
    world.market.now, world.market.max_blobs = Market(GWEI, GWEI), 6
    for _ in range(3):
        world.source.extend(1)
        await world.submitter.step()

    assert world.submitter.chooser.choose().frames_per_transaction == 6
    assert capsys.readouterr().out.count("blobs_per_transaction_cut") == 1


def test_blobs_are_refused_where_l1_has_none() -> None:
    with pytest.raises(NoBlobsOnL1):
        BatcherSettings(data_availability=DataChoice.BLOBS).make_chooser(0)
    chooser = BatcherSettings(data_availability=DataChoice.AUTO).make_chooser(0)

    assert chooser.choice is DataChoice.CALLDATA


@pytest.mark.parametrize(("frame_bytes", "is_refused"), [(60_000, False), (65_300, True)])
def test_frames_of_a_transaction_fit_the_pools_of_l1(frame_bytes: int, is_refused: bool) -> None:
    values = {"max_frame_data_bytes": frame_bytes, "frames_per_transaction": 2}
    if is_refused:
        with pytest.raises(ValueError, match="more than L1's pools take"):
            BatcherSettings.model_validate(values)
    else:
        assert BatcherSettings.model_validate(values).frames_per_transaction == 2
