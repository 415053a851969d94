"""`braid genesis` and `braid deploy`: the files and contracts that a new chain begins with."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from .addresses import parse_address

OutDir = Annotated[Path, typer.Option(help="where genesis.json and rollup.json are written")]
Address = Annotated[str, typer.Option(help="address on L1")]


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    app.command("genesis")(genesis)
    app.command("deploy")(deploy)


def genesis(
    deployment: Annotated[Path, typer.Option(help="deployment.json as `braid deploy` writes it")],
    out: OutDir = Path("."),
) -> None:
    """Write genesis.json and rollup.json, in op-geth's and op-node's formats, for contracts that stand on L1."""
    from l1_bridge.l1_chain_config import prague_l1_chain
    from sequencer.node.deployment import Deployed
    from sequencer.node.json_files import write_json_object

    deployed = Deployed.load(deployment)
    l2_genesis, rollup = deployed.make_chain()
    out.mkdir(parents=True, exist_ok=True)
    write_json_object(out / "genesis.json", l2_genesis.to_json())
    write_json_object(out / "rollup.json", rollup.to_json())
    write_json_object(out / "l1-chain.json", prague_l1_chain(deployed.plan.l1_chain_id).to_json())
    typer.echo(f"wrote {out / 'genesis.json'}, {out / 'rollup.json'} and {out / 'l1-chain.json'}")
    typer.echo(f"L2 genesis 0x{rollup.genesis.l2.hash.hex()}, config hash 0x{rollup.config_hash().hex()}")


def deploy(
    l1: Annotated[str, typer.Option(help="URL of an L1 node")],
    batcher: Address,
    proposer: Address,
    challenger: Address,
    l2_chain_id: Annotated[int, typer.Option(min=1)],
    out: Annotated[Path, typer.Option(help="file for addresses and wishes")] = Path("deployment.json"),
    block_time: Annotated[int, typer.Option(min=1, help="seconds")] = 2,
    sequencing_window: Annotated[int, typer.Option(min=1, help="L1 blocks")] = 3600,
    output_interval: Annotated[int, typer.Option(min=1, help="L2 blocks")] = 1800,
    finalization_period: Annotated[int, typer.Option(min=1, help="seconds")] = 7 * 24 * 3600,
    gas_limit: Annotated[int, typer.Option(min=21_000_000, help="of an L2 block")] = 30_000_000,
) -> None:
    """Deploy the contracts to L1; the owner's key is in BRAID_DEPLOYER_KEY."""
    from l1_bridge.signer import signer_from_environment
    from sequencer.node.deployment import deploy_contracts
    from sequencer.node.json_files import write_json_object
    from sequencer.node.new_chain import ChainPlan, Roles

    signer = signer_from_environment(os.environ, "BRAID_DEPLOYER_KEY")
    roles = Roles(signer.address, parse_address(batcher), parse_address(proposer), parse_address(challenger))
    plan = ChainPlan(
        l1_chain_id=0,
        l2_chain_id=l2_chain_id,
        roles=roles,
        block_time=block_time,
        sequencing_window=sequencing_window,
        output_interval_blocks=output_interval,
        finalization_period_seconds=finalization_period,
        gas_limit=gas_limit,
    )
    deployed = asyncio.run(deploy_contracts(l1, signer, plan))
    write_json_object(out, deployed.to_json())
    for name, address in deployed.addresses.items():
        typer.echo(f"{name:<28} 0x{address.hex()}")
    typer.echo(f"wrote {out}; next: braid genesis --deployment {out}")
