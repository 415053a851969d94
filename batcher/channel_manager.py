"""
Which L2 blocks travel in which channel, and what of it stands on L1: a pure state machine.

    add_block -> queue -> open channel -> posted channels -> (safe head passes) forgotten
                   ^                            |
                   +------- requeued -----------+   failed, timed out, out of order, not derived

Since Holocene a verifier takes frames and channels in strict order, so one that
is lost takes everything behind it along: those blocks go back to the queue and
into new channels. What a verifier derived twice costs only bytes (the second
batch is `past`).

A channel closes when it is large enough, old enough (in L1 blocks), or when the
sequencing window of its oldest block comes near its end. It is forgotten only
when the safe head has passed it, so a restart from the safe head loses nothing.
No I/O, clock or randomness: channel ids come from the function given.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from batcher.channel_policy import ChannelPolicy
from batcher.channel_state import PostedChannel, TransactionData
from batcher.codec.span_batch import SpanParameters
from batcher.l2_source import L2BlockData, L2BlockRef
from batcher.open_channel import OpenChannel
from l1_bridge.errors import CriticalError, ResetError
from l1_bridge.tx_manager import RequestId
from l1_bridge.types import BlockId

MAX_ATTEMPTS = 3
"""Failures after which a channel is written anew, by the policy of then, not handed out again: L1 may not take it."""


class L2Reorg(ResetError):
    """A block does not follow the one that was added before it."""

    def __init__(self, number: int, expected_parent: bytes, actual_parent: bytes) -> None:
        super().__init__(f"L2 block {number} has parent 0x{actual_parent.hex()}, not 0x{expected_parent.hex()}")
        self.number = number
        self.expected_parent = expected_parent
        self.actual_parent = actual_parent


class NotStarted(CriticalError):
    """Blocks were added before the manager knew where to start."""


@dataclass(frozen=True, slots=True)
class ChannelLimits:
    """When channels close, and when they are given up."""

    max_duration_l1_blocks: int = 1
    """Age at which a channel closes."""
    channel_timeout_l1_blocks: int = 50
    """A frame further behind the first one than this does not count (Granite)."""
    sequencing_window_l1_blocks: int = 3600
    """A batch must be included within so many L1 blocks of its origin."""
    safety_margin_l1_blocks: int = 10
    """How much earlier than a deadline the manager acts."""


class ChannelManager:
    """Blocks in, transaction data out, confirmations in."""

    def __init__(
        self,
        limits: ChannelLimits,
        new_channel_id: Callable[[], bytes],
        *,
        choose_policy: Callable[[], ChannelPolicy],
        span: SpanParameters,
    ) -> None:
        """`choose_policy` is asked once for each channel, when it is opened."""
        self.limits = limits
        self._choose_policy = choose_policy
        self._span = span
        self._new_channel_id = new_channel_id
        self._l1_head = 0
        self._tip: L2BlockRef | None = None
        self._queue: deque[L2BlockData] = deque()
        self._open: OpenChannel | None = None
        self._posted: list[PostedChannel] = []
        self.requeued_channels = 0
        """Channels given up so far."""
        self.last_channel_bytes: int | None = None
        """Compressed size of the channel closed last; None: there was none."""

    @property
    def tip(self) -> L2BlockRef | None:
        """The newest block added, or the safe head that the manager started from; None before the start."""
        return self._tip

    @property
    def in_flight(self) -> int:
        """Transactions handed out of which the outcome is not known."""
        return sum(channel.in_flight for channel in self._posted)

    @property
    def oldest_origin(self) -> int | None:
        """L1 origin of the oldest block that is not known to be safe; None when all are."""
        if self._posted:
            return self._posted[0].blocks[0].ref.l1_origin.number
        first = self._open.blocks[0] if self._open else next(iter(self._queue), None)
        return None if first is None else first.ref.l1_origin.number

    @property
    def held_blocks(self) -> int:
        """Blocks that are not known to be safe."""
        in_open = len(self._open.blocks) if self._open else 0
        return len(self._queue) + in_open + sum(len(channel.blocks) for channel in self._posted)

    @property
    def unposted_bytes(self) -> int:
        """Transactions in blocks that do not stand on L1 whole, as far as is known."""
        waiting = [block for channel in self._posted if not channel.is_confirmed for block in channel.blocks]
        waiting += [*(self._open.blocks if self._open else ()), *self._queue]
        return sum(block.transaction_bytes for block in waiting)

    def restart(self, safe: L2BlockRef) -> None:
        """Forget everything and go on behind this block; outcomes of what was handed out no longer matter."""
        self._queue.clear()
        self._open = None
        self._posted.clear()
        self._tip = safe

    def add_block(self, block: L2BlockData) -> None:
        """
        Take the next L2 block.

        Raises
        ------
        L2Reorg
            It does not follow the tip; nothing was changed. `restart` is the way out.
        """
        if self._tip is None:
            raise NotStarted(f"L2 block {block.ref.number} was added before a start")
        if block.ref.parent_hash != self._tip.hash or block.ref.number != self._tip.number + 1:
            raise L2Reorg(block.ref.number, self._tip.hash, block.ref.parent_hash)
        self._queue.append(block)
        self._tip = block.ref

    def l1_advanced(self, l1_head: int) -> None:
        """Tell the newest L1 block number; gives up channels that can no longer be complete in time."""
        self._l1_head = l1_head
        patience = self.limits.channel_timeout_l1_blocks + self.limits.safety_margin_l1_blocks
        for index, channel in enumerate(self._posted):
            is_waiting = bool(channel.inclusions) and not channel.is_confirmed
            if is_waiting and l1_head > channel.first_inclusion + patience:
                self._requeue_from(index)
                return

    def safe_head_advanced(self, safe: L2BlockRef, derived_l1: int) -> bool:
        """
        Forget what is safe, and post again what L1 holds but derivation did not take.

        Parameters
        ----------
        safe :
            The node's safe head.
        derived_l1 :
            L1 block that the node's derivation is at: all before it are fully read.

        Returns
        -------
        False when the safe head is not on the chain held, or lies below what is
        still held (L1 reorg): only `restart` helps. Nothing was changed then.
        """
        if self._tip is None or safe.number > self._tip.number:
            return False
        held = [block.ref for block in self._held()]
        oldest_parent = held[0].number - 1 if held else self._tip.number
        if safe.number < oldest_parent:
            return False
        safe_here = self._tip if not held else next((ref for ref in held if ref.number == safe.number), None)
        expected = safe_here.hash if safe_here else held[0].parent_hash
        if expected != safe.hash:
            return False
        for index, channel in enumerate(self._posted):
            is_read = channel.is_confirmed and channel.last_inclusion < derived_l1
            if is_read and channel.last_block_number > safe.number:
                self._requeue_from(index)
                break
        self._forget_up_to(safe.number)
        return True

    def is_pressing(self, safe: L2BlockRef) -> bool:
        """Whether the window of the block behind this safe head is near its end, as far as L1 is known."""
        limits = self.limits
        deadline = safe.l1_origin.number + limits.sequencing_window_l1_blocks - limits.safety_margin_l1_blocks
        return self._l1_head >= deadline

    def next_transaction_data(self) -> TransactionData | None:
        """
        Hand out the next piece of work, in the order in which L1 has to have them; None when there is none yet.

        Raises
        ------
        ChannelMismatch
            What would be posted does not decode to the blocks that went in.
        """
        self._fill()
        if self._open and self._is_due(self._open):
            self._close_open()
        for channel in self._posted:
            if (data := channel.next_data()) is not None:
                return data
        return None

    def flush(self) -> None:
        """Close the channel that is open, whatever its age."""
        while self._queue or self._open:
            self._fill()
            self._close_open()

    def returned(self, request_id: RequestId) -> None:
        """The piece handed out last was not taken; it is handed out again, under the same name."""
        channel = self._find(request_id)
        if channel is not None:
            channel.take_back(request_id)

    def confirmed(self, request_id: RequestId, block: BlockId) -> None:
        """The transaction stands in this L1 block, until told otherwise."""
        channel = self._find(request_id)
        if channel is None:
            return
        channel.inclusions[channel.requests[request_id]] = block
        invalid = self._find_invalid()
        if invalid is not None:
            self._requeue_from(invalid)

    def failed(self, request_id: RequestId) -> None:
        """
        The transaction will not stand on L1: hand the piece out again, or give up the channel and all behind it.

        It is given up when something was handed out behind it, and when it failed too often.
        """
        channel = self._find(request_id)
        if channel is None:
            return
        index = self._posted.index(channel)
        is_newest = channel.requests[request_id] == channel.handed_out - 1
        is_last = is_newest and not any(later.handed_out for later in self._posted[index + 1 :])
        if is_last and channel.attempts + 1 < MAX_ATTEMPTS:
            channel.take_back(request_id)
            channel.attempts += 1
        else:
            self._requeue_from(index)

    def blobs_of(self, request_id: RequestId) -> int:
        """Blobs of the piece that was handed out under that name; 0: none, or it was given up since."""
        channel = self._find(request_id)
        return 0 if channel is None else len(channel.payloads[channel.requests[request_id]].blobs)

    def _held(self) -> Sequence[L2BlockData]:
        """Every block held, in order."""
        posted = [block for channel in self._posted for block in channel.blocks]
        return [*posted, *(self._open.blocks if self._open else ()), *self._queue]

    def _find(self, request_id: RequestId) -> PostedChannel | None:
        """The channel that handed this out; None when it was given up since."""
        return next((channel for channel in self._posted if request_id in channel.requests), None)

    def _fill(self) -> None:
        """Move blocks from the queue to the open channel until it is large enough; several may close."""
        while self._queue:
            if self._open is None:
                policy = self._choose_policy()
                self._open = OpenChannel(self._new_channel_id(), self._l1_head, policy=policy, span=self._span)
            excess = self._open.add_block(self._queue[0])
            self._queue.popleft()
            self._queue.extendleft(reversed(excess))
            if self._open.is_full:
                self._close_open()

    def _is_due(self, channel: OpenChannel) -> bool:
        limits = self.limits
        oldest_origin = min(block.ref.l1_origin.number for block in channel.blocks)
        deadline = oldest_origin + limits.sequencing_window_l1_blocks - limits.safety_margin_l1_blocks
        return (
            channel.is_full
            or self._l1_head >= channel.opened_at_l1 + limits.max_duration_l1_blocks
            or self._l1_head >= deadline
        )

    def _close_open(self) -> None:
        if self._open is not None:
            channel = self._open.close()
            self.last_channel_bytes = channel.data_bytes
            self._posted.append(channel)
            self._open = None

    def _find_invalid(self) -> int | None:
        """Index of the first channel that a verifier will not take, by where its frames stand."""
        newest_before = 0
        for index, channel in enumerate(self._posted):
            if not channel.is_confirmed:
                continue
            span = channel.last_inclusion - channel.first_inclusion
            is_timed_out = span > self.limits.channel_timeout_l1_blocks
            if is_timed_out or not channel.is_in_order() or channel.first_inclusion < newest_before:
                return index
            newest_before = channel.last_inclusion
        return None

    def _requeue_from(self, index: int) -> None:
        """Put the blocks of that channel and of all behind it back to the queue."""
        given_up = self._posted[index:]
        blocks = [block for channel in given_up for block in channel.blocks]
        blocks += self._open.blocks if self._open else []
        del self._posted[index:]
        self._open = None
        self._queue.extendleft(reversed(blocks))
        self.requeued_channels += len(given_up)

    def _forget_up_to(self, number: int) -> None:
        self._posted = [channel for channel in self._posted if channel.last_block_number > number]
        if self._open and self._open.blocks and self._open.blocks[-1].ref.number <= number:
            self._open = None
        while self._queue and self._queue[0].ref.number <= number:
            self._queue.popleft()
