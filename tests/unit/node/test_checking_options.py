"""`braid watch` and `braid verify` read L1 as a node does: with the same options, from the same places."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from batcher.config import WatcherSettings
from sequencer import cli
from sequencer.config import NodeSettings
from sequencer.node import logging, verifying, watching
from sequencer.primitives.clock import Clock

BEACON = "http://127.0.0.1:5052"
L1_OPTIONS = (
    *("--l1", "http://127.0.0.1:8545", "--rollup", "/chain/rollup.json", "--l1-chain-config", "/chain/l1-chain.json"),
    *("--l1-beacon", BEACON, "--l1-slot-seconds", "12", "--trust-l1-transactions-root"),
)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[watching.WatchOptions]:
    """Options that `braid watch` would have started with."""
    started: list[watching.WatchOptions] = []

    async def run(options: watching.WatchOptions, settings: WatcherSettings) -> int:
        started.append(options)
        return 0

    monkeypatch.setattr(watching, "run_watcher", run)
    return started


def _run(*arguments: str) -> None:
    result = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)

    assert result.exit_code == 0, result.output


def _l1_of(settings: NodeSettings | None) -> tuple[object, ...]:
    assert settings is not None
    return (
        settings.l1,
        settings.l1_chain_config,
        settings.l1_beacon,
        settings.l1_slot_seconds,
        settings.trust_l1_transactions_root,
    )


EXPECTED = ("http://127.0.0.1:8545", Path("/chain/l1-chain.json"), BEACON, 12, True)


def test_a_watcher_that_derives_reads_l1_as_a_node_does(watched: list[watching.WatchOptions], tmp_path: Path) -> None:
    _run("watch", *L1_OPTIONS, "--genesis", "/chain/genesis.json", "--data-dir", str(tmp_path))

    [options] = watched
    assert _l1_of(options.derive) == EXPECTED


def test_what_a_watcher_is_not_told_is_as_a_nodes_settings_have_it(watched: list[watching.WatchOptions]) -> None:
    _run("watch", *L1_OPTIONS[:4], "--genesis", "/chain/genesis.json", "--data-dir", "/nowhere")

    [options] = watched
    assert _l1_of(options.derive) == ("http://127.0.0.1:8545", None, None, None, False)


@pytest.mark.parametrize("place", ["--replica", "--genesis"])
def test_the_challenger_keeps_what_it_sends_and_knows_l1s_forks(
    place: str, watched: list[watching.WatchOptions], tmp_path: Path
) -> None:
    _run("watch", *L1_OPTIONS, place, "http://127.0.0.1:8547", "--data-dir", str(tmp_path), "--keystore", "/key.json")

    [options] = watched
    account = options.account
    assert (account.role, account.keystore) == ("CHALLENGER", Path("/key.json"))
    assert (account.data_dir, account.l1_chain_config) == (tmp_path / "challenger", Path("/chain/l1-chain.json"))


def test_a_verification_reads_l1_as_a_node_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[verifying.VerifyOptions] = []

    async def verify(
        options: verifying.VerifyOptions, clock: Clock, show_progress: verifying.ShowProgress
    ) -> verifying.Verified:
        started.append(options)
        return verifying.Verified()

    monkeypatch.setattr(verifying, "verify_range", verify)
    monkeypatch.setattr(logging, "configure_logging", lambda _: None)
    _run("verify", *L1_OPTIONS, "--genesis", "/chain/genesis.json", "--from", "1", "--to", "2")

    [options] = started
    assert _l1_of(verifying.make_settings(options, tmp_path)) == EXPECTED
