"""`eth_` methods that read accounts, storage and proofs of one state."""

from l1_bridge.errors import BraidError, CriticalError

from .backend import Backend, ProofOfAccount
from .block_lookup import get_number, get_state
from .errors import LimitExceeded, ResourceUnavailable
from .formatters import data, format_account_proof, quantity, word
from .method import Method, Runs, method
from .parameters import (
    LATEST_BLOCK,
    BlockReference,
    Tag,
    optional,
    read_address,
    read_block_reference,
    read_slot,
    read_slots,
    required,
)


def get_balance(backend: Backend, address: bytes, block: BlockReference) -> object:
    """Balance of an account, in wei."""
    account = get_state(backend, block).account(address)
    return quantity(0 if account is None else account.balance)


async def get_transaction_count(backend: Backend, address: bytes, block: BlockReference) -> object:
    """Nonce of an account; `pending` counts its transactions in the pool too."""
    nonce = await backend.read(_nonce, backend, address, block)
    assert isinstance(nonce, int)
    if block is Tag.PENDING and backend.pool is not None:
        nonce = backend.pool.pending_nonce(address, nonce)
    return quantity(nonce)


def _nonce(backend: Backend, address: bytes, block: BlockReference) -> int:
    account = get_state(backend, block).account(address)
    return 0 if account is None else account.nonce


def get_code(backend: Backend, address: bytes, block: BlockReference) -> object:
    """Code of an account; of an account with a delegation (EIP-7702), that."""
    state = get_state(backend, block)
    account = state.account(address)
    return data(b"" if account is None else state.code(account.code_hash))


def get_storage_at(backend: Backend, address: bytes, slot: int, block: BlockReference) -> object:
    """Value of one storage slot, as 32 bytes."""
    return word(get_state(backend, block).storage(address, slot))


def get_proof(backend: Backend, address: bytes, slots: tuple[int, ...], block: BlockReference) -> object:
    """Merkle proofs of an account and some of its slots (EIP-1186); `pending` proves the latest block."""
    limit = backend.settings.max_proof_slots
    if len(slots) > limit:
        raise LimitExceeded("storage slots in one proof", limit)
    return format_account_proof(address, _proof(backend, get_number(backend, block), address, slots))


def _proof(backend: Backend, number: int, address: bytes, slots: tuple[int, ...]) -> ProofOfAccount:
    try:
        return backend.chain.proof(number, address, slots)
    except CriticalError:
        raise
    except BraidError:
        raise ResourceUnavailable(f"state of block {number} is not available") from None


_ADDRESS = required("address", read_address)
_BLOCK = optional("block", read_block_reference, LATEST_BLOCK)

METHODS: tuple[Method, ...] = (
    method("eth_getBalance", get_balance, _ADDRESS, _BLOCK),
    method("eth_getTransactionCount", get_transaction_count, _ADDRESS, _BLOCK, runs=Runs.ON_LOOP),
    method("eth_getCode", get_code, _ADDRESS, _BLOCK),
    method("eth_getStorageAt", get_storage_at, _ADDRESS, required("slot", read_slot), _BLOCK),
    method("eth_getProof", get_proof, _ADDRESS, required("slots", read_slots), _BLOCK),
)
