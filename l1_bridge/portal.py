"""
`OptimismPortal` and its oracle as a user's withdrawal meets them: what L1 knows of it, and the calls that move it on.

    prove      the withdrawal's slot, by trie nodes against an output      waits the finalization period
    finalize   the call on L1                                              once, whether it succeeds or not

Reads name one L1 block, so that what they say belongs together. Spec: withdrawals.md, proposals.md.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from l1_bridge.bindings import (
    FINALIZATION_PERIOD,
    FINALIZE_WITHDRAWAL,
    FINALIZED_WITHDRAWALS,
    INITIATE_WITHDRAWAL,
    L2_BLOCK_TIME,
    LATEST_BLOCK_NUMBER,
    NEXT_OUTPUT_INDEX,
    OUTPUT_INDEX_AFTER,
    PORTAL_ORACLE,
    PORTAL_PAUSED,
    PROVE_WITHDRAWAL,
    PROVEN_WITHDRAWALS,
    STARTING_BLOCK_NUMBER,
    STARTING_TIMESTAMP,
    SUBMISSION_INTERVAL,
    ContractFunction,
    MalformedReturn,
)
from l1_bridge.errors import CriticalError
from l1_bridge.output_root import OutputRootProof
from l1_bridge.proofs import ContractReader, Output, output_at
from l1_bridge.withdrawals import Withdrawal


class PortalMissing(CriticalError):
    """No portal answers at the address that `rollup.json` names: another L1, or another chain's file."""

    def __init__(self, portal: bytes) -> None:
        super().__init__(f"no OptimismPortal at 0x{portal.hex()}: is this the L1 of that rollup.json?")
        self.portal = portal


@dataclass(frozen=True, slots=True)
class OutputSchedule:
    """When outputs are due and when they count; fixed in the oracle."""

    interval_blocks: int
    """L2 blocks from one output to the next."""
    l2_block_time_seconds: int
    starting_block: int
    starting_timestamp: int
    """Unix seconds of `starting_block` on L2."""
    finalization_period_seconds: int

    def l2_time(self, number: int) -> int:
        """Unix seconds of that L2 block."""
        return self.starting_timestamp + (number - self.starting_block) * self.l2_block_time_seconds

    def covering_block(self, number: int) -> int:
        """The L2 block of the first output at or after `number`, as long as none is deleted."""
        steps = -(-(number - self.starting_block) // self.interval_blocks)
        return self.starting_block + max(steps, 1) * self.interval_blocks


@dataclass(frozen=True, slots=True)
class ProvenWithdrawal:
    """What the portal keeps of a proof."""

    output_root: bytes
    l1_timestamp: int
    """Unix seconds of the L1 block of the proof; the wait counts from here."""
    output_index: int


async def oracle_of(client: ContractReader, portal: bytes) -> bytes:
    """
    Address of the oracle whose outputs that portal believes.

    Raises
    ------
    PortalMissing
        No portal is there.
    """
    try:
        (oracle,) = await _read(client, portal, PORTAL_ORACLE)
    except MalformedReturn:
        raise PortalMissing(portal) from None
    return oracle.to_bytes(20, "big")


async def output_schedule(client: ContractReader, oracle: bytes) -> OutputSchedule:
    """The oracle's parameters."""
    functions = (SUBMISSION_INTERVAL, L2_BLOCK_TIME, STARTING_BLOCK_NUMBER, STARTING_TIMESTAMP, FINALIZATION_PERIOD)
    values = await asyncio.gather(*(_read(client, oracle, function) for function in functions))
    interval, block_time, starting_block, starting_timestamp, period = (value for (value,) in values)
    return OutputSchedule(interval, block_time, starting_block, starting_timestamp, period)


async def output_covering(
    client: ContractReader, oracle: bytes, l2_block_number: int, block: str = "latest"
) -> Output | None:
    """The first output of an L2 block at or after that one; None while there is none."""
    (count,) = await _read(client, oracle, NEXT_OUTPUT_INDEX, block=block)
    (last,) = await _read(client, oracle, LATEST_BLOCK_NUMBER, block=block)
    if count == 0 or last < l2_block_number:
        return None
    (index,) = await _read(client, oracle, OUTPUT_INDEX_AFTER, l2_block_number, block=block)
    return await output_at(client, oracle, index, block)


async def output_at_or_none(client: ContractReader, oracle: bytes, index: int, block: str = "latest") -> Output | None:
    """The output with that index; None when it was deleted, or never was."""
    (count,) = await _read(client, oracle, NEXT_OUTPUT_INDEX, block=block)
    return await output_at(client, oracle, index, block) if index < count else None


async def proven_withdrawal(
    client: ContractReader, portal: bytes, withdrawal_hash: bytes, block: str = "latest"
) -> ProvenWithdrawal | None:
    """The proof that the portal holds for that withdrawal; None when there is none."""
    root, timestamp, index = await _read(client, portal, PROVEN_WITHDRAWALS, withdrawal_hash, block=block)
    return ProvenWithdrawal(root.to_bytes(32, "big"), timestamp, index) if timestamp else None


async def is_withdrawal_finalized(
    client: ContractReader, portal: bytes, withdrawal_hash: bytes, block: str = "latest"
) -> bool:
    """Whether the withdrawal's call was made on L1, with success or without."""
    (finalized,) = await _read(client, portal, FINALIZED_WITHDRAWALS, withdrawal_hash, block=block)
    return bool(finalized)


async def is_paused(client: ContractReader, portal: bytes, block: str = "latest") -> bool:
    """Whether the guardian has stopped proving and finalizing."""
    (paused,) = await _read(client, portal, PORTAL_PAUSED, block=block)
    return bool(paused)


def encode_withdraw(target: bytes, gas_limit: int, data: bytes) -> bytes:
    """Calldata of `initiateWithdrawal` of the message passer on L2; the ether sent with it is withdrawn."""
    return INITIATE_WITHDRAWAL.encode(target, gas_limit, data)


def encode_prove(withdrawal: Withdrawal, output_index: int, parts: OutputRootProof, nodes: Sequence[bytes]) -> bytes:
    """Calldata that proves `withdrawal` against an output with these parts."""
    roots = (parts.version, parts.state_root, parts.message_passer_storage_root, parts.block_hash)
    return PROVE_WITHDRAWAL.encode(_as_tuple(withdrawal), output_index, roots, list(nodes))


def encode_finalize(withdrawal: Withdrawal) -> bytes:
    """Calldata that makes a proven withdrawal's call."""
    return FINALIZE_WITHDRAWAL.encode(_as_tuple(withdrawal))


def _as_tuple(withdrawal: Withdrawal) -> tuple[int, bytes, bytes, int, int, bytes]:
    return (
        withdrawal.nonce,
        withdrawal.sender,
        withdrawal.target,
        withdrawal.value,
        withdrawal.gas_limit,
        withdrawal.data,
    )


async def _read(
    client: ContractReader, contract: bytes, function: ContractFunction, *arguments: object, block: str = "latest"
) -> tuple[int, ...]:
    return function.decode_integers(await client.call_contract(contract, function.encode(*arguments), block))
