"""What a user transaction paid for its bytes on L1, as its receipt shows it (specs, fjord/exec-engine.md)."""

from dataclasses import dataclass

from sequencer.execution.fees import FeeParameters, estimate_size_scaled
from sequencer.primitives.l1_info import L1BlockInfo

L1_GAS_PER_BYTE = 16
"""Calldata gas of a byte that is not zero (EIP-2028)."""

SIZE_SCALE = 1_000_000
"""Sizes are estimated in millionths of a byte."""


@dataclass(frozen=True, slots=True)
class L1Costs:
    """Fee in wei; gas as the calldata of the compressed transaction would cost on L1."""

    l1_fee: int
    l1_gas_used: int
    info: L1BlockInfo


def compute_l1_costs(raw: bytes, info: L1BlockInfo) -> L1Costs:
    """Costs of the signed encoding `raw` in a block with those L1 attributes."""
    parameters = FeeParameters(
        l1_base_fee=info.base_fee,
        l1_blob_base_fee=info.blob_base_fee,
        base_fee_scalar=info.base_fee_scalar,
        blob_base_fee_scalar=info.blob_base_fee_scalar,
        operator_fee_scalar=info.operator_fee_scalar,
        operator_fee_constant=info.operator_fee_constant,
    )
    return L1Costs(
        l1_fee=parameters.l1_fee(raw),
        l1_gas_used=estimate_size_scaled(raw) * L1_GAS_PER_BYTE // SIZE_SCALE,
        info=info,
    )
