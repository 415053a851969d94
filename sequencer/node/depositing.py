"""A deposit by hand: sent through the portal on L1, and the hash that it will have on L2."""

import asyncio
from dataclasses import dataclass

from l1_bridge.bindings import encode_deposit
from l1_bridge.deposits import collect_deposits
from l1_bridge.errors import CriticalError
from l1_bridge.l1_client import L1Client
from l1_bridge.l1_connection import L1Endpoint
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.signer import LocalSigner
from l1_bridge.single_send import send_and_wait
from l1_bridge.tx_manager import TransactionManager, TxManagerSettings
from l1_bridge.types import BlockId
from sequencer.primitives.deposit import DepositTransaction


class DepositMissing(CriticalError):
    """The L1 transaction stands, but its receipt holds no deposit: the portal's address is wrong."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """What to bring over: recipient on L2, wei, gas on L2, calldata."""

    to: bytes
    value: int
    gas_limit: int
    data: bytes


@dataclass(frozen=True, slots=True)
class SentDeposit:
    """Where a deposit stands on L1, and its hash on L2."""

    l1_transaction_hash: bytes
    l1_block: BlockId
    l2_transaction_hash: bytes


async def send_deposit(l1_url: str, config: RollupConfig, signer: LocalSigner, deposit: Deposit) -> SentDeposit:
    """Send and wait for one confirmation; raises NotConfirmed, or DepositMissing."""
    portal = config.deposit_contract_address
    async with L1Client.connect(L1Endpoint(l1_url)) as client:
        manager = TransactionManager(client, signer, TxManagerSettings(chain_id=config.l1_chain_id, poll_seconds=0.5))
        calldata = encode_deposit(deposit.to, deposit.value, deposit.gas_limit, deposit.data)
        confirmed = await send_and_wait(manager, portal, calldata, deposit.value, pause=asyncio.sleep)
        receipts = await client.receipts_by_hash(confirmed.block.hash)
    own = [receipt for receipt in receipts or () if receipt.transaction_hash == confirmed.transaction_hash]
    events = collect_deposits(own, portal, confirmed.block.hash)
    if not events:
        raise DepositMissing(
            f"no deposit event of 0x{portal.hex()} in the receipt of 0x{confirmed.transaction_hash.hex()}"
        )
    l2_hash = DepositTransaction.from_event(events[0]).hash
    return SentDeposit(confirmed.transaction_hash, confirmed.block, l2_hash)
