"""
py-evm's interpreter as this chain runs it: opcodes, precompiles and computations of each fork, and what is mended.

Where the interpreter is wrong or slow it is mended here:

* the outermost message is the one of depth 0; py-evm takes every message whose sender is the origin for it, which since
  EIP-7702 can be an inner one, and then charges init code twice;
* checkpoints and transient storage go straight to FlatAccounts;
* which positions of a code are jump destinations is found out once, not again in each call;
* SELFDESTRUCT is deprecated, but warning about it is not the chain's business;
* of precompiles those in `precompiles` take the place of py-evm's.

One computation serves all forks, with the fork as a parameter; py-evm makes each fork a child of the one before.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import ClassVar, cast

from eth import constants
from eth.abc import (
    AccountDatabaseAPI,
    ComputationAPI,
    MessageAPI,
    OpcodeAPI,
    StateAPI,
    TransactionContextAPI,
)
from eth.exceptions import InsufficientFunds, StackDepthLimit, VMError
from eth.vm import mnemonics, opcode_values
from eth.vm.code_stream import CodeStream
from eth.vm.computation import BaseComputation
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.berlin.computation import BerlinComputation
from eth.vm.forks.byzantium.opcodes import ensure_no_static
from eth.vm.forks.cancun.computation import CancunComputation
from eth.vm.forks.cancun.logic import selfdestruct_eip6780
from eth.vm.forks.istanbul.computation import IstanbulComputation
from eth.vm.forks.london.computation import LondonComputation
from eth.vm.forks.paris.computation import ParisComputation
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.state import PragueState
from eth.vm.forks.shanghai.computation import ShanghaiComputation
from eth.vm.forks.tangerine_whistle.constants import GAS_SELFDESTRUCT_EIP150
from eth.vm.opcode import as_opcode

from l1_bridge.kzg import load_setup

from . import precompiles
from .environment import BlockEnvironment, Fork
from .flat_accounts import FlatAccounts
from .opcodes import PAID_LOADS_BERLIN, PAID_LOADS_PRAGUE

Precompile = Callable[[ComputationAPI], object]

KNOWN_CODES = 32
"""Codes whose jump destinations are kept; a code of the largest size takes up to 3 MB."""

_PY_EVM: dict[Fork, type[BaseComputation]] = {
    Fork.ISTANBUL: IstanbulComputation,
    Fork.BERLIN: BerlinComputation,
    Fork.LONDON: LondonComputation,
    Fork.PARIS: ParisComputation,
    Fork.SHANGHAI: ShanghaiComputation,
    Fork.CANCUN: CancunComputation,
    Fork.PRAGUE: PragueComputation,
}
"""Where py-evm keeps the opcodes and precompiles of a fork."""


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


def _run_point_evaluation(data: bytes) -> bytes | None:
    return precompiles.run_point_evaluation(data, precompiles.verify_kzg_proof_with_setup(load_setup))


_MENDED: dict[bytes, Precompile] = {
    precompiles.POINT_EVALUATION: _simple_precompile(lambda _: precompiles.POINT_EVALUATION_GAS, _run_point_evaluation),
    **{address: _simple_precompile(pure.gas, pure.run) for address, pure in precompiles.PURE_PRECOMPILES.items()},
}


def _precompiles(fork: Fork, is_optimism: bool) -> dict[bytes, Precompile]:
    """By address, those of `fork`, and on top of it those of OP chains."""
    theirs = cast("dict[bytes, Precompile]", _PY_EVM[fork].get_precompiles())  # py-evm wants its NewType
    table = {address: _MENDED.get(address, precompile) for address, precompile in theirs.items()}
    if not fork.includes(Fork.BERLIN):
        table[precompiles.MODEXP] = _simple_precompile(precompiles.modexp_gas_before_berlin, precompiles.run_modexp)
    if is_optimism:
        for address, limit in precompiles.OPTIMISM_INPUT_LIMITS.items():
            table[address] = _limited_precompile(limit, table[address])
        table[precompiles.P256_VERIFY] = _simple_precompile(
            lambda _: precompiles.P256_VERIFY_GAS, precompiles.run_p256_verify
        )
    return table


def _opcodes(fork: Fork) -> dict[int, OpcodeAPI]:
    """Those of `fork`, loading accounts late (`opcodes`); SELFDESTRUCT does what it did, but says nothing about it."""
    table = dict(_PY_EVM[fork].opcodes)
    if fork.includes(Fork.PRAGUE):
        table.update(PAID_LOADS_PRAGUE)
    elif fork.includes(Fork.BERLIN):
        table.update(PAID_LOADS_BERLIN)
    if fork.includes(Fork.CANCUN):
        table[opcode_values.SELFDESTRUCT] = as_opcode(
            logic_fn=ensure_no_static(selfdestruct_eip6780),
            mnemonic=mnemonics.SELFDESTRUCT,
            gas_cost=GAS_SELFDESTRUCT_EIP150,
        )
    elif fork.includes(Fork.SHANGHAI):
        table[opcode_values.SELFDESTRUCT] = ParisComputation.opcodes[opcode_values.SELFDESTRUCT]
    return table


@lru_cache(maxsize=KNOWN_CODES)
def _known_jumps(code: bytes) -> tuple[set[int], set[int]]:
    """Positions of `code` found to be instructions, and found to be data; the interpreter adds to them as it jumps."""
    return set(), set()


class _Computation(PragueComputation):
    fork: ClassVar[Fork]

    def __init__(self, state: StateAPI, message: MessageAPI, transaction_context: TransactionContextAPI) -> None:
        BaseComputation.__init__(self, state, message, transaction_context)  # the fee recipient is warm already, or not
        stream = cast(CodeStream, self.code)  # what the interpreter makes
        stream.valid_positions, stream.invalid_positions = _known_jumps(message.code)

    @property
    def is_origin_computation(self) -> bool:
        return self.msg.depth == 0

    @classmethod
    def consume_initcode_gas_cost(cls, computation: ComputationAPI) -> None:
        """Nothing: the outermost init code is part of the intrinsic gas."""

    @classmethod
    def validate_create_message(cls, message: MessageAPI) -> None:
        """Refuse init code that is too long, since Shanghai (EIP-3860)."""
        if cls.fork.includes(Fork.SHANGHAI):
            super().validate_create_message(message)

    @classmethod
    def validate_contract_code(cls, contract_code: bytes) -> None:
        """Refuse code that is too long, and since London code that begins with 0xEF (EIP-170, EIP-3541)."""
        rules = LondonComputation if cls.fork.includes(Fork.LONDON) else IstanbulComputation
        rules.validate_contract_code(contract_code)

    @classmethod
    def apply_message(
        cls,
        state: StateAPI,
        message: MessageAPI,
        transaction_context: TransactionContextAPI,
        parent_computation: ComputationAPI | None = None,
    ) -> ComputationAPI:
        accounts = cast(InterpreterState, state).accounts
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


class InterpreterState(PragueState):
    """What the interpreter sees of state and block, in the shape that it wants."""

    def __init__(self, accounts: FlatAccounts, context: ExecutionContext, environment: BlockEnvironment) -> None:
        self.execution_context = context
        self.recent_hashes = environment.recent_hashes
        self.block_environment = environment
        self.accounts = accounts
        # The same methods by the same names; not the base class, since flat accounts have no root and no database.
        self._account_db = cast(AccountDatabaseAPI, accounts)

    def delta_balance(self, address: bytes, delta: int) -> None:
        """Add wei, or take them."""
        self.accounts.add_balance(address, delta)

    def get_transient_storage(self, address: bytes, slot: int) -> bytes:
        """A transient slot's value, without leading zeros."""
        return self.accounts.get_transient_storage(address, slot)

    def set_transient_storage(self, address: bytes, slot: int, value: bytes) -> None:
        """Set a transient slot's value."""
        self.accounts.set_transient_storage(address, slot, value)

    @property
    def blob_base_fee(self) -> int:
        """Wei for a unit of blob gas."""
        return self.block_environment.blob_base_fee

    def snapshot(self) -> int:  # type: ignore[override]  # opaque to the interpreter
        """A checkpoint of the accounts."""
        return self.accounts.record()

    def revert(self, snapshot: int) -> None:  # type: ignore[override]
        """Take back everything since the checkpoint."""
        self.accounts.discard(snapshot)

    def commit(self, snapshot: int) -> None:  # type: ignore[override]
        """Nothing: what is not taken back stands."""

    def get_ancestor_hash(self, block_number: int) -> bytes:  # type: ignore[override]
        """Hash of one of the last 256 ancestors, b"" (zero) of any other block."""
        depth = self.block_number - block_number - 1
        return self.recent_hashes[depth] if 0 <= depth < len(self.recent_hashes) else b""


@cache
def state_class(fork: Fork, is_optimism: bool) -> type[InterpreterState]:
    """State and, as its `computation_class`, the computation with the tables of one rule set."""
    tables = {"fork": fork, "opcodes": _opcodes(fork), "_precompiles": _precompiles(fork, is_optimism)}
    computation_class = type(f"{fork.value.title()}Computation", (_Computation,), tables)
    return type(f"{fork.value.title()}State", (InterpreterState,), {"computation_class": computation_class})
