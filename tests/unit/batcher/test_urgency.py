"""How urgent what goes to L1 is: by age and by size of the backlog, and by how late an output is."""

import pytest

from batcher.channel_manager import ChannelLimits
from batcher.config import BatcherSettings
from batcher.urgency import compute_age_urgency, compute_backlog_urgency, compute_lateness_urgency
from tests.fakes.l2_source import make_l1_id
from tests.unit.batcher.posting import add_blocks, make_manager, take_all
from tests.unit.batcher.test_batch_submitter import World


@pytest.mark.parametrize(
    ("window", "duration", "age", "urgency"),
    [
        (3600, 1, 0, 0.0),
        (3600, 1, 51, 0.0),
        (3600, 1, 52, 1 / 2649),
        (3600, 1, 900, 849 / 2649),
        (3600, 1, 2700, 1.0),
        (3600, 1, 9999, 1.0),
        (3600, 1500, 900, 0.0),
        (3600, 1500, 1800, 0.5),
        (100, 1, 25, 0.0),
        (100, 1, 50, 0.5),
        (12, 1, 3, 0.0),
        (12, 1, 6, 0.5),
        (1, 1, 0, 0.0),
        (1, 1, 1, 1.0),
    ],
)
def test_age_counts_from_the_life_of_a_channel_on(window: int, duration: int, age: int, urgency: float) -> None:
    limits = ChannelLimits(max_duration_l1_blocks=duration, sequencing_window_l1_blocks=window)

    assert compute_age_urgency(age, limits) == pytest.approx(urgency)


@pytest.mark.parametrize(
    ("unposted", "urgency"),
    [(0, 0.0), (8_000_000, 0.0), (16_000_000, 1 / 7), (36_000_000, 0.5), (64_000_000, 1.0), (10**12, 1.0)],
)
def test_size_counts_between_two_bounds(unposted: int, urgency: float) -> None:
    settings = BatcherSettings()
    bounds = (settings.urgent_backlog_bytes, settings.most_urgent_backlog_bytes)

    assert compute_backlog_urgency(unposted, *bounds) == pytest.approx(urgency)


@pytest.mark.parametrize(
    ("late", "interval", "urgency"),
    [
        (-1800, 1800, 0.0),
        (0, 1800, 0.0),
        (1800, 1800, 0.0),
        (4500, 1800, 0.5),
        (7200, 1800, 1.0),
        (10**9, 1800, 1.0),
        (1, 1, 0.0),
        (4, 1, 1.0),
        (4, 0, 1.0),
    ],
)
def test_an_output_is_urgent_when_another_one_is_due(late: int, interval: int, urgency: float) -> None:
    assert compute_lateness_urgency(late, interval) == pytest.approx(urgency)


def test_what_stands_on_l1_whole_is_not_unposted() -> None:
    manager = make_manager()
    add_blocks(manager, 1, size=300)
    manager.flush()
    add_blocks(manager, 1, size=500)
    assert manager.unposted_bytes == 800

    (data,) = take_all(manager)
    assert manager.unposted_bytes == 800
    manager.confirmed(data.request_id, make_l1_id(11))

    assert manager.unposted_bytes == 500


async def test_a_backlog_is_urgent_however_young_it_is_until_l1_holds_it() -> None:
    world = World(urgent_backlog_bytes=1_000, most_urgent_backlog_bytes=3_000)
    world.source.extend(1, (b"\x02" + bytes(1_999),))
    await world.submitter.step()
    assert world.sender.urgency == 0.5
    assert world.metric("braid_batcher_unposted_bytes") == 2_000

    world.sender.confirm(0, make_l1_id(2))
    await world.submitter.step()

    assert world.sender.urgency == 0.0


async def test_the_larger_of_both_counts() -> None:
    world = World(urgent_backlog_bytes=1_000, most_urgent_backlog_bytes=3_000, max_channel_duration_l1_blocks=1000)
    world.source.extend(1, (b"\x02" + bytes(1_999),))
    world.source.head_l1 += 75
    await world.submitter.step()

    assert world.sender.urgency == 1.0


def test_bounds_of_the_backlog_have_an_order() -> None:
    with pytest.raises(ValueError, match="urgent_backlog_bytes is not below"):
        BatcherSettings(urgent_backlog_bytes=64_000_000)
