"""Blocks: a header and its transactions, deposits first (Yellow Paper 4.3; no uncles, no withdrawals)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from l1_bridge.ordered_trie import ordered_trie_root
from l1_bridge.rlp_codec import decode_rlp, encode_rlp

from .deposit import DEPOSIT_TYPE, DepositTransaction, decode_deposit
from .errors import DecodingError, TransactionDecodingError
from .fields import RlpItem, decode_list, read_list
from .header import Header, header_from_rlp
from .recovery import decode_transactions
from .transaction import Transaction

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
    return make_block(header, _decode_all(raws))


def _decode_all(raws: Sequence[bytes]) -> tuple[AnyTransaction, ...]:
    """User transactions and deposits in their order; raise TransactionDecodingError with the fact that is wrong."""
    users = iter(decode_transactions([raw for raw in raws if not _is_deposit(raw)]))
    transactions: list[AnyTransaction] = []
    for raw in raws:
        transaction = decode_deposit(raw) if _is_deposit(raw) else next(users)
        if isinstance(transaction, TransactionDecodingError):
            raise transaction
        transactions.append(transaction)
    return tuple(transactions)


def _is_deposit(raw: bytes) -> bool:
    return raw[:1] == bytes([DEPOSIT_TYPE])


def _to_rlp(raw: bytes) -> RlpItem:
    """Legacy transactions stand in a block as lists, typed ones as strings."""
    return decode_rlp(raw) if raw[0] >= 0xC0 else raw


def _from_rlp(item: RlpItem) -> bytes:
    if isinstance(item, bytes):
        return item
    return encode_rlp(item)
