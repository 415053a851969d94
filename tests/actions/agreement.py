"""What both chains of a story agree on: genesis with the real contracts, rollup config, L1's parameters."""

from dataclasses import dataclass

from l1_bridge.l1_chain_config import L1ChainConfig, prague_l1_chain
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.types import BlockId
from sequencer.node.new_chain import ChainPlan, Roles, make_l2_genesis, make_rollup_config
from sequencer.primitives.genesis import Genesis
from sequencer.state.genesis_state import compute_genesis_header
from tests.factories import CHAIN_ID, ETHER, address
from tests.fakes.l1 import L1_CHAIN_ID, FakeL1

BLOCK_TIME = 2
"""Seconds an L2 block."""

L1_BLOCK_TIME = 6

WINDOW = 10
"""L1 blocks within which a batch must be there."""

OWNER, BATCHER, PROPOSER, OTHER_BATCHER = 20, 21, 22, 23
"""Accounts of the mnemonic."""

BATCH_INBOX = b"\xff" * 20
PORTAL = b"\xde" * 20
SYSTEM_CONFIG = b"\x5c" * 20
ORACLE = b"\x0c" * 20

ROLES = Roles(owner=address(OWNER), batcher=address(BATCHER), proposer=address(PROPOSER), challenger=address(OWNER))


@dataclass(frozen=True, slots=True)
class Agreement:
    """Everything that a node is given besides its own directory."""

    genesis: Genesis
    rollup: RollupConfig
    l1_config: L1ChainConfig


def agree(l1: FakeL1) -> Agreement:
    """A new rollup that begins at block 0 of `l1`, with ten funded accounts."""
    anchor = l1.header(0)
    plan = ChainPlan(
        l1_chain_id=L1_CHAIN_ID,
        l2_chain_id=CHAIN_ID,
        roles=ROLES,
        block_time=BLOCK_TIME,
        sequencing_window=WINDOW,
        funded={address(index): 1000 * ETHER for index in range(10)},
    )
    genesis = make_l2_genesis(plan, anchor.timestamp)
    block_hash = compute_genesis_header(genesis).compute_hash()
    addresses = {"BatchInbox": BATCH_INBOX, "OptimismPortal": PORTAL, "SystemConfig": SYSTEM_CONFIG}
    rollup = make_rollup_config(plan, anchor.id, BlockId(0, block_hash), anchor.timestamp, addresses)
    return Agreement(genesis, rollup, prague_l1_chain(L1_CHAIN_ID))
