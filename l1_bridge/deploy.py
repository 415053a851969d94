"""
Puts the bridge contracts onto an L1 that already runs: sends a deployment plan and checks what came of it.

All transactions go out at once under consecutive nonces, since the plan's
addresses follow from the deployer's nonces; nobody else may send from the
deployer meanwhile.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from contracts.deployment import DeploymentPlan
from l1_bridge.errors import CriticalError, TemporaryError
from l1_bridge.signer import Signer
from l1_bridge.tx_manager import Confirmed, L1Account, TransactionManager, TxManagerSettings
from l1_bridge.types import BlockId


class DeploymentFailed(CriticalError):
    """The contracts do not stand where the plan says; what was deployed is of no use."""


class DeploymentUnfinished(TemporaryError):
    """Not all transactions were confirmed within the rounds that were allowed."""


class L1WithCode(L1Account, Protocol):
    """What a deployment needs of L1; `L1Client` is one."""

    async def code(self, address: bytes) -> bytes:
        """Code at `address`."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What stands on L1 now."""

    addresses: Mapping[str, bytes]
    last_block: BlockId
    """The newest L1 block with a transaction of the deployment: the rollup may start after it."""


async def send_deployment(
    client: L1WithCode,
    signer: Signer,
    plan: DeploymentPlan,
    start_nonce: int,
    settings: TxManagerSettings,
    *,
    pause: Callable[[float], Awaitable[None]],
    max_rounds: int = 600,
) -> Deployment:
    """
    Send `plan`, which was made for `signer` and `start_nonce`, and wait until all of it is confirmed.

    Parameters
    ----------
    pause :
        Called between two rounds with the seconds to wait (`asyncio.sleep`).

    Raises
    ------
    DeploymentFailed
        The nonce is another one, a transaction reverted, or an address has no code.
    DeploymentUnfinished
        Not confirmed after `max_rounds`.
    """
    nonce = await client.transaction_count(signer.address)
    if nonce != start_nonce:
        raise DeploymentFailed(f"the deployer's nonce is {nonce}, the plan is for {start_nonce}")
    count = len(plan.transactions)
    manager = TransactionManager(client, signer, replace(settings, max_in_flight=count, max_queued=count))
    for index, transaction in enumerate(plan.transactions):
        manager.submit(index, transaction.to, transaction.data, gas_limit=transaction.gas)
    confirmed = await _wait_for_all(manager, count, pause, max_rounds)
    for name, address in plan.addresses.items():
        if not await client.code(address):
            raise DeploymentFailed(f"{name} has no code at 0x{address.hex()}")
    return Deployment(plan.addresses, max((item.block for item in confirmed), key=lambda block: block.number))


async def _wait_for_all(
    manager: TransactionManager, count: int, pause: Callable[[float], Awaitable[None]], max_rounds: int
) -> list[Confirmed]:
    confirmed: list[Confirmed] = []
    for _ in range(max_rounds):
        wake = await manager.step()
        for result in manager.results():
            if not isinstance(result, Confirmed):
                raise DeploymentFailed(f"transaction {result.request_id!r}: {result.reason}")
            confirmed.append(result)
        if len(confirmed) == count:
            return confirmed
        await pause(wake.after_seconds)
    raise DeploymentUnfinished(f"{len(confirmed)} of {count} transactions confirmed after {max_rounds} rounds")
