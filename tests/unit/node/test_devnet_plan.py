"""A development network on paper: ports, files, and command lines that the subcommands understand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from l1_bridge.l1_chain_config import prague_l1_chain
from sequencer import cli
from sequencer.cli import node as node_command
from sequencer.config import NodeSettings
from sequencer.node import posting
from sequencer.node.dev_accounts import DevAccounts, derive_dev_accounts
from sequencer.node.devnet_plan import (
    DevnetFiles,
    DevnetOptions,
    Manifest,
    batcher_child,
    l1_child,
    node_child,
    proposer_child,
    replica_child,
    with_trusted_root,
)
from sequencer.node.json_files import write_json_object
from sequencer.node.l1_account import open_account
from sequencer.node.supervisor import ChildSpec
from tests.factories import address
from tests.unit.l1_bridge.fake_pool import FakePool

L1_URL = "http://127.0.0.1:9001"
ORACLE = "0x" + "0e" * 20


@pytest.fixture(scope="module")
def accounts() -> DevAccounts:
    return derive_dev_accounts()


@pytest.fixture
def options(tmp_path: Path) -> DevnetOptions:
    return DevnetOptions(
        data_dir=tmp_path, port_base=9001, engine="serial", workers=3, redis="off", block_time=2, l1_block_time=5
    )


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[NodeSettings]:
    """Settings that `braid node` and `braid replica` would have started with."""
    settings: list[NodeSettings] = []
    monkeypatch.setattr(node_command, "_start", lambda given, is_sequencer: settings.append(given))
    return settings


def _run(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    result = CliRunner().invoke(cli.app, list(arguments), env=environment, catch_exceptions=False)

    assert result.exit_code == 0, result.output


def _arguments(child: ChildSpec) -> list[str]:
    assert list(child.command[1:3]) == ["-m", "sequencer"]
    return list(child.command[3:])


def test_ports_follow_the_base(options: DevnetOptions) -> None:
    assert (options.l1_port, options.l2_port, options.replica_port, options.admin_port) == (9001, 9002, 9003, 9004)


def test_the_sequencer_understands_its_command_line(options: DevnetOptions, started: list[NodeSettings]) -> None:
    files = DevnetFiles(options.data_dir)

    child = node_child(options, files, L1_URL)
    _run(_arguments(child), child.environment)

    [settings] = started
    assert (settings.rollup, settings.genesis, settings.l1) == (files.rollup, files.genesis, L1_URL)
    assert (settings.rpc_port, settings.admin_port, settings.workers) == (9002, 9004, 3)
    assert (settings.engine, settings.redis, settings.clock) == ("serial", "off", "l1")
    assert settings.data_dir == options.data_dir / "node"


def test_a_redis_password_is_on_no_command_line(options: DevnetOptions) -> None:
    child = node_child(replace(options, redis="redis://:secret@127.0.0.1:6379"), DevnetFiles(options.data_dir), L1_URL)

    assert not any("secret" in argument for argument in child.command)
    assert child.environment["BRAID_REDIS"] == "redis://:secret@127.0.0.1:6379"


def test_the_replica_understands_its_command_line(options: DevnetOptions, started: list[NodeSettings]) -> None:
    _run(_arguments(replica_child(options, DevnetFiles(options.data_dir), L1_URL)))

    [settings] = started
    assert (settings.rpc_port, settings.clock) == (9003, "l1")
    assert settings.data_dir == options.data_dir / "replica"


def test_over_anvil_the_transactions_root_is_trusted(options: DevnetOptions, started: list[NodeSettings]) -> None:
    child = node_child(options, DevnetFiles(options.data_dir), L1_URL)

    _run(_arguments(child), child.environment)
    _run(_arguments(with_trusted_root(child)), child.environment)

    assert [settings.trust_l1_transactions_root for settings in started] == [False, True]


def test_the_embedded_l1_understands_its_command_line(options: DevnetOptions, started: list[NodeSettings]) -> None:
    _run(_arguments(l1_child(options, DevnetFiles(options.data_dir))))

    [settings] = started
    assert settings.is_standalone
    assert (settings.rpc_port, settings.block_time_seconds, settings.clock) == (9001, 5, "resume")


def test_posting_processes_understand_their_command_lines_and_keys(
    options: DevnetOptions, accounts: DevAccounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = DevnetFiles(options.data_dir)
    write_json_object(files.l1_chain, prague_l1_chain(900).to_json())
    seen: list[bytes] = []

    async def run_batcher(given: posting.PostingOptions, settings: object) -> None:
        async with open_account(given.account, FakePool(), chain_id=900) as sender:
            seen.append(sender.address)

    async def run_proposer(given: posting.PostingOptions, settings: object, oracle: bytes) -> None:
        assert oracle == bytes.fromhex(ORACLE[2:])
        await run_batcher(given, settings)

    monkeypatch.setattr(posting, "run_batcher", run_batcher)
    monkeypatch.setattr(posting, "run_proposer", run_proposer)
    children = (
        batcher_child(options, files, L1_URL, accounts),
        proposer_child(options, files, L1_URL, accounts, ORACLE),
    )
    for child in children:
        for name, value in child.environment.items():
            monkeypatch.setenv(name, value)
        _run(_arguments(child))

    assert seen == [accounts.batcher.address, accounts.proposer.address]
    stored = [path.name for name in ("batcher", "proposer") for path in (options.data_dir / name).glob("*.sent")]
    assert stored == [f"900-{address.hex()}.sent" for address in seen]


def test_no_key_stands_on_a_command_line(options: DevnetOptions, accounts: DevAccounts) -> None:
    files = DevnetFiles(options.data_dir)
    children = (
        l1_child(options, files),
        node_child(options, files, L1_URL),
        replica_child(options, files, L1_URL),
        batcher_child(options, files, L1_URL, accounts),
        proposer_child(options, files, L1_URL, accounts, ORACLE),
    )
    special = (accounts.batcher, accounts.proposer, accounts.challenger, accounts.owner)
    keys = {account.private_key.hex() for account in (*accounts.users, *special)}

    assert not [key for key in keys for child in children if key in " ".join(child.command)]
    assert any(key in value for key in keys for child in children for value in child.environment.values())


def test_a_manifest_survives_its_file(tmp_path: Path) -> None:
    manifest = Manifest("embedded", 900, {"OptimismPortal": "0x" + "11" * 20})
    path = tmp_path / "devnet.json"
    write_json_object(path, manifest.to_json())

    assert Manifest.load(path) == manifest
    assert list(tmp_path.iterdir()) == [path]


def test_the_chain_is_planned_as_the_options_say(options: DevnetOptions, accounts: DevAccounts) -> None:
    plan = options.chain_plan(accounts)

    assert (plan.l1_chain_id, plan.l2_chain_id, plan.block_time) == (900, 901, 2)
    assert plan.roles == accounts.roles()
    assert set(plan.funded) >= {account.address for account in accounts.users}


def test_development_accounts_are_those_of_the_well_known_phrase(accounts: DevAccounts) -> None:
    assert [account.address for account in accounts.users] == [address(index) for index in range(10)]
    assert accounts.batcher.address == address(20)
    assert len({account.address for account in (*accounts.users, accounts.batcher, accounts.proposer)}) == 12
