"""
L1 transactions of one account, each followed until it is confirmed.

    queued -> sent -> mined -> confirmed (depth reached) or failed (reverted, refused)
               ^  |      |
    fee bump   +--+      +-> a reorg took it out: sent again

The account's nonce is read once and owned from then on: nobody else may send
from it. Time is counted in L1 blocks: a transaction that was in the pool for
`resend_after_blocks` is sent again under the same nonce with higher fees. Passive:
`step` does one round, whoever owns the manager calls it. What is in flight is bounded, and
nothing survives a restart: the owner knows from L1 what has to be sent again.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from l1_bridge import metrics
from l1_bridge.errors import L1Refused, L1Unavailable, TemporaryError
from l1_bridge.fees import Fees, bump_fees, cap_fees, initial_fees
from l1_bridge.l1_client import MinedTransaction
from l1_bridge.pool_answer import PoolAnswer, classify_refusal
from l1_bridge.service import AGAIN, Wake
from l1_bridge.signer import DynamicFeeTransaction, SignedTransaction, Signer
from l1_bridge.types import BlockId, L1Header, L1Tag

RequestId = int | bytes
"""Chosen by the caller; comes back with the result."""

GWEI = 10**9

CANCEL_GAS = 21_000
"""A transfer of nothing to oneself."""

NONCE_PATIENCE_ROUNDS = 3
"""Rounds in a row that L1's count does not fit what is in flight before it is acted upon: nodes lag for a moment."""

FILLER_FEES = Fees(1, 1)
"""What a gap filler offers first: below any base fee, so that the next round bumps it to what is offered then."""


@dataclass(frozen=True, slots=True)
class TxManagerSettings:
    """How the manager sends; every value is local to this process."""

    chain_id: int
    confirmations: int = 1
    """L1 blocks, the including one counted, until a transaction counts as confirmed."""
    resend_after_blocks: int = 4
    """L1 blocks that a transaction may wait in the pool before its fees are bumped."""
    max_in_flight: int = 8
    """Transactions sent and not confirmed; a node's pool takes 16 a account for sure."""
    max_queued: int = 256
    max_fee_limit: int = 500 * GWEI
    """Wei per gas that is never exceeded."""
    gas_margin_percent: int = 20
    """Added to an estimate: state may change until the transaction is mined."""
    poll_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The transaction succeeded and is deep enough."""

    request_id: RequestId
    block: BlockId
    transaction_hash: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """The transaction will not have its effect: it reverted (then it has a hash), or no node takes it."""

    request_id: RequestId
    reason: str
    transaction_hash: bytes | None = None


class QueueFull(TemporaryError):
    """More is waiting than may wait."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} L1 transactions are waiting already")
        self.limit = limit


class TransactionSender(Protocol):
    """What the batcher and the proposer need of a transaction manager."""

    def submit(
        self, request_id: RequestId, to: bytes, data: bytes, value: int = 0, gas_limit: int | None = None
    ) -> None:
        """Queue a transaction; its result comes under `request_id`."""

    async def step(self) -> Wake:
        """Do one round of sending and looking."""

    def results(self) -> list[Confirmed | Failed]:
        """What became final since the last call, each once."""


class L1Account(Protocol):
    """What the manager needs of L1; `L1Client` is one."""

    async def header_by_tag(self, tag: L1Tag) -> L1Header | None:
        """The header that L1 names so now."""

    async def transaction_count(self, address: bytes, block: str = "latest") -> int:
        """The next nonce."""

    async def priority_fee(self) -> int:
        """The suggested tip."""

    async def estimate_gas(self, sender: bytes, to: bytes | None, data: bytes, value: int) -> int:
        """Gas needed now."""

    async def send_raw_transaction(self, encoded: bytes) -> None:
        """Hand over a signed transaction."""

    async def mined_transaction(self, hash: bytes) -> MinedTransaction | None:
        """Where it stands."""


@dataclass(frozen=True, slots=True)
class _Request:
    request_id: RequestId | None
    """None: a transaction of the manager's own that fills a nonce."""
    to: bytes | None
    data: bytes
    value: int
    gas_limit: int | None


@dataclass(slots=True)
class _InFlight:
    request: _Request
    nonce: int
    gas_limit: int
    fees: Fees
    signed: list[SignedTransaction] = field(default_factory=list)
    """Every version sent, oldest first; any of them may be mined."""
    sent_at_block: int = 0
    is_in_pool: bool = False
    """Whether the node took the newest version."""
    mined: MinedTransaction | None = None
    rounds_without_nonce: int = 0


class TransactionManager:
    """See the module; implements `TransactionSender`."""

    def __init__(self, l1: L1Account, signer: Signer, settings: TxManagerSettings) -> None:
        self._l1 = l1
        self._signer = signer
        self._settings = settings
        self._queue: deque[_Request] = deque()
        self._in_flight: list[_InFlight] = []
        self._results: list[Confirmed | Failed] = []
        self._next_nonce: int | None = None
        self._gap_rounds = 0
        self._last_refusal: str | None = None

    @property
    def address(self) -> bytes:
        """The account that sends."""
        return self._signer.address

    @property
    def pending_count(self) -> int:
        """Transactions queued or in flight."""
        return len(self._queue) + len(self._in_flight)

    @property
    def last_refusal(self) -> str | None:
        """Why the node's pool did not take a transaction the last time it did not; None: it took all since."""
        return self._last_refusal

    def submit(
        self, request_id: RequestId, to: bytes | None, data: bytes, value: int = 0, gas_limit: int | None = None
    ) -> None:
        """
        Queue a transaction; `to` None creates a contract, `gas_limit` None estimates.

        Raises
        ------
        QueueFull
            As many as may wait are waiting.
        """
        if len(self._queue) >= self._settings.max_queued:
            raise QueueFull(self._settings.max_queued)
        self._queue.append(_Request(request_id, to, data, value, gas_limit))

    def results(self) -> list[Confirmed | Failed]:
        """What became final since the last call, each once."""
        results, self._results = self._results, []
        return results

    async def step(self) -> Wake:
        """
        Look where everything in flight stands, send again what is stuck or fell out, send what is queued.

        Raises
        ------
        TemporaryError
            L1 is away or refuses; call again later, nothing is lost.
        """
        head = await self._l1.header_by_tag("latest")
        if head is None:
            raise L1Unavailable("eth_getBlockByNumber", "no latest block")
        used = await self._l1.transaction_count(self.address)
        self._follow_nonce(used)
        for item in list(self._in_flight):
            await self._look(item, head, used)
        await self._send_all(head)
        metrics.L1_IN_FLIGHT.set(len(self._in_flight))
        return AGAIN if self._results else Wake(self._settings.poll_seconds)

    async def reset(self) -> None:
        """Forget everything not confirmed, without a result; the nonce is read again, so leftovers get replaced."""
        self._queue.clear()
        self._in_flight.clear()
        self._results.clear()
        self._next_nonce = None

    def _follow_nonce(self, used: int) -> None:
        """
        Keep the owned nonce and L1's count together.

        They part when somebody else sends from the account, and when a reorg
        takes out what was confirmed: then what is in flight waits behind a gap
        that has to be filled.
        """
        if self._next_nonce is None or used > self._next_nonce or not self._in_flight:
            self._next_nonce = used
        lowest = min((item.nonce for item in self._in_flight), default=used)
        self._gap_rounds = self._gap_rounds + 1 if lowest > used else 0
        if self._gap_rounds < NONCE_PATIENCE_ROUNDS:
            return
        self._gap_rounds = 0
        for nonce in range(used, lowest):
            filler = _InFlight(_Request(None, self.address, b"", 0, CANCEL_GAS), nonce, CANCEL_GAS, FILLER_FEES)
            filler.signed.append(self._sign(filler))
            self._in_flight.append(filler)
        self._in_flight.sort(key=lambda item: item.nonce)

    async def _look(self, item: _InFlight, head: L1Header, used: int) -> None:
        """Find out where `item` stands and act on what changed."""
        was_mined = item.mined is not None
        item.mined = await self._find_mined(item)
        if item.mined is None:
            if was_mined:
                metrics.L1_TRANSACTIONS.labels("reorged").inc()
                item.is_in_pool = False
            if item.nonce < used and not was_mined:
                self._count_taken_nonce(item)
            return
        item.rounds_without_nonce = 0
        if head.number - item.mined.block.number + 1 >= self._settings.confirmations:
            self._in_flight.remove(item)
            self._report(item.request, item.mined)

    async def _find_mined(self, item: _InFlight) -> MinedTransaction | None:
        for signed in reversed(item.signed):
            mined = await self._l1.mined_transaction(signed.hash)
            if mined is not None:
                return mined
        return None

    def _report(self, request: _Request, mined: MinedTransaction) -> None:
        metrics.L1_TRANSACTIONS.labels("confirmed" if mined.status == 1 else "failed").inc()
        if request.request_id is None:
            return
        if mined.status == 1:
            self._results.append(Confirmed(request.request_id, mined.block, mined.transaction_hash))
        else:
            self._results.append(Failed(request.request_id, "the transaction reverted", mined.transaction_hash))

    def _count_taken_nonce(self, item: _InFlight) -> None:
        """Somebody used the nonce (an older process of ours, most likely): after some rounds take a fresh one."""
        item.rounds_without_nonce += 1
        if item.rounds_without_nonce < NONCE_PATIENCE_ROUNDS:
            return
        self._in_flight.remove(item)
        if item.request.request_id is not None:
            self._queue.appendleft(item.request)

    async def _send_all(self, head: L1Header) -> None:
        """Bump, publish again, and start new ones; a refusal that concerns one transaction stops no other."""
        waiting = [item for item in self._in_flight if item.mined is None]
        room = self._settings.max_in_flight - len(self._in_flight)
        if not waiting and not (self._queue and room > 0):
            return
        offer = cap_fees(initial_fees(head.base_fee, await self._l1.priority_fee()), self._settings.max_fee_limit)
        for item in waiting:
            is_stuck = head.number - item.sent_at_block >= self._settings.resend_after_blocks
            if is_stuck and item.is_in_pool:
                self._bump(item, offer)
            if not item.is_in_pool:
                await self._publish(item, head, offer)
        while self._queue and len(self._in_flight) < self._settings.max_in_flight:
            await self._start(head, offer)

    async def _start(self, head: L1Header, offer: Fees) -> None:
        request = self._queue[0]
        gas_limit = await self._gas_limit(request)
        self._queue.popleft()
        if gas_limit is None:
            return
        nonce = self._fresh_nonce()
        item = _InFlight(request, nonce, gas_limit, offer)
        item.signed.append(self._sign(item))
        self._in_flight.append(item)
        await self._publish(item, head, offer)

    def _fresh_nonce(self) -> int:
        if self._next_nonce is None:
            raise AssertionError("the nonce is read before anything is sent")
        nonce = self._next_nonce
        self._next_nonce += 1
        return nonce

    async def _gas_limit(self, request: _Request) -> int | None:
        """Gas to offer; None when the transaction would revert, which is then reported."""
        if request.gas_limit is not None:
            return request.gas_limit
        try:
            estimate = await self._l1.estimate_gas(self.address, request.to, request.data, request.value)
        except L1Refused as error:
            self._fail(request, str(error))
            return None
        return estimate * (100 + self._settings.gas_margin_percent) // 100

    def _fail(self, request: _Request, reason: str) -> None:
        metrics.L1_TRANSACTIONS.labels("failed").inc()
        if request.request_id is not None:
            self._results.append(Failed(request.request_id, reason))

    def _bump(self, item: _InFlight, offer: Fees) -> None:
        """Sign the same nonce with higher fees, unless the limit leaves no room for a full bump."""
        wanted = bump_fees(item.fees, offer)
        item.is_in_pool = False
        if wanted.max_fee > self._settings.max_fee_limit:
            return
        item.fees = wanted
        item.signed.append(self._sign(item))
        metrics.L1_TRANSACTIONS.labels("resent").inc()

    def _sign(self, item: _InFlight) -> SignedTransaction:
        return self._signer.sign(
            DynamicFeeTransaction(
                chain_id=self._settings.chain_id,
                nonce=item.nonce,
                priority_fee=item.fees.priority_fee,
                max_fee=item.fees.max_fee,
                gas_limit=item.gas_limit,
                to=item.request.to,
                value=item.request.value,
                data=item.request.data,
            )
        )

    async def _publish(self, item: _InFlight, head: L1Header, offer: Fees) -> None:
        """Hand the newest version to the node, and deal with what its pool says."""
        item.sent_at_block = head.number
        try:
            await self._l1.send_raw_transaction(item.signed[-1].encoded)
        except L1Refused as error:
            self._last_refusal = error.message
            match classify_refusal(error.message):
                case PoolAnswer.ALREADY_THERE:
                    item.is_in_pool = True
                case PoolAnswer.UNDERPRICED:
                    self._bump(item, offer)
                case PoolAnswer.NONCE_USED | PoolAnswer.TEMPORARY:
                    pass
                case PoolAnswer.NEVER:
                    self._cancel(item, error.message)
            return
        item.is_in_pool = True
        self._last_refusal = None
        metrics.L1_TRANSACTIONS.labels("sent").inc()

    def _cancel(self, item: _InFlight, reason: str) -> None:
        """No node takes it: report that, and give its nonce back or fill it, so that later ones are not stuck."""
        self._fail(item.request, reason)
        if self._next_nonce == item.nonce + 1 and len(item.signed) == 1:
            self._in_flight.remove(item)
            self._next_nonce = item.nonce
            return
        item.request = _Request(None, self.address, b"", 0, CANCEL_GAS)
        item.gas_limit = CANCEL_GAS
        item.signed.append(self._sign(item))
