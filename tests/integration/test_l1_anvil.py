"""
The L1 side against anvil, an L1 node that is not ours: checked reads, deployment, deposits, a real reorg.

Blocks are mined by the test, so nothing waits for time.
"""

from collections.abc import AsyncIterator

import pytest

from contracts.deployment import plan_deployment
from contracts.parameters import ContractParameters, VaultParameters
from l1_bridge.bindings import encode_deposit, encode_proposal
from l1_bridge.deploy import Deployment, DeploymentFailed, send_deployment
from l1_bridge.deposits import collect_deposits
from l1_bridge.errors import L1Refused
from l1_bridge.l1_chain_config import prague_l1_chain
from l1_bridge.l1_heads import L1HeadTracker
from l1_bridge.proofs import newest_output, parse_account_proof, verify_account_proof
from l1_bridge.tx_manager import Confirmed, Failed, TransactionManager, TxManagerSettings
from tests.integration.anvil_node import Anvil, dev_signer, running_anvil

TO = b"\x11" * 20


@pytest.fixture
async def anvil() -> AsyncIterator[Anvil]:
    async with running_anvil() as running:
        yield running


async def _deploy(anvil: Anvil) -> Deployment:
    owner, batcher, proposer = dev_signer(0).address, dev_signer(2).address, dev_signer(1).address
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
        anvil.client, dev_signer(0), plan, 0, TxManagerSettings(900), pause=anvil.mine_instead_of_waiting
    )


async def _results(manager: TransactionManager) -> list[Confirmed | Failed]:
    await manager.step()
    return manager.results()


async def test_blocks_and_receipts_of_a_deployed_chain_verify_and_deposits_are_found(anvil: Anvil) -> None:
    deployment = await _deploy(anvil)
    portal = deployment.addresses["OptimismPortal"]
    manager = anvil.manager(dev_signer(3))
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
    assert (deposit.sender, deposit.to, deposit.mint, deposit.value) == (dev_signer(3).address, TO, 5, 5)
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
    stranger, proposer = anvil.manager(dev_signer(5)), anvil.manager(dev_signer(1))

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
    address = dev_signer(0).address
    await anvil.mine()
    header = await anvil.client.header_by_tag("latest")
    assert header is not None

    answer = await anvil.client.account_proof(address, (bytes(32),), hex(header.number))
    account = verify_account_proof(header.state_root, parse_account_proof(answer))

    assert account.balance == await anvil.client.balance(address)


async def test_transaction_that_a_reorg_takes_out_is_sent_again_and_the_reorg_is_noticed(anvil: Anvil) -> None:
    await anvil.mine(3)
    heads = L1HeadTracker(anvil.client)
    manager = anvil.manager(dev_signer(4), confirmations=4)
    manager.submit(1, TO, b"batch")
    await manager.step()
    await anvil.mine()
    await manager.step()
    await heads.step()
    first = await anvil.client.header_by_tag("latest")
    assert first is not None
    assert await anvil.client.transaction_count(dev_signer(4).address) == 1

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
    assert await anvil.client.transaction_count(dev_signer(4).address) == 1


async def test_stuck_transaction_is_replaced_with_higher_fees(anvil: Anvil) -> None:
    manager = anvil.manager(dev_signer(4))
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
    assert await anvil.client.transaction_count(dev_signer(4).address) == 1


async def test_plan_for_another_nonce_is_not_sent(anvil: Anvil) -> None:
    await _deploy(anvil)
    used = await anvil.client.transaction_count(dev_signer(0).address)

    with pytest.raises(DeploymentFailed, match="nonce"):
        await _deploy(anvil)
    assert await anvil.client.transaction_count(dev_signer(0).address) == used


async def test_revert_reason_of_a_call_is_kept(anvil: Anvil) -> None:
    oracle = (await _deploy(anvil)).addresses["L2OutputOracle"]

    with pytest.raises(L1Refused) as caught:
        await anvil.client.call_contract(oracle, encode_proposal(b"\xab" * 32, 20, bytes(32), 0))
    assert caught.value.data
