"""
What a user transaction pays besides L2 gas (specs, fjord/exec-engine.md and isthmus/exec-engine.md).

    L1 fee        what posting the transaction costs, estimated from its FastLZ size and the L1 origin's fees
    operator fee  scalar and constant of the system config, charged on the gas limit, settled on the gas used

The parameters stand in the storage of the `L1Block` predeploy, where each block's first transaction puts them: so they
are read after the block's deposits and hold for all of its user transactions. Plain Ethereum has none of this.
"""

from dataclasses import dataclass

from sequencer.native import extension
from sequencer.primitives.predeploys import L1_BLOCK
from sequencer.state.reader import StateReader

L1_BASE_FEE_SLOT, SCALARS_SLOT, BLOB_BASE_FEE_SLOT, OPERATOR_FEE_SLOT = 1, 3, 7, 8
"""Slots of `L1Block`; the scalars lie in slot 3 (blob at byte 8, base at byte 12 from the right)."""

MINIMUM_SIZE_SCALED = 100_000_000
"""No transaction is estimated to take less than 100 bytes of a batch; in millionths of a byte."""

INTERCEPT_SCALED = -42_585_600
COEFFICIENT_SCALED = 836_500
"""The linear regression from FastLZ size to size in a batch, in millionths of a byte (specs, Fjord)."""

FEE_DIVISOR = 10**12
"""The size is in millionths, and so are the scalars."""

OPERATOR_SCALAR_DIVISOR = 10**6

_UINT32, _UINT64 = 2**32 - 1, 2**64 - 1


@dataclass(frozen=True, slots=True)
class FeeParameters:
    """Fee parameters of one block: base fees and operator constant in wei, scalars as in the system config."""

    l1_base_fee: int
    l1_blob_base_fee: int
    base_fee_scalar: int
    blob_base_fee_scalar: int
    operator_fee_scalar: int
    operator_fee_constant: int

    def l1_fee(self, raw: bytes) -> int:
        """Wei for posting a transaction with the signed encoding `raw`."""
        weighted_price = (
            16 * self.base_fee_scalar * self.l1_base_fee + self.blob_base_fee_scalar * self.l1_blob_base_fee
        )
        return estimate_size_scaled(raw) * weighted_price // FEE_DIVISOR

    def operator_fee(self, gas: int) -> int:
        """Wei that the operator takes for `gas`."""
        return gas * self.operator_fee_scalar // OPERATOR_SCALAR_DIVISOR + self.operator_fee_constant

    def extra_fees(self, raw: bytes, gas_limit: int) -> int:
        """Wei that a transaction may owe besides its gas at the fee cap."""
        return self.l1_fee(raw) + self.operator_fee(gas_limit)


def read_fee_parameters(state: StateReader) -> FeeParameters:
    """The parameters that `state` holds, read as op-geth does: straight from storage."""
    scalars = state.storage(L1_BLOCK, SCALARS_SLOT)
    operator = state.storage(L1_BLOCK, OPERATOR_FEE_SLOT)
    return FeeParameters(
        l1_base_fee=state.storage(L1_BLOCK, L1_BASE_FEE_SLOT),
        l1_blob_base_fee=state.storage(L1_BLOCK, BLOB_BASE_FEE_SLOT),
        base_fee_scalar=scalars >> 96 & _UINT32,
        blob_base_fee_scalar=scalars >> 64 & _UINT32,
        operator_fee_scalar=operator >> 64 & _UINT32,
        operator_fee_constant=operator & _UINT64,
    )


def estimate_size_scaled(raw: bytes) -> int:
    """Estimated bytes that a transaction takes in a batch, in millionths; `l1GasUsed` is 16 gas for each byte."""
    if extension is not None:
        size: int = extension.estimate_size_scaled(raw)
        return size
    return max(MINIMUM_SIZE_SCALED, INTERCEPT_SCALED + COEFFICIENT_SCALED * compute_fastlz_size(raw))


MAX_LITERAL_RUN = 32
"""FastLZ writes literals in runs, each led by one byte."""

MAX_MATCH = 262
"""Longest match that one instruction can name."""

MAX_MATCH_DISTANCE = 8191
"""How far back a match may begin."""

_BUCKET_FACTOR, _BUCKET_MASK = 2_654_435_769, 8_191
"""The reference's hash of three bytes: where two collide it forgets the first, so sizes depend on it."""

TAIL_BYTES = 13
"""No match begins in the last bytes."""


def compute_fastlz_size(data: bytes) -> int:
    """Length of `data` after FastLZ (level 1) compression: consensus counts the bytes, nobody needs them."""
    limit = len(data) - TAIL_BYTES
    sequences = [a | b << 8 | c << 16 for a, b, c in zip(data, data[1:], data[2:], strict=False)]
    last_seen: dict[int, int] = {}
    size, written, position = 0, 0, 2
    while position < limit:
        sequence = sequences[position]
        bucket = _BUCKET_FACTOR * sequence >> 19 & _BUCKET_MASK
        candidate = last_seen.get(bucket, 0)
        last_seen[bucket] = position
        if sequences[candidate] != sequence or position - candidate > MAX_MATCH_DISTANCE:
            position += 1
            continue
        if position + 1 >= limit:
            break
        length = _match_length(data, candidate + 3, position + 3, limit + 9)
        size += _literals_size(position - written) + _match_size(length)
        position += length
        for _ in range(2):
            last_seen[_BUCKET_FACTOR * sequences[position] >> 19 & _BUCKET_MASK] = position
            position += 1
        written = position
    return size + _literals_size(len(data) - written)


def _match_length(data: bytes, earlier: int, later: int, end: int) -> int:
    """Equal bytes from both places on, and the first unequal one, as the reference counts them."""
    for length in range(end - later):
        if data[earlier + length] != data[later + length]:
            return length + 1
    return max(end - later, 0)


def _literals_size(count: int) -> int:
    runs, rest = divmod(count, MAX_LITERAL_RUN)
    return runs * (MAX_LITERAL_RUN + 1) + (rest + 1 if rest else 0)


def _match_size(length: int) -> int:
    longest, rest = divmod(length - 1, MAX_MATCH)
    return 3 * longest + (3 if rest >= 6 else 2)
