"""Signers: same bytes as eth-account, and no way to see the key."""

import json
import pickle
import traceback

import eth_keyfile
import pytest
from eth_account import Account

from l1_bridge.outgoing import DynamicFeeTransaction
from l1_bridge.signer import (
    LocalSigner,
    UnusableKey,
    signer_from_environment,
    signer_from_hex,
    signer_from_keystore,
    signer_from_mnemonic,
)

KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
ADDRESS = bytes.fromhex("f39fd6e51aad88f6f4ce6ab8827279cfffb92266")
PHRASE = "test test test test test test test test test test test junk"


@pytest.mark.parametrize("to", [b"\x11" * 20, None])
def test_signature_is_eth_accounts(to: bytes | None) -> None:
    signed = LocalSigner(KEY).sign(DynamicFeeTransaction(900, 3, 10**9, 2 * 10**9, 60_000, to, 5, b"hi"))

    theirs = Account.sign_transaction(
        {
            "type": 2,
            "chainId": 900,
            "nonce": 3,
            "maxPriorityFeePerGas": 10**9,
            "maxFeePerGas": 2 * 10**9,
            "gas": 60_000,
            "to": to or b"",
            "value": 5,
            "data": b"hi",
        },
        KEY,
    )
    assert signed.encoded == bytes(theirs.raw_transaction)
    assert signed.hash == bytes(theirs.hash)


def test_every_source_gives_the_same_signer() -> None:
    keystore = json.dumps(eth_keyfile.create_keyfile_json(KEY, b"open sesame", iterations=2, kdf="pbkdf2"))

    signers = [
        signer_from_hex("0x" + KEY.hex()),
        signer_from_hex(KEY.hex() + "\n"),
        signer_from_environment({"BRAID_KEY": KEY.hex()}, "BRAID_KEY"),
        signer_from_keystore(keystore.encode(), "open sesame"),
        signer_from_mnemonic(PHRASE, 0),
    ]

    assert {signer.address for signer in signers} == {ADDRESS}
    assert signer_from_mnemonic(PHRASE, 1).address != ADDRESS


def test_key_is_in_no_text_of_a_signer() -> None:
    signer = LocalSigner(KEY)

    for text in (repr(signer), str(signer), f"{signer!r}"):
        assert KEY.hex() not in text
        assert ADDRESS.hex() in text
    with pytest.raises(TypeError):
        pickle.dumps(signer)


@pytest.mark.parametrize(
    "text", ["", "0x", KEY.hex()[:-2], KEY.hex() + "00", KEY.hex()[:-1] + "x", "00" * 32, "ff" * 32]
)
def test_text_that_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UnusableKey) as caught:
        signer_from_hex(text)

    report = "".join(traceback.format_exception(caught.value, chain=True)).split("UnusableKey", 1)[1]
    assert len(text) < 3 or text not in report


def test_other_sources_without_a_key_are_refused() -> None:
    keystore = json.dumps(eth_keyfile.create_keyfile_json(KEY, b"open sesame", iterations=2, kdf="pbkdf2"))

    for attempt in (
        lambda: signer_from_environment({}, "BRAID_KEY"),
        lambda: signer_from_keystore(keystore.encode(), "wrong"),
        lambda: signer_from_keystore(b"{}", ""),
        lambda: signer_from_keystore(b"not json", ""),
        lambda: signer_from_mnemonic("test test test", 0),
    ):
        with pytest.raises(UnusableKey):
            attempt()
