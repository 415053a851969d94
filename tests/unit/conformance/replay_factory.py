"""Folders that hold a block of mainnet as `braid evm replay` reads it; invented, in JSON-RPC's form."""

from collections.abc import Sequence
from pathlib import Path

from l1_bridge.ordered_trie import ordered_trie_root
from sequencer.primitives.receipt import Log, Receipt, compute_logs_bloom
from sequencer.primitives.transaction import Transaction
from tests.factories import ETHER, address
from tests.unit.conformance.fixture_factory import hexed, write

BASE_FEE = 7
LONDON, PARIS, SHANGHAI, CANCUN, PRAGUE = (
    (13_000_000, 1_630_000_000),
    (15_600_000, 1_664_000_000),
    (17_100_000, 1_682_000_000),
    (19_500_000, 1_711_000_000),
    (22_500_000, 1_747_000_000),
)
ISTANBUL, BERLIN = (9_100_000, 1_576_000_000), (12_300_000, 1_619_000_000)

CONTRACT = bytes(18) + b"\xc0\xde"


def transaction_json(transaction: Transaction) -> dict[str, object]:
    """As `eth_getBlockByNumber` shows it."""
    fields: dict[str, object] = {
        "type": hexed(transaction.type),
        "hash": hexed(transaction.hash),
        "from": hexed(transaction.sender),
        "nonce": hexed(transaction.nonce),
        "gas": hexed(transaction.gas_limit),
        "gasPrice": hexed(transaction.max_fee_per_gas),
        "to": None if transaction.to is None else hexed(transaction.to),
        "value": hexed(transaction.value),
        "input": hexed(transaction.data),
        "v": hexed(transaction.y_parity),
        "r": hexed(transaction.r),
        "s": hexed(transaction.s),
    }
    if transaction.type == 0:
        offset = 27 if transaction.chain_id is None else 35 + 2 * transaction.chain_id
        fields["v"] = hexed(offset + transaction.y_parity)
        return fields
    fields |= {"chainId": hexed(transaction.chain_id or 0), "yParity": hexed(transaction.y_parity)}
    fields["accessList"] = [
        {"address": hexed(entry.address), "storageKeys": [hexed(slot.to_bytes(32, "big")) for slot in entry.slots]}
        for entry in transaction.access_list
    ]
    if transaction.type >= 2:
        fields["maxFeePerGas"] = hexed(transaction.max_fee_per_gas)
        fields["maxPriorityFeePerGas"] = hexed(transaction.max_priority_fee_per_gas)
    if transaction.type == 3:
        fields["maxFeePerBlobGas"] = hexed(transaction.max_fee_per_blob_gas)
        fields["blobVersionedHashes"] = [hexed(value) for value in transaction.blob_hashes]
    if transaction.type == 4:
        fields["authorizationList"] = [
            {
                "chainId": hexed(entry.chain_id),
                "address": hexed(entry.address),
                "nonce": hexed(entry.nonce),
                "yParity": hexed(entry.y_parity),
                "r": hexed(entry.r),
                "s": hexed(entry.s),
            }
            for entry in transaction.authorizations
        ]
    return fields


def block_json(
    place: tuple[int, int], transactions: Sequence[Transaction], gas: Sequence[int], logs: Sequence[Log] = ()
) -> dict[str, object]:
    """A block at (number, time) whose transactions use so much gas each; `logs` are the last one's."""
    receipts, used = [], 0
    for index, (transaction, spent) in enumerate(zip(transactions, gas, strict=True)):
        used += spent
        own = tuple(logs) if index == len(transactions) - 1 else ()
        receipts.append(Receipt(transaction.type, 1, used, compute_logs_bloom(own), own))
    number, timestamp = place
    block: dict[str, object] = {
        "number": hexed(number),
        "timestamp": hexed(timestamp),
        "parentHash": hexed(b"\x77" * 32),
        "miner": hexed(bytes(19) + b"\xcb"),
        "difficulty": "0x1234" if place < PARIS else "0x0",
        "mixHash": hexed(b"\x05" * 32),
        "gasLimit": hexed(30_000_000),
        "gasUsed": hexed(used),
        "receiptsRoot": hexed(ordered_trie_root([receipt.encode() for receipt in receipts])),
        "logsBloom": hexed(compute_logs_bloom(logs)),
        "transactions": [transaction_json(transaction) for transaction in transactions],
    }
    if place >= LONDON:
        block["baseFeePerGas"] = hexed(BASE_FEE)
    if place >= CANCUN:
        block |= {"excessBlobGas": "0x0", "blobGasUsed": "0x0", "parentBeaconBlockRoot": hexed(bytes(32))}
    return block


def pre_state(code: str = "") -> dict[str, object]:
    """Account 0 with one ether, and a contract where there is code."""
    state: dict[str, object] = {hexed(address(0)): {"balance": hexed(ETHER), "nonce": "0x0"}}
    if code:
        state[hexed(CONTRACT)] = {"balance": "0x0", "nonce": "0x1", "code": "0x" + code, "storage": {}}
    return state


def write_folder(
    folder: Path, block: dict[str, object], state: dict[str, object], hashes: dict[str, object] | None = None
) -> Path:
    """The files of one block."""
    write(folder, "block.json", block)
    write(folder, "pre_state.json", state)
    if hashes is not None:
        write(folder, "block_hashes.json", hashes)
    return folder
