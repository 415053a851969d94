"""
An Executor without processes whose messages travel as a script says: late, twice, never, in any order, damaged.

The workers are real ones, in this process; what is scripted is the way between them and the engine. Time is part of
it: every look at the messages takes half a second, so whoever waits for what never comes gives up in the end.
"""

from collections import deque
from collections.abc import Sequence
from enum import Enum

from sequencer.execution.parallel.messages import ADVANCE, DELTA, READY, SOURCE, VALUES, unseal
from sequencer.execution.parallel.pool import Received
from sequencer.execution.parallel.worker import Worker

STEP_SECONDS = 0.5


class Act(Enum):
    """What happens to one worker at one look."""

    WORK = "takes one message, and its answers wait to be delivered"
    DELIVER = "the oldest answer arrives"
    DELIVER_NEWEST = "the newest answer arrives before the others"
    REPEAT = "an answer that arrived before, of whatever block, arrives again"
    DAMAGE = "the oldest answer arrives with a byte changed"
    CUT = "the oldest answer arrives in part"
    LOSE = "the oldest answer is lost"
    DIE = "the worker is gone"
    DIE_LATE = "the worker is gone, and its oldest answer arrives after it was given up"
    LIE = "the next message with state reaches the worker with other values"
    MISS = "the next message that brings the worker up to date is lost"
    PAUSE = "nothing"


class ScriptedLink:
    """A WorkerLink to a worker in this process."""

    def __init__(self) -> None:
        self.worker = Worker()
        self.inbox: deque[bytes] = deque()
        self.outbox: deque[bytes] = deque()
        self.delivered: list[bytes] = []
        self.is_ended = False
        self.lies = 0
        self.misses = 0

    def send(self, message: bytes) -> bool:
        self.inbox.append(message)
        return not self.is_ended

    def end(self) -> None:
        self.is_ended = True

    def work(self) -> None:
        """Take one message."""
        if not self.inbox:
            return
        kind, content = unseal(self.inbox.popleft())
        if self.misses and kind in (ADVANCE, DELTA, VALUES):
            self.misses -= 1
            return
        if self.lies and kind in (ADVANCE, DELTA, VALUES):
            self.lies -= 1
            content = _other_values(kind, content)
        self.outbox.extend(self.worker.handle(kind, content))


class ScriptedExecutor:
    """Runs through the script again and again; `seconds` is the time."""

    def __init__(self, script: Sequence[Act] = ()) -> None:
        self.script = deque(script or (Act.WORK, Act.DELIVER, Act.WORK))
        self.seconds = 0.0
        self.links: list[ScriptedLink] = []
        self.acts = 0

    def monotonic(self) -> float:
        return self.seconds

    def start(self) -> ScriptedLink:
        self.links.append(ScriptedLink())
        return self.links[-1]

    def receive(self, seconds: float) -> list[Received]:
        self.seconds += STEP_SECONDS
        received = []
        for link in list(self.links):
            if link.is_ended and not link.outbox:
                self.links.remove(link)
                continue
            received += self._act(link)
        return received

    def close(self) -> None:
        self.links.clear()

    def get_ready(self) -> None:
        """Let every worker open its source, without mishap."""
        for link in self.links:
            while link.inbox and unseal(link.inbox[0])[0] == SOURCE:
                link.work()

    def _act(self, link: ScriptedLink) -> list[Received]:
        act = self.script[0]
        self.script.rotate(-1)
        self.acts += 1
        if link.outbox and unseal(link.outbox[0])[0] == READY and act is not Act.DIE:
            act = Act.DELIVER
        if act is Act.WORK:
            link.work()
        elif act is Act.LIE:
            link.lies += 1
        elif act is Act.MISS:
            link.misses += 1
        elif act in (Act.DIE, Act.DIE_LATE) and not link.is_ended:
            late = [Received(link, link.outbox.popleft())] if act is Act.DIE_LATE and link.outbox else []
            return [Received(link, b"", "died"), *late]
        elif act is Act.REPEAT and link.delivered:
            return [Received(link, link.delivered[self.acts % len(link.delivered)])]
        elif link.outbox:
            return self._deliver(link, act)
        return []

    def _deliver(self, link: ScriptedLink, act: Act) -> list[Received]:
        if act not in (Act.DELIVER, Act.DELIVER_NEWEST, Act.DAMAGE, Act.CUT, Act.LOSE):
            return []
        message = link.outbox.pop() if act is Act.DELIVER_NEWEST else link.outbox.popleft()
        if act is Act.LOSE:
            return []
        if act is Act.DAMAGE:
            damaged = bytearray(message)
            damaged[self.acts % len(message)] ^= 1 << self.acts % 8
            return [Received(link, bytes(damaged))]
        if act is Act.CUT:
            return [Received(link, message[: self.acts % len(message)])]
        link.delivered.append(message)
        return [Received(link, message)]


def _other_values(kind: int, content: object) -> object:
    """The same message with every balance, nonce, slot and code changed: whole, and wrong."""
    if kind == VALUES:
        batch_id, values = content  # type: ignore[misc]  # as the engine wrote it
        return batch_id, None if values is None else {key: _other_flat(key, value) for key, value in values.items()}
    head, delta = (content[:2], content[2]) if kind == ADVANCE else ((), content)  # type: ignore[index]
    accounts, storage, codes, wiped = delta  # type: ignore[misc]
    other = (
        tuple((key, None if parts is None else (parts[0] ^ 1, parts[1] + 7, parts[2])) for key, parts in accounts),
        tuple((address, slot, value ^ 1) for address, slot, value in storage),
        tuple((code_hash, b"\xfe" + code) for code_hash, code in codes),
        wiped,
    )
    return (*head, other) if head else other


def _other_flat(key: bytes, value: bytes) -> bytes:
    if key[:1] == b"c":
        return b"\xfe" + value
    if len(value) < 10:
        return value
    return value[:-1] + bytes([value[-1] ^ 1]) if value[-1] != 1 else value
