"""A block of a workload on the serial engine, over a state in memory."""

from bench.genesis_view import NoState, as_changes
from bench.scene import CHAIN_ID, GENESIS_TIME, GWEI
from bench.workloads import Workload
from sequencer.execution.environment import BlockEnvironment, Rules
from sequencer.execution.interface import OpenBlock
from sequencer.execution.serial import SerialEngine
from sequencer.primitives.genesis import Genesis
from sequencer.state.changes import ChangesOver

GENESIS = Genesis(CHAIN_ID, GENESIS_TIME, b"", 10**9, bytes(20), GWEI, {})
ENVIRONMENT = BlockEnvironment(
    rules=Rules(CHAIN_ID, is_optimism=False),
    number=1,
    timestamp=GENESIS_TIME + 2,
    gas_limit=10**9,
    base_fee_per_gas=GWEI,
    fee_recipient=b"\x11" * 20,
    prev_randao=bytes(32),
    parent_beacon_block_root=bytes(32),
    parent_hash=bytes(32),
    extra_data=b"",
    recent_hashes=(bytes(32),),
)


def open_serial(workload: Workload) -> OpenBlock:
    """The block after a genesis that holds what the workload needs."""
    state = ChangesOver(as_changes(workload.accounts), NoState())
    return SerialEngine().open_block(GENESIS.header(bytes(32)), ENVIRONMENT, state)
