"""A small chain over the fake engine, for tests: a genesis, attributes and blocks, each valid by default."""

from collections.abc import Callable, Sequence
from pathlib import Path

from batcher.l2_source import L2BlockRef
from l1_bridge.rollup_config import Eip1559Constants, Fork, RollupConfig, RollupGenesis
from l1_bridge.system_config import SystemConfig
from l1_bridge.types import BlockId
from sequencer.chain.chain import Chain
from sequencer.chain.commit import CommitPoint, HeadCache, pass_by
from sequencer.execution.interface import Engine
from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.genesis import Genesis, GenesisAccount, OptimismParameters
from sequencer.primitives.header import encode_holocene_extra_data
from sequencer.primitives.l1_info import L1BlockInfo
from sequencer.primitives.predeploys import MESSAGE_PASSER, SEQUENCER_FEE_VAULT
from sequencer.primitives.transaction import Transaction
from sequencer.state.genesis_state import make_genesis_block
from sequencer.state.store import Store
from tests.factories import CHAIN_ID, ETHER, GWEI, address, make_transaction
from tests.fakes.fake_engine import FakeEngine

GENESIS_TIME = 1_700_000_000
EXTRA_DATA = encode_holocene_extra_data(250, 6)
L1_GENESIS = BlockId(4, b"\x04" * 32)


def make_genesis(*, is_optimism: bool = True, chain_id: int = CHAIN_ID, timestamp: int = GENESIS_TIME) -> Genesis:
    """Ten funded accounts and a message passer with one slot."""
    alloc = {address(index): GenesisAccount(balance=1000 * ETHER) for index in range(10)}
    alloc[MESSAGE_PASSER] = GenesisAccount(code=b"\x00", nonce=1, storage={7: 1})
    return Genesis(
        chain_id=chain_id,
        timestamp=timestamp,
        extra_data=EXTRA_DATA,
        gas_limit=30_000_000,
        fee_recipient=SEQUENCER_FEE_VAULT,
        base_fee_per_gas=GWEI,
        alloc=alloc,
        optimism=OptimismParameters(6, 50, 250) if is_optimism else None,
    )


def make_rollup(genesis_hash: bytes) -> RollupConfig:
    """The agreement over `make_genesis`."""
    return RollupConfig(
        genesis=RollupGenesis(
            l1=L1_GENESIS,
            l2=BlockId(0, genesis_hash),
            l2_time=GENESIS_TIME,
            system_config=SystemConfig(
                batcher_address=b"\xba" * 20,
                gas_limit=30_000_000,
                base_fee_scalar=1368,
                blob_base_fee_scalar=810949,
                overhead=bytes(32),
                scalar=b"\1" + bytes(31),
                eip1559_denominator=250,
                eip1559_elasticity=6,
                operator_fee_scalar=0,
                operator_fee_constant=0,
            ),
        ),
        block_time=2,
        max_sequencer_drift=600,
        seq_window_size=3600,
        channel_timeout=300,
        l1_chain_id=900,
        l2_chain_id=CHAIN_ID,
        batch_inbox_address=b"\xff" * 20,
        deposit_contract_address=b"\xde" * 20,
        l1_system_config_address=b"\x5c" * 20,
        eip1559=Eip1559Constants(6, 50, 250),
        fork_times={fork: 0 for fork in Fork if fork not in (Fork.BEDROCK, Fork.JOVIAN)},
    )


def genesis_hash(path: Path, genesis: Genesis) -> bytes:
    """Hash of block 0 of `genesis`, by way of a throw-away store in `path`."""
    store = Store.open(path, chain_id=genesis.chain_id)
    try:
        return make_genesis_block(genesis).block.hash
    finally:
        store.close()


def open_chain(
    path: Path,
    *,
    cache: Callable[[Store], HeadCache | None] = lambda store: None,
    at_point: Callable[[CommitPoint], None] = pass_by,
    engine: Engine | None = None,
    genesis: Genesis | None = None,
) -> Chain:
    """The chain in `path` (made when there is none); by default with the fake engine and `make_genesis`."""
    genesis = make_genesis() if genesis is None else genesis
    store = Store.open(path, chain_id=genesis.chain_id)
    rollup = make_rollup(make_genesis_block(genesis).block.hash)
    return Chain.open(store, genesis, rollup, engine or FakeEngine(), cache(store), at_point=at_point)


def make_attributes(
    parent: L2BlockRef,
    *,
    deposits: Sequence[DepositTransaction] = (),
    user_transactions: Sequence[bytes] = (),
    origin: BlockId | None = None,
    gas_limit: int = 30_000_000,
) -> PayloadAttributes:
    """Attributes of the block after `parent`, in its epoch unless another origin is given."""
    is_same_epoch = origin is None or origin == parent.l1_origin
    at = parent.l1_origin if origin is None else origin
    info = L1BlockInfo(
        number=at.number,
        timestamp=GENESIS_TIME,
        base_fee=GWEI,
        blob_base_fee=1,
        hash=at.hash,
        sequence_number=parent.sequence_number + 1 if is_same_epoch else 0,
        batcher_address=b"\xba" * 20,
        base_fee_scalar=1368,
        blob_base_fee_scalar=810949,
        operator_fee_scalar=0,
        operator_fee_constant=0,
    )
    return PayloadAttributes(
        timestamp=parent.timestamp + 2,
        prev_randao=bytes(32),
        fee_recipient=SEQUENCER_FEE_VAULT,
        parent_beacon_block_root=bytes(32),
        gas_limit=gas_limit,
        extra_data=EXTRA_DATA,
        deposits=(info.to_deposit(), *deposits),
        user_transactions=tuple(user_transactions),
    )


def transfer(chain: Chain, value: int = 1, to: bytes = b"\xb0" * 20, data: bytes = b"") -> Transaction:
    """A transfer by account 0 that can stand after the open block's transactions."""
    reader = chain.current.view() if chain.current is not None else chain.head_state()
    account = reader.account(address(0))
    return make_transaction(nonce=0 if account is None else account.nonce, value=value, to=to, data=data)


def build_block(chain: Chain, *slices: Sequence[Transaction], origin: BlockId | None = None) -> L2BlockRef:
    """One block on the head with these slices, or with one transfer of the block's number in wei."""
    handle = chain.open_block(make_attributes(chain.heads.unsafe, origin=origin))
    for transactions in slices or ([transfer(chain, value=handle.environment.number)],):
        handle.apply(transactions)
    return chain.import_sealed(chain.seal_open_block())
