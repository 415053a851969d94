"""How long the pool waits for a worker that speaks, and says nothing new."""

from sequencer.execution.parallel.messages import ASK, READY, seal
from sequencer.execution.parallel.metrics import ExecutionCounts
from sequencer.execution.parallel.pool import PooledWorker, Received, WorkerPool

ANSWER_SECONDS = 5.0


class Repeating:
    """An Executor with one worker, which is ready, and from then on asks as it is told."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.message = seal(READY, None)

    def start(self) -> "Repeating":
        return self

    def send(self, message: bytes) -> bool:
        return True

    def end(self) -> None:
        """Nothing runs."""

    def receive(self, seconds: float) -> list[Received]:
        self.seconds += 1.0
        return [Received(self, self.message)]

    def close(self) -> None:
        """Nothing runs."""


def make_pool() -> tuple[WorkerPool, Repeating, PooledWorker]:
    executor = Repeating()
    pool = WorkerPool(
        1, b"", ExecutionCounts(), executor, answer_seconds=ANSWER_SECONDS, monotonic=lambda: executor.seconds
    )
    pool.collect(0.0)
    (worker,) = pool.ready()
    pool.note_sent(worker, 7)
    return pool, executor, worker


def ask(pool: WorkerPool, executor: Repeating, key: bytes) -> None:
    executor.message = seal(ASK, (7, (key,)))
    pool.collect(0.0)
    pool.give_up_hung()


def test_worker_that_asks_for_something_new_is_waited_for() -> None:
    pool, executor, worker = make_pool()
    for number in range(20):
        ask(pool, executor, b"a" + bytes([number]) * 20)

    assert pool.ready() == [worker]


def test_worker_that_asks_the_same_again_and_again_is_given_up() -> None:
    pool, executor, _ = make_pool()
    for _ in range(20):
        ask(pool, executor, b"a" + bytes(20))

    assert pool.ready() == []
