"""Which withdrawal a command means, and what it is told when the withdrawal stands elsewhere."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import pytest

from contracts.keccak import keccak
from l1_bridge.output_root import MESSAGE_PASSER_ADDRESS
from l1_bridge.withdrawal_status import Stage, WithdrawalStatus
from l1_bridge.withdrawals import MESSAGE_PASSED_TOPIC, Withdrawal
from sequencer.node.json_rpc import JsonRpcClient, RpcFailed
from sequencer.node.withdrawing import Bridge, WithdrawalUnknown, WrongStage

FIRST = Withdrawal(1 << 240, b"\x01" * 20, b"\x02" * 20, 5, 100_000, b"")
SECOND = replace(FIRST, nonce=(1 << 240) | 1, value=6)
TRANSACTION = keccak(b"transaction")


def passed_log(withdrawal: Withdrawal) -> dict[str, object]:
    """The event as an L2 node gives it."""
    words = [withdrawal.value, withdrawal.gas_limit, 128, int.from_bytes(withdrawal.hash, "big"), 0]
    topics = [withdrawal.nonce.to_bytes(32, "big"), bytes(12) + withdrawal.sender, bytes(12) + withdrawal.target]
    return {
        "address": "0x" + MESSAGE_PASSER_ADDRESS.hex(),
        "topics": ["0x" + topic.hex() for topic in (MESSAGE_PASSED_TOPIC, *topics)],
        "data": "0x" + b"".join(word.to_bytes(32, "big") for word in words).hex(),
    }


def receipt(*withdrawals: Withdrawal, **fields: object) -> dict[str, object]:
    """A receipt with these withdrawals."""
    logs = [passed_log(withdrawal) for withdrawal in withdrawals]
    return {"status": "0x1", "blockHash": "0x" + "0b" * 32, "blockNumber": "0x7", "logs": logs, **fields}


class Node:
    """An L2 node with one receipt."""

    def __init__(self, found: Mapping[str, object] | None) -> None:
        self._receipt = found

    async def call(self, method: str, *params: object) -> object:
        if method == "eth_getTransactionReceipt":
            return self._receipt
        assert (method, params) == ("eth_getBlockByNumber", ("0x7", False))
        return {"timestamp": "0x3e8"}


def bridge(found: Mapping[str, object] | None) -> Bridge:
    """A bridge of which the L2 node alone is asked."""
    made = object.__new__(Bridge)
    object.__setattr__(made, "l2", cast(JsonRpcClient, Node(found)))  # call is all that is used
    return made


async def test_the_only_withdrawal_needs_no_choice() -> None:
    found = await bridge(receipt(FIRST)).find(TRANSACTION)

    assert (found.withdrawal, found.l2_block_number, found.l2_timestamp) == (FIRST, 7, 1_000)


async def test_one_of_several_is_chosen_by_its_hash() -> None:
    both = bridge(receipt(FIRST, SECOND))

    assert (await both.find(TRANSACTION, SECOND.hash)).withdrawal == SECOND
    with pytest.raises(WithdrawalUnknown, match="2 withdrawals; choose one with --withdrawal: 0x" + FIRST.hash.hex()):
        await both.find(TRANSACTION)
    with pytest.raises(WithdrawalUnknown, match="holds no withdrawal 0x" + "07" * 32):
        await both.find(TRANSACTION, b"\x07" * 32)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "L2 has no transaction"),
        (receipt(), "holds no withdrawal"),
        (receipt(FIRST, status="0x0"), "failed on L2"),
        (receipt(FIRST, blockHash="0x" + "00" * 32), "stands in no sealed block yet"),
    ],
)
async def test_a_transaction_that_withdraws_nothing_says_why(found: Mapping[str, object] | None, reason: str) -> None:
    with pytest.raises(WithdrawalUnknown, match=reason):
        await bridge(found).find(TRANSACTION)


@pytest.mark.parametrize("broken", [{"logs": 5}, {"status": None}, {"blockNumber": "seven"}, {"blockHash": "0x1"}])
async def test_an_answer_of_another_form_is_a_node_that_does_not_serve(broken: Mapping[str, object]) -> None:
    with pytest.raises(RpcFailed):
        await bridge({**receipt(FIRST), **broken}).find(TRANSACTION)


@pytest.mark.parametrize(
    ("stage", "wanted", "advice"),
    [
        (Stage.FINALIZED, Stage.READY_TO_FINALIZE, "nothing is left to do"),
        (Stage.FINALIZED, Stage.READY_TO_PROVE, "nothing is left to do"),
        (Stage.WAITING_FOR_FINALITY, Stage.READY_TO_PROVE, "it is proven already"),
        (Stage.READY_TO_PROVE, Stage.READY_TO_FINALIZE, "prove it first"),
        (Stage.WAITING_FOR_OUTPUT, Stage.READY_TO_PROVE, "try again later"),
        (Stage.WAITING_FOR_FINALITY, Stage.READY_TO_FINALIZE, "try again later"),
    ],
)
def test_a_step_too_early_or_too_late_says_what_to_do(stage: Stage, wanted: Stage, advice: str) -> None:
    problem = WrongStage(WithdrawalStatus(stage, None, "something", None, None), wanted)

    assert str(problem) == f"the withdrawal is {stage.value}: something; {advice}"
