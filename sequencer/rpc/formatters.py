"""
JSON forms of the chain's values, as `ethereum/execution-apis` and op-geth have them. The only place for hex in the RPC.

A quantity is hex without leading zeros, data is hex of whole bytes. A block that is still open has no hash: its block
and transactions say null; receipts and logs of preconfirmed transactions say zeros, since clients demand a hash there.
"""

from collections.abc import Mapping

from batcher.l2_source import L2BlockRef
from contracts.keccak import keccak
from l1_bridge.rlp_codec import encode_integer, encode_rlp
from l1_bridge.types import BlockId, L1Header
from sequencer.mempool.statuses import TransactionStatus
from sequencer.primitives.block import AnyTransaction, Block
from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.header import EMPTY_OMMERS_HASH, Header
from sequencer.primitives.receipt import Log
from sequencer.primitives.transaction import (
    ACCESS_LIST_TYPE,
    LEGACY_TYPE,
    SET_CODE_TYPE,
    AccessListEntry,
    Authorization,
    Transaction,
)

from .backend import ProofOfAccount
from .block_view import BlockView, PlacedTransaction
from .l1_costs import L1Costs, compute_l1_costs

Json = Mapping[str, object]
"""A JSON object that is ready to be written."""

NO_HASH = bytes(32)
"""Block hash in receipts of transactions whose block is still open."""


def quantity(value: int) -> str:
    """A number: hex without leading zeros."""
    return hex(value)


def data(value: bytes) -> str:
    """Bytes of any length: two hex digits a byte."""
    return "0x" + value.hex()


def word(value: int) -> str:
    """A number as 32 bytes of data, as storage values are given."""
    return f"0x{value:064x}"


def quantity_or_none(value: int | None) -> str | None:
    """A number, or null."""
    return None if value is None else quantity(value)


def data_or_none(value: bytes | None) -> str | None:
    """Bytes, or null."""
    return None if value is None else data(value)


def format_block(view: BlockView, *, full_transactions: bool) -> Json:
    """The block object; of the open block hash, nonce and size are null."""
    fields = dict(format_header(view.header, view.hash))
    transactions: list[object]
    if full_transactions:
        transactions = [format_transaction(placed, view) for placed in view.placed]
    else:
        transactions = [data(placed.transaction.hash) for placed in view.placed]
    fields |= {
        "size": quantity_or_none(view.size),
        "transactions": transactions,
        "uncles": [],
        "withdrawals": [],
    }
    return fields


def format_header(header: Header, hash: bytes | None) -> Json:
    """The header's fields under their JSON names; without hash (open block) hash and nonce are null."""
    return {
        "number": quantity(header.number),
        "hash": data_or_none(hash),
        "parentHash": data(header.parent_hash),
        "sha3Uncles": data(EMPTY_OMMERS_HASH),
        "miner": data(header.fee_recipient),
        "stateRoot": data(header.state_root),
        "transactionsRoot": data(header.transactions_root),
        "receiptsRoot": data(header.receipts_root),
        "logsBloom": data(header.logs_bloom),
        "difficulty": "0x0",
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "extraData": data(header.extra_data),
        "mixHash": data(header.prev_randao),
        "nonce": None if hash is None else data(bytes(8)),
        "baseFeePerGas": quantity(header.base_fee_per_gas),
        "withdrawalsRoot": data(header.withdrawals_root),
        "blobGasUsed": quantity(header.blob_gas_used),
        "excessBlobGas": quantity(header.excess_blob_gas),
        "parentBeaconBlockRoot": data(header.parent_beacon_block_root),
        "requestsHash": data(header.requests_hash),
    }


def format_transaction(placed: PlacedTransaction, view: BlockView) -> Json:
    """A transaction that stands in a block (or in the open one)."""
    transaction = placed.transaction
    place: dict[str, object] = {
        "blockHash": data_or_none(view.hash),
        "blockNumber": quantity(view.header.number),
        "transactionIndex": quantity(placed.index),
    }
    if isinstance(transaction, DepositTransaction):
        nonce = placed.receipt.deposit_nonce or 0
        fields = _deposit_fields(transaction, nonce)
        if placed.receipt.deposit_receipt_version is not None:
            fields["depositReceiptVersion"] = quantity(placed.receipt.deposit_receipt_version)
        return fields | place
    return _user_fields(transaction, transaction.effective_gas_price(view.header.base_fee_per_gas)) | place


def format_pool_transaction(transaction: Transaction) -> Json:
    """A transaction that waits in the pool: no place yet, and its price is what it offers at most."""
    place = dict.fromkeys(("blockHash", "blockNumber", "transactionIndex"))
    return _user_fields(transaction, transaction.max_fee_per_gas) | place


def _user_fields(transaction: Transaction, gas_price: int) -> dict[str, object]:
    fields = _shared_fields(transaction, transaction.nonce)
    fields["gasPrice"] = quantity(gas_price)
    if transaction.type == LEGACY_TYPE:
        v = 27 if transaction.chain_id is None else 35 + 2 * transaction.chain_id
        fields["v"] = quantity(v + transaction.y_parity)
        if transaction.chain_id is not None:
            fields["chainId"] = quantity(transaction.chain_id)
    else:
        fields["chainId"] = quantity(transaction.chain_id or 0)
        fields["accessList"] = [_access_list_entry(entry) for entry in transaction.access_list]
        fields["v"] = fields["yParity"] = quantity(transaction.y_parity)
    if transaction.type not in (LEGACY_TYPE, ACCESS_LIST_TYPE):
        fields["maxFeePerGas"] = quantity(transaction.max_fee_per_gas)
        fields["maxPriorityFeePerGas"] = quantity(transaction.max_priority_fee_per_gas)
    if transaction.type == SET_CODE_TYPE:
        fields["authorizationList"] = [_authorization(entry) for entry in transaction.authorizations]
    fields["r"], fields["s"] = quantity(transaction.r), quantity(transaction.s)
    return fields


def _deposit_fields(deposit: DepositTransaction, nonce: int) -> dict[str, object]:
    fields = _shared_fields(deposit, nonce)
    fields |= {"gasPrice": "0x0", "v": "0x0", "r": "0x0", "s": "0x0"}
    fields |= {"sourceHash": data(deposit.source_hash), "isSystemTx": deposit.is_system}
    if deposit.mint:
        fields["mint"] = quantity(deposit.mint)
    return fields


def _shared_fields(transaction: AnyTransaction, nonce: int) -> dict[str, object]:
    return {
        "hash": data(transaction.hash),
        "type": quantity(transaction.type),
        "nonce": quantity(nonce),
        "from": data(transaction.sender),
        "to": data_or_none(transaction.to),
        "value": quantity(transaction.value),
        "gas": quantity(transaction.gas_limit),
        "input": data(transaction.data),
    }


def _access_list_entry(entry: AccessListEntry) -> Json:
    return {"address": data(entry.address), "storageKeys": [word(slot) for slot in entry.slots]}


def _authorization(authorization: Authorization) -> Json:
    return {
        "chainId": quantity(authorization.chain_id),
        "address": data(authorization.address),
        "nonce": quantity(authorization.nonce),
        "yParity": quantity(authorization.y_parity),
        "r": quantity(authorization.r),
        "s": quantity(authorization.s),
    }


def format_receipt(placed: PlacedTransaction, view: BlockView) -> Json:
    """The receipt object; user transactions of an OP chain carry their L1 and operator fee parameters."""
    transaction, receipt = placed.transaction, placed.receipt
    fields: dict[str, object] = {
        "type": quantity(transaction.type),
        "status": quantity(receipt.status),
        "transactionHash": data(transaction.hash),
        "transactionIndex": quantity(placed.index),
        "blockHash": data(view.hash or NO_HASH),
        "blockNumber": quantity(view.header.number),
        "from": data(transaction.sender),
        "to": data_or_none(transaction.to),
        "cumulativeGasUsed": quantity(receipt.cumulative_gas_used),
        "gasUsed": quantity(placed.gas_used),
        "logs": [format_log(log, placed, offset, view) for offset, log in enumerate(receipt.logs)],
        "logsBloom": data(receipt.bloom),
        "contractAddress": data_or_none(created_address(placed)),
    }
    if isinstance(transaction, DepositTransaction):
        fields["effectiveGasPrice"] = "0x0"
        if receipt.deposit_nonce is not None:
            fields["depositNonce"] = quantity(receipt.deposit_nonce)
        if receipt.deposit_receipt_version is not None:
            fields["depositReceiptVersion"] = quantity(receipt.deposit_receipt_version)
        return fields
    fields["effectiveGasPrice"] = quantity(transaction.effective_gas_price(view.header.base_fee_per_gas))
    if view.l1_info is not None:
        fields |= _format_l1_costs(compute_l1_costs(transaction.raw, view.l1_info))
    if view.hash is None:
        fields["preconfirmed"] = True
    return fields


def _format_l1_costs(costs: L1Costs) -> dict[str, object]:
    info = costs.info
    fields: dict[str, object] = {
        "l1Fee": quantity(costs.l1_fee),
        "l1GasUsed": quantity(costs.l1_gas_used),
        "l1GasPrice": quantity(info.base_fee),
        "l1BlobBaseFee": quantity(info.blob_base_fee),
        "l1BaseFeeScalar": quantity(info.base_fee_scalar),
        "l1BlobBaseFeeScalar": quantity(info.blob_base_fee_scalar),
    }
    if info.operator_fee_scalar or info.operator_fee_constant:
        fields["operatorFeeScalar"] = quantity(info.operator_fee_scalar)
        fields["operatorFeeConstant"] = quantity(info.operator_fee_constant)
    return fields


def created_address(placed: PlacedTransaction) -> bytes | None:
    """Address that a creation transaction gave its contract; None for calls."""
    transaction = placed.transaction
    if transaction.to is not None:
        return None
    if isinstance(transaction, DepositTransaction):
        nonce = placed.receipt.deposit_nonce or 0
    else:
        nonce = transaction.nonce
    return keccak(encode_rlp([transaction.sender, encode_integer(nonce)]))[12:]


def format_log(log: Log, placed: PlacedTransaction, offset: int, view: BlockView) -> Json:
    """One log; its index counts all logs of the block."""
    return {
        "address": data(log.address),
        "topics": [data(topic) for topic in log.topics],
        "data": data(log.data),
        "blockNumber": quantity(view.header.number),
        "blockHash": data(view.hash or NO_HASH),
        "blockTimestamp": quantity(view.header.timestamp),
        "transactionHash": data(placed.transaction.hash),
        "transactionIndex": quantity(placed.index),
        "logIndex": quantity(placed.first_log_index + offset),
        "removed": False,
    }


def format_raw_block(block: Block) -> Json:
    """`braid_rawBlock`: what the batcher reads, all of it in consensus encodings."""
    return {
        "hash": data(block.hash),
        "header": data(block.header.encode()),
        "transactions": [data(transaction.raw) for transaction in block.transactions],
    }


def format_account_proof(address: bytes, proof: ProofOfAccount) -> Json:
    """`eth_getProof`'s object (EIP-1186)."""
    return {
        "address": data(address),
        "nonce": quantity(proof.nonce),
        "balance": quantity(proof.balance),
        "codeHash": data(proof.code_hash),
        "storageHash": data(proof.storage_root),
        "accountProof": [data(node) for node in proof.nodes],
        "storageProof": [
            {"key": word(slot.slot), "value": quantity(slot.value), "proof": [data(node) for node in slot.nodes]}
            for slot in proof.storage
        ],
    }


def format_status(hash: bytes, status: TransactionStatus) -> Json:
    """`braid_transactionStatus`'s object."""
    return {
        "hash": data(hash),
        "status": status.state.value,
        "reason": status.reason,
        "blockNumber": quantity_or_none(status.block_number),
        "sliceIndex": quantity_or_none(status.slice_index),
        "index": quantity_or_none(status.index),
    }


def format_l1_ref(header: L1Header | None) -> Json:
    """op-node's L1BlockRef; zeros for a block that is not known yet."""
    if header is None:
        return {"hash": data(NO_HASH), "number": 0, "parentHash": data(NO_HASH), "timestamp": 0}
    return {
        "hash": data(header.hash),
        "number": header.number,
        "parentHash": data(header.parent_hash),
        "timestamp": header.timestamp,
    }


def format_l2_ref(ref: L2BlockRef | None) -> Json:
    """op-node's L2BlockRef; zeros for none."""
    if ref is None:
        ref = L2BlockRef(0, NO_HASH, NO_HASH, 0, BlockId(0, NO_HASH), 0)
    return {
        "hash": data(ref.hash),
        "number": ref.number,
        "parentHash": data(ref.parent_hash),
        "timestamp": ref.timestamp,
        "l1origin": {"hash": data(ref.l1_origin.hash), "number": ref.l1_origin.number},
        "sequenceNumber": ref.sequence_number,
    }
