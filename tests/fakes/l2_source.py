"""An L2 chain that a test grows and reorgs by hand, as `L2Source` and `OutputSource`."""

from eth_hash.auto import keccak

from batcher.codec.span_batch import SpanParameters
from batcher.l2_source import L2BlockData, L2BlockRef, L2Output, L2SyncStatus, L2Unavailable
from l1_bridge.output_root import compute_output_root
from l1_bridge.types import BlockId


def make_l1_id(number: int, branch: str = "main") -> BlockId:
    """An L1 block id; the branch tells two blocks of one height apart."""
    return BlockId(number, keccak(f"l1-{branch}-{number}".encode()))


SPAN = SpanParameters(genesis_timestamp=1_700_000_000, block_time=1, chain_id=901)
"""What span batches of this chain leave out."""

GENESIS = L2BlockRef(0, keccak(b"l2-genesis"), bytes(32), 1_700_000_000, make_l1_id(0), 0)


def make_l2_block(
    parent: L2BlockRef, transactions: tuple[bytes, ...] = (b"\x02tx",), *, origin: int = 0, branch: str = "main"
) -> L2BlockData:
    """The block on top of `parent`."""
    number = parent.number + 1
    block_hash = keccak(parent.hash + f"{branch}-{number}-{origin}".encode() + b"".join(transactions))
    ref = L2BlockRef(number, block_hash, parent.hash, parent.timestamp + 1, make_l1_id(origin), 0)
    return L2BlockData(ref, transactions)


class FakeL2Source:
    """The chain, and the heads that the node would tell."""

    def __init__(self) -> None:
        self.blocks: list[L2BlockData] = []
        self.safe = 0
        self.finalized = 0
        self.head_l1 = 1
        self.current_l1 = 1
        self.is_away = False
        self.requests = 0
        self.claimed_output: bytes | None = None
        """What the node says an output root is, when it is wrong."""

    def ref(self, number: int) -> L2BlockRef:
        """The block of that number, genesis included."""
        return self.blocks[number - 1].ref if number else GENESIS

    def extend(self, count: int = 1, transactions: tuple[bytes, ...] = (b"\x02tx",), *, branch: str = "main") -> None:
        """Add blocks on top."""
        for _ in range(count):
            block = make_l2_block(self.ref(len(self.blocks)), transactions, origin=self.head_l1, branch=branch)
            self.blocks.append(block)

    def reorg(self, to_number: int, count: int) -> None:
        """Replace all above `to_number` by others."""
        del self.blocks[to_number:]
        self.extend(count, branch=f"after-{to_number}")

    async def sync_status(self) -> L2SyncStatus:
        """Heads as set by the test."""
        if self.is_away:
            raise L2Unavailable("optimism_syncStatus", "away")
        return self._status()

    async def block(self, number: int) -> L2BlockData:
        """The block of that number."""
        if self.is_away or not 0 < number <= len(self.blocks):
            raise L2Unavailable("braid_rawBlock", f"no block {number}")
        self.requests += 1
        return self.blocks[number - 1]

    async def output_at_block(self, number: int) -> L2Output:
        """An output that is a function of the block's hash."""
        ref = self.ref(number)
        state_root, storage_root = keccak(b"state" + ref.hash), keccak(b"storage" + ref.hash)
        output_root = self.claimed_output or compute_output_root(state_root, storage_root, ref.hash)
        return L2Output(output_root, state_root, storage_root, ref, self._status())

    def _status(self) -> L2SyncStatus:
        return L2SyncStatus(
            head_l1=make_l1_id(self.head_l1),
            current_l1=make_l1_id(self.current_l1),
            unsafe=self.ref(len(self.blocks)),
            safe=self.ref(self.safe),
            finalized=self.ref(self.finalized),
        )
