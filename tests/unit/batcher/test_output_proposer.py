"""The proposer, step by step, between a fake node, a fake oracle and a fake sender."""

import pytest
from eth_hash.auto import keccak
from prometheus_client import CollectorRegistry

from batcher.config import ProposedHead, ProposerSettings
from batcher.metrics import ProposerMetrics
from batcher.proposer import OutputMismatch, OutputProposer, encode_proposal
from l1_bridge.sending import Confirmed, Pending
from l1_bridge.types import BlockId
from tests.fakes.l2_source import FakeL2Source, make_l1_id
from tests.fakes.transaction_sender import FakeTransactionSender

ORACLE = b"\x0a" * 20


class FakeOracle:
    """An oracle that wants what the test says."""

    def __init__(self) -> None:
        self.next_number = 20

    @property
    def address(self) -> bytes:
        return ORACLE

    async def next_block_number(self) -> int:
        return self.next_number

    async def submission_interval(self) -> int:
        return 10


class World:
    """A proposer and what is around it."""

    def __init__(self, head: ProposedHead = ProposedHead.SAFE) -> None:
        self.source, self.oracle, self.sender = FakeL2Source(), FakeOracle(), FakeTransactionSender()
        self.source.extend(50)
        self.registry = CollectorRegistry()
        self.proposer = OutputProposer(
            self.source,
            self.oracle,
            self.sender,
            settings=ProposerSettings(head=head, poll_seconds=2.0),
            metrics=ProposerMetrics(self.registry),
        )

    async def expected(self, number: int) -> bytes:
        """Calldata that proposes this block now."""
        output = await self.source.output_at_block(number)
        return encode_proposal(output.output_root, number, make_l1_id(self.source.current_l1))


def test_proposal_is_selector_and_four_words() -> None:
    data = encode_proposal(b"\x01" * 32, 20, BlockId(7, b"\x02" * 32))

    assert data[:4] == keccak(b"proposeL2Output(bytes32,uint256,bytes32,uint256)")[:4] == bytes.fromhex("9aaab648")
    assert data[4:] == b"\x01" * 32 + (20).to_bytes(32, "big") + b"\x02" * 32 + (7).to_bytes(32, "big")


@pytest.mark.parametrize(("head", "field"), [(ProposedHead.SAFE, "safe"), (ProposedHead.FINALIZED, "finalized")])
async def test_output_is_proposed_once_its_block_is_settled(head: ProposedHead, field: str) -> None:
    world = World(head)
    world.source.safe = 19 if head is ProposedHead.SAFE else 50
    world.source.finalized = 19 if head is ProposedHead.FINALIZED else 0
    await world.proposer.step()
    assert world.sender.submissions == []

    setattr(world.source, field, 20)
    await world.proposer.step()

    (submission,) = world.sender.submissions
    assert (submission.to, submission.data) == (ORACLE, await world.expected(20))


async def test_output_on_its_way_is_not_proposed_twice() -> None:
    world = World()
    world.source.safe = 50

    await world.proposer.step()
    await world.proposer.step()

    assert len(world.sender.submissions) == 1


async def test_next_output_follows_a_confirmed_one() -> None:
    world = World()
    world.source.safe = 50
    await world.proposer.step()

    world.sender.confirm(0, make_l1_id(5))
    world.oracle.next_number = 40
    await world.proposer.step()

    assert world.sender.submissions[1].data == await world.expected(40)
    assert world.registry.get_sample_value("braid_proposer_confirmed_outputs_total") == 1


async def test_output_on_its_way_becomes_more_urgent_while_more_are_due_behind_it() -> None:
    world = World()
    found = []
    for safe in (19, 20, 30, 45, 50):
        world.source.safe = safe
        await world.proposer.step()
        found.append(world.sender.urgency)
    assert len(world.sender.submissions) == 1

    world.oracle.next_number = 50
    await world.proposer.step()

    assert found == [0.0, 0.0, 0.0, 0.5, pytest.approx(2 / 3)]
    assert world.sender.urgency == 0.0


async def test_failed_proposal_is_made_again_with_a_newer_l1_block_and_a_longer_pause() -> None:
    world = World()
    world.source.safe = 50
    first = await world.proposer.step()

    world.sender.fail(0)
    world.source.head_l1, world.source.current_l1 = 9, 9
    second = await world.proposer.step()

    assert world.sender.submissions[1].data == await world.expected(20)
    assert world.sender.submissions[1].request_id != world.sender.submissions[0].request_id
    assert second.after_seconds == 2 * first.after_seconds


@pytest.mark.parametrize(("lag", "submissions"), [(200, 1), (201, 0)])
async def test_output_waits_while_derivation_is_too_far_behind_for_blockhash(lag: int, submissions: int) -> None:
    world = World()
    world.source.safe = 50
    world.source.head_l1 = world.source.current_l1 + lag

    await world.proposer.step()

    assert len(world.sender.submissions) == submissions


async def test_root_that_does_not_follow_from_its_parts_stops_the_proposer() -> None:
    world = World()
    world.source.safe = 50
    world.source.claimed_output = b"\x66" * 32

    with pytest.raises(OutputMismatch):
        await world.proposer.step()

    assert world.sender.submissions == []


async def test_reset_asks_the_oracle_again() -> None:
    world = World()
    world.source.safe = 50
    await world.proposer.step()

    await world.proposer.reset()
    await world.proposer.step()

    assert len(world.sender.submissions) == 2


async def test_proposal_of_an_older_process_is_waited_for() -> None:
    world = World()
    world.source.safe = 50
    world.sender.owed = [Pending(b"old", ORACLE, b"", (), None)]
    for _ in range(2):
        await world.proposer.step()
    assert world.sender.submissions == []

    world.sender.owed = [Pending(b"old", ORACLE, b"", (), BlockId(5, b"\x05" * 32))]
    world.sender.settle(Confirmed(b"old", BlockId(5, b"\x05" * 32), bytes(32)))
    await world.proposer.step()

    assert len(world.sender.submissions) == 1


async def test_name_of_a_proposal_that_is_still_watched_is_not_given_again() -> None:
    world = World()
    world.source.safe = 50
    first = (20).to_bytes(8, "big") + bytes(4)
    world.sender.owed = [Pending(first, ORACLE, b"", (), BlockId(5, b"\x05" * 32))]

    await world.proposer.step()

    assert [item.request_id for item in world.sender.submissions] == [(20).to_bytes(8, "big") + (1).to_bytes(4, "big")]
