"""
What a development network consists of: options, ports, files and command lines. No process is started here.

Files of the data directory: `genesis.json` and `rollup.json` (in op-geth's and op-node's formats), `l1-genesis.json`
(embedded L1), `l1-chain.json` (op-node's L1 chain config), `devnet.json` (contract addresses), one directory a process.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sequencer.config import EngineName
from sequencer.native import is_available

from .dev_accounts import DevAccounts
from .json_files import UnusableFile, read_json_object
from .new_chain import ChainPlan
from .supervisor import ChildSpec

L1_CHAIN_ID, L2_CHAIN_ID = 900, 901
CONTRACT_NAMES = (
    *("OptimismPortal", "L2OutputOracle", "SystemConfig", "BatchInbox", "L1CrossDomainMessenger"),
    *("L1StandardBridge", "L1ERC721Bridge", "OptimismMintableERC20Factory"),
)
"""Contracts on L1 that users and bridges need."""


@dataclass(frozen=True, slots=True)
class DevnetOptions:
    """As on the command line; times in seconds."""

    data_dir: Path
    port_base: int = 8545
    l1: str = "auto"
    engine: EngineName = "auto"
    workers: int = 2
    redis: str = "auto"
    block_time: int = 1
    l1_block_time: int = 2
    sequencing_window: int = 600
    output_interval: int = 20
    finalization_period: int = 12
    gas_limit: int = 60_000_000
    """Of an L2 block."""

    @property
    def l1_port(self) -> int:
        """JSON-RPC of L1."""
        return self.port_base

    @property
    def l2_port(self) -> int:
        """JSON-RPC of the sequencer."""
        return self.port_base + 1

    @property
    def replica_port(self) -> int:
        """JSON-RPC of the replica."""
        return self.port_base + 2

    @property
    def admin_port(self) -> int:
        """Metrics, health and admin of the sequencer."""
        return self.port_base + 3

    def chain_plan(self, accounts: DevAccounts, l1_chain_id: int = L1_CHAIN_ID) -> ChainPlan:
        """The rollup that these options ask for."""
        return ChainPlan(
            l1_chain_id=l1_chain_id,
            l2_chain_id=L2_CHAIN_ID,
            roles=accounts.roles(),
            block_time=self.block_time,
            sequencing_window=self.sequencing_window,
            output_interval_blocks=self.output_interval,
            finalization_period_seconds=self.finalization_period,
            gas_limit=self.gas_limit,
            funded=accounts.funded(),
        )


@dataclass(frozen=True, slots=True)
class DevnetFiles:
    """Paths within the data directory."""

    root: Path

    @property
    def genesis(self) -> Path:
        """L2 genesis."""
        return self.root / "genesis.json"

    @property
    def rollup(self) -> Path:
        """The agreement of both chains; written last, so its presence says that the chain was made."""
        return self.root / "rollup.json"

    @property
    def l1_genesis(self) -> Path:
        """Genesis of the embedded L1."""
        return self.root / "l1-genesis.json"

    @property
    def l1_chain(self) -> Path:
        """L1 chain config."""
        return self.root / "l1-chain.json"

    @property
    def manifest(self) -> Path:
        """Which L1 serves, and the contracts' addresses."""
        return self.root / "devnet.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a started chain is tied to: the kind of its L1 and the contracts there."""

    l1_kind: str
    l1_chain_id: int
    contracts: Mapping[str, str]

    def to_json(self) -> dict[str, object]:
        """Content of `devnet.json`."""
        return {"l1": self.l1_kind, "l1_chain_id": self.l1_chain_id, "contracts": dict(self.contracts)}

    @classmethod
    def load(cls, path: Path) -> "Manifest":
        """Read `devnet.json`; raise UnusableFile."""
        content = read_json_object(path)
        kind, chain_id, contracts = (content.get(key) for key in ("l1", "l1_chain_id", "contracts"))
        if not (isinstance(kind, str) and isinstance(chain_id, int) and isinstance(contracts, dict)):
            raise UnusableFile(f"{path} is no manifest of a development network")
        return cls(kind, chain_id, contracts)


def braid(*arguments: str) -> list[str]:
    """Command line of one of our own subcommands."""
    return [sys.executable, "-m", "sequencer", *arguments]


def quiet_engine() -> EngineName:
    """For the chains beside the sequencer: without worker processes."""
    return "native" if is_available() else "serial"


def l1_child(options: DevnetOptions, files: DevnetFiles) -> ChildSpec:
    """The embedded L1: a standalone chain with plain Ethereum rules."""
    command = braid(
        *("node", "--standalone", "--genesis", str(files.l1_genesis), "--data-dir", str(options.data_dir / "l1")),
        *("--rpc-port", str(options.l1_port), "--block-time", str(options.l1_block_time)),
        *("--engine", quiet_engine(), "--redis", "off", "--clock", "resume"),
    )
    return ChildSpec("l1", command, {})


def node_child(options: DevnetOptions, files: DevnetFiles, l1_url: str) -> ChildSpec:
    """The sequencer; the URL of a Redis may hold a password, so it goes through the environment."""
    command = braid(
        "node",
        *_follower(options, files, l1_url, "node", options.l2_port),
        *("--admin-port", str(options.admin_port), "--engine", options.engine, "--workers", str(options.workers)),
    )
    return ChildSpec("node", command, {"BRAID_REDIS": options.redis})


def replica_child(options: DevnetOptions, files: DevnetFiles, l1_url: str) -> ChildSpec:
    """A replica, which derives everything from L1."""
    command = braid(
        "replica",
        *_follower(options, files, l1_url, "replica", options.replica_port),
        *("--engine", quiet_engine(), "--redis", "off"),
    )
    return ChildSpec("replica", command, {})


def with_trusted_root(child: ChildSpec) -> ChildSpec:
    """Of a node over anvil, whose blocks with blob transactions carry another transactions root than the canonical."""
    return replace(child, command=[*child.command, "--trust-l1-transactions-root"])


def batcher_child(options: DevnetOptions, files: DevnetFiles, l1_url: str, accounts: DevAccounts) -> ChildSpec:
    """The batcher; its key goes through the environment."""
    command = braid("batcher", *_poster(options, files, l1_url, "batcher"))
    return ChildSpec("batcher", command, {"BRAID_BATCHER_KEY": "0x" + accounts.batcher.private_key.hex()})


def proposer_child(
    options: DevnetOptions, files: DevnetFiles, l1_url: str, accounts: DevAccounts, oracle: str
) -> ChildSpec:
    """The output proposer; its key goes through the environment."""
    command = braid("proposer", *_poster(options, files, l1_url, "proposer"), "--oracle", oracle)
    return ChildSpec("proposer", command, {"BRAID_PROPOSER_KEY": "0x" + accounts.proposer.private_key.hex()})


def _follower(options: DevnetOptions, files: DevnetFiles, l1_url: str, name: str, port: int) -> list[str]:
    return [
        *("--genesis", str(files.genesis), "--rollup", str(files.rollup), "--l1", l1_url),
        *("--l1-chain-config", str(files.l1_chain), "--l1-poll", "0.5", "--clock", "l1"),
        *("--data-dir", str(options.data_dir / name), "--rpc-port", str(port)),
    ]


def _poster(options: DevnetOptions, files: DevnetFiles, l1_url: str, name: str) -> list[str]:
    l2_url = f"http://127.0.0.1:{options.l2_port}"
    return [
        *("--rollup", str(files.rollup), "--l1", l1_url, "--l2", l2_url, "--poll", "0.5"),
        *("--l1-chain-config", str(files.l1_chain), "--data-dir", str(options.data_dir / name)),
    ]
