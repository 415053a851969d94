"""
Payload attributes: everything that decides a block but its parent's state (Engine API; specs, exec-engine.md).

Both sources of blocks end in these: sequencing chooses user transactions itself, derivation lists them all.
"""

from dataclasses import dataclass

from .deposit import DepositTransaction


@dataclass(frozen=True, slots=True)
class PayloadAttributes:
    """
    Inputs of one block. Seconds for time.

    `user_transactions` are raw bytes as the batch held them: undecodable ones make the payload invalid, they do not
    make the batch invalid. A sequencer leaves them empty and adds transactions by slices while the block is open.
    `extra_data` holds the EIP-1559 parameters that the *next* block's base fee follows.
    """

    timestamp: int
    prev_randao: bytes
    fee_recipient: bytes
    parent_beacon_block_root: bytes
    gas_limit: int
    extra_data: bytes
    deposits: tuple[DepositTransaction, ...]
    user_transactions: tuple[bytes, ...] = ()
