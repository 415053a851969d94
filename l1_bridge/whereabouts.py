"""
Where our transactions stand on L1: in no block, in one, or no longer in the one where they stood.

What stands in a block is asked again only when the block may be gone: when L1's head
does not descend from the one seen before. Nodes behind one address differ for a
moment; so an absence is noted with its block, and acted upon later by others.
"""

from collections.abc import Sequence

import structlog

from l1_bridge import metrics
from l1_bridge.l1_client import MinedTransaction
from l1_bridge.ledger import Entry
from l1_bridge.sending import L1Account
from l1_bridge.types import L1Header

_log = structlog.get_logger(__name__)


class Whereabouts:
    """Follows entries from head to head."""

    def __init__(self, l1: L1Account) -> None:
        self._l1 = l1
        self._held: L1Header | None = None
        """The head of the last complete look."""

    async def look(self, entries: Sequence[Entry], head: L1Header, used: int) -> None:
        """Bring every entry up to date, where `used` is the account's count; raises `TemporaryError`."""
        held = self._held
        is_extended = held is not None and await self._is_extended(held, head)
        for entry in entries:
            mined = entry.mined
            is_new = mined is not None and held is not None and mined.block.number > held.number
            if mined is None or is_new or not is_extended or entry.nonce >= used:
                await self._look_at(entry, head, used)
            if entry.mined is None and not is_extended:
                entry.is_in_pool = False
        self._held = head

    async def _is_extended(self, held: L1Header, head: L1Header) -> bool:
        """Whether `head` is `held` or descends from it."""
        if head.hash == held.hash or head.parent_hash == held.hash:
            return True
        if head.number <= held.number:
            return False
        canonical = await self._l1.header_by_number(held.number)
        return canonical is not None and canonical.hash == held.hash

    async def _look_at(self, entry: Entry, head: L1Header, used: int) -> None:
        was_mined = entry.mined
        entry.mined = await self._find(entry) if entry.nonce < used else None
        if was_mined is not None and entry.mined is None:
            metrics.L1_TRANSACTIONS.labels("reorged").inc()
            entry.is_in_pool = False
            _log.warning("l1_transaction_reorged", nonce=entry.nonce, l1_block=was_mined.block.number)
        if entry.mined is not None or entry.nonce >= used:
            entry.missing_since_block = None
        elif entry.missing_since_block is None or entry.missing_since_block > head.number:
            entry.missing_since_block = head.number

    async def _find(self, entry: Entry) -> MinedTransaction | None:
        for version in reversed(entry.versions):
            mined = await self._l1.mined_transaction(version.signed.hash)
            if mined is not None:
                return mined
        return None
