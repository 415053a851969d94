"""Block 0 in the store: written when the store is new, compared when it is not; and the heads as they were left."""

from batcher.l2_source import L2BlockRef
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.types import BlockId
from sequencer.primitives.genesis import Genesis
from sequencer.state.genesis_state import make_genesis_block
from sequencer.state.store import ReadTransaction, Store, StoreOfAnotherChain, Table, WriteTransaction
from sequencer.state.tries import apply_block
from sequencer.state.world_state import decode_block_id, encode_block_id, state_head

from . import records
from .errors import GenesisMismatch, UnknownBlock
from .heads import Heads

SAFE_KEY = b"safe"
FINALIZED_KEY = b"finalized"
GENESIS_KEY = b"genesis"


def ensure_genesis(store: Store, genesis: Genesis, rollup: RollupConfig | None) -> None:
    """Write block 0 into an empty store; raises StoreOfAnotherChain or GenesisMismatch where it is another one."""
    if _is_there(store, genesis, rollup):
        return
    made = make_genesis_block(genesis)
    block = made.block
    _check_agreement(block.hash, rollup)
    origin = records.NO_ORIGIN if rollup is None else rollup.genesis.l1
    ref = L2BlockRef(0, block.hash, block.header.parent_hash, block.header.timestamp, origin, 0)

    def begin(transaction: WriteTransaction) -> None:
        found = transaction.get(Table.META, GENESIS_KEY)
        if found is not None:
            if found != block.hash:
                raise StoreOfAnotherChain(store.path, "genesis", "0x" + found.hex(), "0x" + block.hash.hex())
            return
        apply_block(transaction, BlockId(0, block.hash), made.changes, made.trie)
        records.put_block(transaction, block, (), ref)
        for key in (SAFE_KEY, FINALIZED_KEY):
            transaction.put(Table.META, key, encode_block_id(BlockId(0, block.hash)))
        transaction.put(Table.META, GENESIS_KEY, block.hash)

    store.write(begin)


def _is_there(store: Store, genesis: Genesis, rollup: RollupConfig | None) -> bool:
    """Whether the store has this very block 0, as far as that is known without making it."""
    with store.read() as transaction:
        found = transaction.get(Table.META, GENESIS_KEY)
    if found is None or genesis.known_hash != found:
        return False
    _check_agreement(found, rollup)
    return True


def _check_agreement(block_hash: bytes, rollup: RollupConfig | None) -> None:
    if rollup is not None and rollup.genesis.l2.hash != block_hash:
        raise GenesisMismatch(block_hash, rollup.genesis.l2.hash)


def load_heads(store: Store) -> Heads:
    """The heads as the last commit left them."""
    with store.read() as transaction:
        unsafe = state_head(transaction)
        assert unsafe is not None
        return Heads(
            unsafe=_ref_of(transaction, unsafe),
            safe=_ref_of(transaction, _marked(transaction, SAFE_KEY)),
            finalized=_ref_of(transaction, _marked(transaction, FINALIZED_KEY)),
        )


def put_safe(transaction: WriteTransaction, ref: L2BlockRef, derived_from: BlockId, *, advances: bool) -> None:
    """`ref` follows from L1 up to `derived_from`; where that `advances` the safe head, it is the safe head."""
    records.put_derived_from(transaction, ref.number, derived_from)
    if advances:
        transaction.put(Table.META, SAFE_KEY, encode_block_id(BlockId(ref.number, ref.hash)))


def load_state_root(store: Store, head: L2BlockRef) -> bytes:
    """The state root of the head, as its header has it."""
    with store.read() as transaction:
        block = records.get_block_or_none(transaction, head.number)
    if block is None:
        raise UnknownBlock(BlockId(head.number, head.hash))
    return block.header.state_root


def _marked(transaction: ReadTransaction, key: bytes) -> BlockId:
    data = transaction.get(Table.META, key)
    assert data is not None
    return decode_block_id(data)


def _ref_of(transaction: ReadTransaction, block: BlockId) -> L2BlockRef:
    ref = records.get_ref_or_none(transaction, block.number)
    if ref is None or ref.hash != block.hash:
        raise UnknownBlock(block)
    return ref
