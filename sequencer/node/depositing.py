"""
A transaction put into L2 through the portal on L1: its hash on L2, and when L2 must hold it.

The first L2 block whose L1 origin is the L1 block of the deposit begins with it. A sequencer can put that block off
until the sequencing window is over, and no longer: then every node derives it from L1 without the sequencer
(derivation.md, "Batch Queue").
"""

import asyncio
from dataclasses import dataclass

from l1_bridge.bindings import encode_deposit
from l1_bridge.deposits import collect_deposits
from l1_bridge.errors import CriticalError
from l1_bridge.l1_client import L1Client
from l1_bridge.l1_connection import L1Endpoint
from l1_bridge.portal import oracle_of
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.signer import LocalSigner
from l1_bridge.tx_manager import Confirmed
from l1_bridge.types import BlockId
from sequencer.primitives.deposit import DepositTransaction

from .hand_sending import require_chain, send_by_hand
from .json_rpc import JsonRpcClient, RpcFailed

SAMPLED_L1_BLOCKS = 32
"""L1 blocks over which the time of one is averaged."""

ARRIVAL_POLL_SECONDS = 0.5


class DepositMissing(CriticalError):
    """The L1 transaction stands, but its receipt holds no deposit: the portal's address is wrong."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """What L2 shall execute as the sender's own transaction."""

    to: bytes | None
    """None: the creation of a contract."""
    value: int
    """Wei that the transaction moves on L2."""
    gas_limit: int
    data: bytes
    mint: int
    """Wei that come from L1 first, to the sender's account on L2."""


@dataclass(frozen=True, slots=True)
class SentDeposit:
    """Where a deposit stands on L1, its hash on L2, and the end of the sequencer's say in it."""

    l1_transaction_hash: bytes
    l1_block: BlockId
    l2_transaction_hash: bytes
    deadline_l1_block: int
    """With this L1 block, every node has the deposit in its chain, whatever the sequencer does."""
    deadline: int
    """Unix seconds at which that L1 block is expected."""


async def send_deposit(l1_url: str, config: RollupConfig, signer: LocalSigner, deposit: Deposit) -> SentDeposit:
    """
    Send and wait for one confirmation.

    Raises
    ------
    NotConfirmed
        It would revert, or does not get through.
    CriticalError
        The node is of another L1, has no portal or no deposit in the receipt; or the account is empty.
    """
    portal = config.deposit_contract_address
    async with L1Client.connect(L1Endpoint(l1_url)) as client:
        require_chain("L1", await client.chain_id(), config.l1_chain_id)
        await oracle_of(client, portal)
        calldata = encode_deposit(deposit.to, deposit.value, deposit.gas_limit, deposit.data)
        confirmed = await send_by_hand(client, signer, config.l1_chain_id, to=portal, data=calldata, value=deposit.mint)
        return await read_sent_deposit(client, config, confirmed)


async def read_sent_deposit(client: L1Client, config: RollupConfig, confirmed: Confirmed) -> SentDeposit:
    """What became of an L1 transaction that made one deposit; raises DepositMissing when it made none."""
    portal = config.deposit_contract_address
    receipts = await client.receipts_by_hash(confirmed.block.hash)
    deadline_block = confirmed.block.number + config.seq_window_size
    deadline = await _expected_time(client, deadline_block)
    own = [receipt for receipt in receipts or () if receipt.transaction_hash == confirmed.transaction_hash]
    events = collect_deposits(own, portal, confirmed.block.hash)
    if not events:
        raise DepositMissing(
            f"no deposit event of 0x{portal.hex()} in the receipt of 0x{confirmed.transaction_hash.hex()}"
        )
    l2_hash = DepositTransaction.from_event(events[0]).hash
    return SentDeposit(confirmed.transaction_hash, confirmed.block, l2_hash, deadline_block, deadline)


async def wait_for_arrival(l2: JsonRpcClient, l2_transaction_hash: bytes, seconds: float) -> int | None:
    """Number of the L2 block that holds the deposit; None when there is none within that time."""
    name = "0x" + l2_transaction_hash.hex()
    try:
        async with asyncio.timeout(seconds):
            while True:
                receipt = await l2.call("eth_getTransactionReceipt", name)
                if isinstance(receipt, dict) and int(str(receipt.get("blockHash", "0x0")), 16):
                    return int(str(receipt["blockNumber"]), 16)
                await asyncio.sleep(ARRIVAL_POLL_SECONDS)
    except TimeoutError:
        return None
    except (ValueError, KeyError):
        raise RpcFailed("eth_getTransactionReceipt: the L2 node's answer is no receipt") from None


async def _expected_time(client: L1Client, number: int) -> int:
    """When L1 is expected to have that block, by the pace of its last ones; at least one second each."""
    latest = await client.header_by_tag("latest")
    if latest is None:
        raise CriticalError("L1 has no latest block")
    span = min(SAMPLED_L1_BLOCKS, latest.number)
    earlier = await client.header_by_number(latest.number - span)
    passed = span if earlier is None else latest.timestamp - earlier.timestamp
    pace = max(passed / span, 1.0) if span else 1.0
    return latest.timestamp + int(max(number - latest.number, 0) * pace)
