"""A one-block world for tests of the engine: an OP or plain environment over a state in memory."""

from collections.abc import Mapping
from dataclasses import replace

from sequencer.execution.environment import BlockEnvironment, Rules
from sequencer.execution.serial import SerialOpenBlock
from sequencer.primitives.genesis import GenesisAccount
from sequencer.primitives.l1_info import L1BlockInfo
from sequencer.primitives.predeploys import L1_BLOCK, SEQUENCER_FEE_VAULT
from tests.factories import CHAIN_ID, ETHER, GWEI, address
from tests.fakes.memory_state import MemoryState, memory_state

L1_INFO = L1BlockInfo(
    number=7,
    timestamp=1_799_999_990,
    base_fee=30 * GWEI,
    blob_base_fee=2,
    hash=bytes(31) + b"\x77",
    sequence_number=0,
    batcher_address=address(20),
    base_fee_scalar=1_368,
    blob_base_fee_scalar=810_949,
    operator_fee_scalar=500_000,
    operator_fee_constant=12_345,
)

L1_BLOCK_STORAGE = {
    1: L1_INFO.base_fee,
    3: L1_INFO.base_fee_scalar << 96 | L1_INFO.blob_base_fee_scalar << 64,
    7: L1_INFO.blob_base_fee,
    8: L1_INFO.operator_fee_scalar << 64 | L1_INFO.operator_fee_constant,
}

L1_BLOCK_ALLOC = {L1_BLOCK: GenesisAccount(nonce=1, storage=L1_BLOCK_STORAGE)}

CONTRACT = bytes(18) + b"\xc0\xde"

FUNDED = {address(index): GenesisAccount(balance=100 * ETHER) for index in range(3)}


def make_environment(is_optimism: bool = True, **changed: object) -> BlockEnvironment:
    """Block 5 with a base fee of one gwei; `changed` fields replace the defaults."""
    environment = BlockEnvironment(
        rules=Rules(chain_id=CHAIN_ID, is_optimism=is_optimism),
        number=5,
        timestamp=1_800_000_000,
        gas_limit=30_000_000,
        base_fee_per_gas=GWEI,
        fee_recipient=SEQUENCER_FEE_VAULT,
        prev_randao=bytes(range(32)),
        parent_beacon_block_root=bytes(31) + b"\x07",
        parent_hash=bytes(31) + b"\x04",
        extra_data=bytes.fromhex("000000003200000006"),
        recent_hashes=tuple(bytes(31) + bytes([number]) for number in (4, 3, 2, 1, 0)),
    )
    return replace(environment, **changed)  # type: ignore[arg-type]  # the test names the fields


def make_state(alloc: Mapping[bytes, GenesisAccount] | None = None) -> MemoryState:
    """Three funded accounts, the L1 parameters, and what the test adds."""
    return memory_state({**FUNDED, **L1_BLOCK_ALLOC, **(alloc or {})})


def open_block(
    alloc: Mapping[bytes, GenesisAccount] | None = None, environment: BlockEnvironment | None = None
) -> SerialOpenBlock:
    """An open block over `make_state(alloc)`."""
    return SerialOpenBlock(environment or make_environment(), make_state(alloc))


def contract(code: str, balance: int = 0, storage: Mapping[int, int] | None = None) -> dict[bytes, GenesisAccount]:
    """`CONTRACT` with this code in hex."""
    return {CONTRACT: GenesisAccount(balance=balance, nonce=1, code=bytes.fromhex(code), storage=storage)}
