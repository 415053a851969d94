"""
Headers and blocks of plain Ethereum since the merge, as blockchain tests hold them: decoded by the block's own fork,
and checked against the parent (Yellow Paper 4.3; EIP-1559, 3675, 4895, 4844, 4788, 7685).

Our own chain's header is `primitives.header`; this one has the fields that OP chains keep at a constant, and lacks
those that its fork does not know yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.keccak import keccak
from l1_bridge.errors import BraidError
from l1_bridge.ordered_trie import ordered_trie_root
from l1_bridge.rlp_codec import encode_rlp
from sequencer.execution.environment import (
    GAS_PER_BLOB,
    Fork,
    Rules,
    next_base_fee,
    next_excess_blob_gas,
)
from sequencer.primitives.account import EMPTY_TRIE_ROOT
from sequencer.primitives.blob_transaction import decode_ethereum_transaction
from sequencer.primitives.errors import DecodingError
from sequencer.primitives.fields import RlpItem, decode_list, read_bytes, read_int, read_list, read_sized
from sequencer.primitives.header import EMPTY_OMMERS_HASH, Header
from sequencer.primitives.receipt import BLOOM_BYTES
from sequencer.primitives.transaction import Transaction

FIELD_COUNTS: Mapping[Fork, int] = {Fork.PARIS: 16, Fork.SHANGHAI: 17, Fork.CANCUN: 20, Fork.PRAGUE: 21}
"""Fields of a header, by fork."""

TIMESTAMP_FIELD = 11
"""Tells the fork, which tells how many fields there are."""

MAX_EXTRA_DATA_BYTES = 32
MIN_GAS_LIMIT, MAX_GAS_LIMIT = 5_000, 2**63 - 1
GAS_LIMIT_STEP = 1_024
"""A gas limit differs from its parent's by less than this part of it."""


class InvalidBlock(BraidError):
    """A block that no node may accept; the message says why."""


@dataclass(frozen=True, slots=True)
class EthereumHeader:
    """A header as it was given; what its fork does not know is None."""

    hash: bytes
    parent_hash: bytes
    ommers_hash: bytes
    fee_recipient: bytes
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    difficulty: int
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    prev_randao: bytes
    nonce: bytes
    base_fee_per_gas: int
    withdrawals_root: bytes | None = None
    blob_gas_used: int | None = None
    excess_blob_gas: int | None = None
    parent_beacon_block_root: bytes | None = None
    requests_hash: bytes | None = None

    def as_parent(self) -> Header:
        """What engines and the base fee's rule know a parent as."""
        return Header(
            parent_hash=self.parent_hash,
            fee_recipient=self.fee_recipient,
            state_root=self.state_root,
            transactions_root=self.transactions_root,
            receipts_root=self.receipts_root,
            logs_bloom=self.logs_bloom,
            number=self.number,
            gas_limit=self.gas_limit,
            gas_used=self.gas_used,
            timestamp=self.timestamp,
            extra_data=self.extra_data,
            prev_randao=self.prev_randao,
            base_fee_per_gas=self.base_fee_per_gas,
            withdrawals_root=self.withdrawals_root or EMPTY_TRIE_ROOT,
            parent_beacon_block_root=self.parent_beacon_block_root or bytes(32),
            blob_gas_used=self.blob_gas_used or 0,
            excess_blob_gas=self.excess_blob_gas or 0,
        )


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What the beacon chain pays out (EIP-4895); the amount is in gwei."""

    address: bytes
    amount_gwei: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class EthereumBlock:
    """A block whose body hashes to its header."""

    fork: Fork
    header: EthereumHeader
    transactions: tuple[Transaction, ...]
    withdrawals: tuple[Withdrawal, ...]


@dataclass(frozen=True, slots=True)
class ForkSchedule:
    """Which fork is in force: `first`, and from the time `change_at` on `then`."""

    first: Fork
    change_at: int = 0
    then: Fork | None = None

    def fork_at(self, timestamp: int) -> Fork:
        """The fork of a block with this timestamp."""
        return self.first if self.then is None or timestamp < self.change_at else self.then


def decode_ethereum_header(item: RlpItem, schedule: ForkSchedule) -> tuple[EthereumHeader, Fork]:
    """A header and its fork from the decoded RLP list; raises DecodingError."""
    fields = read_list(item, "header")
    if len(fields) <= TIMESTAMP_FIELD:
        raise DecodingError(f"header has {len(fields)} fields")
    fork = schedule.fork_at(read_int(fields[TIMESTAMP_FIELD], 64, "timestamp"))
    read_list(fields, f"header at {fork.value}", FIELD_COUNTS[fork])
    is_cancun = fork.includes(Fork.CANCUN)
    return EthereumHeader(
        hash=keccak(encode_rlp(fields)),
        parent_hash=read_sized(fields[0], 32, "parent hash"),
        ommers_hash=read_sized(fields[1], 32, "ommers hash"),
        fee_recipient=read_sized(fields[2], 20, "fee recipient"),
        state_root=read_sized(fields[3], 32, "state root"),
        transactions_root=read_sized(fields[4], 32, "transactions root"),
        receipts_root=read_sized(fields[5], 32, "receipts root"),
        logs_bloom=read_sized(fields[6], BLOOM_BYTES, "logs bloom"),
        difficulty=read_int(fields[7], 256, "difficulty"),
        number=read_int(fields[8], 64, "number"),
        gas_limit=read_int(fields[9], 64, "gas limit"),
        gas_used=read_int(fields[10], 64, "gas used"),
        timestamp=read_int(fields[11], 64, "timestamp"),
        extra_data=read_bytes(fields[12], "extra data"),
        prev_randao=read_sized(fields[13], 32, "prev randao"),
        nonce=read_sized(fields[14], 8, "nonce"),
        base_fee_per_gas=read_int(fields[15], 256, "base fee"),
        withdrawals_root=read_sized(fields[16], 32, "withdrawals root") if fork.includes(Fork.SHANGHAI) else None,
        blob_gas_used=read_int(fields[17], 64, "blob gas used") if is_cancun else None,
        excess_blob_gas=read_int(fields[18], 64, "excess blob gas") if is_cancun else None,
        parent_beacon_block_root=read_sized(fields[19], 32, "parent beacon block root") if is_cancun else None,
        requests_hash=read_sized(fields[20], 32, "requests hash") if fork.includes(Fork.PRAGUE) else None,
    ), fork


def decode_ethereum_block(data: bytes, schedule: ForkSchedule) -> EthereumBlock:
    """
    A block from `rlp([header, transactions, uncles, withdrawals])`.

    Raises InvalidBlock when it does not decode, names uncles, or its body does not hash to its header.
    """
    try:
        items = decode_list(data, "block")
        if len(items) not in (3, 4):
            raise DecodingError(f"block has {len(items)} parts")
        header, fork = decode_ethereum_header(items[0], schedule)
        read_list(items, f"block at {fork.value}", 4 if fork.includes(Fork.SHANGHAI) else 3)
        raws = [_transaction_bytes(item) for item in read_list(items[1], "transactions")]
        transactions = tuple(decode_ethereum_transaction(raw) for raw in raws)
        if read_list(items[2], "uncles"):
            raise InvalidBlock("there are uncles")
        withdrawals = tuple(_read_withdrawal(item) for item in read_list(items[3], "withdrawals")) if items[3:] else ()
    except DecodingError as problem:
        raise InvalidBlock(str(problem)) from None
    if ordered_trie_root(raws) != header.transactions_root:
        raise InvalidBlock("transactions root is wrong")
    if header.withdrawals_root not in (None, ordered_trie_root([item.raw for item in withdrawals])):
        raise InvalidBlock("withdrawals root is wrong")
    return EthereumBlock(fork, header, transactions, withdrawals)


def _transaction_bytes(item: RlpItem) -> bytes:
    """Typed transactions stand in a block as strings, legacy ones as lists."""
    if isinstance(item, bytes):
        if item[:1] >= b"\xc0":
            raise DecodingError("a legacy transaction is wrapped in a string")
        return item
    return encode_rlp(item)


def _read_withdrawal(item: RlpItem) -> Withdrawal:
    index, validator, address, amount = read_list(item, "withdrawal", 4)
    read_int(index, 64, "withdrawal index")
    read_int(validator, 64, "validator index")
    return Withdrawal(
        address=read_sized(address, 20, "withdrawal address"),
        amount_gwei=read_int(amount, 64, "withdrawal amount"),
        raw=encode_rlp(item),
    )


def check_header(header: EthereumHeader, parent: EthereumHeader, rules: Rules) -> None:
    """What a header must be before anything of its block runs; raises InvalidBlock."""
    for is_right, fact in _header_facts(header, parent, rules):
        if not is_right:
            raise InvalidBlock(fact)


def _header_facts(header: EthereumHeader, parent: EthereumHeader, rules: Rules) -> Sequence[tuple[bool, str]]:
    facts = [
        (header.number == parent.number + 1, "number is not the parent's successor"),
        (header.timestamp > parent.timestamp, "timestamp is not after the parent's"),
        (len(header.extra_data) <= MAX_EXTRA_DATA_BYTES, "extra data is too long"),
        (MIN_GAS_LIMIT <= header.gas_limit <= MAX_GAS_LIMIT, "gas limit is out of bounds"),
        (abs(header.gas_limit - parent.gas_limit) < parent.gas_limit // GAS_LIMIT_STEP, "gas limit moves too far"),
        (header.gas_used <= header.gas_limit, "more gas used than the limit"),
        (header.base_fee_per_gas == next_base_fee(rules, parent.as_parent()), "base fee is wrong"),
        (header.difficulty == 0, "difficulty is not zero"),
        (header.nonce == bytes(8), "nonce is not zero"),
        (header.ommers_hash == EMPTY_OMMERS_HASH, "ommers hash names uncles"),
    ]
    limits = rules.blob_limits
    if limits is not None:
        used, excess = header.blob_gas_used or 0, header.excess_blob_gas or 0
        expected = next_excess_blob_gas(limits, parent.excess_blob_gas or 0, parent.blob_gas_used or 0)
        facts += [
            (excess == expected, f"excess blob gas is {excess}, not {expected}"),
            (used <= limits.max_gas and used % GAS_PER_BLOB == 0, "blob gas used is out of bounds"),
        ]
    return facts
