"""
L1 as this project reads it: every answer is checked before it is believed.

A header must hash to its hash, transactions and receipts to the roots of a
header so checked. What no hash covers (balances, fees, nonces, results of
calls) is used only to send transactions, never to derive the chain. Every
failure is counted; repeating is up to the caller.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

from l1_bridge import metrics
from l1_bridge.errors import L1Lied, L1Pruned, L1Refused, L1Unavailable
from l1_bridge.json_fields import (
    MalformedField,
    get_bytes,
    get_list,
    get_quantity,
    get_quantity_or_none,
    hex_bytes,
    parse_bytes,
)
from l1_bridge.l1_batching import CallBatcher
from l1_bridge.l1_connection import L1Connection, L1Endpoint
from l1_bridge.l1_header import verify_header
from l1_bridge.l1_receipt import parse_log, verify_receipts
from l1_bridge.l1_transaction import verify_transactions
from l1_bridge.types import BlockId, L1Block, L1Header, L1Log, L1Receipt, L1Tag

HEADER_CACHE_BLOCKS = 1024
"""Checked headers kept by hash; a header never changes, so an entry is never stale."""

NOT_THERE_WORDS = ("not found", "unknown block", "header not found", "does not exist", "out of range")
"""How nodes say that a block is not there when they answer with an error instead of null."""

PRUNED_WORDS = ("prune", "pruning", "history expired", "historical", "missing trie node")
"""How nodes say that they once had it."""

PRUNED_HISTORY = 4444
"""JSON-RPC: the code for history that expired (EIP-4444)."""

METHOD_NOT_FOUND = -32601
"""JSON-RPC: the node lacks the method, which says nothing about the block."""


@dataclass(frozen=True, slots=True)
class SenderRecovery:
    """For which transactions the sender is recovered from the signature, not taken from the node's word."""

    recipients: frozenset[bytes] | None = None
    """Transactions to these addresses; None: all of them."""


RECOVER_ALL = SenderRecovery()


@dataclass(frozen=True, slots=True)
class MinedTransaction:
    """Where one transaction stands in the canonical L1 chain, by the node's word."""

    transaction_hash: bytes
    block: BlockId
    status: int
    gas_used: int
    contract_address: bytes | None
    fee_wei: int = 0
    """What it cost, blobs included; 0 when the node does not say."""


@dataclass(frozen=True, slots=True)
class FoundLog:
    """An event of the canonical L1 chain, by the node's word, and where it stands."""

    log: L1Log
    block: BlockId
    transaction_hash: bytes


class L1Client:
    """Checked reads of one L1 node; implements `L1Source`."""

    def __init__(
        self,
        connection: L1Connection,
        recovery: SenderRecovery = RECOVER_ALL,
        *,
        trust_transactions_root: bool = False,
    ) -> None:
        self._connection = connection
        self._batcher = CallBatcher(connection)
        self._recovery = recovery
        self._trust_transactions_root = trust_transactions_root
        self._headers: dict[bytes, L1Header] = {}

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(
        cls,
        endpoint: L1Endpoint,
        recovery: SenderRecovery = RECOVER_ALL,
        *,
        trust_transactions_root: bool = False,
    ) -> AsyncIterator["L1Client"]:
        """A client with its own connection pool, closed at the end; nothing is asked yet."""
        async with L1Connection.connect(endpoint) as connection:
            client = cls(connection, recovery, trust_transactions_root=trust_transactions_root)
            try:
                yield client
            finally:
                client._batcher.close()

    async def header_by_number(self, number: int) -> L1Header | None:
        """The canonical header at that height; see `L1Source`."""
        header = await self._header("eth_getBlockByNumber", hex(number))
        if header is not None:
            _require_number(header, number)
        return header

    async def header_by_hash(self, hash: bytes) -> L1Header | None:
        """The header with that hash, canonical or not; see `L1Source`."""
        held = self._headers.get(hash)
        if held is not None:
            return held
        header = await self._header("eth_getBlockByHash", hex_bytes(hash))
        if header is not None and header.hash != hash:
            raise _lied("the block asked for", hash, header.hash)
        return header

    async def header_by_tag(self, tag: L1Tag) -> L1Header | None:
        """The header that L1 names so now; None while there is no such block."""
        return await self._header("eth_getBlockByNumber", tag)

    async def block_by_number(self, number: int) -> L1Block | None:
        """The canonical block at that height, checked against the transactions root; see `L1Source`."""
        block = await self._block("eth_getBlockByNumber", hex(number))
        if block is not None:
            _require_number(block.header, number)
        return block

    async def block_by_hash(self, hash: bytes) -> L1Block | None:
        """Header and transactions, checked against the transactions root; see `L1Source`."""
        block = await self._block("eth_getBlockByHash", hex_bytes(hash))
        if block is not None and block.header.hash != hash:
            raise _lied("the block asked for", hash, block.header.hash)
        return block

    async def receipts_by_hash(self, hash: bytes) -> tuple[L1Receipt, ...] | None:
        """All receipts of that block, checked against the receipts root; see `L1Source`."""
        header = await self.header_by_hash(hash)
        if header is None:
            return None
        method = "eth_getBlockReceipts"
        answer = await self._call_or_none(method, hex_bytes(hash))
        if answer is None:
            return None
        with _answer_checked(method):
            if not isinstance(answer, list):
                raise MalformedField("receipts", "not a list")
            return verify_receipts(answer, header.receipts_root)

    async def chain_id(self) -> int:
        """The chain id that the node claims."""
        return await self._quantity("eth_chainId")

    async def balance(self, address: bytes) -> int:
        """Wei of `address` at the latest block."""
        return await self._quantity("eth_getBalance", hex_bytes(address), "latest")

    async def transaction_count(self, address: bytes, block: str = "latest") -> int:
        """The next nonce of `address`, at `latest` or `pending`."""
        return await self._quantity("eth_getTransactionCount", hex_bytes(address), block)

    async def priority_fee(self) -> int:
        """Wei per gas that the node suggests as a tip."""
        return await self._quantity("eth_maxPriorityFeePerGas")

    async def code(self, address: bytes) -> bytes:
        """Code at `address` at the latest block."""
        return await self._bytes("eth_getCode", hex_bytes(address), "latest")

    async def call_contract(self, to: bytes, data: bytes, block: str = "latest") -> bytes:
        """
        What the contract returns.

        Raises
        ------
        L1Refused
            It reverted; `data` has the revert data.
        """
        return await self._bytes("eth_call", {"to": hex_bytes(to), "input": hex_bytes(data)}, block)

    async def estimate_gas(self, sender: bytes, to: bytes | None, data: bytes, value: int) -> int:
        """
        Gas that the transaction would need now.

        Raises
        ------
        L1Refused
            It would revert.
        """
        request = {"from": hex_bytes(sender), "input": hex_bytes(data), "value": hex(value)}
        if to is not None:
            request["to"] = hex_bytes(to)
        return await self._quantity("eth_estimateGas", request)

    async def send_raw_transaction(self, encoded: bytes) -> None:
        """
        Hand a signed transaction to the node.

        Raises
        ------
        L1Refused
            The node's pool does not take it; the message says why.
        """
        await self._connection.call("eth_sendRawTransaction", hex_bytes(encoded))

    async def mined_transaction(self, hash: bytes) -> MinedTransaction | None:
        """Where that transaction stands; None while it is in no canonical block."""
        method = "eth_getTransactionReceipt"
        answer = await self._call_or_none(method, hex_bytes(hash))
        if answer is None:
            return None
        with _answer_checked(method):
            source = _as_object(answer)
            address = source.get("contractAddress")
            return MinedTransaction(
                transaction_hash=get_bytes(source, "transactionHash", 32),
                block=BlockId(get_quantity(source, "blockNumber"), get_bytes(source, "blockHash", 32)),
                status=get_quantity(source, "status"),
                gas_used=get_quantity(source, "gasUsed"),
                contract_address=None if address is None else parse_bytes("contractAddress", address, 20),
                fee_wei=_fee_wei(source),
            )

    async def logs(self, address: bytes, topics: tuple[bytes, ...], from_block: int) -> tuple[FoundLog, ...]:
        """Events of `address` with these topics from that block on, by the node's word alone."""
        method = "eth_getLogs"
        wanted = [hex_bytes(topic) for topic in topics]
        request = {"address": hex_bytes(address), "topics": wanted, "fromBlock": hex(from_block), "toBlock": "latest"}
        answer = await self._connection.call(method, request)
        with _answer_checked(method):
            if not isinstance(answer, list):
                raise MalformedField("logs", "not a list")
            return tuple(_found_log(_as_object(entry)) for entry in answer)

    async def account_proof(self, address: bytes, slots: tuple[bytes, ...], block: str) -> Mapping[str, object]:
        """The JSON of `eth_getProof`, unchecked: `proofs` checks it."""
        method = "eth_getProof"
        answer = await self._connection.call(method, hex_bytes(address), [hex_bytes(slot) for slot in slots], block)
        with _answer_checked(method):
            return _as_object(answer)

    async def _header(self, method: str, block: str) -> L1Header | None:
        answer = await self._call_or_none(method, block, False)
        if answer is None:
            return None
        with _answer_checked(method):
            return self._keep(verify_header(_as_object(answer)))

    async def _block(self, method: str, block: str) -> L1Block | None:
        answer = await self._call_or_none(method, block, True)
        if answer is None:
            return None
        with _answer_checked(method):
            source = _as_object(answer)
            header = self._keep(verify_header(source))
            transactions = verify_transactions(
                get_list(source, "transactions"),
                header.transactions_root,
                self._recovery.recipients,
                trust_root=self._trust_transactions_root,
            )
        return L1Block(header, transactions)

    def _keep(self, header: L1Header) -> L1Header:
        while len(self._headers) >= HEADER_CACHE_BLOCKS:
            del self._headers[next(iter(self._headers))]
        self._headers[header.hash] = header
        return header

    async def _call_or_none(self, method: str, *parameters: object) -> object:
        """Together with what is asked for at the same time."""
        try:
            return await self._batcher.call(method, *parameters)
        except L1Refused as error:
            if _is_pruned(error):
                metrics.L1_FAILURES.labels("pruned").inc()
                raise L1Pruned(f"what {method} asks for ({error.message})") from error
            if error.code == METHOD_NOT_FOUND or not any(words in error.message.lower() for words in NOT_THERE_WORDS):
                raise
            return None

    async def _quantity(self, method: str, *parameters: object) -> int:
        answer = await self._connection.call(method, *parameters)
        with _answer_checked(method):
            return get_quantity({method: answer}, method)

    async def _bytes(self, method: str, *parameters: object) -> bytes:
        answer = await self._connection.call(method, *parameters)
        with _answer_checked(method):
            return parse_bytes(method, answer)


def _is_pruned(error: L1Refused) -> bool:
    return error.code == PRUNED_HISTORY or any(words in error.message.lower() for words in PRUNED_WORDS)


def _fee_wei(receipt: Mapping[str, object]) -> int:
    price, blob_price = (get_quantity_or_none(receipt, key) or 0 for key in ("effectiveGasPrice", "blobGasPrice"))
    blob_gas = get_quantity_or_none(receipt, "blobGasUsed") or 0
    return get_quantity(receipt, "gasUsed") * price + blob_gas * blob_price


def _found_log(source: Mapping[str, object]) -> FoundLog:
    block = BlockId(get_quantity(source, "blockNumber"), get_bytes(source, "blockHash", 32))
    return FoundLog(parse_log(source), block, get_bytes(source, "transactionHash", 32))


def _as_object(answer: object) -> Mapping[str, object]:
    if not isinstance(answer, Mapping):
        raise MalformedField("result", "not an object")
    return answer


def _require_number(header: L1Header, number: int) -> None:
    if header.number != number:
        raise _lied("a block number", number.to_bytes(8, "big"), header.number.to_bytes(8, "big"))


def _lied(what: str, expected: bytes, actual: bytes) -> L1Lied:
    metrics.L1_FAILURES.labels("lied").inc()
    return L1Lied(what, expected, actual)


@contextlib.contextmanager
def _answer_checked(method: str) -> Iterator[None]:
    """Count a lie; turn an answer that is not of the right form into an L1 that is not available."""
    try:
        yield
    except L1Lied:
        metrics.L1_FAILURES.labels("lied").inc()
        raise
    except MalformedField as error:
        metrics.L1_FAILURES.labels("unavailable").inc()
        raise L1Unavailable(method, f"malformed answer: {error}") from error
