"""Calls without a trace, overrides, and gas estimates that suffice."""

import threading
from functools import partial

import pytest

from sequencer.execution.calls import run_call
from sequencer.execution.estimation import EstimationFailed, estimate_gas
from sequencer.execution.interface import AccountOverride, CallMessage, CallResult, Included
from sequencer.execution.serial import SerialEngine
from sequencer.primitives.account import Account
from sequencer.primitives.genesis import GenesisAccount
from tests.factories import ETHER, GWEI, RECIPIENT, address, make_transaction
from tests.unit.execution.chain_fixture import CONTRACT, contract, make_environment, make_state, open_block

RETURN_SLOT_0 = "5f545f5260205ff3"
RETURN_BASE_FEE = "485f5260205ff3"
STORES_THEN_CLEARS = "60015f555f5f5500"


def call(code: str, **fields: object) -> CallResult:
    message = CallMessage(**{"sender": address(0), "to": CONTRACT, "gas_limit": 1_000_000, **fields})  # type: ignore[arg-type]
    return SerialEngine().call(make_environment(), make_state(contract(code, storage={0: 5})), message, {})


def test_output_and_gas_come_back() -> None:
    result = call(RETURN_SLOT_0)

    assert result == CallResult(output=(5).to_bytes(32, "big"), gas_used=21_000 + 2_100 + 15, error=None)


def test_revert_keeps_its_data() -> None:
    result = call("60aa5f5260205ffd")

    assert result.is_revert
    assert result.output == (0xAA).to_bytes(32, "big")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("fe", "invalid opcode"),
        ("50", "stack underflow"),
        ("5f56", "invalid jump destination"),
        ("5b5f56", "out of gas"),
    ],
)
def test_errors_have_the_names_that_clients_know(code: str, error: str) -> None:
    assert call(code).error == error


def test_base_fee_is_zero_where_no_price_is_given() -> None:
    assert call(RETURN_BASE_FEE).output == bytes(32)
    assert call(RETURN_BASE_FEE, gas_price=2 * GWEI).output == GWEI.to_bytes(32, "big")


def test_price_below_the_base_fee_is_refused() -> None:
    assert call(RETURN_BASE_FEE, gas_price=GWEI - 1).error == "max fee per gas less than block base fee"


def test_value_must_be_covered() -> None:
    assert call("00", value=100 * ETHER).error is None
    assert call("00", value=100 * ETHER + 1).error == "insufficient funds for gas * price + value"


def test_nonce_and_code_of_the_sender_do_not_matter() -> None:
    assert call("00", sender=CONTRACT).error is None


def test_override_of_code_and_storage_holds_for_the_call_alone() -> None:
    state, message = make_state(), CallMessage(sender=address(0), to=RECIPIENT, gas_limit=100_000)
    override = AccountOverride(code=bytes.fromhex(RETURN_SLOT_0), storage={0: 9})

    assert run_call(make_environment(), state, message, {RECIPIENT: override}).output == (9).to_bytes(32, "big")
    assert run_call(make_environment(), state, message, {}).output == b""


def test_override_of_balance_pays_the_value() -> None:
    pauper = bytes(19) + b"\x42"
    message = CallMessage(sender=pauper, to=RECIPIENT, gas_limit=21_000, value=1)

    assert run_call(make_environment(), make_state(), message, {}).error is not None
    overrides = {pauper: AccountOverride(account=Account(balance=1))}
    assert run_call(make_environment(), make_state(), message, overrides).error is None


def test_recursion_to_the_depth_limit_fits_a_thread() -> None:
    results: list[CallResult] = []
    code = "5f5f5f5f5f305af100"
    thread = threading.Thread(target=lambda: results.append(call(code, gas_limit=10**13)))
    thread.start()
    thread.join()

    assert results[0].error is None


def test_estimate_of_a_transfer_is_exact() -> None:
    message = CallMessage(sender=address(0), to=RECIPIENT, gas_limit=0, value=1)

    assert (
        estimate_gas(lambda message: run_call(make_environment(), make_state(), message, {}), message, 10**7) == 21_000
    )


@pytest.mark.parametrize("code", [STORES_THEN_CLEARS, RETURN_SLOT_0, "5f5f5f5f600173" + "ff" * 20 + "5af100"])
def test_transaction_with_the_estimate_succeeds(code: str) -> None:
    alloc = contract(code, balance=10)
    run = partial(run_call, make_environment(), make_state(alloc), overrides={})
    message = CallMessage(sender=address(0), to=CONTRACT, gas_limit=0)
    estimate = estimate_gas(lambda message: run(message=message), message, 30_000_000)

    (outcome,) = open_block(alloc).apply([make_transaction(to=CONTRACT, value=0, gas_limit=estimate)])

    assert isinstance(outcome, Included)
    assert outcome.receipt.status == 1
    assert estimate < 3 * outcome.gas_used


def test_estimate_of_what_always_fails_carries_the_revert_data() -> None:
    state = make_state({CONTRACT: GenesisAccount(nonce=1, code=bytes.fromhex("60aa5f5260205ffd"))})
    message = CallMessage(sender=address(0), to=CONTRACT, gas_limit=0)

    with pytest.raises(EstimationFailed) as failure:
        estimate_gas(lambda message: run_call(make_environment(), state, message, {}), message, 10**6)

    assert failure.value.result.output == (0xAA).to_bytes(32, "big")
