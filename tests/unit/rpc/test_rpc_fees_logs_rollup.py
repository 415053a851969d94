"""Fees, logs, network names, and what a rollup node says of its derivation."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from eth_hash.auto import keccak

from l1_bridge.types import L1Header
from sequencer.primitives.block import make_block
from sequencer.primitives.receipt import Receipt
from sequencer.primitives.transaction import Transaction
from sequencer.rpc.eth_fees import next_base_fee
from sequencer.rpc.settings import RpcSettings
from tests.factories import GWEI, make_transaction
from tests.fakes.recorded_l1 import load_vector
from tests.fakes.rpc_backend import FakeL1Progress, World, make_world, plain_blocks
from tests.unit.rpc.conftest import Call, caller_of, error_of, list_of, object_of, result_of

ALICE, BOB = b"\xaa" * 20, b"\xbb" * 20


def transfers() -> dict[int, list[Transaction]]:
    """One log each, by the recipient, its place in the block as topic."""
    return {
        2: [make_transaction(nonce=0, to=ALICE, chain_id=900), make_transaction(nonce=1, to=BOB, chain_id=900)],
        5: [make_transaction(nonce=2, to=BOB, chain_id=900, max_priority_fee_per_gas=3 * GWEI)],
    }


@pytest.fixture
def plain() -> Iterator[World]:
    """Ten plain blocks with logs in two of them."""
    settings = RpcSettings(max_log_range_blocks=8, max_logs=2)
    made = make_world(plain=plain_blocks(transfers(), 10), settings=settings)
    yield made
    made.backend.close()


def hex_of(value: bytes) -> str:
    return "0x" + value.hex()


async def test_base_fee_of_the_next_block_follows_the_recorded_chain(world: World) -> None:
    for number in range(len(world.chain.blocks) - 1):
        parent, child = world.chain.blocks[number][0].header, world.chain.blocks[number + 1][0].header
        assert next_base_fee(world.chain.rules, parent) == child.base_fee_per_gas


async def test_gas_price_is_next_base_fee_and_tip(world: World, call: Call) -> None:
    head = world.chain.blocks[-1][0].header
    tip = int(str(result_of(await call("eth_maxPriorityFeePerGas"))), 16)

    assert tip == world.backend.settings.minimum_tip_wei
    assert result_of(await call("eth_gasPrice")) == hex(next_base_fee(world.chain.rules, head) + tip)


async def test_suggested_tip_follows_what_was_paid_once_blocks_are_full() -> None:
    blocks = plain_blocks(transfers(), 6)
    block, receipts = blocks[5]
    blocks[5] = (make_block(replace(block.header, gas_limit=22_000), block.transactions), receipts)
    world = make_world(plain=blocks)
    try:
        tip = int(str(result_of(await caller_of(world)("eth_maxPriorityFeePerGas"))), 16)
    finally:
        world.backend.close()

    assert tip == 3 * GWEI * 11 // 10


async def test_blob_base_fee_is_the_minimum(call: Call) -> None:
    assert result_of(await call("eth_blobBaseFee")) == "0x1"
    assert error_of(await call("eth_blobBaseFee", "latest"))[0] == -32602


async def test_fee_history_has_one_base_fee_more_than_blocks(plain: World) -> None:
    history = object_of(await caller_of(plain)("eth_feeHistory", "0x4", "0x5", [0, 50, 100]))

    assert history["oldestBlock"] == "0x2"
    assert history["baseFeePerGas"] == [
        *[hex(GWEI)] * 4,
        hex(next_base_fee(plain.chain.rules, plain.chain.blocks[5][0].header)),
    ]
    ratio = 42_000 / plain.chain.blocks[2][0].header.gas_limit
    assert history["gasUsedRatio"] == [ratio, 0.0, 0.0, ratio / 2]
    assert history["reward"] == [[hex(GWEI)] * 3, ["0x0"] * 3, ["0x0"] * 3, [hex(3 * GWEI)] * 3]


async def test_fee_history_is_bounded_by_genesis_and_by_the_node(plain: World) -> None:
    whole = object_of(await caller_of(plain)("eth_feeHistory", 5000, "latest", []))
    nothing = object_of(await caller_of(plain)("eth_feeHistory", 0, "latest"))

    assert whole["oldestBlock"] == "0x0"
    assert len(whole["gasUsedRatio"]) == 10  # type: ignore[arg-type]
    assert "reward" not in whole
    assert nothing["gasUsedRatio"] == []


@pytest.mark.parametrize(
    "params",
    [[], ["0x1"], ["x", "latest"], [-1, "latest"], [1, "latest", [101]], [1, "latest", [5, 4]], [1, "latest", ["a"]]],
)
async def test_malformed_fee_history_is_invalid_params(plain: World, params: list[object]) -> None:
    assert error_of(await caller_of(plain)("eth_feeHistory", *params))[0] == -32602


async def test_logs_of_a_range_come_in_order(plain: World) -> None:
    logs = list_of(await caller_of(plain)("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x4"}))

    assert [(log["blockNumber"], log["logIndex"], log["address"]) for log in logs] == [
        ("0x2", "0x0", hex_of(ALICE)),
        ("0x2", "0x1", hex_of(BOB)),
    ]
    assert set(logs[0]) == {
        *("address", "topics", "data", "blockNumber", "blockHash", "blockTimestamp"),
        *("transactionHash", "transactionIndex", "logIndex", "removed"),
    }


FILTERS: list[tuple[dict[str, object], list[int]]] = [
    ({"address": hex_of(BOB)}, [2, 5]),
    ({"address": [hex_of(ALICE)]}, [2]),
    ({"address": [], "fromBlock": "0x3"}, [5]),
    ({"address": hex_of(b"\x01" * 20)}, []),
    ({"topics": [hex_of((1).to_bytes(32, "big"))]}, [2]),
    ({"topics": [[hex_of((1).to_bytes(32, "big")), hex_of((7).to_bytes(32, "big"))]]}, [2]),
    ({"topics": [None], "address": hex_of(ALICE)}, [2]),
    ({"topics": [None, None]}, []),
    ({"topics": [], "fromBlock": "0x5"}, [5]),
]


@pytest.mark.parametrize(("wanted", "blocks"), FILTERS)
async def test_filter_matches(plain: World, wanted: dict[str, object], blocks: list[int]) -> None:
    logs = list_of(await caller_of(plain)("eth_getLogs", {"fromBlock": "0x2", "toBlock": "0x8"} | wanted))

    assert [int(str(log["blockNumber"]), 16) for log in logs] == blocks


async def test_logs_of_one_block_by_its_hash(plain: World) -> None:
    call = caller_of(plain)

    logs = list_of(await call("eth_getLogs", {"blockHash": hex_of(plain.chain.blocks[5][0].hash)}))

    assert len(logs) == 1
    assert error_of(await call("eth_getLogs", {"blockHash": "0x" + "00" * 32}))[0] == -32001


async def test_bloom_keeps_receipts_of_other_blocks_unread(plain: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    receipts = plain.chain.receipts

    def noted(number: int) -> tuple[Receipt, ...] | None:
        read.append(number)
        return receipts(number)

    monkeypatch.setattr(plain.chain, "receipts", noted)

    logs = list_of(
        await caller_of(plain)("eth_getLogs", {"fromBlock": "0x1", "address": hex_of(ALICE), "toBlock": "0x8"})
    )

    assert len(logs) == 1
    assert read == [2]


async def test_every_recorded_log_is_found_by_its_address_and_topics(world: World, call: Call) -> None:
    found = 0
    for block, receipts in world.chain.blocks:
        for receipt in receipts:
            for log in receipt.logs:
                wanted = {
                    "fromBlock": hex(block.number),
                    "toBlock": hex(block.number),
                    "address": hex_of(log.address),
                    "topics": [hex_of(topic) for topic in log.topics],
                }
                assert list_of(await call("eth_getLogs", wanted))
                found += 1

    assert found > 0


async def test_range_and_number_of_logs_are_limited(plain: World) -> None:
    call = caller_of(plain)

    assert "result" in await call("eth_getLogs", {"fromBlock": "0x3", "toBlock": "latest"})
    assert error_of(await call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"}))[0] == -32005
    assert error_of(await call("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x6"}))[0] == -32005


@pytest.mark.parametrize(
    "params",
    [
        [],
        ["latest"],
        [{"fromBlock": "0x5", "toBlock": "0x4"}],
        [{"fromBlock": 5}],
        [{"blockHash": "0x" + "00" * 32, "fromBlock": "0x1"}],
        [{"blockHash": "0x00"}],
        [{"address": "0x00"}],
        [{"address": {}}],
        [{"address": [hex_of(ALICE)] * 1001}],
        [{"topics": "0x00"}],
        [{"topics": [None] * 5}],
        [{"topics": [["0x00"]]}],
        [{"topics": [{}]}],
    ],
)
async def test_malformed_filter_is_invalid_params(plain: World, params: list[object]) -> None:
    assert error_of(await caller_of(plain)("eth_getLogs", *params))[0] == -32602


async def test_range_beyond_the_head(plain: World) -> None:
    call = caller_of(plain)

    assert error_of(await call("eth_getLogs", {"fromBlock": "0x64", "toBlock": "0x65"}))[0] == -32001
    assert result_of(await call("eth_getLogs", {"fromBlock": "0x9", "toBlock": "0xffff"})) == []


async def test_names_of_the_chain(world: World, call: Call) -> None:
    chain_id = world.chain.rules.chain_id

    assert result_of(await call("eth_chainId")) == hex(chain_id)
    assert result_of(await call("net_version")) == str(chain_id)
    assert result_of(await call("net_listening")) is True
    assert result_of(await call("net_peerCount")) == "0x0"
    assert result_of(await call("web3_clientVersion")) == world.backend.settings.client_version
    assert result_of(await call("eth_blockNumber")) == hex(len(world.chain.blocks) - 1)
    assert result_of(await call("eth_syncing")) is False
    assert result_of(await call("eth_accounts")) == []


@pytest.mark.parametrize(
    "name",
    [
        *("eth_chainId", "net_version", "net_listening", "net_peerCount", "web3_clientVersion", "eth_blockNumber"),
        *("eth_syncing", "eth_accounts", "eth_gasPrice", "eth_maxPriorityFeePerGas", "optimism_syncStatus"),
        *("optimism_rollupConfig", "optimism_version"),
    ],
)
async def test_methods_without_parameters_take_none(call: Call, name: str) -> None:
    assert error_of(await call(name, "latest"))[0] == -32602


async def test_sha3_is_keccak(call: Call) -> None:
    assert result_of(await call("web3_sha3", "0x68656c6c6f")) == hex_of(keccak(b"hello"))
    assert error_of(await call("web3_sha3", "hello"))[0] == -32602


async def test_sync_status_has_op_nodes_fields(world: World) -> None:
    head = L1Header(hash=b"\x01" * 32, parent_hash=b"\x02" * 32, number=9, timestamp=77, base_fee=1, mix_hash=bytes(32))
    backend = replace(world.backend, l1_progress=FakeL1Progress(current_l1=head))
    status = object_of(await caller_of(replace(world, backend=backend))("optimism_syncStatus"))

    assert status["current_l1"] == {
        "hash": "0x" + "01" * 32,
        "number": 9,
        "parentHash": "0x" + "02" * 32,
        "timestamp": 77,
    }
    assert status["head_l1"] == {"hash": "0x" + "00" * 32, "number": 0, "parentHash": "0x" + "00" * 32, "timestamp": 0}
    unsafe = status["unsafe_l2"]
    assert isinstance(unsafe, dict)
    ref = world.chain.heads.unsafe
    assert unsafe == {
        "hash": hex_of(ref.hash),
        "number": ref.number,
        "parentHash": hex_of(ref.parent_hash),
        "timestamp": ref.timestamp,
        "l1origin": {"hash": hex_of(ref.l1_origin.hash), "number": ref.l1_origin.number},
        "sequenceNumber": ref.sequence_number,
    }
    assert status["safe_l2"] == status["local_safe_l2"] == status["pending_safe_l2"]
    assert status["finalized_l2"]["number"] == ref.number - 8  # type: ignore[index]


async def test_output_at_every_block_is_op_nodes(world: World, call: Call) -> None:
    for entry in load_vector("calldata")["l2"][: len(world.chain.blocks)]:
        output = object_of(await call("optimism_outputAtBlock", hex(entry["number"])))
        assert output["outputRoot"] == entry["output_root"]
        assert output["version"] == "0x" + "00" * 32
        assert set(output) == {
            *("version", "outputRoot", "blockRef", "withdrawalStorageRoot", "stateRoot", "syncStatus"),
        }


async def test_output_of_an_unknown_block_is_not_found(call: Call) -> None:
    assert error_of(await call("optimism_outputAtBlock", "0xffff"))[0] == -32001
    assert error_of(await call("optimism_outputAtBlock", 5))[0] == -32602


async def test_rollup_config_is_the_file(world: World, call: Call) -> None:
    assert world.backend.rollup is not None
    assert result_of(await call("optimism_rollupConfig")) == world.backend.rollup.to_json()
    assert result_of(await call("optimism_version")) == world.backend.settings.client_version
