"""`eth_` methods about the chain as a whole."""

from .backend import Backend
from .formatters import quantity
from .method import Method, Runs, method


def chain_id(backend: Backend) -> object:
    """Chain id that transactions sign (EIP-155)."""
    return quantity(backend.chain.rules.chain_id)


def block_number(backend: Backend) -> object:
    """Number of the latest block."""
    return quantity(backend.chain.heads.unsafe.number)


def syncing(backend: Backend) -> object:
    """False: the node serves the blocks it has; how far behind L1 it is, `optimism_syncStatus` says."""
    return False


def accounts(backend: Backend) -> object:
    """No accounts: the node holds no keys of users."""
    return []


METHODS: tuple[Method, ...] = (
    method("eth_chainId", chain_id, runs=Runs.ON_LOOP),
    method("eth_blockNumber", block_number, runs=Runs.ON_LOOP),
    method("eth_syncing", syncing, runs=Runs.ON_LOOP),
    method("eth_accounts", accounts, runs=Runs.ON_LOOP),
)
