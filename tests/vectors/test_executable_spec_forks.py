"""Random blocks at every fork from Istanbul on: the serial engine against the executable specification of that fork."""

import importlib
import os
import random
from collections.abc import Mapping
from types import ModuleType

import pytest
from ethereum.exceptions import EthereumException
from ethereum_rlp import rlp
from ethereum_rlp.exceptions import RLPException
from ethereum_types.bytes import Bytes20, Bytes32
from ethereum_types.numeric import U64, U256, Uint

from sequencer.execution.environment import BlockEnvironment, Fork, Rules
from sequencer.execution.interface import Included
from sequencer.execution.serial import SerialOpenBlock
from sequencer.primitives.genesis import GenesisAccount
from sequencer.primitives.transaction import Transaction
from sequencer.state.reader import StateReader
from tests.factories import CHAIN_ID, GWEI, address, make_transaction, private_key
from tests.fakes.memory_state import memory_state
from tests.fork_programs import CONTRACTS, SENDERS, ForkWorld
from tests.unit.conformance.blob_factory import make_blob_transaction

TRANSACTIONS = 30
SEEDS = range(max(1, int(os.environ.get("BRAID_RANDOM_BLOCKS", "500")) // 250))
"""As in `test_engines_agree`; a few of them at each fork, where a block takes a second."""


def environment_at(fork: Fork, gas_limit: int = 8_000_000) -> BlockEnvironment:
    return BlockEnvironment(
        rules=Rules(CHAIN_ID, is_optimism=False, fork=fork),
        number=300,
        timestamp=1_700_000_000,
        gas_limit=gas_limit,
        base_fee_per_gas=GWEI if fork.includes(Fork.LONDON) else 0,
        fee_recipient=CONTRACTS[0],
        prev_randao=bytes(range(32)),
        parent_beacon_block_root=bytes(31) + b"\x07",
        parent_hash=bytes(31) + b"\x01",
        extra_data=b"",
        recent_hashes=tuple((index + 1).to_bytes(32, "big") for index in range(256)),
        difficulty=0 if fork.includes(Fork.PARIS) else 2**50 + 7,
        excess_blob_gas=20_000_000 if fork.includes(Fork.CANCUN) else 0,
    )


class Specification:
    """One block of the executable specification of a fork."""

    def __init__(self, alloc: Mapping[bytes, GenesisAccount], environment: BlockEnvironment) -> None:
        fork = environment.rules.fork
        parts = {name: _module(fork, name) for name in ("fork", "vm", "state", "fork_types", "transactions")}
        self._fork, self._transactions, self._state_rules = parts["fork"], parts["transactions"], parts["state"]
        self._legacy_is_plain = fork is Fork.ISTANBUL
        self.state = self._state_rules.State()
        for place, account in alloc.items():
            spec_account = parts["fork_types"].Account(Uint(account.nonce), U256(account.balance), account.code)
            self._state_rules.set_account(self.state, Bytes20(place), spec_account)
            for slot, value in (account.storage or {}).items():
                key = Bytes32(slot.to_bytes(32, "big"))
                self._state_rules.set_storage(self.state, Bytes20(place), key, U256(value))
        self.environment = parts["vm"].BlockEnvironment(state=self.state, **_fields(environment))
        self.output = parts["vm"].BlockOutput()

    def apply(self, transaction: Transaction) -> str | None:
        """Execute one transaction; the name of what makes it invalid, None when it was included."""
        raw = transaction.raw
        try:
            if self._legacy_is_plain:
                decoded = rlp.decode_to(self._transactions.Transaction, raw)
            else:
                item = rlp.decode_to(self._transactions.LegacyTransaction, raw) if raw[0] >= 0xC0 else raw
                decoded = self._transactions.decode_transaction(item)
            index = Uint(len(self.output.receipt_keys))
            self._fork.process_transaction(self.environment, self.output, decoded, index)
        except (EthereumException, RLPException) as reason:
            return type(reason).__name__
        return None

    def state_root(self) -> bytes:
        return bytes(self._state_rules.state_root(self.state))


def _module(fork: Fork, name: str) -> ModuleType:
    return importlib.import_module(f"ethereum.forks.{fork.value}.{name}")


def _fields(environment: BlockEnvironment) -> dict[str, object]:
    fork = environment.rules.fork
    fields: dict[str, object] = {
        "chain_id": U64(environment.rules.chain_id),
        "block_gas_limit": Uint(environment.gas_limit),
        "block_hashes": [Bytes32(value) for value in reversed(environment.recent_hashes)],
        "coinbase": Bytes20(environment.fee_recipient),
        "number": Uint(environment.number),
        "time": U256(environment.timestamp),
    }
    if fork.includes(Fork.LONDON):
        fields["base_fee_per_gas"] = Uint(environment.base_fee_per_gas)
    if fork.includes(Fork.PARIS):
        fields["prev_randao"] = Bytes32(environment.prev_randao)
    else:
        fields["difficulty"] = Uint(environment.difficulty)
    if fork.includes(Fork.CANCUN):
        fields["excess_blob_gas"] = U64(environment.excess_blob_gas)
        fields["parent_beacon_block_root"] = Bytes32(environment.parent_beacon_block_root)
    return fields


def random_transaction(world: ForkWorld, rng: random.Random, fork: Fork, state: StateReader) -> Transaction:
    sender = rng.randrange(SENDERS)
    account = state.account(address(sender))
    nonce = 0 if account is None else account.nonce
    if sender == 0 and rng.random() < 0.3:
        return make_blob_transaction(
            to=rng.choice(CONTRACTS), nonce=nonce, gas_limit=300_000, blobs=rng.randrange(1, 4)
        )
    kind = rng.choice((0, 0, 1, 2))
    to = None if rng.random() < 0.2 else rng.choice((*CONTRACTS, address(9)))
    return make_transaction(
        type=kind,
        nonce=nonce,
        key=private_key(sender),
        max_priority_fee_per_gas=rng.choice((0, 1, GWEI)),
        max_fee_per_gas=GWEI + rng.choice((0, 5, GWEI)),
        gas_limit=rng.choice((60_000, 200_000, 700_000)),
        to=to,
        value=rng.choice((0, 1, 10**6)),
        data=world.init_code() if to is None else rng.randbytes(rng.choice((0, 4, 40))),
        access_list=world.access_list() if kind else (),
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fork", Fork)
def test_random_block_has_the_roots_of_the_specification_of_its_fork(fork: Fork, seed: int) -> None:
    rng = random.Random(seed)
    world = ForkWorld(rng)
    environment = environment_at(fork)
    state = memory_state(world.alloc)
    specification = Specification(world.alloc, environment)
    opened = SerialOpenBlock(environment, state)
    included = 0
    for place in range(TRANSACTIONS):
        transaction = random_transaction(world, rng, fork, opened.view())
        (outcome,) = opened.apply([transaction])
        refusal = specification.apply(transaction)
        assert isinstance(outcome, Included) == (refusal is None), (place, outcome, refusal)
        included += isinstance(outcome, Included)
        if isinstance(outcome, Included):
            assert outcome.receipt.cumulative_gas_used == specification.output.block_gas_used, (place, outcome)
    sealed = opened.seal(state)

    assert included >= TRANSACTIONS // 4
    assert sealed.block.header.receipts_root == _module(fork, "trie").root(specification.output.receipts_trie)
    assert sealed.block.header.logs_bloom == _module(fork, "bloom").logs_bloom(specification.output.block_logs)
    assert sealed.block.header.state_root == specification.state_root()
