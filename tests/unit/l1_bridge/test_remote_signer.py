"""The remote signer: what it is asked, and every answer that is not the signature of that."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from l1_bridge.outgoing import DynamicFeeTransaction, make_sidecar
from l1_bridge.remote_signer import HALF_ORDER, RemoteSigner, SignerLied, SignerUnavailable
from l1_bridge.signer import LocalSigner
from tests.unit.l1_bridge.fake_l1_server import FakeL1Server, serve_fake_l1
from tests.unit.l1_bridge.managing import make_blob

KEY = LocalSigner(b"\x42" * 32)
ORDER = 2 * HALF_ORDER + 1
PLAIN = DynamicFeeTransaction(900, 3, 10, 20, 60_000, b"\x11" * 20, 5, b"hi")
SIDECAR = make_sidecar((make_blob(1),))
BLOB = replace(PLAIN, max_blob_fee=7, blob_hashes=SIDECAR.blob_hashes)


@pytest.fixture
async def server() -> AsyncIterator[FakeL1Server]:
    async with serve_fake_l1() as made:
        yield made


def _answer(server: FakeL1Server, answer: object) -> None:
    server.error = None
    server.body = None
    server.results["eth_signTransaction"] = answer


async def _sign(server: FakeL1Server, transaction: DynamicFeeTransaction = PLAIN) -> bytes:
    async with RemoteSigner.connect(server.url, KEY.address) as signer:
        return (await signer.sign_transaction(transaction)).encoded


@pytest.mark.parametrize("transaction", [PLAIN, BLOB, replace(PLAIN, to=None)])
async def test_signature_is_taken_from_every_form_of_answer(
    server: FakeL1Server, transaction: DynamicFeeTransaction
) -> None:
    expected = KEY.sign(transaction).encoded
    forms: list[object] = ["0x" + expected.hex(), {"raw": "0x" + expected.hex(), "tx": {}}]
    if transaction.blob_hashes:
        forms.append({"raw": "0x" + SIDECAR.wrap(expected).hex()})
    for form in forms:
        _answer(server, form)
        assert await _sign(server, transaction) == expected


async def test_every_field_is_asked_for(server: FakeL1Server) -> None:
    _answer(server, "0x" + KEY.sign(BLOB).encoded.hex())
    await _sign(server, BLOB)

    assert server.params[-1] == [
        {
            "type": "0x3",
            "chainId": "0x384",
            "from": "0x" + KEY.address.hex(),
            "nonce": "0x3",
            "maxPriorityFeePerGas": "0xa",
            "maxFeePerGas": "0x14",
            "gas": "0xea60",
            "value": "0x5",
            "input": "0x6869",
            "to": "0x" + "11" * 20,
            "maxFeePerBlobGas": "0x7",
            "blobVersionedHashes": ["0x" + SIDECAR.blob_hashes[0].hex()],
        }
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": 901},
        {"nonce": 4},
        {"priority_fee": 11},
        {"max_fee": 21},
        {"gas_limit": 60_001},
        {"to": b"\x12" * 20},
        {"to": None},
        {"value": 6},
        {"data": b"ho"},
        {"max_blob_fee": 8},
        {"blob_hashes": (b"\x01" + b"\x33" * 31,)},
    ],
)
async def test_another_transaction_is_a_lie(server: FakeL1Server, change: dict[str, object]) -> None:
    _answer(server, "0x" + KEY.sign(replace(BLOB, **change)).encoded.hex())  # type: ignore[arg-type]

    with pytest.raises(SignerLied, match="another transaction"):
        await _sign(server, BLOB)


def _other_key() -> bytes:
    return LocalSigner(b"\x43" * 32).sign(PLAIN).encoded


def _high_s() -> bytes:
    v, r, s = KEY._key.sign_msg_hash(PLAIN.signed_fields(0, 0, 0).signing_hash()).vrs
    return PLAIN.with_signature(1 - v, r, ORDER - s).encoded


def _zero() -> bytes:
    return PLAIN.with_signature(0, 0, 0).encoded


def _parity() -> bytes:
    return PLAIN.with_signature(27, 5, 5).encoded


def _no_point() -> bytes:
    return PLAIN.with_signature(0, ORDER + 5, 5).encoded


@pytest.mark.parametrize("make", [_other_key, _high_s, _zero, _parity, _no_point])
async def test_signature_that_is_not_the_accounts_is_a_lie(server: FakeL1Server, make: Callable[[], bytes]) -> None:
    _answer(server, "0x" + make().hex())

    with pytest.raises(SignerLied):
        await _sign(server)


@pytest.mark.parametrize("answer", [None, 5, "0x", "0x02", "0x02c0ff", "0x03c0", "zz", {"tx": {}}, "0x028105"])
async def test_answer_that_is_no_transaction_may_be_asked_for_again(server: FakeL1Server, answer: object) -> None:
    _answer(server, answer)
    with pytest.raises((SignerUnavailable, SignerLied)):
        await _sign(server)

    _answer(server, "0x" + KEY.sign(PLAIN).encoded.hex())
    assert await _sign(server) == KEY.sign(PLAIN).encoded


async def test_refusal_and_silence_are_temporary_and_do_not_show_the_url(server: FakeL1Server) -> None:
    url = server.url.replace("http://", "http://user:secret@")
    server.error = {"code": -32000, "message": "authentication needed: password or unlock"}
    async with RemoteSigner.connect(url, KEY.address) as signer:
        with pytest.raises(SignerUnavailable, match="authentication needed"):
            await signer.sign_transaction(PLAIN)
        server.error, server.body = None, b"no JSON"
        with pytest.raises(SignerUnavailable) as caught:
            await signer.sign_transaction(PLAIN)

    assert "secret" not in str(caught.value)
    assert "secret" not in repr(signer)
    async with RemoteSigner.connect("http://user:secret@127.0.0.1:1", KEY.address) as signer:
        with pytest.raises(SignerUnavailable) as caught:
            await signer.sign_transaction(PLAIN)
    assert "secret" not in str(caught.value)
