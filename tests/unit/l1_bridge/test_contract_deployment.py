"""Sending a deployment plan: all at once under consecutive nonces, and checked afterwards."""

import pytest

from contracts.deployment import DeploymentPlan, PlannedTransaction
from l1_bridge.deploy import DeploymentFailed, DeploymentUnfinished, send_deployment
from l1_bridge.signer import LocalSigner
from l1_bridge.tx_manager import TxManagerSettings
from tests.unit.l1_bridge.fake_pool import FakePool

SIGNER = LocalSigner(b"\x42" * 32)
SETTINGS = TxManagerSettings(900, max_in_flight=1)
PLAN = DeploymentPlan(
    tuple(PlannedTransaction(None, bytes([at]), 100_000 + at) for at in range(12)),
    {"First": b"\x01" * 20, "Second": b"\x02" * 20},
)


class _Chain(FakePool):
    """A pool that also says where code stands."""

    def __init__(self, *with_code: bytes) -> None:
        super().__init__()
        self.with_code = set(with_code)

    async def code(self, address: bytes) -> bytes:
        return b"\x60" if address in self.with_code else b""

    async def mine_instead_of_waiting(self, seconds: float) -> None:
        self.mine()


async def test_whole_plan_goes_out_in_order_before_the_first_block() -> None:
    chain = _Chain(*PLAN.addresses.values())

    deployment = await send_deployment(chain, SIGNER, PLAN, 0, SETTINGS, pause=chain.mine_instead_of_waiting)

    mined = chain.blocks[1].transactions
    assert [(item.nonce, item.gas_limit, item.data) for item in mined] == [
        (at, 100_000 + at, bytes([at])) for at in range(12)
    ]
    assert deployment.last_block == chain.blocks[1].header.id
    assert deployment.addresses == PLAN.addresses


async def test_plan_for_another_nonce_is_not_sent() -> None:
    chain = _Chain(*PLAN.addresses.values())

    with pytest.raises(DeploymentFailed, match="nonce is 0"):
        await send_deployment(chain, SIGNER, PLAN, 1, SETTINGS, pause=chain.mine_instead_of_waiting)
    assert chain.sent == []


async def test_reverted_transaction_fails_the_deployment() -> None:
    chain = _Chain(*PLAN.addresses.values())
    chain.reverting.add(b"\x05")

    with pytest.raises(DeploymentFailed, match="transaction 5"):
        await send_deployment(chain, SIGNER, PLAN, 0, SETTINGS, pause=chain.mine_instead_of_waiting)


async def test_address_without_code_fails_the_deployment_by_name() -> None:
    chain = _Chain(PLAN.addresses["First"])

    with pytest.raises(DeploymentFailed, match="Second has no code"):
        await send_deployment(chain, SIGNER, PLAN, 0, SETTINGS, pause=chain.mine_instead_of_waiting)


async def test_chain_that_does_not_move_leaves_it_unfinished() -> None:
    chain = _Chain()

    async def nothing(seconds: float) -> None:
        """No block comes."""

    with pytest.raises(DeploymentUnfinished, match="0 of 12"):
        await send_deployment(chain, SIGNER, PLAN, 0, SETTINGS, pause=nothing, max_rounds=3)
