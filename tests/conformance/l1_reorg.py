"""
A reorg of anvil: its newest blocks give way to as many others, at the same times.

    before    [a] [b, c] [d]       and e in the pool
    after     [ ] [    ] [a, b, c, d, e]

So every batch, deposit and update goes away, and comes back in a later block, as transactions do that return to the
pools of other L1 nodes. `anvil_reorg` does not serve here: its new blocks all have one timestamp, by which a blob could
not be found, and what it takes away never comes back.
"""

import secrets
from collections.abc import Mapping, Sequence

from .json_rpc import JsonRpc

L1_BLOCK_SECONDS = 2

L1Entry = Mapping[str, object]
"""An L1 block as JSON-RPC gives it: `block` with its transactions, and `receipts`."""


def read_l1(l1: JsonRpc, first: int, last: int) -> list[L1Entry]:
    """The blocks with these numbers."""
    numbers = [hex(number) for number in range(first, last + 1)]
    blocks = l1.get_all("eth_getBlockByNumber", [(number, True) for number in numbers])
    receipts = l1.get_all("eth_getBlockReceipts", [(number,) for number in numbers])
    return [{"block": block, "receipts": listed} for block, listed in zip(blocks, receipts, strict=True)]


def replace_l1_blocks(l1: JsonRpc, depth: int) -> list[L1Entry]:
    """Replace the newest `depth` blocks; what was there before."""
    l1.ask("evm_setIntervalMining", 0)  # a block that it makes meanwhile leaves a hole in its chain
    try:
        head = l1.head_number("latest")
        gone = read_l1(l1, head - depth + 1, head)
        transactions = [*(hash for entry in gone for hash in _hashes_of(entry)), *_hashes_in_pool(l1)]
        encodings = [l1.ask("eth_getRawTransactionByHash", hash) for hash in transactions]
        l1.ask("anvil_dropAllTransactions")  # those left there would be thrown away, as their nonces are too high now
        l1.ask("anvil_rollback", depth)
        l1.ask("anvil_setCoinbase", "0x" + secrets.token_hex(20))  # even a block that was empty gets another hash
        for index, entry in enumerate(gone):
            l1.ask("evm_setNextBlockTimestamp", int(str(_field(entry["block"], "timestamp")), 16))
            if index == depth - 1:
                for encoding in encodings:  # not by `ask`: its sender may have been quicker
                    l1.get_or_none("eth_sendRawTransaction", encoding)
            l1.ask("evm_mine")
    finally:
        l1.ask("evm_setIntervalMining", L1_BLOCK_SECONDS)
    return gone


def _hashes_of(entry: L1Entry) -> list[object]:
    transactions = _field(entry["block"], "transactions")
    assert isinstance(transactions, Sequence)
    return [_field(transaction, "hash") for transaction in transactions]


def _hashes_in_pool(l1: JsonRpc) -> list[object]:
    """Of what waits, by sender and nonce."""
    content = l1.ask("txpool_content")
    found: list[object] = []
    for part in ("pending", "queued"):
        senders = _field(content, part)
        assert isinstance(senders, Mapping)
        for by_nonce in senders.values():
            found += [_field(by_nonce[nonce], "hash") for nonce in sorted(by_nonce, key=int)]
    return found


def _field(answer: object, name: str) -> object:
    assert isinstance(answer, Mapping), f"L1 does not give {name}"
    return answer.get(name)
