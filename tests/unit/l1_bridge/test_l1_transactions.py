"""Every L1 transaction type: encoding, hash and sender agree with eth-account, an implementation that is not ours."""

import pytest
from eth_account import Account
from eth_hash.auto import keccak
from hexbytes import HexBytes

from l1_bridge.json_fields import MalformedField
from l1_bridge.l1_transaction import encode_transaction, parse_signed_fields, recover_sender, verify_transactions
from l1_bridge.ordered_trie import ordered_trie_root
from l1_bridge.rlp_codec import decode_rlp

ACCOUNT = Account.from_key(b"\x42" * 32)
SENDER = bytes.fromhex(ACCOUNT.address[2:])
TARGET = "0x" + "11" * 20
ACCESS_LIST = [{"address": TARGET, "storageKeys": ["0x" + "00" * 31 + "07"]}]
PLAIN = {"nonce": 0, "gas": 50_000, "to": TARGET, "value": 0, "data": "0xc0ffee"}
FEES = {"maxFeePerGas": 10, "maxPriorityFeePerGas": 1, "chainId": 900}
AUTHORIZATION = ACCOUNT.sign_authorization({"chainId": 900, "address": HexBytes(TARGET), "nonce": 0})
BLOB_HASH = "0x01" + "ab" * 31

REQUESTS: dict[str, dict[str, object]] = {
    "legacy": {**PLAIN, "gasPrice": 7},
    "legacy with chain id": {**PLAIN, "gasPrice": 7, "chainId": 900},
    "access list": {**PLAIN, "type": 1, "gasPrice": 7, "chainId": 900, "accessList": ACCESS_LIST},
    "dynamic fee": {**PLAIN, **FEES, "type": 2},
    "creation": {**PLAIN, **FEES, "type": 2, "to": ""},
    "blob": {**PLAIN, **FEES, "type": 3, "maxFeePerBlobGas": 3, "blobVersionedHashes": [BLOB_HASH]},
    "set code": {**PLAIN, **FEES, "type": 4, "authorizationList": [AUTHORIZATION]},
}


def _json(request: dict[str, object]) -> tuple[dict[str, object], bytes]:
    """What a node answers for that transaction, and its canonical encoding."""
    signed = ACCOUNT.sign_transaction(dict(request))
    encoding = bytes(signed.raw_transaction)
    answer: dict[str, object] = {
        "type": hex(int(str(request.get("type", 0)))),
        "hash": "0x" + keccak(encoding).hex(),
        "from": ACCOUNT.address,
        "to": request["to"] or None,
        "input": request["data"],
        "v": hex(signed.v),
        "r": hex(signed.r),
        "s": hex(signed.s),
        "accessList": request.get("accessList", []),
        "blobVersionedHashes": request.get("blobVersionedHashes"),
    }
    for key in (
        "nonce",
        "gas",
        "value",
        "gasPrice",
        "chainId",
        "maxFeePerGas",
        "maxPriorityFeePerGas",
        "maxFeePerBlobGas",
    ):
        if key in request:
            answer[key] = hex(int(str(request[key])))
    if "authorizationList" in request:
        entry = AUTHORIZATION
        answer["authorizationList"] = [
            {
                "chainId": hex(entry.chain_id),
                "address": TARGET,
                "nonce": hex(entry.nonce),
                "yParity": hex(entry.y_parity),
                "r": hex(entry.r),
                "s": hex(entry.s),
            }
        ]
    return answer, encoding


@pytest.mark.parametrize("name", REQUESTS)
def test_encoding_is_the_signed_transaction(name: str) -> None:
    answer, encoding = _json(REQUESTS[name])

    assert encode_transaction(answer) == encoding


@pytest.mark.parametrize("name", REQUESTS)
def test_sender_is_recovered(name: str) -> None:
    answer, _ = _json(REQUESTS[name])

    assert recover_sender(parse_signed_fields(answer)) == SENDER


def test_a_block_of_all_types_verifies() -> None:
    answers, encodings = zip(*(_json(request) for request in REQUESTS.values()), strict=True)

    transactions = verify_transactions(answers, ordered_trie_root(encodings), None)

    assert [transaction.type for transaction in transactions] == [0, 0, 1, 2, 2, 3, 4]
    assert {transaction.sender for transaction in transactions} == {SENDER}
    assert [transaction.to for transaction in transactions].count(None) == 1
    assert transactions[5].blob_hashes == (bytes.fromhex(BLOB_HASH[2:]),)


def test_y_parity_is_read_where_v_is_missing() -> None:
    answer, encoding = _json(REQUESTS["dynamic fee"])
    answer["yParity"] = answer.pop("v")

    assert encode_transaction(answer) == encoding


def test_deposit_of_an_op_chain_below_us_is_encoded() -> None:
    answer: dict[str, object] = {
        "type": "0x7e",
        "sourceHash": "0x" + "01" * 32,
        "from": "0x" + "02" * 20,
        "to": TARGET,
        "mint": "0x5",
        "value": "0x0",
        "gas": "0x5208",
        "isSystemTx": False,
        "input": "0x99",
    }

    encoding = encode_transaction(answer)

    assert encoding[0] == 0x7E
    assert decode_rlp(encoding[1:]) == [
        b"\x01" * 32, b"\x02" * 20, b"\x11" * 20, b"\x05", b"", b"\x52\x08", b"", b"\x99"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("dynamic fee", {"type": "0x5"}),
        ("dynamic fee", {"to": "0x11"}),
        ("dynamic fee", {"nonce": "1"}),
        ("dynamic fee", {"nonce": "0x" + "1" * 65}),
        ("dynamic fee", {"nonce": "0x1_0"}),
        ("dynamic fee", {"nonce": None}),
        ("dynamic fee", {"input": "0xabc"}),
        ("dynamic fee", {"accessList": {}}),
        ("dynamic fee", {"accessList": [7]}),
        ("access list", {"accessList": [{"address": TARGET, "storageKeys": ["0x01"]}]}),
        ("blob", {"blobVersionedHashes": None}),
        ("set code", {"authorizationList": [{}]}),
    ],
)
def test_malformed_transaction_is_refused(name: str, change: dict[str, object]) -> None:
    answer, _ = _json(REQUESTS[name])

    with pytest.raises(MalformedField):
        encode_transaction(answer | change)


@pytest.mark.parametrize("change", [{"r": "0x0"}, {"s": "0x0"}, {"r": "0x" + "f" * 64}, {"v": "0x7"}])
def test_signature_that_no_key_can_have_made_is_refused(change: dict[str, object]) -> None:
    answer, _ = _json(REQUESTS["dynamic fee"])

    with pytest.raises(MalformedField):
        recover_sender(parse_signed_fields(answer | change))
