"""
`eth_` methods about fees of L2 execution: what the next block's base fee is, what tips were paid, what to offer.

A block's base fee follows from its parent alone (EIP-1559; on an OP chain with the parent's `extraData`).
"""

from sequencer.execution.environment import ETHEREUM_DENOMINATOR, ETHEREUM_ELASTICITY, Rules
from sequencer.primitives.header import Header, compute_base_fee, decode_holocene_extra_data
from sequencer.primitives.transaction import Transaction

from .backend import Backend
from .block_lookup import find_sealed_view, get_number
from .block_view import BlockView
from .errors import ResourceNotFound, ResourceUnavailable
from .formatters import quantity
from .job_pool import Deadline
from .method import Method, method
from .parameters import NumberReference, optional, read_count, read_number_reference, read_percentiles, required

BLOB_BASE_FEE_WEI = 1
"""This chain has no blob transactions: the blob base fee stays at its minimum."""

NO_PERCENTILES: tuple[float, ...] = ()

FULL_BLOCK_PERCENT = 90
"""A block at least this full makes the suggestion follow what was paid in it."""


def gas_price(backend: Backend) -> object:
    """Wei per gas that a legacy transaction should offer: next base fee and the suggested tip."""
    latest = _latest(backend)
    return quantity(next_base_fee(backend.chain.rules, latest.header) + _suggested_tip(backend, latest))


def max_priority_fee_per_gas(backend: Backend) -> object:
    """Tip in wei per gas that a transaction should offer."""
    return quantity(_suggested_tip(backend, _latest(backend)))


def blob_base_fee(backend: Backend) -> object:
    """Blob base fee in wei: the minimum, since this chain takes no blob transactions."""
    return quantity(BLOB_BASE_FEE_WEI)


def fee_history(backend: Backend, count: int, newest: NumberReference, percentiles: tuple[float, ...]) -> object:
    """Base fees, how full blocks were, and tips at percentiles of gas used, over a range of blocks."""
    last = get_number(backend, newest)
    count = min(count, backend.settings.max_fee_history_blocks, last + 1)
    if count == 0:
        return {"oldestBlock": quantity(0), "gasUsedRatio": [], "baseFeePerGas": []}
    deadline = Deadline(backend.monotonic, backend.settings.read_timeout_seconds)
    base_fees: list[str] = []
    ratios: list[float] = []
    rewards: list[list[str]] = []
    header: Header | None = None
    for number in range(last - count + 1, last + 1):
        deadline.check()
        header = _collect(backend, number, percentiles, rewards)
        base_fees.append(quantity(header.base_fee_per_gas))
        ratios.append(header.gas_used / header.gas_limit)
    assert header is not None
    base_fees.append(quantity(next_base_fee(backend.chain.rules, header)))
    history: dict[str, object] = {
        "oldestBlock": quantity(last - count + 1),
        "baseFeePerGas": base_fees,
        "gasUsedRatio": ratios,
        "baseFeePerBlobGas": [quantity(BLOB_BASE_FEE_WEI)] * (count + 1),
        "blobGasUsedRatio": [0.0] * count,
    }
    if percentiles:
        history["reward"] = rewards
    return history


def _collect(backend: Backend, number: int, percentiles: tuple[float, ...], rewards: list[list[str]]) -> Header:
    """The block's header; with percentiles also its tips, which need its receipts."""
    if not percentiles:
        block = backend.chain.block(number)
        if block is None:
            raise ResourceUnavailable("the chain is being reorganized")
        return block.header
    view = find_sealed_view(backend, number)
    if view is None:
        raise ResourceUnavailable("the chain is being reorganized")
    rewards.append([quantity(tip) for tip in tips_at(view, percentiles)])
    return view.header


def tips_at(view: BlockView, percentiles: tuple[float, ...]) -> list[int]:
    """Tips in wei per gas, at percentiles of the gas that user transactions used; zeros without any."""
    base_fee = view.header.base_fee_per_gas
    paid = sorted(
        (placed.transaction.effective_tip(base_fee), placed.gas_used)
        for placed in view.placed
        if isinstance(placed.transaction, Transaction)
    )
    if not paid:
        return [0] * len(percentiles)
    total = sum(gas for _, gas in paid)
    tips = []
    position, gas_below = 0, paid[0][1]
    for percentile in percentiles:
        while gas_below < total * percentile / 100 and position < len(paid) - 1:
            position += 1
            gas_below += paid[position][1]
        tips.append(paid[position][0])
    return tips


def next_base_fee(rules: Rules, parent: Header) -> int:
    """Base fee in wei of the block after `parent`."""
    if rules.is_optimism:
        denominator, elasticity = decode_holocene_extra_data(parent.extra_data)
    else:
        denominator, elasticity = ETHEREUM_DENOMINATOR, ETHEREUM_ELASTICITY
    return compute_base_fee(parent, denominator, elasticity)


def _latest(backend: Backend) -> BlockView:
    view = find_sealed_view(backend, backend.chain.heads.unsafe.number)
    if view is None:
        raise ResourceNotFound("latest block")
    return view


def _suggested_tip(backend: Backend, latest: BlockView) -> int:
    """The minimum while there is room; a tenth above the median that was paid once blocks are full."""
    minimum = backend.settings.minimum_tip_wei
    if latest.header.gas_used * 100 < latest.header.gas_limit * FULL_BLOCK_PERCENT:
        return minimum
    (median,) = tips_at(latest, (50.0,))
    return max(minimum, median + median // 10)


METHODS: tuple[Method, ...] = (
    method("eth_gasPrice", gas_price),
    method("eth_maxPriorityFeePerGas", max_priority_fee_per_gas),
    method("eth_blobBaseFee", blob_base_fee),
    method(
        "eth_feeHistory",
        fee_history,
        required("block count", read_count),
        required("newest block", read_number_reference),
        optional("percentiles", read_percentiles, NO_PERCENTILES),
    ),
)
