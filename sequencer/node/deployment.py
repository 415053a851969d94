"""Contracts of a new chain on an L1 that exists: their deployment, and the chain's files that follow from it."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from contracts.deployment import PROXIED, plan_deployment
from l1_bridge.deploy import send_deployment
from l1_bridge.errors import CriticalError
from l1_bridge.l1_client import L1Client
from l1_bridge.l1_connection import L1Endpoint
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.signer import LocalSigner
from l1_bridge.tx_manager import TxManagerSettings
from l1_bridge.types import BlockId
from sequencer.primitives.genesis import Genesis
from sequencer.state.genesis_state import compute_genesis_header

from .new_chain import ChainPlan, Roles, contract_parameters, make_l2_genesis, make_rollup_config


class InvalidDeployment(CriticalError):
    """A deployment file that can not be read."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """Wishes, the L1 block after which the rollup starts (its time is the L2 genesis time), and the contracts."""

    plan: ChainPlan
    anchor: BlockId
    anchor_timestamp: int
    addresses: Mapping[str, bytes]

    def make_chain(self) -> tuple[Genesis, RollupConfig]:
        """Genesis of L2, and the agreement."""
        genesis = make_l2_genesis(self.plan, self.anchor_timestamp, self.addresses)
        l2 = BlockId(0, compute_genesis_header(genesis).compute_hash())
        rollup = make_rollup_config(self.plan, self.anchor, l2, self.anchor_timestamp, self.addresses)
        return genesis, rollup

    def to_json(self) -> dict[str, object]:
        """Content of `deployment.json`."""
        plan = self.plan
        return {
            "l1_chain_id": plan.l1_chain_id,
            "l2_chain_id": plan.l2_chain_id,
            "roles": {name: "0x" + getattr(plan.roles, name).hex() for name in Roles.__slots__},
            **{name: getattr(plan, name) for name in _NUMBERS},
            "funded": {"0x" + address.hex(): balance for address, balance in plan.funded.items()},
            "anchor": {"number": self.anchor.number, "hash": "0x" + self.anchor.hash.hex()},
            "anchor_timestamp": self.anchor_timestamp,
            "addresses": {name: "0x" + address.hex() for name, address in self.addresses.items()},
        }

    @classmethod
    def load(cls, path: Path) -> "Deployed":
        """Read `deployment.json`; raise InvalidDeployment with what is wrong."""
        try:
            content = json.loads(path.read_text())
            plan = ChainPlan(
                l1_chain_id=content["l1_chain_id"],
                l2_chain_id=content["l2_chain_id"],
                roles=Roles(**{name: _bytes(address) for name, address in content["roles"].items()}),
                funded={_bytes(address): balance for address, balance in content["funded"].items()},
                **{name: int(content[name]) for name in _NUMBERS},
            )
            addresses = {name: _bytes(address) for name, address in content["addresses"].items()}
            if missing := [name for name in PROXIED if name not in addresses]:
                raise ValueError(f"no address of {', '.join(missing)}")
            return cls(
                plan=plan,
                anchor=BlockId(content["anchor"]["number"], _bytes(content["anchor"]["hash"])),
                anchor_timestamp=content["anchor_timestamp"],
                addresses=addresses,
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as reason:
            raise InvalidDeployment(f"{path}: {type(reason).__name__}: {reason}") from None


_NUMBERS = (
    *("block_time", "sequencing_window", "output_interval_blocks", "finalization_period_seconds", "gas_limit"),
    *("base_fee_scalar", "blob_base_fee_scalar", "eip1559_denominator", "eip1559_elasticity"),
    *("operator_fee_scalar", "operator_fee_constant"),
)
"""Fields of a ChainPlan that are plain numbers."""


async def deploy_contracts(l1_url: str, signer: LocalSigner, plan: ChainPlan) -> Deployed:
    """
    Deploy to the L1 at `l1_url`, whose chain id replaces the plan's; all transactions are sent at once.

    Raises DeploymentFailed or DeploymentUnfinished.
    """
    async with L1Client.connect(L1Endpoint(l1_url)) as client:
        anchor = await client.header_by_tag("latest")
        if anchor is None:
            raise InvalidDeployment(f"{l1_url} has no block")
        plan = replace(plan, l1_chain_id=await client.chain_id())
        nonce = await client.transaction_count(signer.address)
        contracts = plan_deployment(signer.address, nonce, contract_parameters(plan, anchor.timestamp))
        settings = TxManagerSettings(chain_id=plan.l1_chain_id, poll_seconds=0.25)
        await send_deployment(client, signer, contracts, nonce, settings, pause=asyncio.sleep)
        return Deployed(plan, anchor.id, anchor.timestamp, contracts.addresses)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
