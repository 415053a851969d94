"""Blocks: a header and its transactions, deposits first (Yellow Paper 4.3; no uncles, no withdrawals)."""

from dataclasses import dataclass
from typing import TypeAlias

from l1_bridge.ordered_trie import ordered_trie_root
from l1_bridge.rlp_codec import decode_rlp, encode_rlp

from .deposit import DEPOSIT_TYPE, DepositTransaction, decode_deposit
from .errors import DecodingError
from .fields import RlpItem, decode_list, read_list
from .header import Header, header_from_rlp
from .transaction import Transaction, decode_transaction

AnyTransaction: TypeAlias = Transaction | DepositTransaction


@dataclass(frozen=True, slots=True)
class Block:
    """A sealed block; `hash` is the header's."""

    header: Header
    hash: bytes
    transactions: tuple[AnyTransaction, ...]

    @property
    def number(self) -> int:
        """Height of the block."""
        return self.header.number

    def encode(self) -> bytes:
        """The RLP encoding `[header, transactions, uncles, withdrawals]`."""
        transactions = [_to_rlp(transaction.raw) for transaction in self.transactions]
        return encode_rlp([self.header.to_rlp(), transactions, [], []])


def make_block(header: Header, transactions: tuple[AnyTransaction, ...]) -> Block:
    """A block with its hash computed once."""
    return Block(header=header, hash=header.compute_hash(), transactions=transactions)


def decode_block(data: bytes) -> Block:
    """Decode an RLP block and check its transactions root; raise DecodingError with the fact that is wrong."""
    header_item, transaction_items, ommers, withdrawals = read_list(decode_list(data, "block"), "block", 4)
    if ommers or withdrawals:
        raise DecodingError("block has uncles or withdrawals")
    header = header_from_rlp(header_item)
    raws = [_from_rlp(item) for item in read_list(transaction_items, "transactions")]
    if ordered_trie_root(raws) != header.transactions_root:
        raise DecodingError("transactions do not hash to the header's root")
    return make_block(header, tuple(decode_any_transaction(raw) for raw in raws))


def decode_any_transaction(raw: bytes) -> AnyTransaction:
    """Decode a user transaction or a deposit; raise TransactionDecodingError with the fact that is wrong."""
    return decode_deposit(raw) if raw[:1] == bytes([DEPOSIT_TYPE]) else decode_transaction(raw)


def _to_rlp(raw: bytes) -> RlpItem:
    """Legacy transactions stand in a block as lists, typed ones as strings."""
    return decode_rlp(raw) if raw[0] >= 0xC0 else raw


def _from_rlp(item: RlpItem) -> bytes:
    if isinstance(item, bytes):
        return item
    return encode_rlp(item)
