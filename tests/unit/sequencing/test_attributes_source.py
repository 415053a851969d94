"""Inputs of the next block: from a fake L1 for a rollup, from the clock and a seed for a standalone chain."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from batcher.l2_source import L2BlockRef
from l1_bridge.deposits import DepositEvent
from l1_bridge.errors import L1Unavailable
from l1_bridge.l1_chain_config import prague_l1_chain
from l1_bridge.l1_heads import L1Heads
from l1_bridge.system_config import UPDATE_GAS_LIMIT
from l1_bridge.types import BlockId
from sequencer.chain.chain import Chain
from sequencer.primitives.block import Block
from sequencer.primitives.l1_info import L1BlockInfo, decode_l1_info
from sequencer.primitives.predeploys import SEQUENCER_FEE_VAULT
from sequencer.sequencing.attributes_source import (
    NextBlock,
    OriginGone,
    OriginUnavailable,
    RollupAttributes,
    StandaloneAttributes,
)
from sequencer.sequencing.origin_selection import NextOriginUnknown
from tests.factories import ETHER, address
from tests.fakes.chain_story import EXTRA_DATA, build_block, make_rollup, open_chain
from tests.fakes.l1 import GENESIS_TIME, L1_CHAIN_ID, FakeL1

ROLLUP = make_rollup(bytes(32))
L2_TIME = 2


@pytest.fixture
def l1() -> FakeL1:
    return FakeL1(block_time=12)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    chain = open_chain(tmp_path)
    yield chain
    chain.store.close()


def _source(
    l1: FakeL1, *, confirmation_depth: int = 0, latest: bool = True, patience_seconds: float = 60.0
) -> RollupAttributes:
    def heads() -> L1Heads:
        return L1Heads(latest=l1.head if latest else None)

    return RollupAttributes(ROLLUP, prague_l1_chain(L1_CHAIN_ID), l1, heads, confirmation_depth, patience_seconds)


def _parent(chain: Chain, origin: BlockId) -> tuple[L2BlockRef, Block]:
    """Block 1 of L2, the first of `origin`'s epoch."""
    ref = build_block(chain, origin=origin)
    block = chain.block(ref.number)
    assert block is not None
    return ref, block


def _info(block: NextBlock) -> L1BlockInfo:
    return decode_l1_info(block.attributes.deposits[0].data)


async def test_the_epoch_goes_on_while_its_successor_is_later(l1: FakeL1, chain: Chain) -> None:
    l1.act_mine()
    parent, block = _parent(chain, l1.header(0).id)

    following = await _source(l1).next_block(parent, block, GENESIS_TIME + 11)

    assert _info(following).origin == l1.header(0).id
    assert _info(following).sequence_number == parent.sequence_number + 1
    assert len(following.attributes.deposits) == 1
    assert following.allows_user_transactions
    assert l1.reads["receipts_by_hash"] == 0


async def test_a_new_epoch_begins_with_its_deposits_and_config(l1: FakeL1, chain: Chain) -> None:
    deposit = DepositEvent(bytes(32), address(1), address(2), ETHER, ETHER, 100_000, b"")
    l1.queue_deposit(ROLLUP.deposit_contract_address, deposit)
    l1.queue_config_update(ROLLUP.l1_system_config_address, UPDATE_GAS_LIMIT, (40_000_000).to_bytes(32, "big"))
    origin = l1.act_mine()
    parent, block = _parent(chain, l1.header(0).id)

    following = await _source(l1).next_block(parent, block, GENESIS_TIME + 12)

    attributes = following.attributes
    assert _info(following).origin == origin.id
    assert _info(following).sequence_number == 0
    assert [entry.mint for entry in attributes.deposits[1:]] == [ETHER]
    assert attributes.gas_limit == 40_000_000
    assert attributes.prev_randao == origin.mix_hash
    assert attributes.parent_beacon_block_root == origin.parent_beacon_block_root
    assert attributes.fee_recipient == SEQUENCER_FEE_VAULT
    assert attributes.user_transactions == ()


async def test_deposits_of_failed_transactions_and_other_contracts_are_left_aside(l1: FakeL1, chain: Chain) -> None:
    deposit = DepositEvent(bytes(32), address(1), address(2), ETHER, ETHER, 100_000, b"")
    l1.queue_deposit(ROLLUP.deposit_contract_address, deposit, status=0)
    l1.queue_deposit(b"\x0a" * 20, deposit)
    l1.act_mine()
    parent, block = _parent(chain, l1.header(0).id)

    following = await _source(l1).next_block(parent, block, GENESIS_TIME + 12)

    assert len(following.attributes.deposits) == 1


@pytest.mark.parametrize(("blocks_on_top", "advances"), [(1, False), (2, True)])
async def test_an_origin_needs_its_confirmations(l1: FakeL1, chain: Chain, blocks_on_top: int, advances: bool) -> None:
    l1.act_mine(1 + blocks_on_top)
    parent, block = _parent(chain, l1.header(0).id)

    following = await _source(l1, confirmation_depth=2).next_block(parent, block, GENESIS_TIME + 12)

    assert _info(following).number == int(advances)


async def test_before_l1s_heads_are_known_the_epoch_goes_on(l1: FakeL1, chain: Chain) -> None:
    l1.act_mine()
    parent, block = _parent(chain, l1.header(0).id)

    following = await _source(l1, latest=False).next_block(parent, block, GENESIS_TIME + 12)

    assert _info(following).number == 0


async def test_past_the_drift_a_block_waits_for_l1(l1: FakeL1, chain: Chain) -> None:
    parent, block = _parent(chain, l1.header(0).id)

    with pytest.raises(NextOriginUnknown):
        await _source(l1).next_block(parent, block, GENESIS_TIME + 1801)


async def test_past_the_drift_a_block_is_empty_until_the_next_origin(chain: Chain) -> None:
    l1 = FakeL1(block_time=4000)
    l1.act_mine()
    parent, block = _parent(chain, l1.header(0).id)

    following = await _source(l1).next_block(parent, block, GENESIS_TIME + 1801)

    assert _info(following).number == 0
    assert not following.allows_user_transactions


async def test_an_origin_that_l1_replaced_asks_for_a_reset(l1: FakeL1, chain: Chain) -> None:
    origin = l1.act_mine()
    parent, block = _parent(chain, origin.id)
    l1.act_reorg(1)
    l1.act_mine(2)

    with pytest.raises(OriginGone) as raised:
        await _source(l1).next_block(parent, block, GENESIS_TIME + 24)

    assert raised.value.origin == origin.id


async def test_an_origin_that_l1_does_not_show_is_asked_for_again(l1: FakeL1, chain: Chain) -> None:
    parent, block = _parent(chain, BlockId(3, b"\x33" * 32))

    with pytest.raises(OriginUnavailable) as raised:
        await _source(l1).next_block(parent, block, GENESIS_TIME + 12)

    assert raised.value.number == 3


async def test_an_l1_that_is_away_is_a_temporary_error_and_leaves_nothing(l1: FakeL1, chain: Chain) -> None:
    l1.act_mine()
    parent, block = _parent(chain, l1.header(0).id)
    source = _source(l1)
    l1.fail_next()

    with pytest.raises(L1Unavailable):
        await source.next_block(parent, block, GENESIS_TIME + 12)
    following = await source.next_block(parent, block, GENESIS_TIME + 12)

    assert _info(following).number == 1


async def test_while_l1_is_away_or_lies_blocks_stay_upon_their_origin(l1: FakeL1, chain: Chain) -> None:
    l1.act_mine()
    parent, block = _parent(chain, l1.header(0).id)
    source = _source(l1)
    await source.next_block(parent, block, GENESIS_TIME + 11)

    for act in (l1.act_go_away, l1.act_lie):
        act()
        following = await source.next_block(parent, block, GENESIS_TIME + 1800)
        assert _info(following).origin == l1.header(0).id
        assert _info(following).sequence_number == parent.sequence_number + 1
        assert following.allows_user_transactions
        with pytest.raises(NextOriginUnknown):
            await source.next_block(parent, block, GENESIS_TIME + 1801)
    l1.act_come_back()

    assert _info(await source.next_block(parent, block, GENESIS_TIME + 1801)).number == 1


async def test_a_block_does_not_wait_for_a_slow_l1_and_a_later_one_has_what_it_says(l1: FakeL1, chain: Chain) -> None:
    deposit = DepositEvent(bytes(32), address(1), address(2), ETHER, ETHER, 100_000, b"")
    l1.queue_deposit(ROLLUP.deposit_contract_address, deposit)
    l1.act_mine()
    parent, block = _parent(chain, l1.header(0).id)
    source = _source(l1, patience_seconds=0.0)
    await source.next_block(parent, block, GENESIS_TIME + 2)
    l1.gate, reads = asyncio.Event(), l1.reads["header_by_number"]

    numbers = [_info(await source.next_block(parent, block, GENESIS_TIME + 12)).number for _ in range(3)]
    assert numbers == [0, 0, 0]
    assert l1.reads["header_by_number"] == reads + 1

    l1.gate.set()
    await _let_others_run()
    following = await source.next_block(parent, block, GENESIS_TIME + 12)
    assert _info(following).number == 1
    assert [entry.mint for entry in following.attributes.deposits[1:]] == [ETHER]


async def test_what_was_read_for_a_block_before_the_origins_time_does_not_begin_its_epoch(
    l1: FakeL1, chain: Chain
) -> None:
    """Its deposits were not read: they come with the block after."""
    deposit = DepositEvent(bytes(32), address(1), address(2), ETHER, ETHER, 100_000, b"")
    l1.queue_deposit(ROLLUP.deposit_contract_address, deposit)
    l1.act_mine()
    parent, block = _parent(chain, l1.header(0).id)
    source = _source(l1, patience_seconds=0.0)
    await source.next_block(parent, block, GENESIS_TIME + 2)
    l1.gate = asyncio.Event()
    await source.next_block(parent, block, GENESIS_TIME + 10)
    l1.gate.set()
    await _let_others_run()

    found = [await source.next_block(parent, block, GENESIS_TIME + 12) for _ in range(2)]

    assert [(_info(entry).number, len(entry.attributes.deposits) - 1) for entry in found] == [(0, 0), (1, 1)]


async def _let_others_run() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_standalone_chain_goes_on_from_its_parent(chain: Chain) -> None:
    parent = chain.heads.unsafe
    block = chain.block(0)
    assert block is not None
    seeds = iter([b"\x01" * 32, b"\x02" * 32])
    source = StandaloneAttributes(b"\xfe" * 20, lambda size: next(seeds)[:size])

    first = await source.next_block(parent, block, parent.timestamp + L2_TIME)
    second = await source.next_block(parent, block, parent.timestamp + L2_TIME)

    assert first.attributes.prev_randao == b"\x01" * 32
    assert second.attributes.prev_randao == b"\x02" * 32
    assert first.attributes.gas_limit == block.header.gas_limit
    assert first.attributes.extra_data == EXTRA_DATA
    assert first.attributes.fee_recipient == b"\xfe" * 20
    assert first.attributes.deposits == ()
    assert first.allows_user_transactions
