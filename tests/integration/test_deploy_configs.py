"""Example configurations are read by the settings that they are for; flag goes before BRAID_* goes before file."""

import os
import shlex
import tomllib
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings
from typer.testing import CliRunner

from batcher.config import BatcherSettings, ProposedHead, ProposerSettings
from sequencer import cli
from sequencer.config import InvalidSettings, NodeSettings, load_settings
from sequencer.node import posting

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "deploy" / "config"
NODE_FILES = ("replica.toml", "sequencer.toml", "standalone.toml")
ENVIRONMENT_FILES: dict[str, type[BaseSettings]] = {"batcher.env": BatcherSettings, "proposer.env": ProposerSettings}
FLAGS = {"data_dir": "/var/lib/braid", "genesis": "/etc/braid/genesis.json"}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("BRAID_"):
            monkeypatch.delenv(name)


def _variables(name: str) -> dict[str, str]:
    lines = [line.strip() for line in (CONFIG / name).read_text().splitlines()]
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _command(name: str) -> list[str]:
    """The command in the comment: its indented lines."""
    lines = [line for line in (CONFIG / name).read_text().splitlines() if line.startswith("#   ")]
    return shlex.split(" ".join(line.removeprefix("#") for line in lines))


def test_every_example_has_its_test() -> None:
    assert {path.name for path in CONFIG.iterdir()} == {*NODE_FILES, *ENVIRONMENT_FILES}


@pytest.mark.parametrize("name", NODE_FILES)
def test_a_nodes_example_is_read(name: str) -> None:
    content = tomllib.loads((CONFIG / name).read_text())

    settings = load_settings(NodeSettings, {}, CONFIG / name)

    shown = settings.model_dump(mode="json")
    assert {key: shown[key] for key in content} == content
    assert settings.is_standalone == (name == "standalone.toml")


@pytest.mark.parametrize("name", sorted(ENVIRONMENT_FILES))
def test_a_posting_processs_example_is_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, variables = ENVIRONMENT_FILES[name], _variables(name)
    prefix = str(kind.model_config.get("env_prefix"))
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)

    shown = load_settings(kind, {}).model_dump(mode="json")

    assert variables
    for variable, value in variables.items():
        assert variable.startswith(prefix)
        assert str(shown[variable.removeprefix(prefix).lower()]).removesuffix(".0") == value


def test_the_proposers_example_proposes_finalized_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in _variables("proposer.env").items():
        monkeypatch.setenv(variable, value)

    assert load_settings(ProposerSettings, {}).head is ProposedHead.FINALIZED


@pytest.mark.parametrize("role", ["batcher", "proposer"])
def test_the_command_beside_an_example_stores_what_it_sends_and_knows_l1s_forks(
    role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it stands in the comment, which is what an operator copies."""
    started: list[posting.PostingOptions] = []

    async def run(options: posting.PostingOptions, *_: object) -> None:
        started.append(options)

    monkeypatch.setattr(posting, f"run_{role}", run)
    program, *arguments = _command(f"{role}.env")
    result = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)

    assert (program, result.exit_code) == ("braid", 0), result.output
    [options] = started
    assert options.account.role == role.upper()
    assert options.account.data_dir == Path("/var/lib/braid") / role
    assert options.account.l1_chain_config == Path("/etc/braid/l1-chain.json")


@pytest.mark.parametrize("name", ["replica.toml", "sequencer.toml"])
def test_a_nodes_example_knows_l1s_forks(name: str) -> None:
    assert load_settings(NodeSettings, {}, CONFIG / name).l1_chain_config == Path("/etc/braid/l1-chain.json")


def test_no_two_examples_take_one_port() -> None:
    nodes = [load_settings(NodeSettings, {}, CONFIG / name) for name in ("replica.toml", "sequencer.toml")]
    posters = [int(_variables(f"{role}.env")[f"BRAID_{role.upper()}_ADMIN_PORT"]) for role in ("batcher", "proposer")]
    ports = [*(node.admin_port for node in nodes), *(node.rpc_port for node in nodes), *posters]

    assert len(set(ports)) == len(ports)


def test_no_example_holds_a_key() -> None:
    for path in CONFIG.iterdir():
        assert not [line for line in path.read_text().splitlines() if line.startswith(("BRAID_KEY", "0x"))]
        assert "_KEY=" not in path.read_text()
        assert "_PASSWORD=" not in path.read_text()


def test_a_flag_goes_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "node.toml"
    file.write_text('data_dir = "/d"\ngenesis = "/g"\nworkers = 3\nrpc_port = 3000\nadmin_port = 3001\n')
    monkeypatch.setenv("BRAID_WORKERS", "4")
    monkeypatch.setenv("BRAID_RPC_PORT", "4000")

    settings = load_settings(NodeSettings, {"workers": 5, "rpc_port": None}, file)

    assert settings.workers == 5
    assert settings.rpc_port == 4000
    assert settings.admin_port == 3001


def test_an_unknown_key_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text('data_dir = "/d"\ngenesis = "/g"\nworkres = 4\n')

    with pytest.raises(InvalidSettings, match="workres"):
        load_settings(NodeSettings, {}, file)


def test_all_problems_are_reported_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "node.toml"
    file.write_text('data_dir = "/d"\nengine = "fast"\nrpc_port = 70000\nunknown = 1\n')
    monkeypatch.setenv("BRAID_WORKERS", "none")

    with pytest.raises(InvalidSettings) as raised:
        load_settings(NodeSettings, {}, file)

    problems = str(raised.value).split("; ")
    assert {problem.split(":")[0] for problem in problems} == {"genesis", "engine", "rpc_port", "unknown", "workers"}


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"rollup": "/r"}, "needs both rollup and l1"),
        ({"l1": "http://l1"}, "needs both rollup and l1"),
        ({"clock": "l1"}, "no L1 whose clock"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(flags: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidSettings, match=named):
        load_settings(NodeSettings, {**FLAGS, **flags})


@pytest.mark.parametrize(("content", "named"), [("= 3", "node.toml"), (None, "node.toml")])
def test_a_file_that_can_not_be_read_is_refused_by_name(tmp_path: Path, content: str | None, named: str) -> None:
    file = tmp_path / "node.toml"
    if content is not None:
        file.write_text(content)

    with pytest.raises(InvalidSettings, match=named):
        load_settings(NodeSettings, {}, file)


def test_a_refused_value_is_not_repeated() -> None:
    """It may be a secret that was put under the wrong name."""
    with pytest.raises(InvalidSettings) as raised:
        load_settings(NodeSettings, {**FLAGS, "engine": "0xs3cret"})

    assert "s3cret" not in str(raised.value)


def test_the_image_runs_without_root_and_installs_the_locked_packages() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
    stages = [index for index, line in enumerate(lines) if line.startswith("FROM ")]
    last = lines[stages[-1] :]

    assert len(stages) == 3  # the toolchain, what is built with it, what runs
    assert lines[stages[-1]].startswith("FROM python:3.11-slim")
    assert any(line.startswith("USER ") and line != "USER root" for line in last)
    assert any("--require-hashes -r requirements.lock" in line for line in lines)
    assert 'ENTRYPOINT ["braid"]' in last
    for copied in (line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line):
        assert [name for name in copied if not (ROOT / name).exists()] == []
