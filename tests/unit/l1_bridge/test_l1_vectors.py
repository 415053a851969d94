"""The L1 blocks under op-node's chains verify, deposits and updates are found, no changed bit is believed."""

import copy
from collections.abc import Mapping

import pytest

from l1_bridge.deposits import collect_deposits
from l1_bridge.errors import L1Lied
from l1_bridge.l1_header import FORK_FIELDS, FRONTIER_FIELDS, verify_header
from l1_bridge.l1_receipt import verify_receipts
from l1_bridge.l1_transaction import verify_transactions
from l1_bridge.output_root import compute_output_root
from l1_bridge.rlp_codec import decode_rlp
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.system_config import apply_config_updates
from l1_bridge.types import ZERO_HASH
from tests.unit.l1_bridge.vector_chain import load_chain

Json = Mapping[str, object]


def _l1(name: str) -> list[dict[str, Json]]:
    return load_chain(name)["l1"]  # type: ignore[return-value]


def _block_with(key: str) -> dict[str, Json]:
    """The first L1 block that has receipts with something under `key`."""
    return next(
        copy.deepcopy(entry)
        for entry in _l1("calldata")
        if any(receipt[key] for receipt in entry["receipts"])  # type: ignore[index]
    )


@pytest.mark.parametrize(("name", "blocks"), [("calldata", 115), ("window", 189)])
def test_every_l1_block_verifies_and_extends_the_one_before(name: str, blocks: int) -> None:
    parent = None
    verified = 0
    for entry in _l1(name):
        header = verify_header(entry["block"])
        transactions = verify_transactions(entry["block"]["transactions"], header.transactions_root, None)  # type: ignore[arg-type]
        receipts = verify_receipts(entry["receipts"], header.receipts_root)  # type: ignore[arg-type]
        assert [receipt.transaction_hash for receipt in receipts] == [item.hash for item in transactions]
        assert parent is None or header.parent_id == parent
        parent = header.id
        verified += 1

    assert verified == blocks


def test_deposits_and_config_updates_of_the_chain_are_found() -> None:
    config = RollupConfig.from_json(load_chain("calldata")["rollup"])  # type: ignore[arg-type]
    system = config.genesis.system_config
    deposits = 0
    changed_at = {}
    for entry in _l1("calldata"):
        header = verify_header(entry["block"])
        receipts = verify_receipts(entry["receipts"], header.receipts_root)  # type: ignore[arg-type]
        deposits += len(collect_deposits(receipts, config.deposit_contract_address, header.hash))
        updated = apply_config_updates(system, receipts, config.l1_system_config_address)
        if updated != system:
            changed_at[header.number] = updated
        system = updated

    assert deposits == 40
    assert list(changed_at) == [31, 51, 56, 98]
    assert (changed_at[31].operator_fee_scalar, changed_at[31].operator_fee_constant) == (300_000, 777)
    assert changed_at[51].gas_limit == 40_000_000
    assert (changed_at[56].eip1559_denominator, changed_at[56].eip1559_elasticity) == (100, 4)
    assert (changed_at[98].base_fee_scalar, changed_at[98].blob_base_fee_scalar) == (2000, 500_000)


def test_output_root_of_every_l2_block_is_op_nodes() -> None:
    for name in ("calldata", "window"):
        for entry in load_chain(name)["l2"]:  # type: ignore[attr-defined]
            header = decode_rlp(bytes.fromhex(entry["block"][2:]))[0]
            root = compute_output_root(header[3], header[16], bytes.fromhex(entry["hash"][2:]))  # type: ignore[arg-type,index]
            assert "0x" + root.hex() == entry["output_root"]


@pytest.mark.parametrize("key", [key for key, _ in FRONTIER_FIELDS + FORK_FIELDS])
def test_header_with_one_other_field_does_not_hash(key: str) -> None:
    block = dict(_l1("calldata")[0]["block"])
    text = block[key]
    assert isinstance(text, str)
    block[key] = "0x01" if text == "0x" else text[:-1] + ("1" if text[-1] != "1" else "2")

    with pytest.raises(L1Lied):
        verify_header(block)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "0x0"},
        {"cumulativeGasUsed": "0x1"},
        {"type": "0x1"},
        {"logs": []},
    ],
)
def test_receipts_with_one_other_field_do_not_have_the_root(change: Json) -> None:
    entry = _block_with("logs")
    header = verify_header(entry["block"])
    receipts: list[dict[str, object]] = entry["receipts"]  # type: ignore[assignment]
    at = next(index for index, receipt in enumerate(receipts) if receipt["logs"] and receipt["status"] == "0x1")
    receipts[at] |= change

    with pytest.raises(L1Lied, match="receipts root"):
        verify_receipts(receipts, header.receipts_root)


def test_receipt_lists_that_are_short_long_or_reordered_do_not_have_the_root() -> None:
    entry = next(entry for entry in _l1("calldata") if len(entry["receipts"]) > 1)
    header = verify_header(entry["block"])
    receipts: list[object] = entry["receipts"]  # type: ignore[assignment]

    for changed in (receipts[:-1], receipts + receipts[:1], receipts[::-1], []):
        with pytest.raises(L1Lied, match="receipts root"):
            verify_receipts(changed, header.receipts_root)


def test_bloom_and_log_index_that_a_node_claims_are_not_read() -> None:
    entry = _block_with("logs")
    header = verify_header(entry["block"])
    expected = verify_receipts(entry["receipts"], header.receipts_root)  # type: ignore[arg-type]
    for receipt in entry["receipts"]:
        receipt["logsBloom"] = "0x" + "ff" * 256  # type: ignore[index]
        for log in receipt["logs"]:  # type: ignore[index]
            log["logIndex"] = "0x99"

    assert verify_receipts(entry["receipts"], header.receipts_root) == expected  # type: ignore[arg-type]
    assert [log.log_index for receipt in expected for log in receipt.logs] == list(
        range(sum(len(receipt.logs) for receipt in expected))
    )


@pytest.mark.parametrize("trust_root", [False, True])
@pytest.mark.parametrize(
    ("key", "value"), [("from", "0x" + "11" * 20), ("hash", "0x" + "22" * 32), ("input", "0x00"), ("nonce", "0x999")]
)
def test_transaction_with_one_other_field_is_not_believed_even_without_the_root(
    key: str, value: str, trust_root: bool
) -> None:
    entry = _block_with("blockHash")
    header = verify_header(entry["block"])
    transactions: list[dict[str, object]] = entry["block"]["transactions"]  # type: ignore[assignment]
    transactions[0][key] = value

    with pytest.raises(L1Lied):
        verify_transactions(transactions, header.transactions_root, None, trust_root=trust_root)


def test_sender_is_the_nodes_word_where_recovery_is_not_asked_for() -> None:
    entry = _block_with("blockHash")
    header = verify_header(entry["block"])
    transactions: list[dict[str, object]] = entry["block"]["transactions"]  # type: ignore[assignment]
    transactions[0]["from"] = "0x" + "11" * 20

    (first, *_) = verify_transactions(transactions, header.transactions_root, frozenset({b"\xee" * 20}))

    assert first.sender == b"\x11" * 20


def test_transactions_of_another_block_do_not_have_the_root() -> None:
    entry = _block_with("blockHash")

    with pytest.raises(L1Lied, match="transactions root"):
        verify_transactions(entry["block"]["transactions"], ZERO_HASH, None)  # type: ignore[arg-type]
