"""
Load from the outside: signed transfers or ERC-20 transfers over JSON-RPC, and how fast they are taken and sealed.

Accounts are made for the run and funded from one account. All transactions are signed before the clock starts, so what
is measured is the node (and HTTP), not the signing. Bounded in count and time.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import aiohttp
import orjson
from eth_abi.abi import encode as encode_abi

from contracts import bytecode
from contracts.keccak import keccak
from l1_bridge.errors import CriticalError
from l1_bridge.signer import DynamicFeeTransaction, LocalSigner, SignedTransaction

from .json_rpc import JsonRpcClient, RpcFailed

TRANSFER_GAS = 21_000
TOKEN_GAS = 80_000
FUNDING_CHUNK = 200
"""Recipients of one token distribution, so that its gas fits a block."""


class Workload(StrEnum):
    """What the transactions do."""

    TRANSFER = "transfer"
    ERC20 = "erc20"


class BenchmarkFailed(CriticalError):
    """The run could not be finished; the message says what did not happen."""


@dataclass(frozen=True, slots=True)
class BenchmarkOptions:
    """Bounds of a run; `batch` is the number of transactions in one HTTP request."""

    url: str
    workload: Workload = Workload.TRANSFER
    count: int = 2_000
    senders: int = 50
    connections: int = 16
    batch: int = 1
    seed: int = 1
    recipients: int = 2
    """Accounts that each sender pays in turn, nobody else's; 0: a fresh account each time, so state only grows."""
    timeout_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """Transactions a second, and milliseconds that one request took."""

    accepted: int
    refused: int
    accepted_per_second: float
    sealed_per_second: float
    request_milliseconds_median: float
    request_milliseconds_p99: float
    blocks: int


async def run_benchmark(options: BenchmarkOptions, funder: LocalSigner) -> BenchmarkResult:
    """Fund, sign, send, wait until all is sealed; raises BenchmarkFailed, or RpcFailed when the node is away."""
    connector = aiohttp.TCPConnector(limit=options.connections)
    async with aiohttp.ClientSession(connector=connector) as session:
        client = JsonRpcClient(session, options.url, timeout_seconds=30.0)
        async with asyncio.timeout(options.timeout_seconds):
            run = await _prepare(client, options, funder)
            return await _measure(session, client, options, run)


@dataclass(frozen=True, slots=True)
class _Run:
    senders: Sequence[LocalSigner]
    transactions: Sequence[bytes]
    final_nonces: Sequence[int]


async def _prepare(client: JsonRpcClient, options: BenchmarkOptions, funder: LocalSigner) -> _Run:
    chain_id = int(str(await client.call("eth_chainId")), 16)
    senders = [LocalSigner(keccak(f"{options.seed}/{index}".encode())) for index in range(options.senders)]
    nonces = [await _count(client, sender.address) for sender in senders]
    account = _Account(client, funder, chain_id)
    for sender in senders:
        await account.send(sender.address, 10**18, b"", TRANSFER_GAS)
    token = None
    if options.workload is Workload.ERC20:
        token = await _deploy_token(account, senders)
    await account.wait()
    signed = _sign_all(options, senders, nonces, chain_id, token)
    share, rest = divmod(options.count, options.senders)
    final = [nonce + share + (index < rest) for index, nonce in enumerate(nonces)]
    return _Run(senders, [transaction.encoded for transaction in signed], final)


class _Account:
    """One account that sends in order."""

    def __init__(self, client: JsonRpcClient, signer: LocalSigner, chain_id: int) -> None:
        self._client = client
        self._signer = signer
        self._chain_id = chain_id
        self._nonce: int | None = None

    async def send(self, to: bytes | None, value: int, data: bytes, gas: int) -> bytes:
        """Send one transaction; returns its sender's nonce-derived contract address for a creation."""
        if self._nonce is None:
            self._nonce = await _count(self._client, self._signer.address, "pending")
        signed = self._signer.sign(_transaction(self._chain_id, self._nonce, to, value, data, gas))
        await self._client.call("eth_sendRawTransaction", "0x" + signed.encoded.hex())
        self._nonce += 1
        return signed.hash

    async def wait(self) -> None:
        """Until everything that was sent is sealed."""
        while self._nonce is not None and await _count(self._client, self._signer.address) < self._nonce:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # another process: nothing signals us


async def _deploy_token(account: _Account, senders: Sequence[LocalSigner]) -> bytes:
    creation = bytecode("Token") + encode_abi(["uint256"], [10**30])
    deployment = await account.send(None, 0, creation, 3_000_000)
    await account.wait()
    receipt = await account._client.call("eth_getTransactionReceipt", "0x" + deployment.hex())
    if not isinstance(receipt, dict) or receipt.get("status") != "0x1":
        raise BenchmarkFailed("the token could not be deployed")
    token = bytes.fromhex(str(receipt["contractAddress"]).removeprefix("0x"))
    selector = keccak(b"transferMany(address[],uint256)")[:4]
    for start in range(0, len(senders), FUNDING_CHUNK):
        addresses = [sender.address for sender in senders[start : start + FUNDING_CHUNK]]
        data = selector + encode_abi(["address[]", "uint256"], [addresses, 10**24])
        await account.send(token, 0, data, 100_000 + 40_000 * len(addresses))
    return token


def _sign_all(
    options: BenchmarkOptions, senders: Sequence[LocalSigner], nonces: Sequence[int], chain_id: int, token: bytes | None
) -> list[SignedTransaction]:
    """Round robin over the senders, each with recipients of its own: no two senders touch the same accounts."""
    selector = keccak(b"transfer(address,uint256)")[:4]
    signed = []
    for index in range(options.count):
        sender, round_number = senders[index % len(senders)], index // len(senders)
        recipient = _recipient(options, index)
        nonce = nonces[index % len(senders)] + round_number
        if token is None:
            transaction = _transaction(chain_id, nonce, recipient, 1, b"", TRANSFER_GAS)
        else:
            data = selector + encode_abi(["address", "uint256"], [recipient, 1])
            transaction = _transaction(chain_id, nonce, token, 0, data, TOKEN_GAS)
        signed.append(sender.sign(transaction))
    return signed


def _recipient(options: BenchmarkOptions, index: int) -> bytes:
    sender, round_number = index % options.senders, index // options.senders
    turn = round_number % options.recipients if options.recipients else round_number
    return keccak(f"to/{options.seed}/{sender}/{turn}".encode())[12:]


async def _measure(
    session: aiohttp.ClientSession, client: JsonRpcClient, options: BenchmarkOptions, run: _Run
) -> BenchmarkResult:
    first_block = await client.block_number()
    pending = iter(_requests(run.transactions, options.batch))
    seconds: list[float] = []
    refused = 0

    async def worker() -> None:
        nonlocal refused
        for body in pending:
            started = time.perf_counter()
            refused += await _post(session, options.url, body)
            seconds.append(time.perf_counter() - started)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(options.connections):
            group.create_task(worker())
    accepted_seconds = time.perf_counter() - started
    if refused == 0:
        await _wait_until_sealed(client, run)
    sealed_seconds = time.perf_counter() - started
    ordered = sorted(seconds)
    accepted = options.count - refused
    return BenchmarkResult(
        accepted=accepted,
        refused=refused,
        accepted_per_second=accepted / accepted_seconds,
        sealed_per_second=accepted / sealed_seconds if refused == 0 else 0.0,
        request_milliseconds_median=1000 * ordered[len(ordered) // 2],
        request_milliseconds_p99=1000 * ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)],
        blocks=await client.block_number() - first_block,
    )


def _requests(transactions: Sequence[bytes], batch: int) -> Iterator[bytes]:
    for start in range(0, len(transactions), batch):
        calls = [
            {"jsonrpc": "2.0", "id": start + index, "method": "eth_sendRawTransaction", "params": ["0x" + raw.hex()]}
            for index, raw in enumerate(transactions[start : start + batch])
        ]
        yield orjson.dumps(calls[0] if batch == 1 else calls)


async def _post(session: aiohttp.ClientSession, url: str, body: bytes) -> int:
    """Send one request; returns how many of its transactions were refused."""
    headers = {"content-type": "application/json"}
    try:
        async with session.post(url, data=body, headers=headers) as response:
            answer = orjson.loads(await response.read())
    except (aiohttp.ClientError, orjson.JSONDecodeError) as reason:
        raise RpcFailed(f"{url}: {reason}") from None
    answers = answer if isinstance(answer, list) else [answer]
    return sum("result" not in item for item in answers)


async def _wait_until_sealed(client: JsonRpcClient, run: _Run) -> None:
    for sender, nonce in zip(run.senders, run.final_nonces, strict=True):
        while await _count(client, sender.address) < nonce:  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.02)


async def _count(client: JsonRpcClient, address: bytes, tag: str = "latest") -> int:
    return int(str(await client.call("eth_getTransactionCount", "0x" + address.hex(), tag)), 16)


def _transaction(
    chain_id: int, nonce: int, to: bytes | None, value: int, data: bytes, gas: int
) -> DynamicFeeTransaction:
    return DynamicFeeTransaction(
        chain_id=chain_id,
        nonce=nonce,
        priority_fee=10**6,
        max_fee=10**10,
        gas_limit=gas,
        to=to,
        value=value,
        data=data,
    )
