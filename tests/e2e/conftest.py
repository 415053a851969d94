"""One devnet for all tests that only use it, on each kind of L1; it must leave nothing behind."""

from collections.abc import Iterator

import pytest

from sequencer.node.anvil import find_foundry_tool
from tests.missing_tools import end_without

from .chain_clients import Clients, connect
from .devnet_process import DevnetProcess

QUICK = ("--block-time", "1", "--l1-block-time", "1", "--output-interval", "4", "--finalization-period", "4")
"""Everything as fast as whole seconds allow, so that a test waits for little."""


def require_l1(kind: str) -> None:
    """Skip where anvil is absent, but on CI: there a missing tool is a failure."""
    if kind == "anvil" and find_foundry_tool("anvil") is None:
        end_without("anvil is neither among the contracts' npm packages nor on PATH")


@pytest.fixture(scope="session", params=["embedded", "anvil"])
def devnet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevnetProcess]:
    """A running devnet; tests leave it running and add to its chain."""
    kind = str(request.param)
    require_l1(kind)
    made = DevnetProcess(kind, tmp_path_factory.mktemp(f"devnet-{kind}"), QUICK)
    made.start()
    yield made
    ended = made.end()
    assert (ended.code, ended.living, ended.ports) == (0, (), ()), ended


@pytest.fixture
def clients(devnet: DevnetProcess) -> Iterator[Clients]:
    """web3.py on the shared devnet."""
    with connect(devnet) as made:
        yield made
