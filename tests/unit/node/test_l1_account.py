"""The account that posts: where its key comes from, who is let in, and what a bad one says at the start."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import eth_keyfile
import pytest

from l1_bridge.appointed import WrongAccount, check_batcher, check_proposer
from l1_bridge.errors import L1Refused, TemporaryError
from l1_bridge.l1_client import L1Client
from l1_bridge.l1_connection import L1Endpoint
from l1_bridge.sent_store import UnusableSentStore
from l1_bridge.service import Wake
from l1_bridge.signer import LocalSigner, UnusableKey
from sequencer.node.l1_account import AccountOptions, AppointedService, is_key_given, open_account
from tests.unit.l1_bridge.fake_l1_server import FakeL1Server, serve_fake_l1

KEY = "42" * 32
ADDRESS = LocalSigner(bytes.fromhex(KEY)).address
OTHER = b"\x77" * 20
CONTRACT = b"\x0c" * 20


@pytest.fixture
async def server() -> AsyncIterator[FakeL1Server]:
    async with serve_fake_l1() as made:
        yield made


@pytest.fixture
async def client(server: FakeL1Server) -> AsyncIterator[L1Client]:
    async with L1Client.connect(L1Endpoint(server.url)) as made:
        yield made


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "PASSWORD", "SIGNER"):
        monkeypatch.delenv(f"BRAID_BATCHER_{name}", raising=False)


async def _address(client: L1Client, options: AccountOptions) -> bytes:
    async with open_account(options, client, chain_id=900, appointed=OTHER) as manager:
        return manager.address


async def test_key_comes_from_the_environment_or_a_keystore_or_stays_elsewhere(
    client: L1Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keystore = tmp_path / "key.json"
    keystore.write_text(
        json.dumps(eth_keyfile.create_keyfile_json(bytes.fromhex(KEY), b"open sesame", iterations=2, kdf="pbkdf2"))
    )
    monkeypatch.setenv("BRAID_BATCHER_PASSWORD", "open sesame")

    assert await _address(client, AccountOptions("BATCHER", keystore=keystore)) == ADDRESS
    assert await _address(client, AccountOptions("BATCHER", signer_url="http://127.0.0.1:1")) == OTHER
    named = AccountOptions("BATCHER", signer_url="http://127.0.0.1:1", signer_address=ADDRESS)
    assert await _address(client, named) == ADDRESS
    monkeypatch.setenv("BRAID_BATCHER_KEY", KEY)
    assert await _address(client, AccountOptions("BATCHER")) == ADDRESS


async def test_missing_unreadable_and_ambiguous_keys_are_named(
    client: L1Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnusableKey, match="BRAID_BATCHER_KEY is not set"):
        await _address(client, AccountOptions("BATCHER"))
    with pytest.raises(UnusableKey, match="No such file"):
        await _address(client, AccountOptions("BATCHER", keystore=tmp_path / "absent"))
    monkeypatch.setenv("BRAID_BATCHER_KEY", KEY)
    with pytest.raises(UnusableKey, match="more than one") as caught:
        await _address(client, AccountOptions("BATCHER", signer_url="http://user:secret@127.0.0.1:1"))
    assert "secret" not in str(caught.value)
    assert KEY not in str(caught.value)
    monkeypatch.delenv("BRAID_BATCHER_KEY")
    options = AccountOptions("BATCHER", signer_url="http://127.0.0.1:1")
    with pytest.raises(UnusableKey, match="--signer-address"):
        async with open_account(options, client, chain_id=900):
            pass


def test_a_process_that_can_do_without_a_key_is_told_whether_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_key_given(AccountOptions("BATCHER"))
    assert is_key_given(AccountOptions("BATCHER", keystore=tmp_path))
    assert is_key_given(AccountOptions("BATCHER", signer_url="http://127.0.0.1:1"))
    monkeypatch.setenv("BRAID_BATCHER_SIGNER", "http://127.0.0.1:1")
    assert is_key_given(AccountOptions("BATCHER"))


async def test_store_of_a_process_that_runs_is_refused(
    client: L1Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRAID_BATCHER_KEY", KEY)
    options = AccountOptions("BATCHER", data_dir=tmp_path / "sent")
    async with open_account(options, client, chain_id=900):
        with pytest.raises(UnusableSentStore, match="another process"):
            await _address(client, options)

    assert await _address(client, options) == ADDRESS


async def test_batcher_is_whom_the_system_config_names_now(server: FakeL1Server, client: L1Client) -> None:
    server.results |= {"eth_getCode": "0x01", "eth_call": "0x" + ADDRESS.rjust(32, b"\0").hex()}
    await check_batcher(client, CONTRACT, OTHER, ADDRESS)
    with pytest.raises(WrongAccount, match=f"0x{ADDRESS.hex()}, but the key is that of 0x{OTHER.hex()}"):
        await check_batcher(client, CONTRACT, OTHER, OTHER)

    server.results |= {"eth_getCode": "0x"}
    await check_batcher(client, CONTRACT, OTHER, OTHER)
    with pytest.raises(WrongAccount):
        await check_batcher(client, CONTRACT, OTHER, ADDRESS)


async def test_proposer_is_whom_the_oracle_names(server: FakeL1Server, client: L1Client) -> None:
    server.results |= {"eth_call": "0x" + ADDRESS.rjust(32, b"\0").hex()}
    await check_proposer(client, CONTRACT, ADDRESS)
    with pytest.raises(WrongAccount):
        await check_proposer(client, CONTRACT, OTHER)
    server.results |= {"eth_call": "0x"}
    with pytest.raises(TemporaryError):
        await check_proposer(client, CONTRACT, ADDRESS)


class _Steps:
    steps = 0

    async def step(self) -> Wake:
        self.steps += 1
        return Wake(1.0)

    async def reset(self) -> None:
        self.steps = 0


async def test_service_begins_after_the_check_that_is_made_once() -> None:
    answers: list[Exception | None] = [L1Refused("eth_call", 1, "later"), None]
    service, asked = _Steps(), []

    async def check() -> None:
        asked.append(1)
        if (answer := answers.pop(0)) is not None:
            raise answer

    checked = AppointedService(service, check)
    with pytest.raises(L1Refused):
        await checked.step()
    assert service.steps == 0
    for _ in range(3):
        await checked.step()
    assert (service.steps, len(asked)) == (3, 2)
    await checked.reset()
    assert service.steps == 0
