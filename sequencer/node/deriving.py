"""
Derivation in a process of its own, without RPC: for commands that compare what L1 says with what somebody claims.

`DerivedOutputs` gives outputs of the derived chain as the watcher wants them, `IdleSignal` says when all of L1 is read.
"""

from batcher.l2_source import L2Output, L2SyncStatus, L2Unavailable
from l1_bridge.output_root import compute_output_root
from l1_bridge.service import Wake
from l1_bridge.types import ZERO_HASH, BlockId, L1Header
from sequencer.chain.chain import Chain
from sequencer.derivation.driver import DerivationService

UNKNOWN = BlockId(0, ZERO_HASH)


class DerivedOutputs:
    """Implements `OutputSource` on a chain of this process."""

    def __init__(self, chain: Chain, derivation: DerivationService) -> None:
        self._chain = chain
        self._derivation = derivation

    async def sync_status(self) -> L2SyncStatus:
        """Heads of both chains; zero where they are not known yet."""
        status = self._derivation.sync_status
        return L2SyncStatus(
            head_l1=_id(status.head_l1),
            current_l1=_id(status.current_l1),
            unsafe=status.unsafe_l2,
            safe=status.safe_l2,
            finalized=status.finalized_l2,
        )

    async def output_at_block(self, number: int) -> L2Output:
        """The output of a derived block; raises L2Unavailable when it gave way meanwhile."""
        block, ref = self._chain.block(number), self._chain.ref(number)
        if block is None or ref is None or block.hash != ref.hash:
            raise L2Unavailable("derivation", f"block {number} is not there")
        header = block.header
        root = compute_output_root(header.state_root, header.withdrawals_root, block.hash)
        return L2Output(root, header.state_root, header.withdrawals_root, ref, await self.sync_status())


class IdleSignal:
    """A derivation service that tells whether its last step found nothing left to read on L1."""

    def __init__(self, derivation: DerivationService) -> None:
        self._derivation = derivation
        self.is_idle = False

    async def step(self) -> Wake:
        """The service's own step."""
        self.is_idle = False
        wake = await self._derivation.step()
        self.is_idle = wake.after_seconds > 0 and self._derivation.head_l1 is not None
        return wake

    async def reset(self) -> None:
        """The service's own reset."""
        self.is_idle = False
        await self._derivation.reset()


def _id(header: L1Header | None) -> BlockId:
    return UNKNOWN if header is None else header.id
