"""
The L1 side against anvil, an L1 node that is not ours: checked reads, deployment, deposits, a real reorg.

Blocks are mined by the test, so nothing waits for time.
"""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts.deployment import plan_deployment
from contracts.parameters import ContractParameters, VaultParameters
from l1_bridge.bindings import encode_deposit, encode_proposal
from l1_bridge.deploy import Deployment, DeploymentFailed, send_deployment
from l1_bridge.deposits import collect_deposits
from l1_bridge.errors import L1Refused
from l1_bridge.l1_chain_config import prague_l1_chain
from l1_bridge.l1_client import L1Client
from l1_bridge.l1_connection import L1Connection, L1Endpoint
from l1_bridge.l1_heads import L1HeadTracker
from l1_bridge.proofs import newest_output, parse_account_proof, verify_account_proof
from l1_bridge.signer import LocalSigner, signer_from_mnemonic
from l1_bridge.tx_manager import Confirmed, Failed, TransactionManager, TxManagerSettings

BUNDLED = Path(__file__).parents[2] / "contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
PHRASE = "test test test test test test test test test test test junk"
TO = b"\x11" * 20
START_SECONDS = 30.0
"""Longest wait for anvil to say where it listens; a failure, never a pause."""


def _find_anvil() -> str | None:
    return str(BUNDLED) if BUNDLED.is_file() else shutil.which("anvil")


pytestmark = pytest.mark.skipif(_find_anvil() is None, reason="anvil is neither in node_modules nor in PATH")


@dataclass(frozen=True, slots=True)
class Anvil:
    """A running anvil that mines when it is told to."""

    connection: L1Connection
    client: L1Client

    async def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            await self.connection.call("evm_mine")

    def manager(self, signer: LocalSigner, confirmations: int = 1) -> TransactionManager:
        settings = TxManagerSettings(900, confirmations=confirmations, resend_after_blocks=2)
        return TransactionManager(self.client, signer, settings)

    async def mine_instead_of_waiting(self, seconds: float) -> None:
        await self.mine()


@contextlib.asynccontextmanager
async def _running_anvil() -> AsyncIterator[str]:
    program = _find_anvil()
    assert program is not None
    arguments = ["--port", "0", "--chain-id", "900", "--hardfork", "prague", "--no-mining", "--slots-in-an-epoch", "4"]
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            while not (line := await process.stdout.readline()).startswith(b"Listening on"):
                assert line or process.returncode is None, "anvil ended before it listened"
        yield "http://" + line.split()[-1].decode()
    finally:
        process.kill()
        await process.wait()


@pytest.fixture
async def anvil() -> AsyncIterator[Anvil]:
    async with _running_anvil() as url, L1Connection.connect(L1Endpoint(url)) as connection:
        yield Anvil(connection, L1Client(connection))


def _signer(index: int) -> LocalSigner:
    return signer_from_mnemonic(PHRASE, index)


async def _deploy(anvil: Anvil) -> Deployment:
    owner, batcher, proposer = _signer(0).address, _signer(2).address, _signer(1).address
    parameters = ContractParameters(
        l1_chain_id=900,
        owner=owner,
        guardian=owner,
        batcher=batcher,
        proposer=proposer,
        challenger=owner,
        unsafe_block_signer=owner,
        starting_block_number=0,
        starting_timestamp=0,
        l2_block_time_seconds=1,
        submission_interval_blocks=20,
        finalization_period_seconds=12,
        gas_limit=30_000_000,
        base_fee_scalar=1368,
        blob_base_fee_scalar=810_949,
        eip1559_denominator=250,
        eip1559_elasticity=6,
        operator_fee_scalar=0,
        operator_fee_constant=0,
        vaults=VaultParameters(owner, owner, owner, owner),
    )
    plan = plan_deployment(owner, 0, parameters)
    return await send_deployment(
        anvil.client, _signer(0), plan, 0, TxManagerSettings(900), pause=anvil.mine_instead_of_waiting
    )


async def _results(manager: TransactionManager) -> list[Confirmed | Failed]:
    await manager.step()
    return manager.results()


async def test_blocks_and_receipts_of_a_deployed_chain_verify_and_deposits_are_found(anvil: Anvil) -> None:
    deployment = await _deploy(anvil)
    portal = deployment.addresses["OptimismPortal"]
    manager = anvil.manager(_signer(3))
    manager.submit(1, portal, encode_deposit(TO, 5, 100_000, b"hello"), value=5)
    await manager.step()
    await anvil.mine()
    (confirmed,) = await _results(manager)

    assert isinstance(confirmed, Confirmed)
    for number in range(confirmed.block.number + 1):
        header = await anvil.client.header_by_number(number)
        assert header is not None
        assert await anvil.client.block_by_hash(header.hash) is not None
        assert await anvil.client.receipts_by_hash(header.hash) is not None
    receipts = await anvil.client.receipts_by_hash(confirmed.block.hash)
    assert receipts is not None
    (deposit,) = collect_deposits(receipts, portal, confirmed.block.hash)
    assert (deposit.sender, deposit.to, deposit.mint, deposit.value) == (_signer(3).address, TO, 5, 5)
    assert (deposit.gas_limit, deposit.data) == (100_000, b"hello")


async def test_blob_base_fee_of_our_rule_is_the_nodes(anvil: Anvil) -> None:
    await anvil.mine(2)
    header = await anvil.client.header_by_tag("latest")

    assert header is not None
    assert hex(prague_l1_chain(900).blob_base_fee(header)) == await anvil.connection.call("eth_blobBaseFee")


async def test_output_is_posted_and_read_back_and_only_by_the_proposer(anvil: Anvil) -> None:
    oracle = (await _deploy(anvil)).addresses["L2OutputOracle"]
    assert await newest_output(anvil.client, oracle) is None
    proposal = encode_proposal(b"\xab" * 32, 20, bytes(32), 0)
    stranger, proposer = anvil.manager(_signer(5)), anvil.manager(_signer(1))

    stranger.submit(1, oracle, proposal)
    (refused,) = await _results(stranger)
    proposer.submit(2, oracle, proposal)
    await proposer.step()
    await anvil.mine()
    (confirmed,) = await _results(proposer)

    assert isinstance(refused, Failed)
    assert isinstance(confirmed, Confirmed)
    output = await newest_output(anvil.client, oracle)
    assert output is not None
    assert (output.index, output.output_root, output.l2_block_number) == (0, b"\xab" * 32, 20)


async def test_proof_of_the_node_verifies_against_its_state_root(anvil: Anvil) -> None:
    address = _signer(0).address
    await anvil.mine()
    header = await anvil.client.header_by_tag("latest")
    assert header is not None

    answer = await anvil.client.account_proof(address, (bytes(32),), hex(header.number))
    account = verify_account_proof(header.state_root, parse_account_proof(answer))

    assert account.balance == await anvil.client.balance(address)


async def test_transaction_that_a_reorg_takes_out_is_sent_again_and_the_reorg_is_noticed(anvil: Anvil) -> None:
    await anvil.mine(3)
    heads = L1HeadTracker(anvil.client)
    manager = anvil.manager(_signer(4), confirmations=4)
    manager.submit(1, TO, b"batch")
    await manager.step()
    await anvil.mine()
    await manager.step()
    await heads.step()
    first = await anvil.client.header_by_tag("latest")
    assert first is not None
    assert await anvil.client.transaction_count(_signer(4).address) == 1

    await anvil.connection.call("anvil_reorg", 2, [])
    await heads.step()
    second = await anvil.client.header_by_number(first.number)
    assert second is not None
    assert second.hash != first.hash
    results: list[Confirmed | Failed] = []
    for _ in range(8):
        results += await _results(manager)
        await anvil.mine()

    assert heads.heads.reorgs == 1
    (confirmed,) = results
    assert isinstance(confirmed, Confirmed)
    header = await anvil.client.header_by_number(confirmed.block.number)
    assert header is not None
    assert header.id == confirmed.block != first.id
    assert await anvil.client.transaction_count(_signer(4).address) == 1


async def test_stuck_transaction_is_replaced_with_higher_fees(anvil: Anvil) -> None:
    manager = anvil.manager(_signer(4))
    await anvil.mine()
    manager.submit(1, TO, b"stuck")
    await manager.step()
    await anvil.connection.call("anvil_setNextBlockBaseFeePerGas", hex(100 * 10**9))
    await anvil.mine()
    results: list[Confirmed | Failed] = []
    for _ in range(6):
        results += await _results(manager)
        await anvil.connection.call("anvil_setNextBlockBaseFeePerGas", hex(100 * 10**9))
        await anvil.mine()

    (confirmed,) = results
    assert isinstance(confirmed, Confirmed)
    assert await anvil.client.transaction_count(_signer(4).address) == 1


async def test_plan_for_another_nonce_is_not_sent(anvil: Anvil) -> None:
    await _deploy(anvil)
    used = await anvil.client.transaction_count(_signer(0).address)

    with pytest.raises(DeploymentFailed, match="nonce"):
        await _deploy(anvil)
    assert await anvil.client.transaction_count(_signer(0).address) == used


async def test_revert_reason_of_a_call_is_kept(anvil: Anvil) -> None:
    oracle = (await _deploy(anvil)).addresses["L2OutputOracle"]

    with pytest.raises(L1Refused) as caught:
        await anvil.client.call_contract(oracle, encode_proposal(b"\xab" * 32, 20, bytes(32), 0))
    assert caught.value.data
