"""
The proposer as a service: output roots of safe (or finalized) blocks go to the oracle (proposals.md).

The oracle says of which block it wants the output next. The output is taken
once that block is settled, its root is computed again from its parts, and it is
sent with the L1 block that the node's derivation is at, so that a proposal
made on a branch of L1 that is gone reverts.
"""

from typing import Protocol

import structlog

from batcher.config import ProposedHead, ProposerSettings
from batcher.l2_source import L2BlockRef, L2Output, L2SyncStatus, OutputSource
from batcher.metrics import ProposerMetrics
from batcher.urgency import compute_lateness_urgency
from contracts.keccak import keccak
from l1_bridge.errors import CriticalError
from l1_bridge.output_root import compute_output_root
from l1_bridge.sending import find_unmined
from l1_bridge.service import Wake
from l1_bridge.tx_manager import Confirmed, RequestId, TransactionSender
from l1_bridge.types import BlockId

_log = structlog.get_logger(__name__)

PROPOSE_SELECTOR = keccak(b"proposeL2Output(bytes32,uint256,bytes32,uint256)")[:4]
"""First four bytes of the oracle's calldata."""


MAX_L1_LAG_BLOCKS = 200
"""L1 contracts know the hashes of the last 256 blocks: a proposal with an older one would revert."""

MAX_BACKOFF_DOUBLINGS = 6
"""Proposals that fail cost gas, so the pause after them grows up to 64 times."""


class OutputMismatch(CriticalError):
    """The node's output root is not the root of the parts that it gives with it."""

    def __init__(self, number: int, claimed: bytes, computed: bytes) -> None:
        super().__init__(f"output of L2 block {number} is 0x{claimed.hex()}, its parts give 0x{computed.hex()}")
        self.number = number
        self.claimed = claimed
        self.computed = computed


class OutputOracle(Protocol):
    """The contract on L1 that holds the outputs."""

    @property
    def address(self) -> bytes:
        """Where proposals are sent to."""
        ...

    async def next_block_number(self) -> int:
        """The L2 block of which the output comes next; raises `TemporaryError` when L1 is away."""
        ...

    async def submission_interval(self) -> int:
        """L2 blocks from one output to the next; raises `TemporaryError` when L1 is away."""
        ...


def encode_proposal(output_root: bytes, l2_block_number: int, l1_block: BlockId) -> bytes:
    """Calldata of `proposeL2Output`."""
    words = (output_root, l2_block_number.to_bytes(32, "big"), l1_block.hash, l1_block.number.to_bytes(32, "big"))
    return PROPOSE_SELECTOR + b"".join(words)


class OutputProposer:
    """Posts the outputs of one node to one oracle, one at a time, through a sender that is its own to step."""

    def __init__(
        self,
        source: OutputSource,
        oracle: OutputOracle,
        sender: TransactionSender,
        *,
        settings: ProposerSettings,
        metrics: ProposerMetrics,
    ) -> None:
        self._source = source
        self._oracle = oracle
        self._sender = sender
        self._settings = settings
        self._metrics = metrics
        self._waiting_for: RequestId | None = None
        self._attempt = 0
        """Makes the next name one that was not given before."""
        self._interval: int | None = None
        """Of the oracle, once it was read."""
        self._failures = 0
        """In a row; each doubles the pause."""

    async def step(self) -> Wake:
        """
        Propose the next output if it is due.

        Raises
        ------
        TemporaryError
            The node or L1 is away; nothing is lost.
        CriticalError
            The output root does not follow from its parts.
        """
        await self._sender.step()
        self._settle()
        if self._waiting_for is None:
            unmined = find_unmined(self._sender)
            self._waiting_for = None if unmined is None else unmined.request_id
        number = await self._oracle.next_block_number()
        self._metrics.next_block_number.set(number)
        status = await self._source.sync_status()
        await self._follow_lateness(status, number)
        if self._waiting_for is None:
            output = await self._find_due_output(status, number)
            if output is not None:
                self._submit(output)
                await self._sender.step()
        return Wake(self._settings.poll_seconds * 2 ** min(self._failures, MAX_BACKOFF_DOUBLINGS))

    async def reset(self) -> None:
        """Forget what is on its way; the oracle tells what comes next."""
        self._waiting_for, self._interval = None, None
        self._failures = 0

    async def _follow_lateness(self, status: L2SyncStatus, number: int) -> None:
        """What is on its way becomes more urgent, too, while more outputs are due behind it."""
        if self._interval is None:
            self._interval = await self._oracle.submission_interval()
        self._sender.urgency = compute_lateness_urgency(self._settled(status).number - number, self._interval)

    def _settle(self) -> None:
        for result in self._sender.results():
            if result.request_id != self._waiting_for:
                continue
            self._waiting_for = None
            if isinstance(result, Confirmed):
                self._failures = 0
                self._metrics.confirmed_outputs.inc()
                _log.info("output_confirmed", l1_block=result.block.number)
            else:
                self._failures += 1
                self._metrics.failed_outputs.inc()
                _log.warning("output_failed", reason=result.reason)

    async def _find_due_output(self, status: L2SyncStatus, number: int) -> L2Output | None:
        """The output that the oracle wants next, once its block is settled and L1 can check the proposal."""
        if not self._is_due(status, number):
            return None
        output = await self._source.output_at_block(number)
        computed = compute_output_root(output.state_root, output.message_passer_storage_root, output.block.hash)
        if computed != output.output_root or output.block.number != number:
            raise OutputMismatch(number, output.output_root, computed)
        return output if self._is_due(output.status, number) else None

    def _is_due(self, status: L2SyncStatus, number: int) -> bool:
        is_derivation_near = status.head_l1.number - status.current_l1.number <= MAX_L1_LAG_BLOCKS
        return self._settled(status).number >= number and is_derivation_near

    def _settled(self, status: L2SyncStatus) -> L2BlockRef:
        """The newest block of which an output may be proposed."""
        return status.finalized if self._settings.head is ProposedHead.FINALIZED else status.safe

    def _submit(self, output: L2Output) -> None:
        number, l1_block = output.block.number, output.status.current_l1
        request_id = self._make_name(number)
        self._sender.submit(request_id, self._oracle.address, encode_proposal(output.output_root, number, l1_block))
        self._waiting_for = request_id
        self._metrics.submitted_outputs.inc()
        _log.info("output_submitted", block=number, output_root=output.output_root.hex(), l1_block=l1_block.number)

    def _make_name(self, l2_block_number: int) -> bytes:
        """L2 block number and attempt; one that is not settled, from an older process too, has another name."""
        taken = {item.request_id for item in self._sender.pending()}
        while True:
            name = l2_block_number.to_bytes(8, "big") + self._attempt.to_bytes(4, "big")
            self._attempt += 1
            if name not in taken:
                return name
