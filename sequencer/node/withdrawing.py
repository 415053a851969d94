"""
A withdrawal by hand: found on L2, followed on L1, proven and finalized with the user's own account.

The L2 node is asked for receipts, headers and proofs; what L1 will check is checked here first. Nothing is kept:
everything follows from the hash of the L2 transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace

import aiohttp

from l1_bridge.bindings import WITHDRAWAL_FINALIZED_TOPIC
from l1_bridge.errors import CriticalError, L1Unavailable, TemporaryError
from l1_bridge.json_fields import MalformedField, get_bytes, get_list, get_quantity
from l1_bridge.l1_client import L1Client
from l1_bridge.l1_connection import L1Endpoint
from l1_bridge.l1_receipt import parse_log
from l1_bridge.output_root import MESSAGE_PASSER_ADDRESS, OutputRootProof
from l1_bridge.portal import OutputSchedule, encode_finalize, oracle_of, output_schedule
from l1_bridge.proofs import Output, parse_account_proof
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.signer import LocalSigner
from l1_bridge.tx_manager import Confirmed
from l1_bridge.withdrawal_proof import WithdrawalProof, verify_withdrawal_proof
from l1_bridge.withdrawal_status import BridgeAddresses, Stage, WithdrawalStatus, decide_status, read_bridge_facts
from l1_bridge.withdrawals import Withdrawal, collect_withdrawals, withdrawal_storage_slot

from .hand_sending import require_chain, send_by_hand
from .json_rpc import JsonRpcClient, RpcFailed

FOLLOW_SECONDS = 1.0
"""Pause between two looks at a withdrawal that is waited for."""


class WithdrawalUnknown(CriticalError):
    """The L2 transaction holds no withdrawal that could be followed; the message says why."""


class WrongStage(TemporaryError):
    """The withdrawal stands elsewhere than the step needs; the message says where, and what is missing."""

    def __init__(self, status: WithdrawalStatus, wanted: Stage) -> None:
        reason = f": {status.missing}" if status.missing else ""
        super().__init__(f"the withdrawal is {status.stage.value}{reason}; {_advice(status.stage, wanted)}")
        self.status = status


@dataclass(frozen=True, slots=True)
class PassedWithdrawal:
    """A withdrawal, and the L2 block that it stands in."""

    withdrawal: Withdrawal
    l2_block_number: int
    l2_timestamp: int


@dataclass(frozen=True, slots=True)
class Followed:
    """A withdrawal's status at an L1 time."""

    status: WithdrawalStatus
    l1_timestamp: int
    succeeded: bool | None = None
    """Of a finalized one: whether the call did; None: not looked up, or not finalized."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """Both chains of one rollup, as a user's command reads them."""

    l1: L1Client
    l2: JsonRpcClient
    config: RollupConfig
    addresses: BridgeAddresses
    schedule: OutputSchedule

    async def find(self, l2_transaction: bytes, chosen: bytes | None = None) -> PassedWithdrawal:
        """
        The withdrawal of an L2 transaction; `chosen` is its hash where there are several.

        Raises
        ------
        WithdrawalUnknown
            No such transaction in a block, it failed, or it holds none or several.
        TemporaryError
            The node is away.
        """
        name = "0x" + l2_transaction.hex()
        receipt = await self.l2.call("eth_getTransactionReceipt", name)
        if not isinstance(receipt, Mapping):
            raise WithdrawalUnknown(f"L2 has no transaction {name}")
        with _l2_answer("eth_getTransactionReceipt"):
            if not any(get_bytes(receipt, "blockHash", 32)):
                raise WithdrawalUnknown(f"{name} stands in no sealed block yet")
            if get_quantity(receipt, "status") != 1:
                raise WithdrawalUnknown(f"{name} failed on L2: it withdrew nothing")
            found = collect_withdrawals(parse_log(entry) for entry in get_list(receipt, "logs"))
            number = get_quantity(receipt, "blockNumber")
        withdrawal = _choose(found, chosen, name)
        block = await self._block(number)
        return PassedWithdrawal(withdrawal, number, get_quantity(block, "timestamp"))

    async def follow(self, passed: PassedWithdrawal) -> Followed:
        """Where it stands at the latest L1 block; raises TemporaryError when L1 is away."""
        head = await self.l1.header_by_tag("latest")
        if head is None:
            raise L1Unavailable("eth_getBlockByNumber", "no latest block")
        withdrawal_hash = passed.withdrawal.hash
        facts = await read_bridge_facts(self.l1, self.addresses, withdrawal_hash, passed.l2_block_number, at=head)
        status = decide_status(facts, self.schedule, passed.l2_block_number, passed.l2_timestamp)
        if status.stage is not Stage.FINALIZED:
            return Followed(status, head.timestamp)
        outcome = await self._outcome(passed.withdrawal)
        if outcome is None:
            return Followed(status, head.timestamp)
        return Followed(replace(status, since=outcome[0]), head.timestamp, outcome[1])

    async def _outcome(self, withdrawal: Withdrawal) -> tuple[int, bool] | None:
        """When the call of a finalized withdrawal was made and whether it succeeded; None when no event says so."""
        topics = (WITHDRAWAL_FINALIZED_TOPIC, withdrawal.hash)
        found = await self.l1.logs(self.addresses.portal, topics, self.config.genesis.l1.number)
        if not found:
            return None
        header = await self.l1.header_by_number(found[-1].block.number)
        return None if header is None else (header.timestamp, any(found[-1].log.data))

    async def wait_for(self, passed: PassedWithdrawal, wanted: Stage, seconds: float) -> Followed:
        """
        `follow` until the withdrawal is at `wanted` and can go on, at most so long.

        Raises
        ------
        WrongStage
            It is elsewhere at the end, or beyond it already.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            followed = await self.follow(passed)
            status = followed.status
            if status.stage is wanted and status.can_go_on:
                return followed
            can_come = _ORDER[status.stage] <= _ORDER[wanted] and not _needs_user(status.stage, wanted)
            if not can_come or asyncio.get_running_loop().time() >= deadline:
                raise WrongStage(status, wanted)
            await asyncio.sleep(FOLLOW_SECONDS)

    async def prove(self, passed: PassedWithdrawal, output: Output) -> WithdrawalProof:
        """The proof against `output`, checked; raises InvalidProof when the L2 node lies."""
        block = hex(output.l2_block_number)
        header = await self._block(output.l2_block_number)
        slot = "0x" + withdrawal_storage_slot(passed.withdrawal.hash).hex()
        answer = await self.l2.call("eth_getProof", "0x" + MESSAGE_PASSER_ADDRESS.hex(), [slot], block)
        if not isinstance(answer, Mapping):
            raise RpcFailed("eth_getProof: the L2 node gave no proof")
        with _l2_answer("eth_getProof"):
            parts = OutputRootProof(
                state_root=get_bytes(header, "stateRoot", 32),
                message_passer_storage_root=get_bytes(header, "withdrawalsRoot", 32),
                block_hash=get_bytes(header, "hash", 32),
            )
            proof = parse_account_proof(answer)
        return verify_withdrawal_proof(output, parts, passed.withdrawal, proof)

    async def send_proof(self, signer: LocalSigner, proof: WithdrawalProof) -> Confirmed:
        """Prove it on L1; raises NotConfirmed."""
        return await send_by_hand(
            self.l1, signer, self.config.l1_chain_id, to=self.addresses.portal, data=proof.calldata()
        )

    async def send_finalize(self, signer: LocalSigner, withdrawal: Withdrawal) -> Confirmed:
        """Make its call on L1; raises NotConfirmed."""
        return await send_by_hand(
            self.l1, signer, self.config.l1_chain_id, to=self.addresses.portal, data=encode_finalize(withdrawal)
        )

    async def _block(self, number: int) -> Mapping[str, object]:
        block = await self.l2.call("eth_getBlockByNumber", hex(number), False)
        if not isinstance(block, Mapping):
            raise RpcFailed(f"the L2 node has no block {number}")
        return block


@asynccontextmanager
async def open_bridge(l1_url: str, l2_url: str, config: RollupConfig) -> AsyncIterator[Bridge]:
    """
    Connect to both chains and see that they are the ones that `config` means.

    Raises
    ------
    WrongChain
        A node is of another chain.
    PortalMissing
        That L1 has no portal where the config says.
    """
    portal = config.deposit_contract_address
    async with aiohttp.ClientSession() as session, L1Client.connect(L1Endpoint(l1_url)) as l1:
        l2 = JsonRpcClient(session, l2_url)
        require_chain("L1", await l1.chain_id(), config.l1_chain_id)
        require_chain("L2", int(str(await l2.call("eth_chainId")), 16), config.l2_chain_id)
        oracle = await oracle_of(l1, portal)
        schedule = await output_schedule(l1, oracle)
        yield Bridge(l1, l2, config, BridgeAddresses(portal, oracle), schedule)


@contextmanager
def _l2_answer(method: str) -> Iterator[None]:
    """An answer of another form is a node that does not serve."""
    try:
        yield
    except MalformedField as reason:
        raise RpcFailed(f"{method}: the L2 node's answer has {reason}") from None


_ORDER = {stage: place for place, stage in enumerate(Stage)}


def _needs_user(stage: Stage, wanted: Stage) -> bool:
    """Whether time alone does not bring a withdrawal from `stage` to `wanted`."""
    return wanted is not Stage.READY_TO_PROVE and stage in (Stage.WAITING_FOR_OUTPUT, Stage.READY_TO_PROVE)


def _advice(stage: Stage, wanted: Stage) -> str:
    if stage is Stage.FINALIZED:
        return "nothing is left to do"
    if _ORDER[stage] > _ORDER[wanted]:
        return "it is proven already"
    if wanted is Stage.READY_TO_FINALIZE and stage is Stage.READY_TO_PROVE:
        return "prove it first"
    return "try again later"


def _choose(found: tuple[Withdrawal, ...], chosen: bytes | None, name: str) -> Withdrawal:
    if not found:
        raise WithdrawalUnknown(f"{name} holds no withdrawal")
    if chosen is not None:
        for withdrawal in found:
            if withdrawal.hash == chosen:
                return withdrawal
        raise WithdrawalUnknown(f"{name} holds no withdrawal 0x{chosen.hex()}")
    if len(found) > 1:
        hashes = ", ".join("0x" + withdrawal.hash.hex() for withdrawal in found)
        raise WithdrawalUnknown(f"{name} holds {len(found)} withdrawals; choose one with --withdrawal: {hashes}")
    return found[0]
