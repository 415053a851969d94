"""The RPC over a real chain on a real store (with a fake engine): reads, proofs, the open block, unwinding."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batcher.l2_source import L2BlockRef
from sequencer.chain.chain import Chain
from sequencer.rpc.backend import make_backend
from sequencer.rpc.dispatcher import Dispatcher
from sequencer.rpc.method_table import ROLLUP_METHODS
from sequencer.rpc.settings import RpcSettings
from tests.factories import address
from tests.fakes.chain_story import build_block, make_attributes, open_chain, transfer
from tests.fakes.fake_engine import FakeEngine
from tests.unit.rpc.conftest import Call, call_through, error_of, list_of, object_of, result_of

RECIPIENT = b"\xb0" * 20


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """A chain with three blocks, a transfer of 5 wei in each."""
    made = open_chain(tmp_path)
    for _ in range(3):
        build_block(made, [transfer(made, value=5)])
    yield made
    made.store.close()


@pytest.fixture
def over_chain(chain: Chain) -> Iterator[Call]:
    """Calls methods over that chain."""
    backend = make_backend(
        chain=chain,
        engine=FakeEngine(),
        pending=chain,
        pool=None,
        rollup=None,
        l1_progress=None,
        settings=RpcSettings(),
    )
    yield call_through(Dispatcher(backend, ROLLUP_METHODS))
    backend.close()


def hex_of(value: bytes) -> str:
    return "0x" + value.hex()


async def test_balances_at_every_block(over_chain: Call) -> None:
    balances = [result_of(await over_chain("eth_getBalance", hex_of(RECIPIENT), hex(number))) for number in range(4)]

    assert balances == ["0x0", "0x5", "0xa", "0xf"]


async def test_blocks_receipts_and_positions(chain: Chain, over_chain: Call) -> None:
    block = object_of(await over_chain("eth_getBlockByNumber", "latest", True))
    receipts = list_of(await over_chain("eth_getBlockReceipts", "latest"))

    assert block["hash"] == hex_of(chain.heads.unsafe.hash)
    transactions = block["transactions"]
    assert isinstance(transactions, list)
    for transaction, receipt in zip(transactions, receipts, strict=True):
        assert object_of(await over_chain("eth_getTransactionReceipt", transaction["hash"])) == receipt
        assert object_of(await over_chain("eth_getTransactionByHash", transaction["hash"])) == transaction


async def test_proof_of_an_account_has_its_values(chain: Chain, over_chain: Call) -> None:
    proof = object_of(await over_chain("eth_getProof", hex_of(RECIPIENT), ["0x0"], "0x2"))

    assert proof["balance"] == "0xa"
    assert proof["storageProof"][0]["value"] == "0x0"  # type: ignore[index]
    nodes = proof["accountProof"]
    assert isinstance(nodes, list)
    assert nodes


async def test_open_block_is_pending_and_gone_when_abandoned(chain: Chain, over_chain: Call) -> None:
    opened = chain.open_block(make_attributes(chain.heads.unsafe))
    sent = transfer(chain, value=7)
    opened.apply([sent])

    pending = object_of(await over_chain("eth_getBlockByNumber", "pending", False))
    receipt = object_of(await over_chain("braid_getPreconfirmedReceipt", hex_of(sent.hash)))
    balance = result_of(await over_chain("eth_getBalance", hex_of(RECIPIENT), "pending"))
    nonce = result_of(await over_chain("eth_getTransactionCount", hex_of(address(0)), "pending"))
    chain.abandon_open_block()

    assert pending["number"] == "0x4"
    assert hex_of(sent.hash) in pending["transactions"]  # type: ignore[operator]
    assert receipt["preconfirmed"] is True
    assert balance == hex(15 + 7)
    assert nonce == "0x4"
    assert result_of(await over_chain("braid_getPreconfirmedReceipt", hex_of(sent.hash))) is None
    assert result_of(await over_chain("eth_getBalance", hex_of(RECIPIENT), "pending")) == "0xf"


async def test_unwound_block_is_gone_everywhere(chain: Chain, over_chain: Call) -> None:
    last: L2BlockRef = chain.heads.unsafe
    (removed,) = chain.unwind(last.number - 1)

    assert result_of(await over_chain("eth_blockNumber")) == hex(last.number - 1)
    assert result_of(await over_chain("eth_getBlockByHash", hex_of(last.hash), False)) is None
    assert result_of(await over_chain("eth_getTransactionReceipt", hex_of(removed.transactions[-1].hash))) is None
    assert error_of(await over_chain("eth_getBalance", hex_of(RECIPIENT), hex(last.number)))[0] == -32001


async def test_output_root_is_the_chains_own(chain: Chain, over_chain: Call) -> None:
    output = object_of(await over_chain("optimism_outputAtBlock", "0x2"))

    assert output["outputRoot"] == hex_of(chain.output_root(2))


async def test_rollup_config_of_a_chain_without_one_is_no_method(over_chain: Call) -> None:
    assert error_of(await over_chain("optimism_rollupConfig"))[0] == -32601
