"""
Blocks of Ethereum's mainnet, executed again from what they touch: gas used, receipts and logs against their header.

    block.json         the result of `eth_getBlockByNumber` with full transactions
    pre_state.json     {address: {"balance", "nonce", "code", "storage"}}, all that the block reads
    block_hashes.json  {number: hash}, as far as BLOCKHASH asks for them

There is no state root to compare: what the block does not touch is not known. For the same reason what comes after the
last transaction (rewards, withdrawals, requests) is left out: no receipt can see it.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from l1_bridge.json_fields import MalformedField
from l1_bridge.ordered_trie import ordered_trie_root
from sequencer.execution.environment import BLOCKHASH_WINDOW, BlockEnvironment, Fork, Rules
from sequencer.execution.interface import Engine, Included
from sequencer.primitives.receipt import BLOOM_BYTES, Receipt, merge_blooms

from .fields import (
    NoFixture,
    read_address,
    read_list,
    read_number,
    read_number_or,
    read_object,
    read_word,
)
from .files import read_json
from .json_transactions import read_transaction
from .state import FixtureState, read_state
from .state_tests import parent_of
from .verdicts import Verdict, describe_refusal

MAINNET = 1

FORKS_BY_NUMBER = (
    (9_069_000, Fork.ISTANBUL),
    (12_244_000, Fork.BERLIN),
    (12_965_000, Fork.LONDON),
    (15_537_394, Fork.PARIS),
)
"""First blocks of mainnet's forks until the merge; what came between changed no rule of execution."""

FORKS_BY_TIME = (
    (1_681_338_455, Fork.SHANGHAI),
    (1_710_338_135, Fork.CANCUN),
    (1_746_612_311, Fork.PRAGUE),
)
"""The first possible timestamps of the forks since."""

OSAKA_TIME = 1_764_798_551
"""From here on blocks obey rules that no engine of ours knows."""


def fork_of_mainnet(number: int, timestamp: int) -> Fork:
    """The fork of a block of mainnet; raises NoFixture for a block before Istanbul or after Prague."""
    if number < FORKS_BY_NUMBER[0][0]:
        raise NoFixture(f"block {number} is older than Istanbul")
    if timestamp >= OSAKA_TIME:
        raise NoFixture(f"block {number} is younger than Prague")
    by_number = [fork for first, fork in FORKS_BY_NUMBER if number >= first]
    by_time = [fork for first, fork in FORKS_BY_TIME if timestamp >= first]
    return by_time[-1] if by_time else by_number[-1]


def replay_folder(engine: Engine, folder: Path) -> Iterator[Verdict]:
    """The verdict on the block in `folder`; raises NoFixture and MalformedField."""
    if not folder.is_dir():
        raise NoFixture(f"{folder}: there is no such folder")
    block = read_object(_read(folder, "block.json"), "block.json")
    block = read_object(block["result"], "block.json.result") if "result" in block else block
    state = read_state(_read(folder, "pre_state.json"), "pre_state")
    has_hashes = (folder / "block_hashes.json").exists()
    hashes = read_object(_read(folder, "block_hashes.json"), "block_hashes.json") if has_hashes else {}
    environment = _read_environment(block, hashes)
    name = f"block {environment.number}"
    yield Verdict(str(folder), name, environment.rules.fork.value, _replay(engine, block, environment, state))


def _read(folder: Path, name: str) -> object:
    if not (folder / name).exists():
        raise NoFixture(f"{folder}: there is no {name}")
    try:
        return read_json(str(folder / name))
    except NoFixture as problem:
        raise NoFixture(f"{name} {problem}") from None


def _replay(
    engine: Engine, block: Mapping[str, object], environment: BlockEnvironment, state: FixtureState
) -> str | None:
    """What differs from the header; None when nothing does."""
    transactions = [
        read_transaction(item, f"transactions[{place}]")
        for place, item in enumerate(read_list(block.get("transactions"), "transactions"))
    ]
    opened = engine.open_block(parent_of(environment), environment, state)
    try:
        outcomes = opened.apply(transactions)
    finally:
        opened.abandon()
    receipts: list[Receipt] = []
    for place, outcome in enumerate(outcomes):
        if not isinstance(outcome, Included):
            return f"transaction {place} was refused: {describe_refusal(outcome)}"
        receipts.append(outcome.receipt)
    return _compare(block, receipts)


def _compare(block: Mapping[str, object], receipts: Sequence[Receipt]) -> str | None:
    gas_used = receipts[-1].cumulative_gas_used if receipts else 0
    claimed_gas = read_number(block.get("gasUsed"), "gasUsed", 64)
    if gas_used != claimed_gas:
        return f"gas used is {gas_used}, the header has {claimed_gas}"
    for what, key, size, actual in (
        ("receipts root", "receiptsRoot", 32, ordered_trie_root([receipt.encode() for receipt in receipts])),
        ("logs bloom", "logsBloom", BLOOM_BYTES, merge_blooms([receipt.bloom for receipt in receipts])),
    ):
        claimed = _read_exact(block.get(key), key, size)
        if actual != claimed:
            return f"{what} is 0x{actual.hex()}, the header has 0x{claimed.hex()}"
    return None


def _read_exact(value: object, name: str, size: int) -> bytes:
    if size == 32:
        return read_word(value, name)
    if not isinstance(value, str) or value[:2] != "0x" or len(value) != 2 + 2 * size:
        raise MalformedField(name, f"not {size} bytes in hex")
    try:
        return bytes.fromhex(value[2:])
    except ValueError:
        raise MalformedField(name, "not hex") from None


def _read_environment(block: Mapping[str, object], hashes: Mapping[str, object]) -> BlockEnvironment:
    number = read_number(block.get("number"), "number", 64)
    timestamp = read_number(block.get("timestamp"), "timestamp", 64)
    fork = fork_of_mainnet(number, timestamp)
    base_fee = read_number(block.get("baseFeePerGas"), "baseFeePerGas") if fork.includes(Fork.LONDON) else 0
    excess = read_number(block.get("excessBlobGas"), "excessBlobGas", 64) if fork.includes(Fork.CANCUN) else 0
    parent_hash = read_word(block.get("parentHash"), "parentHash")
    return BlockEnvironment(
        rules=Rules(MAINNET, is_optimism=False, fork=fork),
        number=number,
        timestamp=timestamp,
        gas_limit=read_number(block.get("gasLimit"), "gasLimit", 64),
        base_fee_per_gas=base_fee,
        fee_recipient=read_address(block.get("miner"), "miner"),
        prev_randao=read_word(block.get("mixHash"), "mixHash"),
        parent_beacon_block_root=read_word(block.get("parentBeaconBlockRoot", 0), "parentBeaconBlockRoot"),
        parent_hash=parent_hash,
        extra_data=b"",
        recent_hashes=_read_hashes(hashes, number, parent_hash),
        difficulty=read_number_or(block.get("difficulty"), "difficulty", 0),
        excess_blob_gas=excess,
    )


def _read_hashes(hashes: Mapping[str, object], number: int, parent_hash: bytes) -> tuple[bytes, ...]:
    """Of the block's ancestors, parent first; zero for one that the file leaves out, since nothing asks for it."""
    known = {_read_height(key): read_word(value, f"block_hashes.{key}") for key, value in hashes.items()}
    if known.get(number - 1, parent_hash) != parent_hash:
        raise MalformedField("block_hashes", "has another parent than the block")
    known[number - 1] = parent_hash
    oldest = max(0, number - BLOCKHASH_WINDOW)
    return tuple(known.get(height, bytes(32)) for height in range(number - 1, oldest - 1, -1))


def _read_height(key: str) -> int:
    """A number in decimal or hex."""
    if key.isascii() and key.isdecimal() and len(key) <= 20:
        return int(key)
    return read_number(key, "block_hashes", 64)
