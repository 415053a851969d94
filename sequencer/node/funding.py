"""
Who pays for a load: an account with a known key, or one that a development node keeps unlocked.

Development chains only: anvil and our own devnet fund the accounts of the well-known phrase, `geth --dev` has one
account of its own and signs for it.
"""

import asyncio
from typing import Protocol

from l1_bridge.errors import CriticalError
from sequencer.primitives.signature import SigningKey

from .dev_accounts import derive_dev_accounts
from .json_rpc import JsonRpcClient, RpcFailed
from .load_account import LoadAccount, LoadFees

LEAST_WEI = 10**20
"""What an account must have to pay for others."""

TRANSFER_GAS = 21_000
POLL_SECONDS = 0.05


class NoFunder(CriticalError):
    """Nobody on that chain can pay."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}; give the key of an account that can pay with --funder-key")


class Funder(Protocol):
    """Sends transactions in order, and waits for them."""

    async def send(self, to: bytes | None, *, wei: int = 0, data: bytes = b"", gas: int = TRANSFER_GAS) -> str:
        """Send one; returns its hash."""
        ...

    async def wait(self) -> None:
        """Until everything that was sent is sealed."""
        ...


async def find_funder(client: JsonRpcClient, chain_id: int, fees: LoadFees, key: bytes | None) -> Funder:
    """
    The account of `key`; without one, the first that has enough of the phrase's users and the node's own accounts.

    Raises
    ------
    NoFunder
        there is none.
    """
    if key is not None:
        address = SigningKey(key).address
        if await balance_of(client, address) < LEAST_WEI:
            raise NoFunder(f"0x{address.hex()} has too little")
        return _KeyFunder(client, LoadAccount(key, chain_id, fees))
    account = (await asyncio.to_thread(derive_dev_accounts)).users[-1]
    if await balance_of(client, account.address) >= LEAST_WEI:
        return _KeyFunder(client, LoadAccount(account.private_key, chain_id, fees))
    try:
        unlocked = await client.call("eth_accounts")
    except RpcFailed:
        unlocked = []
    for text in unlocked if isinstance(unlocked, list) else []:
        address = bytes.fromhex(str(text).removeprefix("0x"))
        if await balance_of(client, address) >= LEAST_WEI:
            return _UnlockedFunder(client, address)
    raise NoFunder("the node has no account of the development phrase and none of its own that has ether")


async def balance_of(client: JsonRpcClient, address: bytes) -> int:
    """Balance in wei."""
    return int(str(await client.call("eth_getBalance", "0x" + address.hex(), "latest")), 16)


async def count_of(client: JsonRpcClient, address: bytes, tag: str = "latest") -> int:
    """Transactions that an account has sent."""
    return int(str(await client.call("eth_getTransactionCount", "0x" + address.hex(), tag)), 16)


async def _wait_for_count(client: JsonRpcClient, address: bytes, count: int) -> None:
    while await count_of(client, address) < count:  # noqa: ASYNC110  another process: nothing signals us
        await asyncio.sleep(POLL_SECONDS)


class _KeyFunder:
    """Signs here."""

    def __init__(self, client: JsonRpcClient, account: LoadAccount) -> None:
        self._client = client
        self._account = account
        self._knows_nonce = False

    async def send(self, to: bytes | None, *, wei: int = 0, data: bytes = b"", gas: int = TRANSFER_GAS) -> str:
        """Send one; returns its hash."""
        if not self._knows_nonce:
            self._account.nonce = await count_of(self._client, self._account.address, "pending")
            self._knows_nonce = True
        raw = self._account.sign(to, value=wei, data=data, gas_limit=gas)
        return str(await self._client.call("eth_sendRawTransaction", "0x" + raw.hex()))

    async def wait(self) -> None:
        """Until everything that was sent is sealed."""
        if self._knows_nonce:
            await _wait_for_count(self._client, self._account.address, self._account.nonce)


class _UnlockedFunder:
    """Lets the node sign."""

    def __init__(self, client: JsonRpcClient, address: bytes) -> None:
        self._client = client
        self._address = address
        self._final: int | None = None

    async def send(self, to: bytes | None, *, wei: int = 0, data: bytes = b"", gas: int = TRANSFER_GAS) -> str:
        """Send one; returns its hash."""
        if self._final is None:
            self._final = await count_of(self._client, self._address, "pending")
        call = {"from": "0x" + self._address.hex(), "value": hex(wei), "gas": hex(gas), "input": "0x" + data.hex()}
        if to is not None:
            call["to"] = "0x" + to.hex()
        hash_ = str(await self._client.call("eth_sendTransaction", call))
        self._final += 1
        return hash_

    async def wait(self) -> None:
        """Until everything that was sent is sealed."""
        if self._final is not None:
            await _wait_for_count(self._client, self._address, self._final)
