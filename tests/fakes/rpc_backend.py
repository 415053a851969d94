"""
A backend for the RPC without store, engine or pool: a recorded OP chain, or a plain one made from it, in memory.

Blocks and receipts are real (made by op-geth); state is what the test puts in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from batcher.l2_source import L2BlockRef
from l1_bridge.errors import BraidError
from l1_bridge.ordered_trie import ordered_trie_root
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.types import BlockId, L1Header
from sequencer.execution.access_list import BlockAccessList
from sequencer.execution.environment import BlockEnvironment, Rules
from sequencer.execution.interface import (
    CallMessage,
    CallResult,
    Included,
    OpenBlock,
    Outcome,
    Overrides,
)
from sequencer.mempool.errors import AlreadyKnown, Undecodable
from sequencer.mempool.statuses import TransactionState, TransactionStatus
from sequencer.primitives.account import Account
from sequencer.primitives.block import Block, decode_block, make_block
from sequencer.primitives.errors import DecodingError
from sequencer.primitives.header import Header
from sequencer.primitives.receipt import Log, Receipt, compute_logs_bloom, decode_receipt
from sequencer.primitives.transaction import Transaction, decode_transaction
from sequencer.rpc.backend import Backend, make_backend
from sequencer.rpc.block_view import l1_info_of
from sequencer.rpc.settings import RpcSettings
from sequencer.state.proofs import AccountProof, StorageProof
from sequencer.state.reader import StateReader
from sequencer.state.world_state import StateUnavailable

from .recorded_l1 import load_vector


@dataclass(frozen=True, slots=True)
class FakeHeads:
    """Three heads."""

    unsafe: L2BlockRef
    safe: L2BlockRef
    finalized: L2BlockRef


@dataclass(frozen=True, slots=True)
class FakePosition:
    """A place in the chain."""

    number: int
    index: int


@dataclass(slots=True)
class FakeState:
    """State in dictionaries."""

    accounts: dict[bytes, Account] = field(default_factory=dict)
    slots: dict[tuple[bytes, int], int] = field(default_factory=dict)
    codes: dict[bytes, bytes] = field(default_factory=dict)

    def account(self, address: bytes) -> Account | None:
        return self.accounts.get(address)

    def storage(self, address: bytes, slot: int) -> int:
        return self.slots.get((address, slot), 0)

    def code(self, code_hash: bytes) -> bytes:
        return self.codes.get(code_hash, b"")


@dataclass(slots=True)
class FakeOpenBlock:
    """An open block whose outcomes the test appends."""

    environment: BlockEnvironment
    state: FakeState
    outcomes: list[Outcome] = field(default_factory=list)

    def view(self) -> StateReader:
        return self.state


class FakeChain:
    """Blocks in a list; the last one is the unsafe head, safe and finalized are behind it."""

    def __init__(self, rules: Rules, blocks: Sequence[tuple[Block, tuple[Receipt, ...]]]) -> None:
        self.rules = rules
        self.blocks = list(blocks)
        self.state = FakeState()
        self.pruned_below = 0
        self.current: FakeOpenBlock | None = None
        self.fail_with: Exception | None = None
        self.blocks_read = 0
        self.access_lists: dict[int, BlockAccessList] = {}

    @property
    def heads(self) -> FakeHeads:
        last = len(self.blocks) - 1
        return FakeHeads(*(self.ref(max(last - behind, 0)) or self._ref(self.blocks[0][0]) for behind in (0, 4, 8)))

    def block(self, number: int) -> Block | None:
        self.blocks_read += 1
        if self.fail_with is not None:
            raise self.fail_with
        return self.blocks[number][0] if 0 <= number < len(self.blocks) else None

    def block_by_hash(self, block_hash: bytes) -> Block | None:
        return next((block for block, _ in self.blocks if block.hash == block_hash), None)

    def receipts(self, number: int) -> tuple[Receipt, ...] | None:
        return self.blocks[number][1] if 0 <= number < len(self.blocks) else None

    def ref(self, number: int) -> L2BlockRef | None:
        return self._ref(self.blocks[number][0]) if 0 <= number < len(self.blocks) else None

    def number_of(self, block_hash: bytes) -> int | None:
        block = self.block_by_hash(block_hash)
        return None if block is None else block.number

    def position(self, transaction_hash: bytes) -> FakePosition | None:
        for block, _ in self.blocks:
            for index, transaction in enumerate(block.transactions):
                if transaction.hash == transaction_hash:
                    return FakePosition(block.number, index)
        return None

    def access_list(self, number: int) -> BlockAccessList | None:
        return self.access_lists.get(number)

    def state_at(self, number: int) -> StateReader:
        if number < self.pruned_below:
            raise StateUnavailable(BlockId(number, self.blocks[number][0].hash))
        return self.state

    def environment_of(self, number: int) -> BlockEnvironment:
        return environment_over(self.rules, self.blocks[number][0].header, number)

    def proof(self, number: int, address: bytes, slots: Sequence[int]) -> AccountProof:
        self.state_at(number)
        account = self.state.account(address) or Account()
        return AccountProof(
            address=address,
            nonce=account.nonce,
            balance=account.balance,
            storage_root=b"\x11" * 32,
            code_hash=account.code_hash,
            nodes=(b"\xc0",),
            storage=tuple(StorageProof(slot, self.state.storage(address, slot), (b"\xc1\x80",)) for slot in slots),
        )

    @staticmethod
    def _ref(block: Block) -> L2BlockRef:
        info = l1_info_of(block.transactions)
        return L2BlockRef(
            number=block.number,
            hash=block.hash,
            parent_hash=block.header.parent_hash,
            timestamp=block.header.timestamp,
            l1_origin=BlockId(0, bytes(32)) if info is None else info.origin,
            sequence_number=0 if info is None else info.sequence_number,
        )


def environment_over(rules: Rules, header: Header, number: int) -> BlockEnvironment:
    """The header's values as an environment of that number."""
    return BlockEnvironment(
        rules=rules,
        number=number,
        timestamp=header.timestamp,
        gas_limit=header.gas_limit,
        base_fee_per_gas=header.base_fee_per_gas,
        fee_recipient=header.fee_recipient,
        prev_randao=header.prev_randao,
        parent_beacon_block_root=header.parent_beacon_block_root,
        parent_hash=header.parent_hash,
        extra_data=header.extra_data,
        recent_hashes=(header.parent_hash,),
    )


class FakePool:
    """Takes every decodable transaction that it does not know; `refusal` is raised instead when set."""

    def __init__(self) -> None:
        self.known: dict[bytes, Transaction] = {}
        self.statuses: dict[bytes, TransactionStatus] = {}
        self.nonces: dict[bytes, int] = {}
        self.refusal: Exception | None = None
        self.on_submit: Callable[[Transaction], None] = lambda transaction: None
        self.submissions: list[list[Transaction]] = []
        """What came decoded, by what came together."""

    async def submit_many(self, raws: Sequence[bytes]) -> list[bytes | BraidError]:
        return self._take_all(raws)

    def submit_decoded(
        self,
        raws: Sequence[bytes],
        found: Sequence[Transaction],
        on_answered: Callable[[Sequence[bytes | BraidError]], None],
    ) -> None:
        self.submissions.append(list(found))
        on_answered(self._take_all(raws))

    def _take_all(self, raws: Sequence[bytes]) -> list[bytes | BraidError]:
        answers: list[bytes | BraidError] = []
        for raw in raws:
            try:
                answers.append(self._take(raw))
            except BraidError as reason:
                answers.append(reason)
        return answers

    def _take(self, raw: bytes) -> bytes:
        if self.refusal is not None:
            raise self.refusal
        try:
            transaction = decode_transaction(raw)
        except DecodingError as reason:
            raise Undecodable(str(reason)) from None
        if transaction.hash in self.known:
            raise AlreadyKnown(transaction.hash)
        self.known[transaction.hash] = transaction
        self.on_submit(transaction)
        return transaction.hash

    def pending_nonce(self, address: bytes, executed: int) -> int:
        return max(executed, self.nonces.get(address, 0))

    def transaction(self, transaction_hash: bytes) -> Transaction | None:
        return self.known.get(transaction_hash)

    def status(self, transaction_hash: bytes) -> TransactionStatus:
        return self.statuses.get(transaction_hash, TransactionStatus(TransactionState.UNKNOWN))


class FakeCallEngine:
    """Answers calls with what the test says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.respond: Callable[[CallMessage], CallResult] = lambda message: CallResult(b"", 21_000, None)
        self.calls: list[tuple[BlockEnvironment, StateReader, CallMessage, Overrides]] = []

    def open_block(self, parent: Header, environment: BlockEnvironment, state: StateReader) -> OpenBlock:
        raise AssertionError("the RPC opens no blocks")

    def call(
        self, environment: BlockEnvironment, state: StateReader, message: CallMessage, overrides: Overrides
    ) -> CallResult:
        self.calls.append((environment, state, message, overrides))
        return self.respond(message)

    def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class FakeL1Progress:
    """L1 blocks as the test says."""

    current_l1: L1Header | None = None
    head_l1: L1Header | None = None
    safe_l1: L1Header | None = None
    finalized_l1: L1Header | None = None


@cache
def recorded_blocks(count: int) -> tuple[tuple[Block, tuple[Receipt, ...]], ...]:
    """The first blocks of `calldata.json.gz`, genesis included, with their receipts."""
    return tuple(
        (
            decode_block(bytes.fromhex(entry["block"][2:])),
            tuple(decode_receipt(bytes.fromhex(receipt[2:])) for receipt in entry["receipts"]),
        )
        for entry in load_vector("calldata")["l2"][:count]
    )


@cache
def recorded_rollup() -> RollupConfig:
    """The rollup config of the recorded chain."""
    return RollupConfig.from_json(load_vector("calldata")["rollup"])


def plain_blocks(
    transactions: Mapping[int, Sequence[Transaction]], count: int
) -> list[tuple[Block, tuple[Receipt, ...]]]:
    """Hash-linked plain blocks; each transaction succeeds with 21,000 gas and one log."""
    template = recorded_blocks(1)[0][0].header
    blocks: list[tuple[Block, tuple[Receipt, ...]]] = []
    parent_hash = bytes(32)
    for number in range(count):
        included = tuple(transactions.get(number, ()))
        receipts = tuple(receipt_for(one, index) for index, one in enumerate(included))
        header = replace(
            template,
            number=number,
            parent_hash=parent_hash,
            timestamp=template.timestamp + 2 * number,
            extra_data=b"",
            gas_used=21_000 * len(included),
            base_fee_per_gas=10**9,
            transactions_root=ordered_trie_root([one.raw for one in included]),
            receipts_root=ordered_trie_root([receipt.encode() for receipt in receipts]),
            logs_bloom=compute_logs_bloom(log for receipt in receipts for log in receipt.logs),
        )
        block = make_block(header, included)
        blocks.append((block, receipts))
        parent_hash = block.hash
    return blocks


def receipt_for(transaction: Transaction, index: int) -> Receipt:
    """A receipt at that place of a block of plain transfers, with a log of its recipient."""
    logs = (Log(transaction.to or bytes(20), (index.to_bytes(32, "big"),), b"\x01"),)
    return Receipt(transaction.type, 1, 21_000 * (index + 1), compute_logs_bloom(logs), logs)


def included_in_open_block(transaction: Transaction, index: int) -> Included:
    """The outcome of a transaction in a slice."""
    return Included(transaction, receipt_for(transaction, index), 21_000)


@dataclass(frozen=True, slots=True)
class World:
    """A backend and the fakes in it."""

    chain: FakeChain
    pool: FakePool
    engine: FakeCallEngine
    backend: Backend


def make_world(
    *,
    count: int = 40,
    settings: RpcSettings | None = None,
    plain: Sequence[tuple[Block, tuple[Receipt, ...]]] | None = None,
    has_pool: bool = True,
) -> World:
    """A backend over the recorded chain, or over `plain` blocks under plain rules; close it by `backend.close()`."""
    settings = settings or RpcSettings()
    if plain is None:
        rollup: RollupConfig | None = recorded_rollup()
        chain = FakeChain(Rules(recorded_rollup().l2_chain_id, is_optimism=True), recorded_blocks(count))
    else:
        rollup = None
        chain = FakeChain(Rules(900, is_optimism=False), plain)
    pool, engine = FakePool(), FakeCallEngine()
    backend = make_backend(
        chain=chain,
        engine=engine,
        pending=chain,
        pool=pool if has_pool else None,
        rollup=rollup,
        l1_progress=FakeL1Progress(),
        settings=settings,
    )
    return World(chain, pool, engine, backend)
