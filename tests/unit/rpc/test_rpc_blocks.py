"""Blocks, transactions and receipts in JSON: a recorded OP chain and a plain one."""

from dataclasses import replace

from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.l1_info import decode_l1_info
from sequencer.primitives.transaction import Transaction
from sequencer.rpc.block_lookup import find_sealed_view
from sequencer.rpc.formatters import format_receipt
from tests.factories import make_transaction
from tests.fakes.rpc_backend import World, make_world, plain_blocks
from tests.unit.rpc.conftest import Call, caller_of, error_of, list_of, object_of, result_of

REQUIRED_OF_BLOCK = {
    *("number", "hash", "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot"),
    *("logsBloom", "difficulty", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce", "size"),
    *("baseFeePerGas", "withdrawalsRoot", "withdrawals", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot"),
    *("requestsHash", "transactions", "uncles"),
}
"""Keys that execution-apis requires of a Prague block."""

REQUIRED_OF_RECEIPT = {
    *("type", "status", "transactionHash", "transactionIndex", "blockHash", "blockNumber", "from", "to", "logs"),
    *("cumulativeGasUsed", "gasUsed", "logsBloom", "contractAddress", "effectiveGasPrice"),
}

REQUIRED_OF_TRANSACTION = {
    *("hash", "type", "nonce", "from", "to", "value", "gas", "gasPrice", "input", "v", "r", "s"),
    *("blockHash", "blockNumber", "transactionIndex"),
}

L1_FIELDS = {"l1Fee", "l1GasUsed", "l1GasPrice", "l1BaseFeeScalar", "l1BlobBaseFee", "l1BlobBaseFeeScalar"}


def user_transactions(world: World) -> list[tuple[int, int, Transaction]]:
    return [
        (block.number, index, transaction)
        for block, _ in world.chain.blocks
        for index, transaction in enumerate(block.transactions)
        if isinstance(transaction, Transaction)
    ]


async def test_block_by_number_has_the_keys_of_execution_apis(world: World, call: Call) -> None:
    block = object_of(await call("eth_getBlockByNumber", "0x5", False))

    assert set(block) == REQUIRED_OF_BLOCK
    assert block["hash"] == "0x" + world.chain.blocks[5][0].hash.hex()
    assert block["size"] == hex(len(world.chain.blocks[5][0].encode()))
    assert block["transactions"] == ["0x" + one.hash.hex() for one in world.chain.blocks[5][0].transactions]


async def test_missing_block_is_null(call: Call) -> None:
    assert result_of(await call("eth_getBlockByNumber", "0xffff", True)) is None
    assert result_of(await call("eth_getBlockByHash", "0x" + "ab" * 32, True)) is None
    assert result_of(await call("eth_getBlockReceipts", "0xffff")) is None


async def test_block_by_hash_equals_block_by_number(world: World, call: Call) -> None:
    by_number = object_of(await call("eth_getBlockByNumber", "0x7", True))
    by_hash = object_of(await call("eth_getBlockByHash", "0x" + world.chain.blocks[7][0].hash.hex(), True))

    assert by_hash == by_number


async def test_tags_name_the_heads(world: World, call: Call) -> None:
    numbers = {
        tag: object_of(await call("eth_getBlockByNumber", tag))["number"]
        for tag in ("earliest", "finalized", "safe", "latest", "pending")
    }

    last = len(world.chain.blocks) - 1
    assert numbers == {
        "earliest": "0x0",
        "finalized": hex(last - 8),
        "safe": hex(last - 4),
        "latest": hex(last),
        "pending": hex(last),
    }


async def test_unknown_tag_is_invalid_params(call: Call) -> None:
    code, message = error_of(await call("eth_getBlockByNumber", "newest", False))

    assert code == -32602
    assert "newest" in message


async def test_every_transaction_of_every_block_has_its_keys(world: World, call: Call) -> None:
    kinds = set()
    for number in range(len(world.chain.blocks)):
        block = object_of(await call("eth_getBlockByNumber", hex(number), True))
        transactions = block["transactions"]
        assert isinstance(transactions, list)
        for transaction in transactions:
            assert set(transaction) >= REQUIRED_OF_TRANSACTION
            kinds.add(transaction["type"])

    assert {"0x0", "0x2", "0x7e"} <= kinds


async def test_receipts_of_user_transactions_carry_l1_fees(world: World, call: Call) -> None:
    number, index, transaction = user_transactions(world)[0]
    block = world.chain.blocks[number][0]
    attributes = block.transactions[0]
    assert isinstance(attributes, DepositTransaction)
    info = decode_l1_info(attributes.data)

    receipt = object_of(await call("eth_getTransactionReceipt", "0x" + transaction.hash.hex()))

    assert set(receipt) - {"operatorFeeScalar", "operatorFeeConstant"} == REQUIRED_OF_RECEIPT | L1_FIELDS
    assert receipt["l1GasPrice"] == hex(info.base_fee)
    assert receipt["l1BlobBaseFee"] == hex(info.blob_base_fee)
    assert receipt["l1BaseFeeScalar"] == hex(info.base_fee_scalar)
    assert int(str(receipt["l1Fee"]), 16) > 0
    assert int(str(receipt["l1GasUsed"]), 16) >= 1600
    assert receipt["transactionIndex"] == hex(index)
    assert receipt["effectiveGasPrice"] == hex(transaction.effective_gas_price(block.header.base_fee_per_gas))


async def test_operator_fee_stands_in_receipts_exactly_where_it_is_not_zero(world: World) -> None:
    number, index, _ = user_transactions(world)[0]
    view = find_sealed_view(world.backend, number)
    assert view is not None
    assert view.l1_info is not None
    charging = replace(view.l1_info, operator_fee_scalar=0, operator_fee_constant=7)
    free = replace(view.l1_info, operator_fee_scalar=0, operator_fee_constant=0)

    with_fee = format_receipt(view.placed[index], replace(view, l1_info=charging))
    without_fee = format_receipt(view.placed[index], replace(view, l1_info=free))

    assert (with_fee["operatorFeeScalar"], with_fee["operatorFeeConstant"]) == ("0x0", "0x7")
    assert "operatorFeeScalar" not in without_fee
    assert "operatorFeeConstant" not in without_fee


async def test_deposit_receipt_has_nonce_and_version_and_no_l1_fee(call: Call) -> None:
    receipts = list_of(await call("eth_getBlockReceipts", "0x5"))

    assert set(receipts[0]) == REQUIRED_OF_RECEIPT | {"depositNonce", "depositReceiptVersion"}
    assert receipts[0]["depositReceiptVersion"] == "0x1"
    assert receipts[0]["effectiveGasPrice"] == "0x0"


async def test_deposit_transaction_has_source_hash_and_the_receipts_nonce(world: World, call: Call) -> None:
    receipt = list_of(await call("eth_getBlockReceipts", "0x5"))[0]
    deposit = object_of(await call("eth_getTransactionByBlockNumberAndIndex", "0x5", "0x0"))

    attributes = world.chain.blocks[5][0].transactions[0]
    assert isinstance(attributes, DepositTransaction)
    assert deposit["sourceHash"] == "0x" + attributes.source_hash.hex()
    assert deposit["isSystemTx"] is False
    assert "mint" not in deposit
    assert deposit["nonce"] == receipt["depositNonce"]


async def test_minting_deposit_shows_its_mint() -> None:
    world = make_world(count=118)
    minting = next(
        one
        for block, _ in world.chain.blocks
        for one in block.transactions
        if isinstance(one, DepositTransaction) and one.mint
    )
    try:
        shown = object_of(await caller_of(world)("eth_getTransactionByHash", "0x" + minting.hash.hex()))
    finally:
        world.backend.close()

    assert shown["mint"] == hex(minting.mint)


async def test_gas_of_all_receipts_adds_up_to_the_block(world: World, call: Call) -> None:
    for number in range(1, len(world.chain.blocks)):
        receipts = list_of(await call("eth_getBlockReceipts", hex(number)))
        total = sum(int(str(receipt["gasUsed"]), 16) for receipt in receipts)
        assert total == world.chain.blocks[number][0].header.gas_used


async def test_log_indexes_count_through_the_block(world: World, call: Call) -> None:
    longest = 0
    for number in range(1, len(world.chain.blocks)):
        receipts = list_of(await call("eth_getBlockReceipts", hex(number)))
        indexes = [log["logIndex"] for receipt in receipts for log in receipt["logs"]]  # type: ignore[attr-defined]
        assert indexes == [hex(index) for index in range(len(indexes))]
        longest = max(longest, len(indexes))

    assert longest > 0


async def test_created_contract_address_follows_from_sender_and_nonce() -> None:
    creation = make_transaction(to=None, data=b"\x00", chain_id=900)
    world = make_world(plain=plain_blocks({1: [creation]}, 3))
    try:
        receipt = object_of(await caller_of(world)("eth_getTransactionReceipt", "0x" + creation.hash.hex()))
    finally:
        world.backend.close()

    assert receipt["contractAddress"] == "0x5fbdb2315678afecb367f032d93f642f64180aa3"


async def test_call_has_no_contract_address(world: World, call: Call) -> None:
    transaction = next(one for _, _, one in user_transactions(world) if one.to is not None)

    receipt = object_of(await call("eth_getTransactionReceipt", "0x" + transaction.hash.hex()))

    assert receipt["contractAddress"] is None


async def test_plain_chain_has_no_fields_of_optimism() -> None:
    transfer = make_transaction(chain_id=900)
    world = make_world(plain=plain_blocks({1: [transfer]}, 3))
    try:
        receipt = object_of(await caller_of(world)("eth_getTransactionReceipt", "0x" + transfer.hash.hex()))
        unknown = await caller_of(world)("optimism_syncStatus")
    finally:
        world.backend.close()

    assert set(receipt) == REQUIRED_OF_RECEIPT
    assert error_of(unknown)[0] == -32601


async def test_transaction_types_show_their_own_fields() -> None:
    sent = [make_transaction(type=kind, nonce=nonce, chain_id=900) for nonce, kind in enumerate((0, 1, 2, 4))]
    unprotected = make_transaction(type=0, nonce=4, chain_id=None)
    world = make_world(plain=plain_blocks({1: [*sent, unprotected]}, 3))
    try:
        block = object_of(await caller_of(world)("eth_getBlockByNumber", "0x1", True))
    finally:
        world.backend.close()

    transactions = block["transactions"]
    assert isinstance(transactions, list)
    legacy, access_list, dynamic, set_code, old = transactions
    assert int(legacy["v"], 16) in (35 + 1800, 36 + 1800)
    assert legacy["chainId"] == hex(900)
    assert "yParity" not in legacy
    assert access_list["accessList"] == []
    assert "maxFeePerGas" not in access_list
    assert dynamic["maxFeePerGas"] == hex(100 * 10**9)
    assert dynamic["gasPrice"] == hex(2 * 10**9)
    assert set_code["authorizationList"][0]["address"] == "0x" + sent[3].authorizations[0].address.hex()
    assert int(old["v"], 16) in (27, 28)
    assert "chainId" not in old


async def test_transaction_counts(world: World, call: Call) -> None:
    block = world.chain.blocks[6][0]

    assert result_of(await call("eth_getBlockTransactionCountByNumber", "0x6")) == hex(len(block.transactions))
    by_hash = await call("eth_getBlockTransactionCountByHash", "0x" + block.hash.hex())
    assert result_of(by_hash) == hex(len(block.transactions))
    assert result_of(await call("eth_getBlockTransactionCountByNumber", "0xffff")) is None
    assert result_of(await call("eth_getBlockTransactionCountByHash", "0x" + "00" * 32)) is None


async def test_uncle_counts_are_zero(world: World, call: Call) -> None:
    assert result_of(await call("eth_getUncleCountByBlockNumber", "latest")) == "0x0"
    assert result_of(await call("eth_getUncleCountByBlockNumber", "0xffff")) is None
    known = "0x" + world.chain.blocks[1][0].hash.hex()
    assert result_of(await call("eth_getUncleCountByBlockHash", known)) == "0x0"
    assert result_of(await call("eth_getUncleCountByBlockHash", "0x" + "00" * 32)) is None


async def test_transaction_by_place(world: World, call: Call) -> None:
    number, index, transaction = user_transactions(world)[0]
    block_hash = "0x" + world.chain.blocks[number][0].hash.hex()

    by_number = await call("eth_getTransactionByBlockNumberAndIndex", hex(number), hex(index))
    by_hash = await call("eth_getTransactionByBlockHashAndIndex", block_hash, hex(index))
    by_own_hash = await call("eth_getTransactionByHash", "0x" + transaction.hash.hex())

    assert object_of(by_number)["hash"] == "0x" + transaction.hash.hex()
    assert object_of(by_number) == object_of(by_hash) == object_of(by_own_hash)


async def test_place_that_no_transaction_has_is_null(world: World, call: Call) -> None:
    assert result_of(await call("eth_getTransactionByBlockNumberAndIndex", "0x5", "0xffff")) is None
    assert result_of(await call("eth_getTransactionByBlockHashAndIndex", "0x" + "00" * 32, "0x0")) is None
    assert result_of(await call("eth_getTransactionByHash", "0x" + "00" * 32)) is None
    assert result_of(await call("eth_getTransactionReceipt", "0x" + "00" * 32)) is None


async def test_block_receipts_take_a_hash_too(world: World, call: Call) -> None:
    block_hash = "0x" + world.chain.blocks[5][0].hash.hex()

    by_number = result_of(await call("eth_getBlockReceipts", "0x5"))
    assert result_of(await call("eth_getBlockReceipts", block_hash)) == by_number
    assert result_of(await call("eth_getBlockReceipts", {"blockHash": block_hash})) == by_number
