"""
Opcodes that load an account only when their gas is paid: py-evm's CALL, CALLCODE and EXTCODECOPY load it before.

Gas and results are the same either way. But an account that was loaded counts as read (docs/spec/execution.md), and
what was read must not depend on the engine: EIP-7928 lets an instruction look at an account once the access, the
memory and the transfer of value are paid for.
"""

from typing import cast

from eth import constants
from eth._utils.address import force_bytes_to_address
from eth.abc import ComputationAPI, OpcodeAPI
from eth.vm import mnemonics, opcode_values
from eth.vm.forks.berlin.logic import CallCodeEIP2929, CallEIP2929, _consume_gas_for_account_load
from eth.vm.forks.prague.logic import CallCodeEIP7702, CallEIP7702
from eth.vm.logic.call import BaseCall, CallParams
from eth.vm.logic.context import consume_extcodecopy_word_cost
from eth.vm.opcode import as_opcode


class _TransferIsPaidFirst(BaseCall):
    """The transfer of value is charged as soon as the value is known."""

    def get_call_params(self, computation: ComputationAPI) -> CallParams:
        """The operands, with the transfer paid."""
        parameters = super().get_call_params(computation)  # type: ignore[safe-super]  # the next class has it
        if parameters[1]:
            computation.consume_gas(constants.GAS_CALLVALUE, reason=self.mnemonic)
        return parameters

    def compute_msg_extra_gas(self, computation: ComputationAPI, gas: int, to: bytes, value: int) -> int:
        """What is still to be paid besides the message's own gas."""
        extra_gas = super().compute_msg_extra_gas(computation, gas, to, value)  # type: ignore[safe-super, arg-type]
        return extra_gas - (constants.GAS_CALLVALUE if value else 0)


class _Call2929(_TransferIsPaidFirst, CallEIP2929):
    pass


class _CallCode2929(_TransferIsPaidFirst, CallCodeEIP2929):
    pass


class _Call7702(_TransferIsPaidFirst, CallEIP7702):
    pass


class _CallCode7702(_TransferIsPaidFirst, CallCodeEIP7702):
    pass


def _extcodecopy(computation: ComputationAPI) -> None:
    address = force_bytes_to_address(computation.stack_pop1_bytes())
    memory_start, code_start, size = computation.stack_pop_ints(3)
    computation.extend_memory(memory_start, size)
    consume_extcodecopy_word_cost(computation, size)
    _consume_gas_for_account_load(computation, address, mnemonics.EXTCODECOPY)
    part = computation.state.get_code(address)[code_start : code_start + size]
    computation.memory_write(memory_start, size, part.ljust(size, b"\0"))


def _call(logic: type[BaseCall], mnemonic: str) -> OpcodeAPI:
    made = logic.configure(__name__=f"opcode:{mnemonic}", mnemonic=mnemonic, gas_cost=constants.GAS_NULL)
    return cast(OpcodeAPI, made())


_EXTCODECOPY = as_opcode(logic_fn=_extcodecopy, mnemonic=mnemonics.EXTCODECOPY, gas_cost=constants.GAS_NULL)

PAID_LOADS_BERLIN: dict[int, OpcodeAPI] = {
    opcode_values.EXTCODECOPY: _EXTCODECOPY,
    opcode_values.CALL: _call(_Call2929, mnemonics.CALL),
    opcode_values.CALLCODE: _call(_CallCode2929, mnemonics.CALLCODE),
}
"""From Berlin on, where access has its price (EIP-2929)."""

PAID_LOADS_PRAGUE: dict[int, OpcodeAPI] = {
    opcode_values.EXTCODECOPY: _EXTCODECOPY,
    opcode_values.CALL: _call(_Call7702, mnemonics.CALL),
    opcode_values.CALLCODE: _call(_CallCode7702, mnemonics.CALLCODE),
}
"""From Prague on, where code may delegate (EIP-7702)."""
