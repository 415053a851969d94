"""Chains stay together and in order, work is dealt out evenly, and what is one chain is kept back."""

from sequencer.execution.parallel.prediction import Location, Prediction
from sequencer.execution.parallel.schedule import Candidate, Schedule, ScheduleLimits
from tests.factories import address, make_authorization, make_transaction, private_key

LIMITS = ScheduleLimits(min_batch=1_000, max_batch=1_000, min_slice=3_000, dominant_share=0.6)


def candidate(index: int, sender: int, *locations: tuple[int, bool], cost: float = 1_000) -> Candidate:
    """A transaction that reads (or writes) these slots of one contract."""
    found = tuple((Location(b"\xcc" * 20, slot), is_written) for slot, is_written in locations)
    return Candidate(index, make_transaction(key=private_key(sender)), Prediction(found, cost))


def run_out(schedule: Schedule, workers: int) -> list[list[int]]:
    """What each worker gets when they take turns."""
    taken: list[list[int]] = [[] for _ in range(workers)]
    while batches := [schedule.next_batch(worker) for worker in range(workers)]:
        for worker, batch in enumerate(batches):
            taken[worker] += [item.index for item in batch]
        if not any(batches):
            break
    return taken


def test_one_senders_transactions_go_to_one_worker_in_order() -> None:
    senders = [0, 1, 0, 2, 0, 1, 3, 4]
    taken = run_out(Schedule([candidate(i, sender) for i, sender in enumerate(senders)], 2, LIMITS), 2)

    assert sorted(taken[0] + taken[1]) == list(range(8))
    assert all(indexes == sorted(indexes) for indexes in taken)
    assert any({0, 2, 4} <= set(indexes) for indexes in taken)
    assert abs(len(taken[0]) - len(taken[1])) <= 1


def test_writers_and_readers_of_a_slot_are_a_chain_but_readers_alone_are_not() -> None:
    written = [candidate(i, i, (7, i == 0)) for i in range(4)] + [candidate(4 + i, 4 + i) for i in range(4)]
    read = [candidate(i, i, (7, False)) for i in range(8)]
    taken = run_out(Schedule(written, 2, LIMITS), 2)

    assert {0, 1, 2, 3} in [set(indexes) & {0, 1, 2, 3} for indexes in taken]
    assert all(set(indexes) & {0, 1, 2, 3} for indexes in run_out(Schedule(read, 2, LIMITS), 2))


def test_an_authority_belongs_to_the_chain_of_its_own_transactions() -> None:
    delegation = make_transaction(type=4, key=private_key(0), authorizations=[make_authorization(key=private_key(5))])
    items = [Candidate(0, delegation, Prediction((), 1_000))] + [candidate(1 + i, 5 + i) for i in range(5)]
    taken = run_out(Schedule(items, 2, LIMITS), 2)

    assert address(5) == items[1].transaction.sender
    assert any({0, 1} <= set(indexes) for indexes in taken)


def test_a_chain_that_is_most_of_the_work_is_kept_back() -> None:
    chain = [candidate(i, 0) for i in range(7)]
    others = [candidate(7 + i, 1 + i) for i in range(4)]
    schedule = Schedule(chain + others, 2, LIMITS)

    assert not schedule.has(0)
    assert schedule.has(7)
    assert sorted(index for indexes in run_out(schedule, 2) for index in indexes) == [7, 8, 9, 10]
    assert not Schedule(chain, 2, LIMITS).is_parallel


def test_little_work_is_kept_back() -> None:
    assert not Schedule([candidate(i, i) for i in range(2)], 2, LIMITS).is_parallel
    assert Schedule([candidate(i, i) for i in range(3)], 2, LIMITS).is_parallel


def test_a_chain_that_was_given_up_is_handed_out_no_more() -> None:
    schedule = Schedule([candidate(i, i % 2) for i in range(8)], 2, LIMITS)
    schedule.next_batch(0)
    schedule.give_up(0)

    assert sorted(index for indexes in run_out(schedule, 2) for index in indexes) == [1, 3, 5, 7]


def test_batches_have_at_least_the_work_that_a_message_is_worth() -> None:
    schedule = Schedule([candidate(i, i, cost=250) for i in range(20)], 2, LIMITS)

    assert len(schedule.next_batch(0)) == 4
