"""Every method that the public server has; a name that is not here does not exist."""

from . import (
    braid,
    debug,
    eth_blocks,
    eth_calls,
    eth_chain,
    eth_fees,
    eth_logs,
    eth_state,
    eth_transactions,
    net_web3,
    optimism,
)
from .method import Method

PLAIN_METHODS: tuple[Method, ...] = (
    *eth_chain.METHODS,
    *eth_blocks.METHODS,
    *eth_transactions.METHODS,
    *eth_state.METHODS,
    *eth_calls.METHODS,
    *eth_fees.METHODS,
    *eth_logs.METHODS,
    *net_web3.METHODS,
    *braid.METHODS,
    *debug.METHODS,
)
"""Methods of any chain, a plain one among them."""

ROLLUP_METHODS: tuple[Method, ...] = (*PLAIN_METHODS, *optimism.METHODS)
"""Methods of a chain that is derived from L1."""


def methods_for(is_optimism: bool) -> tuple[Method, ...]:
    """The table of a chain with that rule set."""
    return ROLLUP_METHODS if is_optimism else PLAIN_METHODS
