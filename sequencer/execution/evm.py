"""
The EVM itself: the only door to py-evm.

Of py-evm the interpreter alone is used: opcodes, computations, precompiles. Its blocks, headers, transactions and tries
are not; what happens around a message (fees, nonces, refunds) is in `transaction_execution`. Where the interpreter is
wrong or slow it is mended here:

* the outermost message is the one of depth 0; py-evm takes every message whose sender is the origin for it, which since
  EIP-7702 can be an inner one, and then charges init code twice;
* checkpoints and transient storage go straight to FlatAccounts;
* which positions of a code are jump destinations is found out once, not again in each call;
* SELFDESTRUCT is deprecated, but warning about it is not the chain's business.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import cast

import eth._utils
from ckzg import load_trusted_setup
from eth import constants
from eth.abc import AccountDatabaseAPI, ComputationAPI, MessageAPI, StateAPI, TransactionContextAPI
from eth.exceptions import (
    ContractCreationCollision,
    FullStack,
    InsufficientFunds,
    InsufficientStack,
    InvalidInstruction,
    InvalidJumpDestination,
    OutOfBoundsRead,
    OutOfGas,
    ReservedBytesInCode,
    Revert,
    StackDepthLimit,
    VMError,
    WriteProtection,
)
from eth.vm import mnemonics, opcode_values
from eth.vm.code_stream import CodeStream
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.byzantium.opcodes import ensure_no_static
from eth.vm.forks.cancun.logic import selfdestruct_eip6780
from eth.vm.forks.cancun.transaction_context import CancunTransactionContext
from eth.vm.forks.prague.computation import PRAGUE_PRECOMPILES, PragueComputation
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from eth.vm.forks.prague.state import PragueState
from eth.vm.forks.tangerine_whistle.constants import GAS_SELFDESTRUCT_EIP150
from eth.vm.message import Message
from eth.vm.opcode import as_opcode

from sequencer.primitives.receipt import Log

from . import precompiles
from .environment import BlockEnvironment
from .flat_accounts import FlatAccounts
from .opcodes import PAID_LOADS_PRAGUE
from .validation import delegation_target

Precompile = Callable[[ComputationAPI], object]

KNOWN_CODES = 32
"""Codes whose jump destinations are kept; a code of the largest size takes up to 3 MB."""

_ERROR_NAMES: dict[type[VMError], str] = {
    Revert: "execution reverted",
    OutOfGas: "out of gas",
    InsufficientStack: "stack underflow",
    FullStack: "stack limit reached 1024",
    InvalidJumpDestination: "invalid jump destination",
    InvalidInstruction: "invalid opcode",
    InsufficientFunds: "insufficient balance for transfer",
    StackDepthLimit: "max call depth exceeded",
    ContractCreationCollision: "contract address collision",
    WriteProtection: "write protection",
    OutOfBoundsRead: "return data out of bounds",
    ReservedBytesInCode: "invalid code: must not begin with 0xef",
}
"""What users are told; the names are the ones that go-ethereum gives."""


@dataclass(frozen=True, slots=True)
class EvmMessage:
    """The outermost message of a transaction; `to` None creates a contract at `created`. Value and price in wei."""

    sender: bytes
    to: bytes | None
    value: int
    data: bytes
    gas: int
    gas_price: int
    created: bytes | None = None


@dataclass(frozen=True, slots=True)
class EvmResult:
    """How a message ended; `error` is None on success. `refund` counts gas from cleared storage, not yet capped."""

    gas_left: int
    refund: int
    output: bytes
    error: str | None
    logs: tuple[Log, ...]
    destroyed: tuple[bytes, ...]


class Evm:
    """The interpreter for the transactions of one block."""

    def __init__(self, environment: BlockEnvironment) -> None:
        self.environment = environment
        self._state_class = _OptimismState if environment.rules.is_optimism else _EthereumState
        self._context = _make_context(environment)

    @property
    def precompiles(self) -> frozenset[bytes]:
        """Addresses that run without having code."""
        return frozenset(self._state_class.computation_class.get_precompiles())

    def run(self, accounts: FlatAccounts, message: EvmMessage) -> EvmResult:
        """
        Run one message over `accounts`: value moves, code runs, failure takes back all of it.

        The caller has warmed addresses, charged gas and moved the nonce; the value is covered.
        """
        state = self._state_class(accounts, self._context, self.environment.recent_hashes)
        transaction = CancunTransactionContext(
            gas_price=message.gas_price,
            origin=message.sender,  # type: ignore[arg-type]  # py-evm wants its NewType
        )
        computation_class = state.computation_class
        inner = _make_message(accounts, message)
        if message.created is None:
            computation = computation_class.apply_message(state, inner, transaction)
        elif accounts.account_has_code_or_nonce(message.created):
            return EvmResult(0, 0, b"", _ERROR_NAMES[ContractCreationCollision], (), ())
        else:
            computation = computation_class.apply_create_message(state, inner, transaction)
        return _make_result(computation)


def _make_context(environment: BlockEnvironment) -> ExecutionContext:
    return ExecutionContext(
        coinbase=environment.fee_recipient,  # type: ignore[arg-type]  # py-evm wants its NewTypes
        timestamp=environment.timestamp,
        block_number=environment.number,  # type: ignore[arg-type]
        difficulty=0,
        mix_hash=environment.prev_randao,  # type: ignore[arg-type]
        gas_limit=environment.gas_limit,
        prev_hashes=environment.recent_hashes,  # type: ignore[arg-type]
        chain_id=environment.rules.chain_id,
        base_fee_per_gas=environment.base_fee_per_gas,
        excess_blob_gas=0,
    )


def _make_message(accounts: FlatAccounts, message: EvmMessage) -> Message:
    if message.to is None:
        to, data, code, is_delegation = constants.CREATE_CONTRACT_ADDRESS, b"", message.data, False
    else:
        to, data, code = message.to, message.data, accounts.get_code(message.to)  # type: ignore[assignment]
        target = delegation_target(code)
        is_delegation = target is not None
        if target is not None:
            accounts.mark_address_warm(target)
            code = accounts.get_code(target)
    return Message(
        gas=message.gas,
        to=to,
        sender=message.sender,  # type: ignore[arg-type]  # py-evm wants its NewTypes
        value=message.value,
        data=data,
        code=code,
        create_address=message.created,  # type: ignore[arg-type]
        is_delegation=is_delegation,
    )


def _make_result(computation: ComputationAPI) -> EvmResult:
    error = None
    if computation.is_error:
        error = _ERROR_NAMES.get(type(computation.error), "execution failed")
    logs = tuple(
        Log(address, tuple(topic.to_bytes(32, "big") for topic in topics), data)
        for _, address, topics, data in computation.get_raw_log_entries()
    )
    return EvmResult(
        gas_left=computation.get_gas_remaining(),
        refund=computation.get_gas_refund(),
        output=bytes(computation.output),
        error=error,
        logs=logs,
        destroyed=tuple(sorted(computation.get_accounts_for_deletion())),
    )


def _simple_precompile(
    gas: Callable[[bytes], int], run: Callable[[bytes], bytes | None]
) -> Callable[[ComputationAPI], None]:
    """A pure precompile in py-evm's form; None from `run` fails the call."""

    def call(computation: ComputationAPI) -> None:
        data = computation.msg.data_as_bytes
        computation.consume_gas(gas(data), reason="precompile")
        output = run(data)
        if output is None:
            raise VMError("precompile refused its input")
        computation.output = output

    return call


def _limited_precompile(limit: int, run: Precompile) -> Callable[[ComputationAPI], None]:
    """`run`, failing the call when its input is above `limit` bytes."""

    def call(computation: ComputationAPI) -> None:
        if len(computation.msg.data) > limit:
            raise VMError("precompile input is too long")
        run(computation)

    return call


@cache
def _trusted_setup() -> object:
    path = Path(eth._utils.__file__).with_name("kzg_trusted_setup.txt")
    return load_trusted_setup(str(path), 0)


def _run_point_evaluation(data: bytes) -> bytes | None:
    return precompiles.run_point_evaluation(data, precompiles.verify_kzg_proof_with_setup(_trusted_setup))


_ETHEREUM_PRECOMPILES: dict[bytes, Precompile] = {
    **cast("dict[bytes, Precompile]", PRAGUE_PRECOMPILES),  # py-evm leaves the mapping untyped
    precompiles.POINT_EVALUATION: _simple_precompile(lambda _: precompiles.POINT_EVALUATION_GAS, _run_point_evaluation),
    **{address: _simple_precompile(pure.gas, pure.run) for address, pure in precompiles.PURE_PRECOMPILES.items()},
}

_OPTIMISM_PRECOMPILES: dict[bytes, Precompile] = {
    **_ETHEREUM_PRECOMPILES,
    **{
        address: _limited_precompile(limit, _ETHEREUM_PRECOMPILES[address])
        for address, limit in precompiles.OPTIMISM_INPUT_LIMITS.items()
    },
    precompiles.P256_VERIFY: _simple_precompile(lambda _: precompiles.P256_VERIFY_GAS, precompiles.run_p256_verify),
}

_OPCODES = {
    **PRAGUE_OPCODES,
    **PAID_LOADS_PRAGUE,
    opcode_values.SELFDESTRUCT: as_opcode(
        logic_fn=ensure_no_static(selfdestruct_eip6780),
        mnemonic=mnemonics.SELFDESTRUCT,
        gas_cost=GAS_SELFDESTRUCT_EIP150,
    ),
}


@lru_cache(maxsize=KNOWN_CODES)
def _known_jumps(code: bytes) -> tuple[set[int], set[int]]:
    """Positions of `code` found to be instructions, and found to be data; the interpreter adds to them as it jumps."""
    return set(), set()


class _EthereumComputation(PragueComputation):
    opcodes = _OPCODES
    _precompiles = _ETHEREUM_PRECOMPILES

    def __init__(self, state: StateAPI, message: MessageAPI, transaction_context: TransactionContextAPI) -> None:
        super().__init__(state, message, transaction_context)
        stream = cast(CodeStream, self.code)  # what the interpreter makes
        stream.valid_positions, stream.invalid_positions = _known_jumps(message.code)

    @property
    def is_origin_computation(self) -> bool:
        return self.msg.depth == 0

    @classmethod
    def consume_initcode_gas_cost(cls, computation: ComputationAPI) -> None:
        """Nothing: the outermost init code is part of the intrinsic gas."""

    @classmethod
    def apply_message(
        cls,
        state: StateAPI,
        message: MessageAPI,
        transaction_context: TransactionContextAPI,
        parent_computation: ComputationAPI | None = None,
    ) -> ComputationAPI:
        accounts = cast(_EthereumState, state).accounts
        checkpoint = accounts.record()
        if message.depth > constants.STACK_DEPTH_LIMIT:
            raise StackDepthLimit("call is too deep")
        if message.should_transfer_value and message.value:
            if not accounts.require_balance(message.sender, message.value):
                raise InsufficientFunds("value is not covered")
            accounts.add_balance(message.sender, -message.value)
            accounts.add_balance(message.storage_address, message.value)
        accounts.touch_account(message.storage_address)
        computation = cls.apply_computation(state, message, transaction_context, parent_computation)
        if computation.is_error:
            accounts.discard(checkpoint)
        return computation


class _OptimismComputation(_EthereumComputation):
    _precompiles = _OPTIMISM_PRECOMPILES


class _EthereumState(PragueState):
    computation_class = _EthereumComputation

    def __init__(self, accounts: FlatAccounts, context: ExecutionContext, recent_hashes: tuple[bytes, ...]) -> None:
        self.execution_context = context
        self.recent_hashes = recent_hashes
        self.accounts = accounts
        # The same methods by the same names; not the base class, since flat accounts have no root and no database.
        self._account_db = cast(AccountDatabaseAPI, accounts)

    def delta_balance(self, address: bytes, delta: int) -> None:
        self.accounts.add_balance(address, delta)

    def get_transient_storage(self, address: bytes, slot: int) -> bytes:
        return self.accounts.get_transient_storage(address, slot)

    def set_transient_storage(self, address: bytes, slot: int, value: bytes) -> None:
        self.accounts.set_transient_storage(address, slot, value)

    def snapshot(self) -> int:  # type: ignore[override]  # opaque to the interpreter
        return self.accounts.record()

    def revert(self, snapshot: int) -> None:  # type: ignore[override]
        self.accounts.discard(snapshot)

    def commit(self, snapshot: int) -> None:  # type: ignore[override]
        """Nothing: what is not taken back stands."""

    def get_ancestor_hash(self, block_number: int) -> bytes:  # type: ignore[override]
        """Hash of one of the last 256 ancestors, b"" (zero) of any other block."""
        depth = self.block_number - block_number - 1
        return self.recent_hashes[depth] if 0 <= depth < len(self.recent_hashes) else b""


class _OptimismState(_EthereumState):
    computation_class = _OptimismComputation
