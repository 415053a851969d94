"""
Where a withdrawal stands on its way to L1, since when, what it waits for, and when it can go on.

    waiting for output -> ready to prove -> waiting for finality -> ready to finalize -> finalized
                               ^                    |
                               +--------------------+   the output it was proven against was deleted

`decide_status` is pure; `read_bridge_facts` reads what it decides upon. Times are Unix seconds of L1; a time in the
future is an estimate while it depends on the proposer, and exact once only the contracts' wait is left.
Spec: withdrawals.md.
"""

import asyncio
from dataclasses import dataclass
from enum import Enum

from l1_bridge.portal import (
    OutputSchedule,
    ProvenWithdrawal,
    is_paused,
    is_withdrawal_finalized,
    output_at_or_none,
    output_covering,
    proven_withdrawal,
)
from l1_bridge.proofs import ContractReader, Output, newest_output
from l1_bridge.types import L1Header

PAUSED = "the guardian has paused the portal"


class Stage(Enum):
    """The five places where a withdrawal can stand."""

    WAITING_FOR_OUTPUT = "waiting for output"
    READY_TO_PROVE = "ready to prove"
    WAITING_FOR_FINALITY = "waiting for finality"
    READY_TO_FINALIZE = "ready to finalize"
    FINALIZED = "finalized"


@dataclass(frozen=True, slots=True)
class BridgeAddresses:
    """The two contracts on L1 that a withdrawal goes through."""

    portal: bytes
    oracle: bytes


@dataclass(frozen=True, slots=True)
class BridgeFacts:
    """What the contracts say of one withdrawal at one L1 block."""

    l1_timestamp: int
    newest: Output | None
    covering: Output | None
    """First output at or after the withdrawal's L2 block."""
    proven: ProvenWithdrawal | None
    proven_output: Output | None
    """What stands now under the index that it was proven with."""
    is_finalized: bool
    is_paused: bool


@dataclass(frozen=True, slots=True)
class WithdrawalStatus:
    """The verdict; `missing` is empty when nothing is."""

    stage: Stage
    since: int | None
    """When this stage began; None when the contracts do not say."""
    missing: str
    ready_at: int | None
    """When the next step can be taken; None when it can be now, or nobody knows."""
    output: Output | None
    """The output that it can be, or was, proven against."""

    @property
    def can_go_on(self) -> bool:
        """Whether the user's next transaction would be accepted now."""
        return self.stage in (Stage.READY_TO_PROVE, Stage.READY_TO_FINALIZE) and not self.missing


async def read_bridge_facts(
    client: ContractReader,
    addresses: BridgeAddresses,
    withdrawal_hash: bytes,
    l2_block_number: int,
    *,
    at: L1Header,
) -> BridgeFacts:
    """All facts at the L1 block `at`, which should be the latest; raises TemporaryError when L1 is away."""
    block = hex(at.number)
    portal, oracle = addresses.portal, addresses.oracle
    newest, covering, proven, finalized, paused = await asyncio.gather(
        newest_output(client, oracle, block),
        output_covering(client, oracle, l2_block_number, block),
        proven_withdrawal(client, portal, withdrawal_hash, block),
        is_withdrawal_finalized(client, portal, withdrawal_hash, block),
        is_paused(client, portal, block),
    )
    held = None if proven is None else await output_at_or_none(client, oracle, proven.output_index, block)
    return BridgeFacts(at.timestamp, newest, covering, proven, held, finalized, paused)


def decide_status(
    facts: BridgeFacts, schedule: OutputSchedule, l2_block_number: int, l2_timestamp: int
) -> WithdrawalStatus:
    """
    The status of a withdrawal that was passed in L2 block `l2_block_number`, whose time is `l2_timestamp`.

    Pure. Time is that of the L1 block of the facts, by which the contracts decide.
    """
    if facts.is_finalized:
        return WithdrawalStatus(Stage.FINALIZED, None, "", None, facts.proven_output)
    held = facts.proven_output
    if facts.proven is not None and held is not None and held.output_root == facts.proven.output_root:
        return _decide_proven(facts, schedule, facts.proven, held)
    if facts.covering is None:
        return _decide_uncovered(facts, schedule, l2_block_number, l2_timestamp)
    missing = PAUSED if facts.is_paused else ""
    return WithdrawalStatus(Stage.READY_TO_PROVE, facts.covering.l1_timestamp, missing, None, facts.covering)


def _decide_proven(
    facts: BridgeFacts, schedule: OutputSchedule, proven: ProvenWithdrawal, output: Output
) -> WithdrawalStatus:
    """Both the proof and its output must be older than the finalization period."""
    over_at = max(proven.l1_timestamp, output.l1_timestamp) + schedule.finalization_period_seconds
    if facts.l1_timestamp > over_at:
        missing = PAUSED if facts.is_paused else ""
        return WithdrawalStatus(Stage.READY_TO_FINALIZE, over_at + 1, missing, None, output)
    missing = f"{over_at + 1 - facts.l1_timestamp} s of the finalization period"
    return WithdrawalStatus(Stage.WAITING_FOR_FINALITY, proven.l1_timestamp, missing, over_at + 1, output)


def _decide_uncovered(
    facts: BridgeFacts, schedule: OutputSchedule, l2_block_number: int, l2_timestamp: int
) -> WithdrawalStatus:
    """The output is due with its L2 block; it comes as much later as the newest one came."""
    due = schedule.covering_block(l2_block_number)
    newest = facts.newest
    lag = 0 if newest is None else max(newest.l1_timestamp - schedule.l2_time(newest.l2_block_number), 0)
    reached = "none is posted yet" if newest is None else f"the newest is of block {newest.l2_block_number}"
    missing = f"an output of L2 block {due}; {reached}"
    return WithdrawalStatus(Stage.WAITING_FOR_OUTPUT, l2_timestamp, missing, schedule.l2_time(due) + lag, None)
