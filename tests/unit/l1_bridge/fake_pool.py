"""
An L1 node's transaction pool and chain in memory, as the transaction manager sees them.

Blocks are mined, and undone, when the test says so. The pool keeps go-ethereum's
rules: nonces in order, 10 % to replace (100 % for blobs), one kind an account, its words when it refuses.
"""

import hashlib
from dataclasses import dataclass, field, replace

from contracts.keccak import keccak
from l1_bridge.errors import L1Refused, L1Unavailable
from l1_bridge.kzg import compute_commitment, compute_versioned_hash
from l1_bridge.l1_chain_config import prague_l1_chain
from l1_bridge.l1_client import MinedTransaction
from l1_bridge.rlp_codec import decode_rlp, encode_rlp
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
    max_blob_fee: int = 0
    blobs: tuple[bytes, ...] = ()

    @property
    def has_blobs(self) -> bool:
        return bool(self.blobs)


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
        self.excess_blob_gas = 0
        self.balance_wei = 10**18
        self.first_nonce = 0
        """Nonces used before the first block of this fake."""
        self.is_away = False
        self.refusal: str | None = None
        """Refuse every transaction with these words."""
        self.max_blobs = 9
        """Of one transaction, as the pool has it."""
        self.estimate_refusal: str | None = None
        self.reverting: set[bytes] = set()
        """Data of calls that revert when mined."""
        self.unwanted: set[bytes] = set()
        """Data of calls that the pool takes and no block does."""
        self.sent: list[PooledTransaction] = []
        """Every transaction that the pool took, in order."""
        self._forks = 0

    def mine(self, *, include: bool = True) -> None:
        """A block with everything that is next in nonce order and pays the base fee."""
        parent = self.blocks[-1].header
        number = parent.number + 1
        digest = hashlib.sha256(parent.hash + bytes([self._forks])).digest()
        header = L1Header(digest, parent.hash, number, number * 12, self.base_fee, b"\0" * 32)
        block = FakeBlock(replace(header, excess_blob_gas=self.excess_blob_gas))
        nonce = self._next_nonce()
        while include and nonce in self.pool and self._pays(self.pool[nonce]):
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

    async def header_by_number(self, number: int) -> L1Header | None:
        self._check_away()
        return self.blocks[number].header if number < len(self.blocks) else None

    async def balance(self, address: bytes) -> int:
        self._check_away()
        return self.balance_wei

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
        if any(other.has_blobs is not item.has_blobs for other in self.pool.values()):
            raise L1Refused("eth_sendRawTransaction", -32000, "address already reserved")
        if self.refusal is not None:
            raise L1Refused("eth_sendRawTransaction", -32000, self.refusal)
        if len(item.blobs) > self.max_blobs:
            words = f"too many blobs in transaction: have {len(item.blobs)}, permitted {self.max_blobs}"
            raise L1Refused("eth_sendRawTransaction", -32000, words)
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
                    status = int(item.data not in self.reverting)
                    return MinedTransaction(hash, at, status, item.gas_limit, None, item.gas_limit * self.base_fee)
        return None

    def mined_data(self) -> list[bytes]:
        """Data of all that stands in the chain, in order."""
        return [item.data for block in self.blocks for item in block.transactions]

    def _pays(self, item: PooledTransaction) -> bool:
        has_blob_fee = not item.blobs or item.max_blob_fee >= self.blob_base_fee
        return item.max_fee >= self.base_fee and has_blob_fee and item.data not in self.unwanted

    @property
    def blob_base_fee(self) -> int:
        return prague_l1_chain(900).blob_base_fee(replace(self.blocks[0].header, excess_blob_gas=self.excess_blob_gas))

    def _next_nonce(self) -> int:
        return self.first_nonce + sum(len(block.transactions) for block in self.blocks)

    def _check_away(self) -> None:
        if self.is_away:
            raise L1Unavailable("any", "away")


def _replaces(new: PooledTransaction, held: PooledTransaction) -> bool:
    percent = 200 if held.blobs else 110
    pairs = ((new.max_fee, held.max_fee), (new.priority_fee, held.priority_fee), (new.max_blob_fee, held.max_blob_fee))
    return all(fresh * 100 >= old * percent for fresh, old in pairs)


def _decode(encoded: bytes) -> PooledTransaction:
    """Take apart what nodes pass on; blobs must be those that were committed to."""
    content, blobs = decode_rlp(encoded[1:]), ()
    canonical = encoded
    if encoded[0] == 3:
        content, blobs, commitments, proofs = content  # type: ignore[misc]
        assert [compute_versioned_hash(commitment) for commitment in commitments] == list(content[10])
        assert len(blobs) == len(commitments) == len(proofs)
        assert tuple(map(compute_commitment, blobs)) == tuple(commitments)
        canonical = encoded[:1] + encode_rlp(content)
    integers = [int.from_bytes(item, "big") for item in content[:5]]  # type: ignore[arg-type]
    _, nonce, priority_fee, max_fee, gas_limit = integers
    to, data = content[5], content[7]
    assert isinstance(to, bytes)
    assert isinstance(data, bytes)
    blob_fee = int.from_bytes(content[9], "big") if blobs else 0  # type: ignore[arg-type]
    digest = keccak(canonical)
    return PooledTransaction(digest, nonce, priority_fee, max_fee, gas_limit, to, data, blob_fee, tuple(blobs))
