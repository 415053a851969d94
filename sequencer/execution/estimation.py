"""
The least gas limit with which a message succeeds (`eth_estimateGas`): L2 gas alone, the other fees come on top.

Success is not quite monotonous in the gas limit, since code can look at it; the search below is go-ethereum's: between
what one generous run used and the cap, until the bounds are within 1.5 % of each other.
"""

from collections.abc import Callable
from dataclasses import replace

from l1_bridge.errors import BraidError

from .interface import CallMessage, CallResult
from .intrinsic import TRANSACTION_GAS

CALL_STIPEND = 2_300
"""A call with value hands on this much more than it takes."""

TOLERANCE_PER_MILLE = 15


class EstimationFailed(BraidError):
    """The message fails with every gas limit up to the cap; `result` is that of the last run."""

    def __init__(self, result: CallResult, cap: int) -> None:
        super().__init__(f"gas required exceeds {cap}" if result.error == "out of gas" else result.error or "failed")
        self.result = result
        self.cap = cap


def estimate_gas(call: Callable[[CallMessage], CallResult], message: CallMessage, cap: int) -> int:
    """
    A gas limit with which `message` succeeds.

    Parameters
    ----------
    call :
        Runs a message over the state that counts; `message`'s own gas limit is ignored.
    cap :
        The highest gas limit to try: the block's, or what the sender can pay for.

    Raises
    ------
    EstimationFailed
        when the message fails with `cap`.
    """
    least = replace(message, gas_limit=TRANSACTION_GAS)
    if _is_transfer(message) and cap >= TRANSACTION_GAS and call(least).error is None:
        return TRANSACTION_GAS
    generous = call(replace(message, gas_limit=cap))
    if generous.error is not None:
        raise EstimationFailed(generous, cap)
    too_little, enough = generous.gas_used - 1, cap
    optimistic = (generous.gas_used + CALL_STIPEND) * 64 // 63
    if optimistic < enough:
        too_little, enough = _narrow(call, message, optimistic, (too_little, enough))
    while too_little + 1 < enough and (enough - too_little) * 1000 > TOLERANCE_PER_MILLE * enough:
        middle = min((too_little + enough) // 2, max(too_little, TRANSACTION_GAS) * 2)
        too_little, enough = _narrow(call, message, middle, (too_little, enough))
    return enough


def _is_transfer(message: CallMessage) -> bool:
    """Whether it takes the least gas there is, unless the recipient has code that needs more."""
    return message.to is not None and not message.data and not message.access_list


def _narrow(
    call: Callable[[CallMessage], CallResult], message: CallMessage, gas_limit: int, bounds: tuple[int, int]
) -> tuple[int, int]:
    succeeds = call(replace(message, gas_limit=gas_limit)).error is None
    return (bounds[0], gas_limit) if succeeds else (gas_limit, bounds[1])
