"""The chain: import, unwind, heads, payloads, restart; over the fake engine and a real store."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from l1_bridge.output_root import compute_output_root
from l1_bridge.types import BlockId
from sequencer.chain import commit
from sequencer.chain.chain import Chain, InvalidPayload
from sequencer.chain.errors import (
    BelowFinalized,
    BlockTakenAway,
    DepositLeftOut,
    GenesisMismatch,
    NoOpenBlock,
    UnknownBlock,
    WrongParent,
)
from sequencer.chain.heads import BlockImported, BlocksUnwound, ChainEvent, FinalizedAdvanced, SafeAdvanced
from sequencer.execution.interface import SealedBlock
from sequencer.primitives.account import Account
from sequencer.state.store import Store, StoreOfAnotherChain
from sequencer.state.world_state import StateUnavailable
from tests.factories import ETHER, address, make_deposit, make_transaction
from tests.fakes.chain_story import (
    L1_GENESIS,
    build_block,
    make_attributes,
    make_genesis,
    make_rollup,
    open_chain,
    transfer,
)
from tests.fakes.fake_engine import FakeEngine

BOB = b"\xb0" * 20
L1_NEXT = BlockId(5, b"\x05" * 32)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    chain = open_chain(tmp_path)
    yield chain
    chain.store.close()


def balance(chain: Chain, number: int, who: bytes = BOB) -> int:
    account = chain.state_at(number).account(who)
    return 0 if account is None else account.balance


def test_a_new_chain_stands_at_genesis(chain: Chain) -> None:
    heads = chain.heads

    assert heads.unsafe == heads.safe == heads.finalized
    assert heads.unsafe.number == 0
    assert heads.unsafe.l1_origin == L1_GENESIS
    assert chain.state_at(0).account(address(0)) == Account(0, 1000 * ETHER)


def test_an_imported_block_is_the_unsafe_head_and_can_be_read_in_every_way(chain: Chain) -> None:
    ref = build_block(chain)

    block = chain.block(1)
    assert block is not None
    assert chain.heads.unsafe == ref == chain.ref(1)
    assert chain.block_by_hash(ref.hash) == block
    assert chain.number_of(ref.hash) == 1
    receipts = chain.receipts(1)
    assert receipts is not None
    assert len(receipts) == len(block.transactions) == 2
    position = chain.position(block.transactions[1].hash)
    assert position is not None
    assert (position.number, position.index) == (1, 1)
    assert balance(chain, 1) == 1
    assert chain.heads.safe.number == 0


def test_what_is_not_there_is_none(chain: Chain) -> None:
    assert chain.block(1) is None
    assert chain.ref(1) is None
    assert chain.receipts(1) is None
    assert chain.block_by_hash(bytes(32)) is None
    assert chain.position(bytes(32)) is None
    assert chain.derived_from(0) is None


def test_a_ref_names_the_epoch_of_its_attributes(chain: Chain) -> None:
    build_block(chain)
    second = build_block(chain, origin=L1_NEXT)
    third = build_block(chain)

    assert (second.l1_origin, second.sequence_number) == (L1_NEXT, 0)
    assert (third.l1_origin, third.sequence_number) == (L1_NEXT, 1)


def test_blocks_and_heads_survive_a_restart(tmp_path: Path) -> None:
    chain = open_chain(tmp_path)
    build_block(chain)
    second = build_block(chain)
    first = chain.ref(1)
    assert first is not None
    chain.mark_safe(first, L1_NEXT)
    blocks, receipts = [chain.block(n) for n in range(3)], [chain.receipts(n) for n in range(3)]
    chain.store.close()

    again = open_chain(tmp_path)

    assert (again.heads.unsafe, again.heads.safe, again.heads.finalized.number) == (second, first, 0)
    assert [again.block(n) for n in range(3)] == blocks
    assert [again.receipts(n) for n in range(3)] == receipts
    assert again.derived_from(1) == L1_NEXT
    build_block(again)
    again.store.close()


def test_slices_add_up_and_the_pending_view_is_immutable(chain: Chain) -> None:
    handle = chain.open_block(make_attributes(chain.heads.unsafe))
    handle.apply([transfer(chain, value=5)])
    after_one = handle.pending
    handle.apply([transfer(chain, value=6)])

    assert chain.current is handle
    assert after_one.state.account(BOB) == Account(0, 5)
    assert handle.view().account(BOB) == Account(0, 11)
    assert (len(after_one.included), len(handle.outcomes)) == (2, 3)
    assert chain.head_state().account(BOB) is None


def test_the_open_block_is_gone_once_it_is_imported(chain: Chain) -> None:
    handle = chain.open_block(make_attributes(chain.heads.unsafe))
    chain.import_sealed(chain.seal_open_block())

    assert chain.current is None
    with pytest.raises(BlockTakenAway):
        handle.apply([])
    with pytest.raises(NoOpenBlock):
        chain.seal_open_block()


def test_opening_a_block_takes_the_older_one_away(chain: Chain) -> None:
    older = chain.open_block(make_attributes(chain.heads.unsafe))
    newer = chain.open_block(make_attributes(chain.heads.unsafe))

    assert chain.current is newer
    with pytest.raises(BlockTakenAway):
        older.apply([])


def test_a_deposit_that_does_not_fit_stops_the_chain(chain: Chain) -> None:
    attributes = make_attributes(chain.heads.unsafe, deposits=[make_deposit()], gas_limit=21_000)

    with pytest.raises(DepositLeftOut):
        chain.open_block(attributes)
    assert chain.current is None


def test_a_block_on_another_parent_is_refused(chain: Chain) -> None:
    chain.open_block(make_attributes(chain.heads.unsafe))
    sealed = chain.seal_open_block()
    build_block(chain)

    with pytest.raises(WrongParent):
        chain.import_sealed(sealed)
    assert chain.heads.unsafe.number == 1


def test_a_payload_of_valid_transactions_gives_the_block_that_slices_give(chain: Chain) -> None:
    parent = chain.heads.unsafe
    raws = [make_transaction(nonce=nonce, value=nonce + 1).raw for nonce in range(3)]
    sealed = chain.execute_payload(parent, make_attributes(parent, user_transactions=raws))
    assert isinstance(sealed, SealedBlock)

    chain.open_block(make_attributes(parent))
    assert chain.current is not None
    chain.current.apply([make_transaction(nonce=0, value=1), make_transaction(nonce=1, value=2)])
    chain.current.apply([make_transaction(nonce=2, value=3)])
    assert chain.seal_open_block().block == sealed.block
    assert chain.import_sealed(sealed).hash == sealed.block.hash


@pytest.mark.parametrize(
    "bad",
    [b"", b"\x7e\xc0", b"\x03" + bytes(40), b"garbage", make_transaction(nonce=9).raw],
    ids=["empty", "deposit", "blob", "undecodable", "nonce"],
)
def test_one_invalid_transaction_makes_a_payload_invalid(chain: Chain, bad: bytes) -> None:
    parent = chain.heads.unsafe
    attributes = make_attributes(parent, user_transactions=[make_transaction(nonce=0).raw, bad])

    verdict = chain.execute_payload(parent, attributes)

    assert isinstance(verdict, InvalidPayload)
    assert verdict.index == 1
    assert chain.heads.unsafe == parent
    assert chain.head_state().account(address(0)) == Account(0, 1000 * ETHER)


def test_a_payload_takes_the_open_block_away_and_wants_the_head_as_parent(chain: Chain) -> None:
    parent = chain.heads.unsafe
    chain.open_block(make_attributes(parent))
    chain.execute_payload(parent, make_attributes(parent))
    assert chain.current is None
    build_block(chain)

    with pytest.raises(WrongParent):
        chain.execute_payload(parent, make_attributes(parent))


def test_unwinding_restores_state_and_indexes_exactly(chain: Chain) -> None:
    refs = [build_block(chain) for _ in range(4)]
    kept = chain.block(2)
    gone = [chain.block(3), chain.block(4)]

    unwound = chain.unwind(2)

    assert list(unwound) == gone
    assert chain.heads.unsafe == refs[1]
    assert balance(chain, 2) == 3
    assert chain.block(2) == kept
    assert chain.block(3) is None
    assert chain.number_of(refs[2].hash) is None
    assert all(chain.position(transaction.hash) is None for transaction in unwound[0].transactions)
    assert build_block(chain).hash == refs[2].hash


def test_unwinding_below_the_safe_head_takes_it_along_but_never_the_finalized_one(chain: Chain) -> None:
    refs = [build_block(chain) for _ in range(4)]
    for ref in refs[:3]:
        chain.mark_safe(ref, L1_NEXT)
    chain.mark_finalized(refs[0])

    chain.unwind(2)
    assert chain.heads.safe == refs[1]
    assert chain.derived_from(3) is None

    with pytest.raises(BelowFinalized):
        chain.unwind(0)
    assert chain.heads.unsafe == refs[1]


def test_the_safe_head_moves_up_by_marks_and_back_by_rewind_alone(chain: Chain) -> None:
    refs = [build_block(chain) for _ in range(3)]
    chain.mark_safe(refs[2], L1_NEXT)
    chain.mark_safe(refs[0], L1_NEXT)
    assert chain.heads.safe == refs[2]

    chain.rewind_safe(1)

    assert chain.heads.safe == refs[0]
    assert chain.heads.unsafe == refs[2]
    assert chain.derived_from(1) == L1_NEXT
    assert chain.derived_from(3) is None


def test_a_block_that_is_not_part_of_the_chain_can_not_be_safe(chain: Chain) -> None:
    ref = build_block(chain)

    with pytest.raises(UnknownBlock):
        chain.mark_safe(replace(ref, hash=bytes(32)), L1_NEXT)
    with pytest.raises(UnknownBlock):
        chain.mark_finalized(ref)


def test_state_is_kept_for_a_while_below_the_finalized_block(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "STATES_BELOW_FINALIZED", 1)
    refs = [build_block(chain) for _ in range(5)]
    assert [balance(chain, number) for number in range(6)] == [0, 1, 3, 6, 10, 15]
    chain.mark_safe(refs[2], L1_NEXT)
    chain.mark_finalized(refs[2])

    assert [balance(chain, number) for number in range(2, 6)] == [3, 6, 10, 15]
    with pytest.raises(StateUnavailable):
        chain.state_at(1)


def test_a_reader_goes_on_giving_its_block_while_the_chain_grows(chain: Chain) -> None:
    build_block(chain)
    state = chain.head_state()
    build_block(chain)

    assert state.account(BOB) == Account(0, 1)

    chain.unwind(0)
    with pytest.raises(StateUnavailable):
        state.account(BOB)


def test_listeners_hear_of_every_change_after_it_happened(chain: Chain) -> None:
    heard: list[tuple[ChainEvent, int]] = []
    chain.subscribe(lambda event: heard.append((event, chain.heads.unsafe.number)))
    refs = [build_block(chain) for _ in range(2)]
    chain.mark_safe(refs[0], L1_NEXT)
    chain.mark_finalized(refs[0])
    chain.unwind(1)

    kinds = [(type(event), number) for event, number in heard]
    assert kinds == [
        (BlockImported, 1),
        (BlockImported, 2),
        (SafeAdvanced, 2),
        (FinalizedAdvanced, 2),
        (BlocksUnwound, 1),
    ]


def test_the_environment_of_a_block_is_what_its_transactions_saw(chain: Chain) -> None:
    build_block(chain)
    handle = chain.open_block(make_attributes(chain.heads.unsafe))
    seen = handle.environment
    chain.import_sealed(chain.seal_open_block())

    assert chain.environment_of(2) == seen
    assert seen.recent_hashes == chain.recent_hashes(1)
    assert len(seen.recent_hashes) == 2


def test_the_output_root_commits_to_header_roots_and_hash(chain: Chain) -> None:
    build_block(chain)
    block = chain.block(1)
    assert block is not None

    header = block.header
    assert chain.output_root(1) == compute_output_root(header.state_root, header.withdrawals_root, block.hash)
    with pytest.raises(UnknownBlock):
        chain.output_root(2)


def test_proofs_are_of_the_block_that_was_asked_for(chain: Chain) -> None:
    build_block(chain, [transfer(chain, value=1, to=BOB, data=bytes(31) + b"\x09" + bytes(31) + b"\x2a")])
    build_block(chain)

    old, new = chain.proof(0, BOB, [9]), chain.proof(2, BOB, [9, 10])
    assert (old.balance, old.storage[0].value) == (0, 0)
    assert (new.balance, new.storage[0].value, new.storage[1].value) == (3, 42, 0)
    assert new.storage[0].nodes


def test_a_store_of_another_genesis_is_refused(tmp_path: Path) -> None:
    open_chain(tmp_path).store.close()
    store = Store.open(tmp_path, chain_id=901)

    with pytest.raises(StoreOfAnotherChain):
        Chain.open(store, make_genesis(timestamp=1), None, FakeEngine())
    store.close()


def test_a_genesis_whose_hash_is_known_needs_no_accounts(tmp_path: Path) -> None:
    chain = open_chain(tmp_path)
    genesis = replace(make_genesis(), alloc={}, known_hash=chain.heads.unsafe.hash)
    chain.store.close()
    store = Store.open(tmp_path, chain_id=901)

    assert Chain.open(store, genesis, None, FakeEngine()).heads == chain.heads
    with pytest.raises(StoreOfAnotherChain):
        Chain.open(store, replace(genesis, known_hash=bytes(32)), None, FakeEngine())
    store.close()


def test_a_rollup_config_of_another_genesis_is_refused(tmp_path: Path) -> None:
    store = Store.open(tmp_path, chain_id=901)

    with pytest.raises(GenesisMismatch):
        Chain.open(store, make_genesis(), make_rollup(bytes(32)), FakeEngine())
    store.close()


def test_a_chain_without_l1_has_no_origins(tmp_path: Path) -> None:
    store = Store.open(tmp_path, chain_id=901)
    chain = Chain.open(store, make_genesis(is_optimism=False), None, FakeEngine())
    attributes = replace(make_attributes(chain.heads.unsafe), deposits=(), extra_data=b"")
    chain.open_block(attributes)
    ref = chain.import_sealed(chain.seal_open_block())

    assert not chain.rules.is_optimism
    assert (ref.number, ref.l1_origin.number, ref.sequence_number) == (1, 0, 0)
    store.close()
