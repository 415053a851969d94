"""
Hand-made fixtures: valid by default, a test breaks one part.

What a fixture expects comes from arithmetic and from the tries of the `trie` library, not from what is tested.
"""

import copy
from collections.abc import Mapping
from pathlib import Path

import orjson
from eth_hash.auto import keccak

from l1_bridge.ordered_trie import ordered_trie_root
from l1_bridge.rlp_codec import RlpItem, decode_rlp, encode_integer, encode_rlp
from sequencer.primitives.genesis import GenesisAccount
from sequencer.primitives.header import EMPTY_OMMERS_HASH, EMPTY_REQUESTS_HASH
from sequencer.primitives.receipt import BLOOM_BYTES, Receipt
from sequencer.primitives.transaction import Transaction
from tests.factories import ETHER, RECIPIENT, address, make_transaction, private_key
from tests.fakes.memory_state import memory_state

CHAIN_ID = 1
COINBASE = bytes(19) + b"\xcb"
BASE_FEE, PRICE = 7, 10
EMPTY_LOGS_HASH = keccak(b"\xc0")
STOP = bytes.fromhex("00")
REQUEST_CONTRACTS = (
    bytes.fromhex("00000961ef480eb55e80d19ad83579a64c007002"),
    bytes.fromhex("0000bbddc7ce488642fb579f8b00f3a590007251"),
)

World = dict[bytes, GenesisAccount]

PRE: World = {address(0): GenesisAccount(balance=ETHER)}


def hexed(value: bytes | int) -> str:
    return hex(value) if isinstance(value, int) else "0x" + value.hex()


def state_json(world: Mapping[bytes, GenesisAccount]) -> dict[str, object]:
    return {
        hexed(place): {
            "balance": hexed(account.balance),
            "nonce": hexed(account.nonce),
            "code": hexed(account.code),
            "storage": {hexed(slot): hexed(value) for slot, value in (account.storage or {}).items()},
        }
        for place, account in world.items()
    }


def root_of(world: Mapping[bytes, GenesisAccount]) -> bytes:
    return memory_state(world).state_root


def transfer(nonce: int = 0, **parts: object) -> Transaction:
    """One wei from account 0, at a price of 10 wei."""
    arguments = {"type": 0, "chain_id": CHAIN_ID, "gas_price": PRICE, "nonce": nonce, "value": 1, **parts}
    return make_transaction(**arguments)  # type: ignore[arg-type]  # the test names the parts


def after_transfers(count: int = 1, pre: Mapping[bytes, GenesisAccount] = PRE) -> World:
    """What `count` transfers leave."""
    spent = count * (1 + 21_000 * PRICE)
    return {
        **pre,
        address(0): GenesisAccount(balance=ETHER - spent, nonce=count),
        RECIPIENT: GenesisAccount(balance=count),
        COINBASE: GenesisAccount(balance=count * 21_000 * (PRICE - BASE_FEE)),
    }


def state_test(fork: str = "Cancun") -> dict[str, object]:
    """A transfer."""
    entry = {
        "hash": hexed(root_of(after_transfers())),
        "logs": hexed(EMPTY_LOGS_HASH),
        "txbytes": hexed(transfer().raw),
        "indexes": {"data": 0, "gas": 0, "value": 0},
    }
    return {
        "env": {
            "currentCoinbase": hexed(COINBASE),
            "currentGasLimit": "0x01000000",
            "currentNumber": "0x01",
            "currentTimestamp": "0x03e8",
            "currentRandom": hexed(bytes(32)),
            "currentDifficulty": "0x00",
            "currentBaseFee": hexed(BASE_FEE),
            "currentExcessBlobGas": "0x00",
        },
        "pre": state_json(PRE),
        "transaction": {
            "nonce": "0x00",
            "gasPrice": hexed(PRICE),
            "gasLimit": ["0x5208"],
            "to": hexed(RECIPIENT),
            "value": ["0x01"],
            "data": ["0x"],
            "secretKey": hexed(private_key(0)),
        },
        "post": {fork: [entry]},
        "config": {"chainid": "0x01"},
    }


def with_entry(test: dict[str, object], **changed: object) -> dict[str, object]:
    """The state test with parts of its one case replaced; None takes a part away."""
    changed_test = copy.deepcopy(test)
    [[entry]] = changed_test["post"].values()  # type: ignore[attr-defined]  # as `state_test` makes it
    for key, value in changed.items():
        if value is None:
            del entry[key]
        else:
            entry[key] = value
    return changed_test


def block_world(fork: str) -> World:
    """Account 0, and at Prague the contracts that no block is valid without."""
    contracts = REQUEST_CONTRACTS if fork == "Prague" else ()
    return {**PRE, **{contract: GenesisAccount(nonce=1, code=STOP) for contract in contracts}}


def header_fields(fork: str, **changed: RlpItem) -> dict[str, RlpItem]:
    """The fields of a header in their order, those of an empty genesis block."""
    empty = ordered_trie_root([])
    fields: dict[str, RlpItem] = {
        "parent_hash": bytes(32),
        "ommers_hash": EMPTY_OMMERS_HASH,
        "fee_recipient": COINBASE,
        "state_root": root_of(block_world(fork)),
        "transactions_root": empty,
        "receipts_root": empty,
        "logs_bloom": bytes(BLOOM_BYTES),
        "difficulty": b"",
        "number": b"",
        "gas_limit": encode_integer(30_000_000),
        "gas_used": b"",
        "timestamp": b"",
        "extra_data": b"",
        "prev_randao": bytes(32),
        "nonce": bytes(8),
        "base_fee": encode_integer(BASE_FEE),
        "withdrawals_root": empty,
        "blob_gas_used": b"",
        "excess_blob_gas": b"",
        "beacon_root": bytes(32),
    }
    if fork == "Prague":
        fields["requests_hash"] = EMPTY_REQUESTS_HASH
    return {**fields, **changed}


def first_block(fork: str, withdrawals: bool = False, **changed: RlpItem) -> tuple[bytes, bytes, World]:
    """The encoding of block 1 with one transfer (and a withdrawal of one gwei), its hash, and the world after it."""
    genesis = keccak(encode_rlp(list(header_fields(fork).values())))
    receipt = Receipt(type=0, status=1, cumulative_gas_used=21_000, bloom=bytes(BLOOM_BYTES), logs=())
    world = after_transfers(1, block_world(fork))
    paid: list[RlpItem] = []
    if withdrawals:
        paid = [[b"", b"\x01", RECIPIENT, b"\x01"]]
        world[RECIPIENT] = GenesisAccount(balance=1 + 10**9)
    fields: dict[str, RlpItem] = {
        "parent_hash": genesis,
        "state_root": root_of(world),
        "transactions_root": ordered_trie_root([transfer().raw]),
        "receipts_root": ordered_trie_root([receipt.encode()]),
        "number": b"\x01",
        "gas_used": encode_integer(21_000),
        "timestamp": b"\x0c",
        "withdrawals_root": ordered_trie_root([encode_rlp(item) for item in paid]),
        **changed,
    }
    header = list(header_fields(fork, **fields).values())
    return encode_rlp([header, [decode_rlp(transfer().raw)], [], paid]), keccak(encode_rlp(header)), world


def block_test(fork: str = "Cancun", **options: bool) -> dict[str, object]:
    """A chain of one block."""
    block, block_hash, world = first_block(fork, **options)
    genesis = list(header_fields(fork).values())
    return {
        "network": fork,
        "genesisBlockHeader": {"hash": hexed(keccak(encode_rlp(genesis)))},
        "genesisRLP": hexed(encode_rlp([genesis, [], [], []])),
        "pre": state_json(block_world(fork)),
        "blocks": [{"rlp": hexed(block)}],
        "lastblockhash": hexed(block_hash),
        "postState": state_json(world),
        "config": {"chainid": "0x01"},
    }


def invalid_block_test(fork: str = "Cancun", **changed: RlpItem) -> dict[str, object]:
    """A chain of no block, since the only one has parts that are wrong; the fixture expects that."""
    block, _, _ = first_block(fork, **changed)
    test = block_test(fork)
    genesis = test["genesisBlockHeader"]
    return {
        **test,
        "blocks": [{"rlp": hexed(block), "expectException": "BlockException.SOMETHING"}],
        "lastblockhash": genesis["hash"],  # type: ignore[index]  # as `block_test` makes it
        "postState": test["pre"],
    }


def write(folder: Path, name: str, content: object) -> Path:
    """A file of JSON below `folder`."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(content))
    return path
