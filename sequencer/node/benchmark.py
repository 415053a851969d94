"""
Load from the outside: signed transfers or ERC-20 transfers over JSON-RPC, and how fast they are taken and sealed.

Accounts are made for the run and funded from one account. All transactions are signed before the clock starts, so what
is measured is the node (and HTTP), not the signing. Bounded in count and time. Any Ethereum node can be the other side:
only methods that all of them have are used, and sealing is seen in the senders' nonces.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import aiohttp
import orjson
from eth_abi.abi import encode as encode_abi

from contracts import bytecode
from contracts.keccak import keccak
from l1_bridge.errors import CriticalError

from .funding import Funder, count_of, find_funder
from .http_load import LoadTimes, make_request, send_load
from .json_rpc import JsonRpcClient
from .load_account import LoadAccount, LoadFees

TRANSFER_GAS = 21_000
TOKEN_GAS = 80_000
FUNDING_CHUNK = 200
"""Recipients of one token distribution, so that its gas fits a block."""

FEES = LoadFees(tip=10**6, max_fee=10**11)
"""The fee cap leaves room: blocks that are full raise the base fee while the load runs."""

SENDER_WEI = 10**19
"""What each sender has at least when the clock starts."""

POLL_SECONDS = 0.01


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
    funder_key: bytes | None = None
    """Private key of the account that pays; None: an account of the development phrase, or one the node unlocks."""


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
    refusal: str = ""
    """What the node said to one that it refused."""


async def run_benchmark(options: BenchmarkOptions) -> BenchmarkResult:
    """Fund, sign, send, wait until all is sealed; raises BenchmarkFailed, or RpcFailed when the node is away."""
    async with aiohttp.ClientSession() as session:
        client = JsonRpcClient(session, options.url, timeout_seconds=30.0)
        try:
            async with asyncio.timeout(options.timeout_seconds):
                senders = await _prepare_senders(client, options)
                token = await _prepare_token(client, options, senders)
                requests = await asyncio.to_thread(_sign_all, options, senders, token)
                return await _measure(client, options, senders, requests)
        except TimeoutError:
            raise BenchmarkFailed(f"{options.url}: not done after {options.timeout_seconds:g} s") from None


async def _prepare_senders(client: JsonRpcClient, options: BenchmarkOptions) -> list[LoadAccount]:
    chain_id = int(str(await client.call("eth_chainId")), 16)
    senders = [LoadAccount.of_phrase(f"{options.seed}/{index}", chain_id, FEES) for index in range(options.senders)]
    addresses = ["0x" + sender.address.hex() for sender in senders]
    nonces = await client.call_many("eth_getTransactionCount", [(address, "latest") for address in addresses])
    balances = await client.call_many("eth_getBalance", [(address, "latest") for address in addresses])
    funder: Funder | None = None
    for sender, nonce, balance in zip(senders, nonces, balances, strict=True):
        sender.nonce = int(str(nonce), 16)
        if int(str(balance), 16) < SENDER_WEI:
            funder = funder or await find_funder(client, chain_id, FEES, options.funder_key)
            await funder.send(sender.address, wei=2 * SENDER_WEI)
    if funder is not None:
        await funder.wait()
    return senders


async def _prepare_token(
    client: JsonRpcClient, options: BenchmarkOptions, senders: Sequence[LoadAccount]
) -> bytes | None:
    if options.workload is not Workload.ERC20:
        return None
    chain_id = int(str(await client.call("eth_chainId")), 16)
    funder = await find_funder(client, chain_id, FEES, options.funder_key)
    creation = bytecode("Token") + encode_abi(["uint256"], [10**30])
    deployment = await funder.send(None, data=creation, gas=3_000_000)
    await funder.wait()
    receipt = await client.call("eth_getTransactionReceipt", deployment)
    if not isinstance(receipt, dict) or receipt.get("status") != "0x1":
        raise BenchmarkFailed(f"{options.url}: the token could not be deployed")
    token = bytes.fromhex(str(receipt["contractAddress"]).removeprefix("0x"))
    selector = keccak(b"transferMany(address[],uint256)")[:4]
    for start in range(0, len(senders), FUNDING_CHUNK):
        addresses = [sender.address for sender in senders[start : start + FUNDING_CHUNK]]
        data = selector + encode_abi(["address[]", "uint256"], [addresses, 10**24])
        await funder.send(token, data=data, gas=100_000 + 40_000 * len(addresses))
    await funder.wait()
    return token


def _sign_all(options: BenchmarkOptions, senders: Sequence[LoadAccount], token: bytes | None) -> list[bytes]:
    """The HTTP requests. Round robin over the senders, each with recipients of its own."""
    selector = keccak(b"transfer(address,uint256)")[:4]
    signed = []
    for index in range(options.count):
        sender, recipient = senders[index % len(senders)], _recipient(options, index)
        if token is None:
            signed.append(sender.sign(recipient, value=1, gas_limit=TRANSFER_GAS))
        else:
            data = selector + encode_abi(["address", "uint256"], [recipient, 1])
            signed.append(sender.sign(token, data=data, gas_limit=TOKEN_GAS))
    return [make_request(options.url, body) for body in _bodies(signed, options.batch)]


def recipient_address(seed: int, sender: int, turn: int) -> bytes:
    """Whom the sender with that number pays at its turn: a genesis with these accounts has nothing new to a load."""
    return keccak(f"to/{seed}/{sender}/{turn}".encode())[12:]


def _recipient(options: BenchmarkOptions, index: int) -> bytes:
    sender, round_number = index % options.senders, index // options.senders
    return recipient_address(
        options.seed, sender, round_number % options.recipients if options.recipients else round_number
    )


def _bodies(transactions: Sequence[bytes], batch: int) -> list[bytes]:
    bodies = []
    for start in range(0, len(transactions), batch):
        calls = [
            {"jsonrpc": "2.0", "id": start + index, "method": "eth_sendRawTransaction", "params": ["0x" + raw.hex()]}
            for index, raw in enumerate(transactions[start : start + batch])
        ]
        bodies.append(orjson.dumps(calls[0] if batch == 1 else calls))
    return bodies


async def _measure(
    client: JsonRpcClient, options: BenchmarkOptions, senders: Sequence[LoadAccount], requests: Sequence[bytes]
) -> BenchmarkResult:
    first_block = await client.block_number()
    clock = asyncio.get_running_loop().time
    started = clock()
    times = await asyncio.to_thread(send_load, options.url, requests, options.connections, options.timeout_seconds)
    refusals = _refusals(times)
    if not refusals:
        await _wait_until_sealed(client, senders)
    sealed_seconds = clock() - started
    ordered = sorted(times.requests)
    accepted = options.count - len(refusals)
    return BenchmarkResult(
        accepted=accepted,
        refused=len(refusals),
        accepted_per_second=accepted / times.seconds,
        sealed_per_second=0.0 if refusals else accepted / sealed_seconds,
        request_milliseconds_median=1000 * ordered[len(ordered) // 2],
        request_milliseconds_p99=1000 * ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)],
        blocks=await client.block_number() - first_block,
        refusal=refusals[0] if refusals else "",
    )


def _refusals(times: LoadTimes) -> list[str]:
    answers = [orjson.loads(body) for body in times.answers]
    items = [item for answer in answers for item in (answer if isinstance(answer, list) else [answer])]
    return [str(item.get("error", {}).get("message", item)) for item in items if "result" not in item]


async def _wait_until_sealed(client: JsonRpcClient, senders: Sequence[LoadAccount]) -> None:
    """Watch one sender, then ask for all at once: a node that is asked less has more time to seal."""
    last = senders[-1]
    while await count_of(client, last.address) < last.nonce:  # noqa: ASYNC110  (another process)
        await asyncio.sleep(POLL_SECONDS)
    waiting = list(senders)
    while waiting:
        calls = [("0x" + sender.address.hex(), "latest") for sender in waiting]
        counts = await client.call_many("eth_getTransactionCount", calls)
        waiting = [sender for sender, count in zip(waiting, counts, strict=True) if int(str(count), 16) < sender.nonce]
        if waiting:
            await asyncio.sleep(POLL_SECONDS)
