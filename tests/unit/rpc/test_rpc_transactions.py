"""Transactions in: acknowledged, refused, waited for; the open block's receipts; a transaction's status."""

import asyncio
from dataclasses import replace

from l1_bridge.errors import TemporaryError
from sequencer.chain.heads import BlockImported, SafeAdvanced
from sequencer.execution.interface import Invalid, InvalidReason
from sequencer.mempool.errors import NonceTooLow, PoolBusy
from sequencer.mempool.statuses import TransactionState, TransactionStatus
from sequencer.primitives.account import Account
from sequencer.rpc.settings import RpcSettings
from tests.factories import address, make_transaction
from tests.fakes.rpc_backend import (
    FakeOpenBlock,
    FakeState,
    World,
    environment_over,
    included_in_open_block,
    make_world,
)
from tests.unit.rpc.conftest import Call, caller_of, error_of, list_of, object_of, result_of, until


def open_block_of(world: World) -> FakeOpenBlock:
    """Begin the block after the head."""
    head = world.chain.blocks[-1][0]
    environment = replace(
        environment_over(world.chain.rules, head.header, head.number + 1), parent_hash=head.hash, timestamp=2**32
    )
    world.chain.current = FakeOpenBlock(environment, FakeState())
    return world.chain.current


async def test_sent_transaction_is_answered_with_its_hash(world: World, call: Call) -> None:
    transaction = make_transaction()

    assert (
        result_of(await call("eth_sendRawTransaction", "0x" + transaction.raw.hex())) == "0x" + transaction.hash.hex()
    )
    assert transaction.hash in world.pool.known


async def test_refused_transaction_gets_the_pools_reason(world: World, call: Call) -> None:
    world.pool.refusal = NonceTooLow(3, 5)

    code, message = error_of(await call("eth_sendRawTransaction", "0x" + make_transaction().raw.hex()))

    assert code == -32003
    assert message == "nonce too low: next nonce 5, tx nonce 3"


async def test_undecodable_transaction_is_rejected(call: Call) -> None:
    for raw in ("0x", "0x00", "0x02c0", "0x03" + "00" * 40, "0x7e" + "00" * 40, "0x7d"):
        assert error_of(await call("eth_sendRawTransaction", raw))[0] == -32003


async def test_transaction_that_is_no_hex_is_invalid_params(call: Call) -> None:
    malformed: list[object] = ["", "0", "0xabc", "0xzz", "00", 7, None, [], {}, "0x 0 "]
    for raw in malformed:
        assert error_of(await call("eth_sendRawTransaction", raw))[0] == -32602


async def test_busy_pool_says_try_again_and_a_failed_journal_says_nothing_of_its_path(world: World, call: Call) -> None:
    raw = "0x" + make_transaction().raw.hex()
    world.pool.refusal = PoolBusy("decoding")
    assert error_of(await call("eth_sendRawTransaction", raw))[0] == -32002
    world.pool.refusal = TemporaryError("/var/lib/journal: disk full")
    code, message = error_of(await call("eth_sendRawTransaction", raw))

    assert code == -32002
    assert "journal" not in message


async def test_node_without_pool_takes_no_transactions() -> None:
    world = make_world(count=3, has_pool=False)
    try:
        call = caller_of(world)
        sent = await call("eth_sendRawTransaction", "0x" + make_transaction().raw.hex())
        nonce = await call("eth_getTransactionCount", "0x" + "00" * 20, "pending")
    finally:
        world.backend.close()

    assert error_of(sent)[0] == -32002
    assert result_of(nonce) == "0x0"


async def test_waiting_transaction_is_shown_without_a_place(world: World, call: Call) -> None:
    transaction = make_transaction()
    await call("eth_sendRawTransaction", "0x" + transaction.raw.hex())

    shown = object_of(await call("eth_getTransactionByHash", "0x" + transaction.hash.hex()))

    assert shown["blockHash"] is shown["blockNumber"] is shown["transactionIndex"] is None
    assert shown["gasPrice"] == hex(transaction.max_fee_per_gas)


async def test_receipt_of_the_open_block_is_given_only_to_those_who_ask_for_it(world: World, call: Call) -> None:
    transaction = make_transaction()
    open_block_of(world).outcomes.append(included_in_open_block(transaction, 0))
    hash = "0x" + transaction.hash.hex()

    early = object_of(await call("braid_getPreconfirmedReceipt", hash))

    assert early["preconfirmed"] is True
    assert early["blockHash"] == "0x" + "00" * 32
    assert early["blockNumber"] == hex(len(world.chain.blocks))
    assert early["logs"][0]["logIndex"] == "0x0"  # type: ignore[index]
    assert result_of(await call("eth_getTransactionReceipt", hash)) is None


async def test_node_may_be_set_to_give_early_receipts_always() -> None:
    world = make_world(count=3, settings=RpcSettings(preconfirmed_receipts=True))
    transaction = make_transaction()
    open_block_of(world).outcomes.append(included_in_open_block(transaction, 0))
    try:
        receipt = object_of(await caller_of(world)("eth_getTransactionReceipt", "0x" + transaction.hash.hex()))
    finally:
        world.backend.close()

    assert receipt["preconfirmed"] is True


async def test_sealed_transaction_has_the_same_receipt_everywhere(world: World, call: Call) -> None:
    hash = "0x" + world.chain.blocks[5][0].transactions[0].hash.hex()

    sealed = object_of(await call("braid_getPreconfirmedReceipt", hash))

    assert sealed == object_of(await call("eth_getTransactionReceipt", hash))
    assert "preconfirmed" not in sealed
    assert result_of(await call("braid_getPreconfirmedReceipt", "0x" + "00" * 32)) is None


async def test_pending_block_shows_the_slices_so_far(world: World, call: Call) -> None:
    opened = open_block_of(world)
    sent = [make_transaction(nonce=nonce) for nonce in range(3)]
    opened.outcomes.append(included_in_open_block(sent[0], 0))
    first = object_of(await call("eth_getBlockByNumber", "pending", False))
    opened.outcomes.append(Invalid(sent[2], InvalidReason.NONCE_TOO_HIGH))
    opened.outcomes.append(included_in_open_block(sent[1], 1))
    second = object_of(await call("eth_getBlockByNumber", "pending", True))
    receipts = list_of(await call("eth_getBlockReceipts", "pending"))

    assert first["transactions"] == ["0x" + sent[0].hash.hex()]
    assert first["hash"] is first["nonce"] is first["size"] is None
    assert first["number"] == hex(len(world.chain.blocks))
    assert [one["hash"] for one in second["transactions"]] == ["0x" + one.hash.hex() for one in sent[:2]]  # type: ignore[attr-defined]
    assert second["gasUsed"] == hex(42_000)
    assert [receipt["gasUsed"] for receipt in receipts] == [hex(21_000)] * 2


async def test_another_open_block_begins_anew(world: World, call: Call) -> None:
    open_block_of(world).outcomes.append(included_in_open_block(make_transaction(), 0))
    before = object_of(await call("eth_getBlockByNumber", "pending", False))
    open_block_of(world)
    after = object_of(await call("eth_getBlockByNumber", "pending", False))

    assert len(before["transactions"]) == 1  # type: ignore[arg-type]
    assert after["transactions"] == []


async def test_transaction_of_the_open_block_has_a_place_without_hash(world: World, call: Call) -> None:
    transaction = make_transaction()
    open_block_of(world).outcomes.append(included_in_open_block(transaction, 0))

    shown = object_of(await call("eth_getTransactionByHash", "0x" + transaction.hash.hex()))

    assert shown["blockHash"] is None
    assert shown["blockNumber"] == hex(len(world.chain.blocks))


async def test_sync_sending_returns_the_preconfirmed_receipt(world: World, call: Call) -> None:
    opened = open_block_of(world)
    transaction = make_transaction()

    async def slice_with_it() -> None:
        await until(lambda: world.backend.preconfirmations.waiting)
        outcome = included_in_open_block(transaction, 0)
        opened.outcomes.append(outcome)
        world.backend.preconfirmations.on_slice([outcome])

    async with asyncio.TaskGroup() as group:
        group.create_task(slice_with_it())
        sending = group.create_task(_send_sync(call, transaction.raw))

    receipt = object_of(sending.result())
    assert receipt["transactionHash"] == "0x" + transaction.hash.hex()
    assert receipt["preconfirmed"] is True
    assert world.backend.preconfirmations.waiting == 0


async def _send_sync(call: Call, raw: bytes) -> dict[str, object]:
    return await call("eth_sendRawTransactionSync", "0x" + raw.hex(), 10_000)


async def test_sync_sending_gives_up_with_the_hash(world: World, call: Call) -> None:
    transaction = make_transaction()

    answer = await call("eth_sendRawTransactionSync", "0x" + transaction.raw.hex(), 1)

    assert error_of(answer)[0] == 4
    assert answer["error"]["data"] == "0x" + transaction.hash.hex()  # type: ignore[index]
    assert transaction.hash in world.pool.known
    assert world.backend.preconfirmations.waiting == 0


async def test_sync_sending_tells_that_the_transaction_was_dropped(world: World, call: Call) -> None:
    transaction = make_transaction()

    async def drop_it() -> None:
        await until(lambda: world.backend.preconfirmations.waiting)
        world.pool.statuses[transaction.hash] = TransactionStatus(TransactionState.REJECTED, "nonce too low")
        world.backend.preconfirmations.on_slice([Invalid(transaction, InvalidReason.NONCE_TOO_LOW)])

    async with asyncio.TaskGroup() as group:
        group.create_task(drop_it())
        sending = group.create_task(_send_sync(call, transaction.raw))

    code, message = error_of(sending.result())
    assert code == 5
    assert "nonce too low" in message


async def test_sync_sending_of_a_refused_transaction_does_not_wait(world: World, call: Call) -> None:
    world.pool.refusal = NonceTooLow(0, 1)

    assert error_of(await _send_sync(call, make_transaction().raw))[0] == -32003


async def test_sync_waiters_are_bounded() -> None:
    world = make_world(count=3, settings=RpcSettings(max_sync_waiters=0))
    try:
        answer = await _send_sync(caller_of(world), make_transaction().raw)
    finally:
        world.backend.close()

    assert error_of(answer)[0] == -32005


async def test_notice_from_another_thread_wakes_the_waiter(world: World) -> None:
    preconfirmations = world.backend.preconfirmations
    with preconfirmations.listening(b"\x01" * 32) as event:
        await asyncio.to_thread(preconfirmations.settled, [b"\x02" * 32])
        assert not event.is_set()
        await asyncio.to_thread(preconfirmations.settled, [b"\x01" * 32])
        await asyncio.wait_for(event.wait(), 5)


async def test_sealed_block_wakes_who_waits_for_its_transactions(world: World) -> None:
    block, receipts = world.chain.blocks[5]
    preconfirmations = world.backend.preconfirmations
    event = BlockImported(block, receipts, world.chain.heads.unsafe)
    with preconfirmations.listening(block.transactions[0].hash) as settled:
        preconfirmations.on_chain_event(SafeAdvanced(world.chain.heads.safe))
        assert not settled.is_set()
        await asyncio.to_thread(preconfirmations.on_chain_event, event)
        await asyncio.wait_for(settled.wait(), 5)


async def test_pending_nonce_counts_the_pool(world: World, call: Call) -> None:
    world.chain.state.accounts[address(0)] = Account(nonce=4)
    world.pool.nonces[address(0)] = 9
    account = "0x" + address(0).hex()

    assert result_of(await call("eth_getTransactionCount", account, "latest")) == "0x4"
    assert result_of(await call("eth_getTransactionCount", account, "pending")) == "0x9"
    assert result_of(await call("eth_getTransactionCount", account)) == "0x4"


async def test_pending_nonce_of_the_open_block_counts_too(world: World, call: Call) -> None:
    open_block_of(world).state.accounts[address(0)] = Account(nonce=11)

    assert result_of(await call("eth_getTransactionCount", "0x" + address(0).hex(), "pending")) == "0xb"


async def test_status_shows_state_reason_and_place(world: World, call: Call) -> None:
    world.pool.statuses[b"\x01" * 32] = TransactionStatus(TransactionState.PRECONFIRMED, None, 7, 2, 11)
    world.pool.statuses[b"\x02" * 32] = TransactionStatus(TransactionState.DROPPED, "pool is full")

    preconfirmed = object_of(await call("braid_transactionStatus", "0x" + "01" * 32))
    dropped = object_of(await call("braid_transactionStatus", "0x" + "02" * 32))
    unknown = object_of(await call("braid_transactionStatus", "0x" + "03" * 32))

    assert preconfirmed == {
        "hash": "0x" + "01" * 32,
        "status": "preconfirmed",
        "reason": None,
        "blockNumber": "0x7",
        "sliceIndex": "0x2",
        "index": "0xb",
    }
    assert (dropped["status"], dropped["reason"], dropped["blockNumber"]) == ("dropped", "pool is full", None)
    assert unknown["status"] == "unknown"
    assert error_of(await call("braid_transactionStatus", "0x03"))[0] == -32602


async def test_node_without_pool_tells_the_status_from_the_chain() -> None:
    world = make_world(count=12, has_pool=False)
    call = caller_of(world)
    try:
        states = [
            object_of(await call("braid_transactionStatus", "0x" + block.transactions[0].hash.hex()))["status"]
            for block in (world.chain.blocks[number][0] for number in (3, 5, 11))
        ]
        unknown = object_of(await call("braid_transactionStatus", "0x" + "00" * 32))
    finally:
        world.backend.close()

    assert states == ["finalized", "safe", "sealed"]
    assert unknown["status"] == "unknown"


async def test_waiting_in_the_queue_is_no_drop(world: World, call: Call) -> None:
    transaction = make_transaction(nonce=3)
    world.pool.statuses[transaction.hash] = TransactionStatus(TransactionState.QUEUED, "waits for nonce 0")

    answer = await call("eth_sendRawTransactionSync", "0x" + transaction.raw.hex(), 1)

    assert error_of(answer)[0] == 4
