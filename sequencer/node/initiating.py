"""The start of a withdrawal: one transaction on L2 to the message passer (withdrawals.md)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from l1_bridge.errors import L1Refused, L1Unavailable
from l1_bridge.l1_client import L1Client
from l1_bridge.l1_connection import L1Endpoint
from l1_bridge.output_root import MESSAGE_PASSER_ADDRESS
from l1_bridge.portal import encode_withdraw
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.signer import LocalSigner
from l1_bridge.tx_manager import Confirmed

from .hand_sending import require_chain, send_by_hand
from .json_rpc import RpcFailed


@dataclass(frozen=True, slots=True)
class Order:
    """What L1 shall do in the end: a call of `target` with that ether and data."""

    target: bytes
    value: int
    gas_limit: int
    data: bytes


async def initiate_withdrawal(l2_url: str, config: RollupConfig, signer: LocalSigner, order: Order) -> Confirmed:
    """
    Pass the message on L2 and wait until its block is sealed.

    Raises
    ------
    NotConfirmed
        It would revert, or does not get through.
    CriticalError
        The node is of another chain, or the account is empty there.
    TemporaryError
        The node is away.
    """
    calldata = encode_withdraw(order.target, order.gas_limit, order.data)
    async with open_l2(l2_url, config) as client:
        return await send_by_hand(
            client, signer, config.l2_chain_id, to=MESSAGE_PASSER_ADDRESS, data=calldata, value=order.value
        )


@asynccontextmanager
async def open_l2(url: str, config: RollupConfig) -> AsyncIterator[L1Client]:
    """An L2 node by the client for L1, which speaks the same RPC; its errors are told as L2's."""
    try:
        async with L1Client.connect(L1Endpoint(url)) as client:
            require_chain("L2", await client.chain_id(), config.l2_chain_id)
            yield client
    except L1Unavailable as error:
        raise RpcFailed(f"L2 did not answer {error.method}: {error.reason}") from None
    except L1Refused as error:
        raise RpcFailed(f"L2 refused {error.method}: {error.message}") from None
