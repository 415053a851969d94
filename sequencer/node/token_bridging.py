"""
ERC-20 tokens through the standard bridges: approved and deposited on L1, withdrawn from L2 (bridges.md).

A token on L2 stands for one on L1 and names it. Before anything is sent, both ends are asked: a deposit to a token that
stands for another one could not be minted.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from l1_bridge.bindings import (
    DEPOSIT_ERC20_TO,
    L1_STANDARD_BRIDGE,
    MINTABLE_L1_TOKEN,
    TOKEN_ALLOWANCE,
    TOKEN_APPROVE,
    TOKEN_BALANCE,
    TOKEN_DECIMALS,
    WITHDRAW_TO,
    ContractFunction,
    MalformedReturn,
)
from l1_bridge.errors import CriticalError, L1Refused
from l1_bridge.l1_client import L1Client
from l1_bridge.l1_connection import L1Endpoint
from l1_bridge.portal import PortalMissing
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.signer import LocalSigner
from l1_bridge.tx_manager import Confirmed

from .depositing import SentDeposit, read_sent_deposit
from .hand_sending import require_chain, send_by_hand
from .initiating import open_l2

L2_STANDARD_BRIDGE = bytes.fromhex("4200000000000000000000000000000000000010")


class UnusableToken(CriticalError):
    """The contract is no token, stands for another one, or the account has too few of it; the message says which."""


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """What goes over: `amount` in the token's own unit, such as 1.5."""

    token: bytes
    """On the chain that it leaves."""
    to: bytes
    amount: str
    gas_limit: int
    """Of the call on the other chain."""


async def deposit_token(
    l1_url: str, l2_url: str, config: RollupConfig, signer: LocalSigner, *, order: TokenOrder, l2_token: bytes
) -> SentDeposit:
    """
    Approve as far as needed, deposit, and wait for one confirmation of each.

    Raises
    ------
    UnusableToken
        The two do not belong together, or the account has too few.
    NotConfirmed
        A transaction would revert, or does not get through.
    CriticalError
        A node is of another chain, or that L1 has no bridge.
    """
    async with open_l2(l2_url, config) as l2:
        stands_for = await _ask_token(l2, l2_token, MINTABLE_L1_TOKEN)
    if stands_for.to_bytes(20, "big") != order.token:
        raise UnusableToken(f"0x{l2_token.hex()} on L2 stands for 0x{stands_for:040x}, not 0x{order.token.hex()}")
    async with L1Client.connect(L1Endpoint(l1_url)) as l1:
        require_chain("L1", await l1.chain_id(), config.l1_chain_id)
        bridge = await _standard_bridge(l1, config)
        amount = await _amount_held(l1, signer.address, order)
        if await _ask_token(l1, order.token, TOKEN_ALLOWANCE, signer.address, bridge) < amount:
            approval = TOKEN_APPROVE.encode(bridge, amount)
            await send_by_hand(l1, signer, config.l1_chain_id, to=order.token, data=approval)
        call = DEPOSIT_ERC20_TO.encode(order.token, l2_token, order.to, amount, order.gas_limit, b"")
        confirmed = await send_by_hand(l1, signer, config.l1_chain_id, to=bridge, data=call)
        return await read_sent_deposit(l1, config, confirmed)


async def withdraw_token(l2_url: str, config: RollupConfig, signer: LocalSigner, order: TokenOrder) -> Confirmed:
    """
    Start the withdrawal of a token that stands for one of L1.

    Raises
    ------
    UnusableToken
        It is no such token, or the account has too few.
    NotConfirmed
        It would revert, or does not get through.
    """
    async with open_l2(l2_url, config) as l2:
        await _ask_token(l2, order.token, MINTABLE_L1_TOKEN)
        amount = await _amount_held(l2, signer.address, order)
        call = WITHDRAW_TO.encode(order.token, order.to, amount, order.gas_limit, b"")
        return await send_by_hand(l2, signer, config.l2_chain_id, to=L2_STANDARD_BRIDGE, data=call)


def parse_amount(text: str, decimals: int) -> int:
    """A decimal amount in the smallest unit; raises UnusableToken when it is none, or finer than the token."""
    try:
        scaled = Decimal(text).scaleb(decimals)
    except InvalidOperation:
        raise UnusableToken(f"{text!r} is no amount") from None
    is_amount = scaled.is_finite() and 0 < scaled < 2**256
    if not is_amount or scaled != scaled.to_integral_value():
        raise UnusableToken(f"{text!r} is no positive amount with at most {decimals} decimals")
    return int(scaled)


async def _amount_held(client: L1Client, owner: bytes, order: TokenOrder) -> int:
    amount = parse_amount(order.amount, await _ask_token(client, order.token, TOKEN_DECIMALS))
    held = await _ask_token(client, order.token, TOKEN_BALANCE, owner)
    if held < amount:
        raise UnusableToken(f"0x{owner.hex()} has {held} of the smallest unit of the token, not {amount}")
    return amount


async def _standard_bridge(l1: L1Client, config: RollupConfig) -> bytes:
    """By the system config on L1, which `rollup.json` names: an L2 node's word would not do, it gets an approval."""
    returned = await l1.call_contract(config.l1_system_config_address, L1_STANDARD_BRIDGE.encode())
    try:
        (bridge,) = L1_STANDARD_BRIDGE.decode_integers(returned)
    except MalformedReturn:
        raise PortalMissing(config.deposit_contract_address) from None
    return bridge.to_bytes(20, "big")


async def _ask_token(client: L1Client, token: bytes, function: ContractFunction, *arguments: object) -> int:
    try:
        (answer,) = function.decode_integers(await client.call_contract(token, function.encode(*arguments)))
    except (MalformedReturn, L1Refused):
        raise UnusableToken(f"0x{token.hex()} does not answer {function.signature}: no such token there") from None
    return answer
