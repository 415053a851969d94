"""Law 1 for what L1 orders: deposits that mint, create, fail, or come by the dozen; and config updates."""

import pytest

from contracts.artifact import bytecode
from l1_bridge.system_config import (
    UPDATE_BATCHER,
    UPDATE_EIP1559,
    UPDATE_FEE_SCALARS,
    UPDATE_GAS_LIMIT,
    UPDATE_OPERATOR_FEE,
    encode_scalar,
)
from sequencer.mempool.statuses import TransactionState
from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.header import encode_holocene_extra_data
from tests.actions.agreement import OTHER_BATCHER, SYSTEM_CONFIG
from tests.actions.laws import check_law_1, check_law_4
from tests.actions.world import World
from tests.factories import ETHER, RECIPIENT, address

STRANGER = 40
"""An account that no genesis funds."""

REVERTING_INIT_CODE = bytes.fromhex("60006000fd")


async def build_epoch(world: World) -> None:
    """Mine what waits on L1, and build until a block stands on it."""
    origin = world.l1.act_mine()
    while world.sequencer.heads.unsafe.l1_origin.number < origin.number:
        await world.sequencer.act_build_blocks(1)


def user_deposits(world: World) -> list[tuple[DepositTransaction, int]]:
    """Deposits of users with the status of their receipts, of the whole chain of the sequencer."""
    found = []
    for number in range(1, world.sequencer.unsafe + 1):
        entries = zip(world.sequencer.block(number).transactions, world.sequencer.receipts(number), strict=True)
        deposits = [(entry, receipt.status) for entry, receipt in entries if isinstance(entry, DepositTransaction)]
        found += deposits[1:]
    return found


async def test_a_deposit_mints_and_pays(world: World) -> None:
    world.user.act_deposit(account=STRANGER, mint=3 * ETHER, value=ETHER)
    await build_epoch(world)
    await world.act_post()

    assert world.replica.balance(RECIPIENT) == ETHER
    assert world.replica.balance(address(STRANGER)) == 2 * ETHER
    assert [status for _, status in user_deposits(world)] == [1]
    check_law_1(world)


async def test_a_deposit_that_can_not_pay_keeps_its_mint_and_moves_the_nonce(world: World) -> None:
    world.user.act_deposit(account=STRANGER, mint=ETHER, value=2 * ETHER)
    await build_epoch(world)
    await world.act_post()

    account = world.replica.chain.head_state().account(address(STRANGER))
    assert account is not None
    assert (account.balance, account.nonce) == (ETHER, 1)
    assert world.replica.balance(RECIPIENT) == 0
    assert [status for _, status in user_deposits(world)] == [0]
    check_law_1(world)


@pytest.mark.parametrize(
    ("data", "gas_limit", "status"),
    [
        (bytecode("Counter"), 1_000_000, 1),
        (bytecode("Counter"), 60_000, 0),
        (REVERTING_INIT_CODE, 100_000, 0),
        (b"\xfe", 100_000, 0),
        (b"", 53_000, 1),
    ],
)
async def test_deposits_create_contracts_or_fail_at_it(world: World, data: bytes, gas_limit: int, status: int) -> None:
    world.user.act_deposit(account=STRANGER, to=None, mint=0, value=0, gas_limit=gas_limit, data=data)
    await build_epoch(world)
    await world.act_post()

    assert [found for _, found in user_deposits(world)] == [status]
    check_law_1(world)


async def test_many_deposits_and_users_share_the_first_block_of_an_epoch(world: World) -> None:
    for number in range(30):
        world.user.act_deposit(account=number % 3, mint=number, value=number)
    await world.sequencer.act_build_blocks(2)
    world.l1.act_mine()
    transfer = await world.user.act_transfer(account=5)
    await world.sequencer.act_build_blocks(1)
    await world.act_post()

    assert len(user_deposits(world)) == 30
    assert len(world.sequencer.block(3).transactions) == 32
    assert world.sequencer.user_hashes(3) == [transfer]
    check_law_1(world)


async def test_a_deposit_that_moves_a_users_nonce_leaves_the_pool_right(world: World) -> None:
    """The deposit's sender has transactions in the pool: the nonce that the deposit took is theirs no more."""
    overtaken = await world.user.act_transfer(wei=1, account=3)
    following = await world.user.act_transfer(wei=2, account=3)
    world.user.act_deposit(account=3, mint=ETHER, value=1, to=RECIPIENT)
    world.l1.act_mine()
    world.sequencer.clock.advance_to(world.l1.head.timestamp)
    await world.act_settle()
    while world.sequencer.heads.unsafe.l1_origin.number < 1:
        await world.sequencer.act_build_blocks(1)
    await world.act_settle()

    states = [world.sequencer.mempool.status(entry).state for entry in (overtaken, following)]
    assert states == [TransactionState.SAFE, TransactionState.SAFE]
    check_law_1(world)
    check_law_4(world)


async def test_a_nonce_that_a_deposit_took_ends_the_transaction_with_a_reason(world: World) -> None:
    world.user.act_deposit(account=3, mint=ETHER, value=1, to=RECIPIENT)
    world.l1.act_mine()
    await world.sequencer.act_build_blocks(2)
    overtaken = await world.user.act_transfer(wei=1, account=3)
    following = await world.user.act_transfer(wei=2, account=3)
    await world.sequencer.act_build_blocks(1)
    await world.sequencer.act_build_blocks(1)
    await world.act_settle()

    status = world.sequencer.mempool.status(overtaken)
    assert status.state in (TransactionState.REPLACED, TransactionState.REJECTED)
    assert status.reason
    assert world.sequencer.mempool.status(following).state is TransactionState.SAFE
    check_law_1(world)
    check_law_4(world)


async def test_fees_follow_the_config_of_the_epoch(world: World) -> None:
    """Every update in one L1 block: in force with the first block of that epoch, on both nodes."""
    await world.act_grow(1)
    for kind, payload in (
        (UPDATE_GAS_LIMIT, (20_000_000).to_bytes(32, "big")),
        (UPDATE_FEE_SCALARS, bytes(32) + encode_scalar(7_000, 9_000)),
        (UPDATE_EIP1559, ((50 << 32) | 2).to_bytes(32, "big")),
        (UPDATE_OPERATOR_FEE, ((5_000_000 << 64) | 77).to_bytes(32, "big")),
    ):
        world.l1.queue_config_update(SYSTEM_CONFIG, kind, payload)
    await build_epoch(world)
    transfer = await world.user.act_transfer()
    await world.sequencer.act_build_blocks(2)
    await world.act_post()

    header = world.replica.block().header
    assert header.gas_limit == 20_000_000
    assert header.extra_data == encode_holocene_extra_data(50, 2)
    assert world.sequencer.mempool.status(transfer).state is TransactionState.SAFE
    check_law_1(world)
    check_law_4(world)


async def test_an_operator_fee_that_a_sender_can_not_pay_ends_nothing_wrongly(world: World) -> None:
    """The transaction was admitted under the old fee; it waits, or is included when it can pay."""
    rich = await world.user.act_transfer(account=1)
    world.l1.queue_config_update(SYSTEM_CONFIG, UPDATE_OPERATOR_FEE, (2 * 10**18).to_bytes(32, "big"))
    world.l1.act_mine()
    await world.sequencer.act_build_blocks(2)
    poor = await world.user.act_transfer(account=2, wei=999 * ETHER)
    await world.sequencer.act_build_blocks(2)
    await world.act_post()

    assert world.sequencer.mempool.status(rich).state is TransactionState.SAFE
    assert world.sequencer.mempool.status(poor).state is not TransactionState.UNKNOWN
    check_law_1(world)
    check_law_4(world)


async def test_a_new_batcher_takes_over(world: World) -> None:
    """From the update on only the new key's batches count; what the old one posts later is nobody's."""
    await world.act_grow(1)
    world.l1.queue_config_update(SYSTEM_CONFIG, UPDATE_BATCHER, bytes(12) + address(OTHER_BATCHER))
    world.l1.act_mine()
    await world.sequencer.act_build_blocks(3)
    await world.act_post()
    assert world.replica.safe == 3

    world.batcher.act_restart(OTHER_BATCHER)
    await world.act_post()
    assert world.replica.safe == world.sequencer.unsafe
    await world.act_grow(2)

    assert world.replica.safe == world.sequencer.unsafe
    check_law_1(world)


async def test_a_malformed_update_changes_nothing(world: World) -> None:
    for kind, payload in ((UPDATE_GAS_LIMIT, b"\xff" * 32), (UPDATE_BATCHER, b"\xff" * 32), (9, b""), (1, bytes(31))):
        world.l1.queue_config_update(SYSTEM_CONFIG, kind, payload)
    world.l1.queue_config_update(SYSTEM_CONFIG, UPDATE_GAS_LIMIT, (9).to_bytes(32, "big"), status=0)
    await build_epoch(world)
    await world.act_grow(1)

    assert world.replica.block().header.gas_limit == world.agreement.genesis.gas_limit
    check_law_1(world)
