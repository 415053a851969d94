"""
An L1 node's transaction pool and chain in memory, as the transaction manager sees them.

Blocks are mined, and undone, when the test says so. The pool keeps go-ethereum's
rules: nonces in order, 10 % to replace, its words when it refuses.
"""

import hashlib
from dataclasses import dataclass, field

from l1_bridge.errors import L1Refused, L1Unavailable
from l1_bridge.l1_client import MinedTransaction
from l1_bridge.rlp_codec import decode_rlp
from l1_bridge.types import BlockId, L1Header, L1Tag


@dataclass(frozen=True, slots=True)
class PooledTransaction:
    """A transaction of the pool, decoded."""

    hash: bytes
    nonce: int
    priority_fee: int
    max_fee: int
    gas_limit: int
    to: bytes
    data: bytes


@dataclass(slots=True)
class FakeBlock:
    """One block of the fake chain."""

    header: L1Header
    transactions: list[PooledTransaction] = field(default_factory=list)


class FakePool:
    """Implements `L1Account` for one sender."""

    def __init__(self) -> None:
        self.blocks = [FakeBlock(L1Header(b"\0" * 32, b"\0" * 32, 0, 0, 100, b"\0" * 32))]
        self.pool: dict[int, PooledTransaction] = {}
        self.base_fee = 100
        self.first_nonce = 0
        """Nonces used before the first block of this fake."""
        self.is_away = False
        self.refusal: str | None = None
        """Refuse every transaction with these words."""
        self.estimate_refusal: str | None = None
        self.reverting: set[bytes] = set()
        """Data of calls that revert when mined."""
        self.sent: list[PooledTransaction] = []
        """Every transaction that the pool took, in order."""
        self._forks = 0

    def mine(self, *, include: bool = True) -> None:
        """A block with everything that is next in nonce order and pays the base fee."""
        parent = self.blocks[-1].header
        number = parent.number + 1
        digest = hashlib.sha256(parent.hash + bytes([self._forks])).digest()
        block = FakeBlock(L1Header(digest, parent.hash, number, number * 12, self.base_fee, b"\0" * 32))
        nonce = self._next_nonce()
        while include and nonce in self.pool and self.pool[nonce].max_fee >= self.base_fee:
            block.transactions.append(self.pool.pop(nonce))
            nonce += 1
        self.blocks.append(block)

    def undo(self, depth: int, *, forget: bool = True) -> None:
        """Take out blocks; their transactions return to the pool unless forgotten."""
        self._forks += 1
        removed, self.blocks = self.blocks[-depth:], self.blocks[:-depth]
        if not forget:
            self.pool |= {item.nonce: item for block in removed for item in block.transactions}

    def take_nonce(self) -> None:
        """Somebody else's transaction from the same account is mined with the next nonce."""
        foreign = PooledTransaction(b"\xff" * 32, self._next_nonce(), 1, 1, 1, b"", b"foreign")
        self.pool.pop(foreign.nonce, None)
        self.mine(include=False)
        self.blocks[-1].transactions.append(foreign)

    async def header_by_tag(self, tag: L1Tag) -> L1Header | None:
        self._check_away()
        return self.blocks[-1].header

    async def transaction_count(self, address: bytes, block: str = "latest") -> int:
        self._check_away()
        return self._next_nonce()

    async def priority_fee(self) -> int:
        self._check_away()
        return 10

    async def estimate_gas(self, sender: bytes, to: bytes | None, data: bytes, value: int) -> int:
        self._check_away()
        if self.estimate_refusal is not None:
            raise L1Refused("eth_estimateGas", 3, self.estimate_refusal)
        return 100_000

    async def send_raw_transaction(self, encoded: bytes) -> None:
        self._check_away()
        item = _decode(encoded)
        held = self.pool.get(item.nonce)
        if self.refusal is not None:
            raise L1Refused("eth_sendRawTransaction", -32000, self.refusal)
        if item.nonce < self._next_nonce():
            raise L1Refused("eth_sendRawTransaction", -32000, "nonce too low")
        if held is not None and held.hash == item.hash:
            raise L1Refused("eth_sendRawTransaction", -32000, "already known")
        if held is not None and not _replaces(item, held):
            raise L1Refused("eth_sendRawTransaction", -32000, "replacement transaction underpriced")
        self.pool[item.nonce] = item
        self.sent.append(item)

    async def mined_transaction(self, hash: bytes) -> MinedTransaction | None:
        self._check_away()
        for block in self.blocks:
            for item in block.transactions:
                if item.hash == hash:
                    at = BlockId(block.header.number, block.header.hash)
                    return MinedTransaction(hash, at, int(item.data not in self.reverting), item.gas_limit, None)
        return None

    def _next_nonce(self) -> int:
        return self.first_nonce + sum(len(block.transactions) for block in self.blocks)

    def _check_away(self) -> None:
        if self.is_away:
            raise L1Unavailable("any", "away")


def _replaces(new: PooledTransaction, held: PooledTransaction) -> bool:
    return new.max_fee * 10 >= held.max_fee * 11 and new.priority_fee * 10 >= held.priority_fee * 11


def _decode(encoded: bytes) -> PooledTransaction:
    from eth_hash.auto import keccak

    fields = decode_rlp(encoded[1:])
    integers = [int.from_bytes(item, "big") for item in fields[:5]]  # type: ignore[arg-type]
    _, nonce, priority_fee, max_fee, gas_limit = integers
    to, data = fields[5], fields[7]
    assert isinstance(to, bytes)
    assert isinstance(data, bytes)
    return PooledTransaction(keccak(encoded), nonce, priority_fee, max_fee, gas_limit, to, data)
