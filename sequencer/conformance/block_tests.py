"""
Blockchain tests: blocks on top of a genesis, some of them invalid on purpose, judged by the chain that comes out.

    {name: {"network", "pre", "genesisRLP", "blocks": [{"rlp", "expectException"}], "lastblockhash", "postState"}}

Every block is checked as a node would: header against parent, body against header, then executed, and everything that
the header claims compared. A block with `expectException` must be refused; any other must not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from l1_bridge.json_fields import MalformedField
from l1_bridge.ordered_trie import ordered_trie_root
from sequencer.execution.environment import BLOCKHASH_WINDOW, BlockEnvironment, Fork, Rules
from sequencer.execution.interface import Engine, Included, OpenBlock, SealedBlock
from sequencer.primitives.errors import DecodingError
from sequencer.primitives.fields import decode_list
from sequencer.primitives.receipt import Receipt
from sequencer.primitives.transaction import Transaction

from .fields import read_data, read_list, read_number_or, read_object, read_text, read_word
from .headers import (
    EthereumBlock,
    EthereumHeader,
    ForkSchedule,
    InvalidBlock,
    check_header,
    decode_ethereum_block,
    decode_ethereum_header,
)
from .requests import collect_requests, hash_requests
from .state import FixtureCommitment, FixtureState, read_state
from .verdicts import Verdict, describe_refusal

TRANSITION_TIME = 15_000
"""When the fork changes in the fixtures that are named for it."""

NETWORKS: Mapping[str, ForkSchedule] = {
    "Cancun": ForkSchedule(Fork.CANCUN),
    "Prague": ForkSchedule(Fork.PRAGUE),
    "ShanghaiToCancunAtTime15k": ForkSchedule(Fork.SHANGHAI, TRANSITION_TIME, Fork.CANCUN),
    "CancunToPragueAtTime15k": ForkSchedule(Fork.CANCUN, TRANSITION_TIME, Fork.PRAGUE),
}
"""The networks whose cases are run; all others are left out."""

DRAFT_CONTRACTS = frozenset(
    (
        "0x0c15f14308530b7cdb8460094bbb9cc28b9aaaaa",
        "0x00431f263ce400f4455c2dcf564e53007ca4bbbb",
        "0x0f792be4b0c0cb4dae440ef133e90c0ecd48cccc",
    )
)
"""
Where a draft of Prague (devnet 4) had the contracts of EIP-7002, EIP-7251 and EIP-2935: fixtures filled for it hold
another fork's results, and are left out.
"""

LENIENT_DRAFT = "devnets/prague/6"
"""The draft that has all contracts in their place, but passes over one that is not deployed."""

MAINNET = 1
"""Chain id where a fixture names none."""

GWEI = 10**9


def is_block_test(content: Mapping[str, object]) -> bool:
    """Whether a fixture is of this kind."""
    return "blocks" in content and "network" in content and "genesisBlockHeader" in content


def run_block_test(engine: Engine, file: str, name: str, content: Mapping[str, object]) -> Verdict:
    """The verdict on one fixture; raises MalformedField where it makes no sense."""
    network = read_text(content.get("network"), "network")
    schedule = NETWORKS.get(network)
    if schedule is None or not DRAFT_CONTRACTS.isdisjoint(read_object(content.get("pre"), "pre")):
        return Verdict(file, name, network, is_skipped=True)
    try:
        chain = _Chain(engine, content, schedule)
        return Verdict(file, name, network, chain.run(content))
    except DecodingError as problem:
        return Verdict(file, name, network, f"genesis: {problem}")


@dataclass(frozen=True, slots=True)
class _Link:
    """A block that was accepted, with the state after it and the hashes that its child may ask for, its own first."""

    header: EthereumHeader
    state: FixtureState
    hashes: tuple[bytes, ...]


class _Chain:
    """The blocks accepted so far, side chains among them."""

    def __init__(self, engine: Engine, content: Mapping[str, object], schedule: ForkSchedule) -> None:
        config = read_object(content.get("config", {}), "config")
        self._engine = engine
        self._schedule = schedule
        self._may_lack_contracts = _draft_of(content) == LENIENT_DRAFT
        self._chain_id = read_number_or(config.get("chainid"), "config.chainid", MAINNET)
        genesis = decode_list(read_data(content.get("genesisRLP"), "genesisRLP"), "genesis")
        header, _ = decode_ethereum_header(genesis[0], schedule)
        state = read_state(content.get("pre"), "pre")
        if state.root() != header.state_root:
            raise MalformedField("pre", "does not have the state root of the genesis header")
        self._head = _Link(header, state, (header.hash,))
        self._links = {header.hash: self._head}

    def run(self, content: Mapping[str, object]) -> str | None:
        """What is wrong; None when nothing is."""
        for place, item in enumerate(read_list(content.get("blocks"), "blocks")):
            entry = read_object(item, f"blocks[{place}]")
            expected = next((entry[key] for key in entry if key.startswith("expectException")), None)
            try:
                self._add(read_data(entry.get("rlp"), f"blocks[{place}].rlp"))
            except InvalidBlock as problem:
                if expected is None:
                    return f"block {place} was refused: {problem}"
            else:
                if expected is not None:
                    return f"block {place} was accepted, but expected {expected}"
        return self._compare_end(content)

    def _compare_end(self, content: Mapping[str, object]) -> str | None:
        header = self._head.header
        if header.hash != read_word(content.get("lastblockhash"), "lastblockhash"):
            return f"the last block is 0x{header.hash.hex()}, not {content['lastblockhash']}"
        if content.get("postState") is not None:
            if not self._head.state.equals(read_state(content["postState"], "postState")):
                return "the state after the last block is another one"
        elif header.state_root != read_word(content.get("postStateHash"), "postStateHash"):
            return "the state root after the last block is another one"
        return None

    def _add(self, data: bytes) -> None:
        """Take the block, or raise InvalidBlock."""
        block = decode_ethereum_block(data, self._schedule)
        header = block.header
        parent = self._links.get(header.parent_hash)
        if parent is None:
            raise InvalidBlock("parent is unknown")
        rules = Rules(self._chain_id, is_optimism=False, fork=block.fork)
        check_header(header, parent.header, rules)
        environment = _environment_of(header, rules, parent.hashes)
        state = self._execute(block, environment, parent)
        hashes = (header.hash, *parent.hashes)[:BLOCKHASH_WINDOW]
        self._head = self._links[header.hash] = _Link(header, state, hashes)

    def _execute(self, block: EthereumBlock, environment: BlockEnvironment, parent: _Link) -> FixtureState:
        """The state after `block`; raises InvalidBlock if a transaction can not stand or the header is wrong."""
        opened = self._engine.open_block(parent.header.as_parent(), environment, parent.state)
        try:
            logs = [log for receipt in _apply_all(opened, block.transactions) for log in receipt.logs]
            for withdrawal in block.withdrawals:
                opened.credit(withdrawal.address, withdrawal.amount_gwei * GWEI)
            requests_hash = None
            if block.fork.includes(Fork.PRAGUE):
                requests = collect_requests(opened, logs, may_lack_contracts=self._may_lack_contracts)
                requests_hash = hash_requests(requests)
            commitment = FixtureCommitment(parent.state)
            sealed = opened.seal(commitment)
        finally:
            opened.abandon()
        if requests_hash != block.header.requests_hash:
            raise InvalidBlock("requests hash is wrong")
        _check_claims(block.header, sealed)
        return commitment.state


def _draft_of(content: Mapping[str, object]) -> object:
    """The state of the specification that a fixture was filled with, as it says itself; None where it does not."""
    info = read_object(content.get("_info", {}), "_info")
    return read_object(info.get("eels-resolution", {}), "_info.eels-resolution").get("branch")


def _apply_all(opened: OpenBlock, transactions: Sequence[Transaction]) -> list[Receipt]:
    """The receipts of transactions that all must stand; raises InvalidBlock."""
    receipts = []
    for place, outcome in enumerate(opened.apply(transactions)):
        if not isinstance(outcome, Included):
            raise InvalidBlock(f"transaction {place} was refused: {describe_refusal(outcome)}")
        receipts.append(outcome.receipt)
    return receipts


def _check_claims(header: EthereumHeader, sealed: SealedBlock) -> None:
    made = sealed.block.header
    for what, claimed, actual in (
        ("gas used", header.gas_used, made.gas_used),
        ("blob gas used", header.blob_gas_used or 0, made.blob_gas_used),
        ("receipts root", header.receipts_root, ordered_trie_root([item.encode() for item in sealed.receipts])),
        ("logs bloom", header.logs_bloom, made.logs_bloom),
        ("state root", header.state_root, made.state_root),
    ):
        if claimed != actual:
            raise InvalidBlock(f"{what} is {_show(claimed)}, execution gives {_show(actual)}")


def _show(value: int | bytes) -> str:
    return str(value) if isinstance(value, int) else f"0x{value.hex()}"


def _environment_of(header: EthereumHeader, rules: Rules, recent_hashes: tuple[bytes, ...]) -> BlockEnvironment:
    return BlockEnvironment(
        rules=rules,
        number=header.number,
        timestamp=header.timestamp,
        gas_limit=header.gas_limit,
        base_fee_per_gas=header.base_fee_per_gas,
        fee_recipient=header.fee_recipient,
        prev_randao=header.prev_randao,
        parent_beacon_block_root=header.parent_beacon_block_root or bytes(32),
        parent_hash=header.parent_hash,
        extra_data=header.extra_data,
        recent_hashes=recent_hashes,
        excess_blob_gas=header.excess_blob_gas or 0,
    )
