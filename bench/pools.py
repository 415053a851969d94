"""
Pools that are ready to trade, as genesis accounts.

Price, ticks, positions and history of a pool come from running its own code once, in memory, with the serial engine's
interpreter: a pool's storage does not depend on where it stands, so the same storage serves everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from contracts import deployed_bytecode
from contracts.artifact import storage_layout
from contracts.calldata import encode_call
from contracts.keccak import keccak
from sequencer.execution.block_state import BlockState
from sequencer.execution.environment import BlockEnvironment, Rules
from sequencer.execution.evm import Evm
from sequencer.execution.transaction_execution import execute_deposit
from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.genesis import GenesisAccount
from sequencer.state.changes import ChangesOver

from .genesis_view import NoState, as_changes
from .tokens import TokenBook, balance_slot

FEE, SPACING, HISTORY_LENGTH = 3_000, 60, 8
"""Of every pool: 0.3 %, usable ticks 0.6 % apart, observations kept."""

UNIT_PRICE = 1 << 96
"""Square root of the first price, 1."""

POSITIONS = ((-60_000, 60_000, 10**21), (-6_000, 6_000, 10**21), (-600, 600, 2 * 10**21), (-60, 60, 4 * 10**21))
"""Ranges and liquidity; a swap of more than about 2.4e19 from the first price crosses a tick."""

SUPPLY = 10**30

_POOL, _ROUTER, _FIRST, _SECOND, _PROVIDER = (keccak(f"template {name}".encode())[12:] for name in "abcde")


@dataclass(frozen=True, slots=True)
class PoolTemplate:
    """Storage of a pool, and what it holds of either token."""

    storage: Mapping[int, int]
    held: tuple[int, int]

    def account(self, first: bytes, second: bytes) -> GenesisAccount:
        """A pool of these two tokens; `first` sorts before `second`."""
        assert first < second
        layout = storage_layout("Pool")
        storage = dict(self.storage)
        for label, token in (("token0", first), ("token1", second)):
            slot = layout[label]["slot"]
            storage[slot] = storage[slot] >> 160 << 160 | int.from_bytes(token, "big")
        return GenesisAccount(nonce=1, code=deployed_bytecode("Pool"), storage=storage)


@cache
def pool_template(timestamp: int) -> PoolTemplate:
    """A pool at price 1 with all POSITIONS, made at `timestamp`."""
    first, second = sorted((_FIRST, _SECOND))
    book = TokenBook({_PROVIDER: SUPPLY}, ((_PROVIDER, _ROUTER),))
    accounts = {
        _POOL: GenesisAccount(nonce=1, code=deployed_bytecode("Pool")),
        _ROUTER: GenesisAccount(nonce=1, code=deployed_bytecode("Router")),
        first: book.account(),
        second: book.account(),
        _PROVIDER: GenesisAccount(balance=10**18),
    }
    state = BlockState(ChangesOver(as_changes(accounts), NoState()))
    evm = Evm(_environment(timestamp))
    calls = [(_POOL, encode_call("Pool", "initialize", first, second, FEE, SPACING, UNIT_PRICE, HISTORY_LENGTH))]
    calls += [(_ROUTER, encode_call("Router", "addLiquidity", _POOL, *position)) for position in POSITIONS]
    for to, data in calls:
        deposit = DepositTransaction(bytes(32), _PROVIDER, to, 0, 0, 5_000_000, False, data)
        result = execute_deposit(evm, state, deposit)
        assert result.error is None, result.error
        state.apply(result.changes)
    held = (state.storage(first, balance_slot(_POOL)), state.storage(second, balance_slot(_POOL)))
    return PoolTemplate(state.changes().storage[_POOL], held)


def _environment(timestamp: int) -> BlockEnvironment:
    """A block with nothing special about it; without OP rules there are no L1 fees to read."""
    return BlockEnvironment(
        rules=Rules(chain_id=1, is_optimism=False),
        number=1,
        timestamp=timestamp,
        gas_limit=60_000_000,
        base_fee_per_gas=1,
        fee_recipient=bytes(20),
        prev_randao=bytes(32),
        parent_beacon_block_root=bytes(32),
        parent_hash=bytes(32),
        extra_data=b"",
        recent_hashes=(bytes(32),),
    )
