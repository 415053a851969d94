"""Where a withdrawal stands: every stage, its neighbours one second or one block away, and what is said of each."""

from dataclasses import replace

import pytest

from l1_bridge.portal import OutputSchedule, PortalMissing, ProvenWithdrawal, oracle_of, output_covering
from l1_bridge.proofs import Output
from l1_bridge.withdrawal_status import PAUSED, BridgeFacts, Stage, decide_status

SCHEDULE = OutputSchedule(
    interval_blocks=20,
    l2_block_time_seconds=2,
    starting_block=0,
    starting_timestamp=1_000,
    finalization_period_seconds=100,
)
L2_BLOCK, L2_TIME = 25, 1_050
OUTPUT = Output(1, b"\x01" * 32, 40, 1_090)
OLDER = Output(0, b"\x02" * 32, 20, 1_047)
PROVEN = ProvenWithdrawal(OUTPUT.output_root, 1_095, 1)

UNCOVERED = BridgeFacts(1_060, OLDER, None, None, None, is_finalized=False, is_paused=False)
COVERED = replace(UNCOVERED, l1_timestamp=1_091, newest=OUTPUT, covering=OUTPUT)
WAITING = replace(COVERED, l1_timestamp=1_195, proven=PROVEN, proven_output=OUTPUT)
READY = replace(WAITING, l1_timestamp=1_196)
FINALIZED = replace(READY, is_finalized=True)


@pytest.mark.parametrize(
    ("facts", "stage", "since", "ready_at"),
    [
        (UNCOVERED, Stage.WAITING_FOR_OUTPUT, L2_TIME, 1_080 + 7),
        (replace(UNCOVERED, newest=None), Stage.WAITING_FOR_OUTPUT, L2_TIME, 1_080),
        (COVERED, Stage.READY_TO_PROVE, OUTPUT.l1_timestamp, None),
        (WAITING, Stage.WAITING_FOR_FINALITY, PROVEN.l1_timestamp, 1_196),
        (READY, Stage.READY_TO_FINALIZE, 1_196, None),
        (FINALIZED, Stage.FINALIZED, None, None),
    ],
)
def test_each_stage_says_since_when_and_when_it_goes_on(
    facts: BridgeFacts, stage: Stage, since: int | None, ready_at: int | None
) -> None:
    status = decide_status(facts, SCHEDULE, L2_BLOCK, L2_TIME)

    assert (status.stage, status.since, status.ready_at) == (stage, since, ready_at)
    assert status.can_go_on == (stage in (Stage.READY_TO_PROVE, Stage.READY_TO_FINALIZE))
    assert bool(status.missing) == (stage in (Stage.WAITING_FOR_OUTPUT, Stage.WAITING_FOR_FINALITY))


def test_what_is_missing_is_counted() -> None:
    uncovered = decide_status(UNCOVERED, SCHEDULE, L2_BLOCK, L2_TIME)
    waiting = decide_status(WAITING, SCHEDULE, L2_BLOCK, L2_TIME)

    assert uncovered.missing == "an output of L2 block 40; the newest is of block 20"
    assert waiting.missing == "1 s of the finalization period"


def test_the_later_of_proof_and_output_decides() -> None:
    """An output posted again under the same root is younger than the proof."""
    posted_again = replace(READY, proven_output=replace(OUTPUT, l1_timestamp=1_100))

    status = decide_status(posted_again, SCHEDULE, L2_BLOCK, L2_TIME)

    assert (status.stage, status.ready_at) == (Stage.WAITING_FOR_FINALITY, 1_201)


@pytest.mark.parametrize("held", [None, replace(OUTPUT, output_root=b"\x03" * 32)])
def test_a_proof_against_an_output_that_is_gone_has_to_be_made_again(held: Output | None) -> None:
    again = decide_status(replace(READY, proven_output=held), SCHEDULE, L2_BLOCK, L2_TIME)
    uncovered = decide_status(replace(READY, proven_output=held, covering=None), SCHEDULE, L2_BLOCK, L2_TIME)

    assert again.stage is Stage.READY_TO_PROVE
    assert uncovered.stage is Stage.WAITING_FOR_OUTPUT


@pytest.mark.parametrize("facts", [COVERED, READY])
def test_a_paused_portal_is_what_is_missing(facts: BridgeFacts) -> None:
    status = decide_status(replace(facts, is_paused=True), SCHEDULE, L2_BLOCK, L2_TIME)

    assert status.missing == PAUSED
    assert not status.can_go_on


@pytest.mark.parametrize(("number", "covering"), [(0, 20), (1, 20), (20, 20), (21, 40), (40, 40)])
def test_the_covering_block_is_the_next_one_that_is_due(number: int, covering: int) -> None:
    assert SCHEDULE.covering_block(number) == covering


class Contract:
    """Answers every call with the same bytes."""

    def __init__(self, returned: bytes) -> None:
        self.returned = returned
        self.calls = 0

    async def call_contract(self, to: bytes, data: bytes, block: str = "latest") -> bytes:
        self.calls += 1
        return self.returned


async def test_an_address_without_a_portal_is_named() -> None:
    portal = b"\x0a" * 20

    assert await oracle_of(Contract(bytes(12) + b"\x0b" * 20), portal) == b"\x0b" * 20
    with pytest.raises(PortalMissing, match="0a" * 20):
        await oracle_of(Contract(b""), portal)


async def test_no_output_covers_anything_while_there_is_none() -> None:
    """The starting block counts as proposed, and `getL2OutputIndexAfter` would revert."""
    oracle = Contract(bytes(32))

    assert await output_covering(oracle, b"\x0b" * 20, 0) is None
    assert oracle.calls == 2
