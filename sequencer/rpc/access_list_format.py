"""
JSON form of a block's access list: accounts as execution-apis has them (EIP-7928), reads as in EIP-2930.

Beside EIP-7928 each transaction has its own line: what it read, how often the engine ran it, and where a guess was
wrong. What it wrote stands among the accounts' changes, at the transaction's place in the block plus one.
"""

from collections.abc import Iterable

from sequencer.execution.access_list import AccountAccess, BlockAccessList
from sequencer.primitives.block import Block

from .formatters import Json, data, quantity, word


def format_access_list(block: Block, listed: BlockAccessList) -> Json:
    """`braid_blockAccessList`'s object; accounts as execution-apis has them (EIP-7928), reads as in EIP-2930."""
    return {
        "blockNumber": quantity(block.number),
        "blockHash": data(block.hash),
        "accessList": [_format_account_access(account) for account in listed.accounts],
        "transactions": [
            {
                "hash": data(transaction.hash),
                "executions": quantity(access.executions),
                "conflict": None if access.conflict is None else _format_key(access.conflict),
                "reads": _format_reads(access.reads),
            }
            for transaction, access in zip(block.transactions, listed.transactions, strict=True)
        ],
    }


def _format_account_access(account: AccountAccess) -> Json:
    return {
        "address": data(account.address),
        "storageChanges": [
            {
                "key": word(entry.slot),
                "changes": [{"index": quantity(index), "value": word(value)} for index, value in entry.changes],
            }
            for entry in account.storage_changes
        ],
        "storageReads": [word(slot) for slot in account.storage_reads],
        "balanceChanges": _format_changes(account.balance_changes),
        "nonceChanges": _format_changes(account.nonce_changes),
        "codeChanges": [{"index": quantity(index), "code": data(code)} for index, code in account.code_changes],
    }


def _format_changes(changes: Iterable[tuple[int, int]]) -> list[Json]:
    return [{"index": quantity(index), "value": quantity(value)} for index, value in changes]


def _format_key(key: bytes) -> Json:
    """A key of the flat state: an account, or a slot of it."""
    return {"address": data(key[1:21]), "key": data(key[21:]) if key[:1] == b"s" else None}


def _format_reads(reads: Iterable[bytes]) -> list[Json]:
    slots: dict[bytes, list[str]] = {}
    for key in reads:
        found = slots.setdefault(key[1:21], [])
        if key[:1] == b"s":
            found.append(data(key[21:]))
    return [{"address": data(address), "storageKeys": keys} for address, keys in slots.items()]
