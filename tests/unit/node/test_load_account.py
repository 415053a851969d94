"""Accounts of a load: valid signatures, nonces in order, and who pays on which node."""

import pytest

from l1_bridge.outgoing import DynamicFeeTransaction
from l1_bridge.signer import LocalSigner
from sequencer.node.dev_accounts import derive_dev_accounts
from sequencer.node.funding import LEAST_WEI, NoFunder, find_funder
from sequencer.node.json_rpc import RpcFailed
from sequencer.node.load_account import LoadAccount, LoadFees
from sequencer.primitives.transaction import decode_transaction

FEES = LoadFees(tip=1, max_fee=2)
KEY = b"\x07" * 32


def test_transactions_are_those_of_the_other_signer() -> None:
    account, signer = LoadAccount(KEY, 901, FEES), LocalSigner(KEY)

    ours = [account.sign(b"\x01" * 20, value=5, data=b"x", gas_limit=30_000) for _ in range(3)]

    unsigned = [DynamicFeeTransaction(901, nonce, 1, 2, 30_000, b"\x01" * 20, 5, b"x") for nonce in range(3)]
    assert ours == [signer.sign(transaction).encoded for transaction in unsigned]
    assert [decode_transaction(raw).sender for raw in ours] == [account.address] * 3
    assert account.nonce == 3


def test_the_key_is_in_no_repr() -> None:
    account = LoadAccount(KEY, 901, FEES)

    assert KEY.hex() not in repr(account)
    assert KEY.hex() not in repr(account._key)


class Node:
    """Answers balances and accounts."""

    def __init__(self, balances: dict[bytes, int], unlocked: list[str] | None = None) -> None:
        self.balances = balances
        self.unlocked = unlocked
        self.sent: list[tuple[object, ...]] = []

    async def call(self, method: str, *params: object) -> object:
        if method == "eth_getBalance":
            return hex(self.balances.get(bytes.fromhex(str(params[0])[2:]), 0))
        if method == "eth_getTransactionCount":
            return "0x5"
        if method == "eth_accounts":
            if self.unlocked is None:
                raise RpcFailed("no such method")
            return self.unlocked
        self.sent.append((method, *params))
        return "0x" + "11" * 32


async def test_the_phrase_pays_where_it_has_ether() -> None:
    node = Node({derive_dev_accounts().users[-1].address: LEAST_WEI})

    funder = await find_funder(node, 901, FEES, None)  # type: ignore[arg-type]
    await funder.send(b"\x01" * 20, wei=7)

    assert [call[0] for call in node.sent] == ["eth_sendRawTransaction"]
    assert decode_transaction(bytes.fromhex(str(node.sent[0][1])[2:])).nonce == 5


async def test_else_the_node_signs_for_its_own() -> None:
    own = b"\x22" * 20
    node = Node({own: LEAST_WEI}, ["0x" + "33" * 20, "0x" + own.hex()])

    funder = await find_funder(node, 901, FEES, None)  # type: ignore[arg-type]
    await funder.send(b"\x01" * 20, wei=7)

    method, call = node.sent[0]
    assert method == "eth_sendTransaction"
    assert isinstance(call, dict)
    assert (call["from"], call["value"]) == ("0x" + own.hex(), "0x7")


@pytest.mark.parametrize("unlocked", [None, []])
async def test_without_anybody_the_reason_is_said(unlocked: list[str] | None) -> None:
    with pytest.raises(NoFunder, match="--funder-key"):
        await find_funder(Node({}, unlocked), 901, FEES, None)  # type: ignore[arg-type]


async def test_a_key_without_ether_is_refused() -> None:
    with pytest.raises(NoFunder, match="too little"):
        await find_funder(Node({}), 901, FEES, KEY)  # type: ignore[arg-type]
