"""
The chain: one line of blocks in the store, its heads, and every way to change it.

    open_block -> apply slices -> seal_open_block -> import_sealed          sequencing: we choose
    execute_payload -> import_sealed, unwind                                derivation: L1 decided
    mark_safe, rewind_safe, mark_finalized                                  what L1 says of blocks that are here

Both sources of blocks end in `import_sealed`: one atomic commit, then the heads are swapped, then the cache hears of
it, then the listeners. Methods that change the chain run on the one chain thread; reads are safe from every thread.
A process that ends at any instant finds the chain before block N or after it (law 5).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from batcher.l2_source import L2BlockRef
from l1_bridge.output_root import compute_output_root
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.types import BlockId
from sequencer.execution.access_list import AccessHints, BlockAccessList, TakesHints, build_block_access_list
from sequencer.execution.environment import BLOCKHASH_WINDOW, BlockEnvironment, Rules, make_environment
from sequencer.execution.interface import Engine, SealedBlock
from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.block import Block
from sequencer.primitives.genesis import Genesis
from sequencer.primitives.receipt import Receipt
from sequencer.primitives.recovery import Decoding
from sequencer.state.changes import ChangeSet
from sequencer.state.commitment import StateCommitment
from sequencer.state.proofs import AccountProof, account_proof
from sequencer.state.store import Store, Table, WriteTransaction
from sequencer.state.tries import apply_block, commitment_over, ensure_tries, settle_if_due, unapply_blocks
from sequencer.state.world_state import StateAt, encode_block_id, prune

from . import records
from .access_lists import AccessLists
from .block_reader import BlockReader
from .commit import CommitPoint, HeadCache, oldest_kept, pass_by
from .errors import BelowFinalized, NoOpenBlock, UnknownBlock, WrongParent
from .genesis import FINALIZED_KEY, SAFE_KEY, ensure_genesis, load_heads, load_state_root, put_safe
from .heads import BlockImported, BlocksUnwound, ChainEvent, ChainListener, FinalizedAdvanced, Heads, SafeAdvanced
from .open_block import OpenBlockHandle, PendingBlock
from .payload import InvalidPayload, execute
from .records import TransactionPosition

__all__ = ["Chain", "CommitPoint", "HeadCache", "InvalidPayload", "OpenBlockHandle", "PendingBlock"]


class Chain:
    """See the module."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        *,
        heads: Heads,
        engine: Engine,
        cache: HeadCache | None,
        at_point: Callable[[CommitPoint], None],
    ) -> None:
        """Use `open`."""
        self.rules = rules
        self.store = store
        self._heads = heads
        self._engine = engine
        self._cache = cache
        self._at_point = at_point
        self._blocks = BlockReader(store)
        self._access_lists = AccessLists()
        self._current: OpenBlockHandle | None = None
        self._listeners: list[ChainListener] = []

    @classmethod
    def open(
        cls,
        store: Store,
        genesis: Genesis,
        rollup: RollupConfig | None,
        engine: Engine,
        cache: HeadCache | None = None,
        *,
        at_point: Callable[[CommitPoint], None] = pass_by,
    ) -> "Chain":
        """
        The chain in `store`, begun with `genesis` when the store is empty; `rollup` is None for a chain without L1.

        Raises
        ------
        StoreOfAnotherChain
            the store has another genesis block.
        GenesisMismatch
            the rollup config names another genesis block.
        """
        ensure_genesis(store, genesis, rollup)
        heads = load_heads(store)
        ensure_tries(store, _id(heads.unsafe), load_state_root(store, heads.unsafe))
        if cache is not None:
            cache.resume(_id(heads.unsafe))
        rules = Rules(chain_id=genesis.chain_id, is_optimism=genesis.optimism is not None)
        return cls(store, rules, heads=heads, engine=engine, cache=cache, at_point=at_point)

    @property
    def heads(self) -> Heads:
        """Unsafe, safe and finalized head, as one value."""
        return self._heads

    @property
    def current(self) -> OpenBlockHandle | None:
        """The open block, until it is imported or abandoned."""
        return self._current

    def subscribe(self, listener: ChainListener) -> None:
        """Call `listener` with every event from now on, on the chain thread, after the commit."""
        self._listeners.append(listener)

    # The open block and payloads

    def open_block(self, attributes: PayloadAttributes) -> OpenBlockHandle:
        """Begin a block over the unsafe head and execute its deposits; an older open block is abandoned."""
        self.abandon_open_block()
        handle = self._begin(attributes)
        try:
            handle.apply_deposits(attributes.deposits)
        except BaseException:
            handle.abandon()
            raise
        self._current = handle
        return handle

    def abandon_open_block(self) -> None:
        """Throw the open block away, if there is one."""
        handle, self._current = self._current, None
        if handle is not None:
            handle.abandon()

    def seal_open_block(self) -> SealedBlock:
        """Finish the open block; it stays `current` until it is imported. Raises NoOpenBlock."""
        if self._current is None:
            raise NoOpenBlock
        return self._current.seal(self._commitment())

    def execute_payload(
        self, parent: L2BlockRef, attributes: PayloadAttributes, decoded: Sequence[Decoding] | None = None
    ) -> SealedBlock | InvalidPayload:
        """
        Execute a derived payload over the unsafe head, which `parent` must be; the open block is abandoned.

        One transaction that can not stand in the block makes all of it invalid. `decoded`: where that was done ahead.
        Raises WrongParent, and DepositLeftOut for a payload whose deposits alone are invalid.
        """
        head = self._heads.unsafe
        if parent.hash != head.hash:
            raise WrongParent(parent.hash, _id(head))
        self.abandon_open_block()
        handle = self._begin(attributes)
        try:
            return execute(handle, self._commitment(), decoded)
        finally:
            handle.abandon()

    def expect(self, hints: AccessHints) -> None:
        """Hand on what somebody says of the next block, to an engine that can use it."""
        if isinstance(self._engine, TakesHints):
            self._engine.expect(hints)

    def _begin(self, attributes: PayloadAttributes) -> OpenBlockHandle:
        head = self._heads.unsafe
        parent = self._head_block()
        environment = make_environment(self.rules, parent.header, attributes, self.recent_hashes(head.number))
        state = self.head_state()
        opened = self._engine.open_block(parent.header, environment, state)
        return OpenBlockHandle(_id(head), environment, attributes, opened)

    def _commitment(self) -> StateCommitment:
        return commitment_over(self.store, self._head_block().header.state_root)

    def _head_block(self) -> Block:
        head = self._heads.unsafe
        block = self._blocks.block(head.number)
        if block is None or block.hash != head.hash:
            raise UnknownBlock(_id(head))
        return block

    # Commits

    def import_sealed(self, sealed: SealedBlock, derived_from: BlockId | None = None) -> L2BlockRef:
        """Make `sealed` the unsafe head, with `derived_from` the safe one too, in one commit; raises WrongParent."""
        block, head = sealed.block, self._heads.unsafe
        if block.header.parent_hash != head.hash or block.number != head.number + 1:
            raise WrongParent(block.header.parent_hash, _id(head))
        ref = records.make_ref(block, self.rules.is_optimism)
        finalized = self._heads.finalized.number

        def commit(transaction: WriteTransaction) -> ChangeSet:
            complete = apply_block(transaction, _id(ref), sealed.changes, sealed.trie)
            records.put_block(transaction, block, sealed.receipts, ref)
            if derived_from is not None:
                put_safe(transaction, ref, derived_from, advances=True)
            prune(transaction, oldest_kept(finalized))
            self._at_point(CommitPoint.WRITTEN_NOT_COMMITTED)
            return complete

        self._at_point(CommitPoint.BEFORE_COMMIT)
        complete = self.store.write(commit)
        self._blocks.remember(block, sealed.receipts)
        self._access_lists.keep(block, sealed.accesses)
        self._heads = replace(self._heads, unsafe=ref, safe=self._heads.safe if derived_from is None else ref)
        self.abandon_open_block()
        self._at_point(CommitPoint.COMMITTED_NOT_PUBLISHED)
        if self._cache is not None:
            self._cache.publish(_id(head), _id(ref), complete)
        self._at_point(CommitPoint.PUBLISHED)
        self._notify(BlockImported(block, sealed.receipts, ref))
        if derived_from is not None:
            self._notify(SafeAdvanced(ref))
        if settle_if_due(self.store, lambda: self._at_point(CommitPoint.SETTLED_NOT_COMMITTED)):
            self._at_point(CommitPoint.SETTLED)
        return ref

    def unwind(self, number: int) -> tuple[Block, ...]:
        """
        Remove all blocks above `number` in one atomic commit; returns them ascending.

        A safe head among them falls back to `number`. Raises BelowFinalized.
        """
        heads = self._heads
        if number < heads.finalized.number:
            raise BelowFinalized(number, heads.finalized.number)
        if number >= heads.unsafe.number:
            return ()
        self.abandon_open_block()
        blocks = tuple(self._require_block(above) for above in range(number + 1, heads.unsafe.number + 1))
        target = self._require_ref(number)
        safe = target if heads.safe.number > number else heads.safe

        def commit(transaction: WriteTransaction) -> None:
            above = [BlockId(block.number, block.hash) for block in reversed(blocks)]
            unapply_blocks(transaction, above, _id(target))
            for block in reversed(blocks):
                records.delete_block(transaction, block)
            transaction.put(Table.META, SAFE_KEY, encode_block_id(_id(safe)))
            self._at_point(CommitPoint.WRITTEN_NOT_COMMITTED)

        self._at_point(CommitPoint.BEFORE_COMMIT)
        self.store.write(commit)
        self._heads = Heads(unsafe=target, safe=safe, finalized=heads.finalized)
        self._at_point(CommitPoint.COMMITTED_NOT_PUBLISHED)
        if self._cache is not None:
            self._cache.restart(_id(target))
        self._at_point(CommitPoint.PUBLISHED)
        self._notify(BlocksUnwound(blocks))
        if safe != heads.safe:
            self._notify(SafeAdvanced(safe))
        return blocks

    def mark_safe(self, ref: L2BlockRef, derived_from: BlockId) -> None:
        """
        `ref` follows from L1 up to `derived_from`; the safe head moves up to it, never back.

        Raises UnknownBlock when it is not part of the chain.
        """
        self._require(ref)
        advances = ref.number > self._heads.safe.number

        def commit(transaction: WriteTransaction) -> None:
            put_safe(transaction, ref, derived_from, advances=advances)

        self.store.write(commit)
        if advances:
            self._heads = replace(self._heads, safe=ref)
            self._notify(SafeAdvanced(ref))

    def rewind_safe(self, number: int) -> None:
        """L1 has changed: only blocks up to `number` are known to follow from it. Raises BelowFinalized."""
        heads = self._heads
        if number < heads.finalized.number:
            raise BelowFinalized(number, heads.finalized.number)
        if number >= heads.safe.number:
            return
        target = self._require_ref(number)

        def commit(transaction: WriteTransaction) -> None:
            for above in range(number + 1, heads.safe.number + 1):
                records.delete_derived_from(transaction, above)
            transaction.put(Table.META, SAFE_KEY, encode_block_id(_id(target)))

        self.store.write(commit)
        self._heads = replace(heads, safe=target)
        self._notify(SafeAdvanced(target))

    def mark_finalized(self, ref: L2BlockRef) -> None:
        """Blocks up to `ref` can not change any more; raises UnknownBlock when it is not part of the safe chain."""
        self._require(ref)
        if ref.number > self._heads.safe.number:
            raise UnknownBlock(_id(ref))
        if ref.number <= self._heads.finalized.number:
            return

        def commit(transaction: WriteTransaction) -> None:
            transaction.put(Table.META, FINALIZED_KEY, encode_block_id(_id(ref)))
            prune(transaction, oldest_kept(ref.number))

        self.store.write(commit)
        self._heads = replace(self._heads, finalized=ref)
        self._notify(FinalizedAdvanced(ref))

    def _notify(self, event: ChainEvent) -> None:
        for listener in self._listeners:
            listener(event)

    def _require(self, ref: L2BlockRef) -> None:
        known = self.ref(ref.number)
        if known is None or known.hash != ref.hash:
            raise UnknownBlock(_id(ref))

    def _require_ref(self, number: int) -> L2BlockRef:
        ref = self.ref(number)
        if ref is None:
            raise UnknownBlock(BlockId(number, bytes(32)))
        return ref

    def _require_block(self, number: int) -> Block:
        block = self.block(number)
        if block is None:
            raise UnknownBlock(BlockId(number, bytes(32)))
        return block

    # Reads, from any thread

    def block(self, number: int) -> Block | None:
        """The chain's block with that number."""
        return self._blocks.block(number)

    def block_by_hash(self, block_hash: bytes) -> Block | None:
        """The chain's block with that hash."""
        return self._blocks.block_by_hash(block_hash)

    def receipts(self, number: int) -> tuple[Receipt, ...] | None:
        """Receipts of a block, in the order of its transactions; None when there is no such block."""
        return self._blocks.receipts(number)

    def ref(self, number: int) -> L2BlockRef | None:
        """The ref of the block with that number."""
        return self._blocks.ref(number)

    def number_of(self, block_hash: bytes) -> int | None:
        """Number of the chain's block with that hash."""
        return self._blocks.number_of(block_hash)

    def position(self, transaction_hash: bytes) -> TransactionPosition | None:
        """Where the transaction stands in the chain."""
        return self._blocks.position(transaction_hash)

    def access_list(self, number: int) -> BlockAccessList | None:
        """Who read and wrote what in a block; None when that is not kept. Raises UnknownBlock."""
        block = self._require_block(number)
        accesses = self._access_lists.get_or_none(block.hash)
        if accesses is None:
            return None
        parent = StateAt(self.store, BlockId(number - 1, block.header.parent_hash))
        return build_block_access_list(accesses, parent, parent.code)

    def derived_from(self, number: int) -> BlockId | None:
        """The L1 block from which on the block follows from L1; None while it is unsafe."""
        return self._blocks.derived_from(number)

    def recent_hashes(self, number: int) -> tuple[bytes, ...]:
        """Hashes of the block and its ancestors, newest first, at most 256: what its child may ask for."""
        return self._blocks.hashes(number, BLOCKHASH_WINDOW)

    def head_state(self) -> StateAt:
        """The state at the unsafe head; it stays that of this block while the chain grows."""
        return StateAt(self.store, _id(self._heads.unsafe))

    def state_at(self, number: int) -> StateAt:
        """The state at a block; raises UnknownBlock, and StateUnavailable when it was pruned."""
        state = StateAt(self.store, _id(self._require_ref(number)))
        state.check()
        return state

    def environment_of(self, number: int) -> BlockEnvironment:
        """The environment that the block's own transactions saw; raises UnknownBlock."""
        return self._blocks.environment(self._require_block(number), self.rules)

    def proof(self, number: int, address: bytes, slots: Sequence[int]) -> AccountProof:
        """Proof of an account and of slots against the block's state root; raises UnknownBlock, StateUnavailable."""
        block = self._require_block(number)
        return account_proof(self.store, BlockId(number, block.hash), block.header.state_root, address, slots)

    def output_root(self, number: int) -> bytes:
        """The output root of a block (proposals.md); raises UnknownBlock."""
        block = self._require_block(number)
        return compute_output_root(block.header.state_root, block.header.withdrawals_root, block.hash)


def _id(ref: L2BlockRef) -> BlockId:
    return BlockId(ref.number, ref.hash)
