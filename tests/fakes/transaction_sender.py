"""A transaction sender whose outcomes a test decides."""

from dataclasses import dataclass

from l1_bridge.errors import L1Unavailable
from l1_bridge.fees import Market
from l1_bridge.sending import Confirmed, Failed, Pending, QueueFull, RequestId
from l1_bridge.service import Wake
from l1_bridge.types import BlockId


@dataclass(frozen=True, slots=True)
class Submission:
    """One transaction that was handed over."""

    request_id: RequestId
    to: bytes
    data: bytes
    blobs: tuple[bytes, ...] = ()


class FakeTransactionSender:
    """Keeps what is submitted; `confirm` and `fail` make results."""

    def __init__(self) -> None:
        self.submissions: list[Submission] = []
        self.is_full = False
        self.steps = 0
        self.urgency = 0.0
        self.owed: list[Pending] = []
        """What `pending` answers."""
        self._results: list[Confirmed | Failed] = []

    def submit(
        self,
        request_id: RequestId,
        to: bytes,
        data: bytes,
        value: int = 0,
        gas_limit: int | None = None,
        blobs: tuple[bytes, ...] = (),
    ) -> None:
        """Keep it, unless the test says that there is no room."""
        assert value == 0
        assert (gas_limit is not None) == bool(blobs), "an estimate knows nothing of blobs"
        if self.is_full:
            raise QueueFull(0)
        self.submissions.append(Submission(request_id, to, data, blobs))

    async def step(self) -> Wake:
        """Nothing happens by itself."""
        self.steps += 1
        return Wake(60.0)

    def results(self) -> list[Confirmed | Failed]:
        """What the test decided since the last call."""
        results, self._results = self._results, []
        return results

    def pending(self) -> list[Pending]:
        """What the test says."""
        return self.owed

    def confirm(self, index: int, block: BlockId) -> None:
        """The submission of that index stands on L1."""
        self._results.append(Confirmed(self.submissions[index].request_id, block, bytes(32)))

    def fail(self, index: int) -> None:
        """The submission of that index will not stand on L1."""
        self._results.append(Failed(self.submissions[index].request_id, "reverted"))

    def settle(self, result: Confirmed | Failed) -> None:
        """A result of a request from before."""
        self._results.append(result)


class FakeMarket:
    """L1's prices as a test says."""

    def __init__(self, market: Market | None = None) -> None:
        self.now = market
        self.max_blobs = 9

    async def market(self) -> Market:
        """The prices, or that L1 is away when there are none."""
        if self.now is None:
            raise L1Unavailable("eth_getBlockByNumber", "the test says so")
        return self.now
