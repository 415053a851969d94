"""Settings of batcher and proposer, and the limits that come of them."""

import pytest
from pydantic import ValidationError

from batcher.config import BatcherSettings, ProposedHead, ProposerSettings


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRAID_BATCHER_MAX_IN_FLIGHT", "3")
    monkeypatch.setenv("BRAID_PROPOSER_HEAD", "finalized")

    assert BatcherSettings().max_in_flight == 3
    assert ProposerSettings().head is ProposedHead.FINALIZED


@pytest.mark.parametrize(
    "values",
    [
        {"max_frame_data_bytes": 0},
        {"max_frame_data_bytes": 1_000_001},
        {"max_in_flight": 0},
        {"poll_seconds": 0},
        {"max_held_blocks": 10, "max_blocks_a_step": 11},
        {"unknown": 1},
    ],
)
def test_settings_out_of_range_are_refused(values: dict[str, object]) -> None:
    BatcherSettings.model_validate({"max_held_blocks": 10, "max_blocks_a_step": 10})

    with pytest.raises(ValidationError):
        BatcherSettings.model_validate(values)


@pytest.mark.parametrize(("window", "margin"), [(3600, 10), (20, 10), (8, 4)])
def test_margin_shrinks_with_a_short_sequencing_window(window: int, margin: int) -> None:
    limits = BatcherSettings().make_limits(window, 50)

    assert limits.safety_margin_l1_blocks == margin
    assert limits.sequencing_window_l1_blocks == window
