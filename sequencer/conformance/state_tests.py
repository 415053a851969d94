"""
State tests: one transaction over a given state, judged by the root of what it leaves and the hash of its logs.

    {name: {"env", "pre", "transaction", "post": {fork: [{"hash", "logs", "txbytes", "indexes", "expectException"}]}}}

A case with `expectException` must be refused and leaves everything as it was. No block is made: the fixtures know
neither a parent nor the calls that the protocol makes around transactions.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from contracts.keccak import keccak
from l1_bridge.json_fields import MalformedField
from l1_bridge.rlp_codec import encode_rlp
from sequencer.execution.environment import BLOCKHASH_WINDOW, BlockEnvironment, Fork, Rules
from sequencer.execution.interface import Engine, Included
from sequencer.primitives.account import EMPTY_TRIE_ROOT
from sequencer.primitives.blob_transaction import decode_ethereum_transaction
from sequencer.primitives.errors import TransactionDecodingError
from sequencer.primitives.header import Header
from sequencer.primitives.receipt import BLOOM_BYTES, Log

from .fields import read_address, read_data, read_list, read_number, read_number_or, read_object, read_word
from .signing import sign_fields
from .state import FixtureCommitment, FixtureState, read_state
from .verdicts import Verdict, describe_refusal

FORKS: Mapping[str, Fork] = {"Cancun": Fork.CANCUN, "Prague": Fork.PRAGUE}
"""The forks whose cases are run, by the name that fixtures give them."""

MAINNET = 1
"""Chain id where a fixture names none."""


def is_state_test(content: Mapping[str, object]) -> bool:
    """Whether a fixture is of this kind."""
    return "transaction" in content and "post" in content and "env" in content


def run_state_test(engine: Engine, file: str, name: str, content: Mapping[str, object]) -> Iterator[Verdict]:
    """A verdict for each case of one fixture; raises MalformedField where it makes no sense."""
    state: FixtureState | None = None
    cases = read_object(content.get("post"), "post")
    if not cases:
        raise MalformedField("post", "has no cases")
    for fork_name, entries in cases.items():
        fork = FORKS.get(fork_name)
        for place, entry in enumerate(read_list(entries, f"post.{fork_name}")):
            case = f"{name}[{place}]"
            if fork is None:
                yield Verdict(file, case, fork_name, is_skipped=True)
                continue
            if state is None:
                state = read_state(content.get("pre"), "pre")
            error = _StateTest(engine, content, state, fork).run(read_object(entry, f"post.{fork_name}"))
            yield Verdict(file, case, fork_name, error)


class _StateTest:
    """One fixture at one fork."""

    def __init__(self, engine: Engine, content: Mapping[str, object], state: FixtureState, fork: Fork) -> None:
        self._engine = engine
        self._state = state
        self._fields = read_object(content.get("transaction"), "transaction")
        config = read_object(content.get("config", {}), "config")
        self._chain_id = read_number_or(config.get("chainid"), "config.chainid", MAINNET)
        rules = Rules(self._chain_id, is_optimism=False, fork=fork)
        self._environment = read_environment(read_object(content.get("env"), "env"), rules)

    def run(self, entry: Mapping[str, object]) -> str | None:
        """What is wrong with the outcome of one combination; None when nothing is."""
        raw = self._encoding(entry)
        expected = entry.get("expectException")
        refusal, state, logs = self._execute(raw)
        if refusal is not None and expected is None:
            return f"refused: {refusal}"
        if refusal is None and expected is not None:
            return f"included, but expected {expected}"
        return _compare(entry, state.root(), hash_logs(logs))

    def _encoding(self, entry: Mapping[str, object]) -> bytes:
        if "txbytes" in entry:
            return read_data(entry["txbytes"], "txbytes")
        return sign_fields(self._fields, read_object(entry.get("indexes"), "indexes"), self._chain_id)

    def _execute(self, raw: bytes) -> tuple[str | None, FixtureState, tuple[Log, ...]]:
        """Why the transaction was refused (None: it was not), the state after it, and its logs."""
        try:
            transaction = decode_ethereum_transaction(raw)
        except TransactionDecodingError as problem:
            return str(problem), self._state, ()
        block = self._engine.open_block(parent_of(self._environment), self._environment, self._state)
        try:
            (outcome,) = block.apply([transaction])
            if not isinstance(outcome, Included):
                return describe_refusal(outcome), self._state, ()
            commitment = FixtureCommitment(self._state)
            block.seal(commitment)
        finally:
            block.abandon()
        return None, commitment.state, outcome.receipt.logs


def _compare(entry: Mapping[str, object], root: bytes, logs: bytes) -> str | None:
    for what, expected, actual in (
        ("logs hash", read_word(entry.get("logs"), "logs"), logs),
        ("state root", read_word(entry.get("hash"), "hash"), root),
    ):
        if expected != actual:
            return f"{what} is 0x{actual.hex()}, not 0x{expected.hex()}"
    return None


def hash_logs(logs: tuple[Log, ...]) -> bytes:
    """What fixtures call the hash of logs: keccak of their encoding as a list."""
    return keccak(encode_rlp([[log.address, list(log.topics), log.data] for log in logs]))


def read_environment(env: Mapping[str, object], rules: Rules) -> BlockEnvironment:
    """The block that a state test pretends."""
    number = read_number(env.get("currentNumber"), "currentNumber", 64)
    hashes = _pretended_hashes(number)
    has_base_fee = rules.fork.includes(Fork.LONDON)
    return BlockEnvironment(
        rules=rules,
        number=number,
        timestamp=read_number(env.get("currentTimestamp"), "currentTimestamp", 64),
        gas_limit=read_number(env.get("currentGasLimit"), "currentGasLimit", 64),
        base_fee_per_gas=read_number(env.get("currentBaseFee", None if has_base_fee else 0), "currentBaseFee"),
        fee_recipient=read_address(env.get("currentCoinbase"), "currentCoinbase"),
        prev_randao=read_word(env.get("currentRandom", 0), "currentRandom"),
        parent_beacon_block_root=bytes(32),
        parent_hash=hashes[0] if hashes else bytes(32),
        extra_data=b"",
        recent_hashes=hashes,
        difficulty=read_number_or(env.get("currentDifficulty"), "currentDifficulty", 0),
        excess_blob_gas=read_number_or(env.get("currentExcessBlobGas"), "currentExcessBlobGas", 0),
    )


@lru_cache(maxsize=64)
def _pretended_hashes(number: int) -> tuple[bytes, ...]:
    """Of the ancestors of block `number`: keccak of their numbers in decimal, as all clients' runners have it."""
    oldest = max(0, number - BLOCKHASH_WINDOW)
    return tuple(keccak(str(ancestor).encode()) for ancestor in range(number - 1, oldest - 1, -1))


def parent_of(environment: BlockEnvironment) -> Header:
    """A header that stands for the parent, of which an engine under plain rules needs nothing but its number."""
    if environment.number == 0:
        raise MalformedField("currentNumber", "the genesis block has no transactions")
    return Header(
        parent_hash=bytes(32),
        fee_recipient=bytes(20),
        state_root=EMPTY_TRIE_ROOT,
        transactions_root=EMPTY_TRIE_ROOT,
        receipts_root=EMPTY_TRIE_ROOT,
        logs_bloom=bytes(BLOOM_BYTES),
        number=environment.number - 1,
        gas_limit=environment.gas_limit,
        gas_used=0,
        timestamp=max(0, environment.timestamp - 1),
        extra_data=b"",
        prev_randao=bytes(32),
        base_fee_per_gas=environment.base_fee_per_gas,
        withdrawals_root=EMPTY_TRIE_ROOT,
        parent_beacon_block_root=bytes(32),
    )
