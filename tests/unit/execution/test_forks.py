"""What a transaction does, and whether it may, depends on the fork of the rule set."""

import pytest

from sequencer.execution.environment import (
    BLOB_LIMITS,
    GAS_PER_BLOB,
    Fork,
    Rules,
    compute_blob_base_fee,
    next_excess_blob_gas,
)
from sequencer.execution.interface import Deferred, Included, Invalid, InvalidReason, Outcome
from sequencer.execution.intrinsic import SELFDESTRUCT_REFUND, floor_gas, intrinsic_gas, refunded_gas
from sequencer.execution.serial import SerialOpenBlock
from sequencer.primitives.genesis import GenesisAccount
from sequencer.primitives.transaction import AccessListEntry, Transaction
from tests.factories import CHAIN_ID, ETHER, GWEI, RECIPIENT, address, make_transaction
from tests.fakes.memory_state import memory_state
from tests.unit.conformance.blob_factory import make_blob_transaction
from tests.unit.execution.chain_fixture import CONTRACT, FUNDED, contract, make_environment

BEFORE_LONDON = (Fork.ISTANBUL, Fork.BERLIN)
SINCE_LONDON = tuple(fork for fork in Fork if fork not in BEFORE_LONDON)


def open_at(fork: Fork, alloc: dict[bytes, GenesisAccount] | None = None, **changed: object) -> SerialOpenBlock:
    rules = Rules(CHAIN_ID, is_optimism=False, fork=fork)
    fee = GWEI if fork in SINCE_LONDON else 0
    environment = make_environment(False, **{"rules": rules, "base_fee_per_gas": fee, **changed})
    return SerialOpenBlock(environment, memory_state({**FUNDED, **(alloc or {})}))


def run(block: SerialOpenBlock, transaction: Transaction) -> Outcome:
    (outcome,) = block.apply([transaction])
    return outcome


def call(fork: Fork, code: str, **parts: object) -> tuple[Included, SerialOpenBlock]:
    """A legacy transaction to a contract with this code."""
    block = open_at(fork, contract(code, **parts))  # type: ignore[arg-type]  # the test names the parts
    outcome = run(block, make_transaction(type=0, to=CONTRACT, value=0, gas_limit=200_000))
    assert isinstance(outcome, Included)
    return outcome, block


def test_forks_include_those_before() -> None:
    assert [fork for fork in Fork if Fork.LONDON.includes(fork)] == [Fork.ISTANBUL, Fork.BERLIN, Fork.LONDON]


@pytest.mark.parametrize(("kind", "since"), [(1, Fork.BERLIN), (2, Fork.LONDON), (4, Fork.PRAGUE)])
@pytest.mark.parametrize("fork", Fork)
def test_a_type_stands_since_its_fork(kind: int, since: Fork, fork: Fork) -> None:
    transaction = make_transaction(type=kind)
    outcome = run(open_at(fork), transaction)

    if fork.includes(since):
        assert isinstance(outcome, Included)
    else:
        assert outcome == Invalid(transaction, InvalidReason.UNSUPPORTED_TYPE)


@pytest.mark.parametrize(
    ("opcode", "since"),
    [
        ("46", Fork.ISTANBUL),  # CHAINID
        ("48", Fork.LONDON),  # BASEFEE
        ("5f", Fork.SHANGHAI),  # PUSH0
        ("4a", Fork.CANCUN),  # BLOBBASEFEE
    ],
)
@pytest.mark.parametrize("fork", Fork)
def test_an_opcode_runs_since_its_fork(opcode: str, since: Fork, fork: Fork) -> None:
    outcome, _ = call(fork, opcode + "00")

    assert outcome.receipt.status == int(fork.includes(since))


@pytest.mark.parametrize("fork", Fork)
def test_destroyed_contract_is_gone_before_cancun_only(fork: Fork) -> None:
    _, block = call(fork, "30ff", balance=5, storage={1: 1})

    assert (block.view().account(CONTRACT) is None) == (not fork.includes(Fork.CANCUN))


def test_destruction_earns_a_refund_before_london() -> None:
    before, _ = call(Fork.BERLIN, "33ff", storage={1: 1})
    after, _ = call(Fork.LONDON, "33ff", storage={1: 1})

    refund = refunded_gas(after.gas_used, SELFDESTRUCT_REFUND, Fork.BERLIN)
    assert before.gas_used == after.gas_used - refund


def test_at_most_half_comes_back_before_london_and_a_fifth_since() -> None:
    assert refunded_gas(100_000, 90_000, Fork.BERLIN) == 50_000
    assert refunded_gas(100_000, 90_000, Fork.LONDON) == 20_000
    assert refunded_gas(100_000, 10_000, Fork.LONDON) == 10_000


def test_fee_recipient_is_warm_since_shanghai() -> None:
    cold, _ = call(Fork.PARIS, "413100")  # BALANCE of COINBASE
    warm, _ = call(Fork.SHANGHAI, "413100")

    assert cold.gas_used - warm.gas_used == 2_500


def test_init_code_has_a_price_and_a_limit_since_shanghai() -> None:
    words = 4
    data = bytes(32 * words)
    long = make_transaction(type=0, to=None, value=0, data=bytes(49_153), gas_limit=5_000_000)

    assert intrinsic_gas(data, True, fork=Fork.SHANGHAI) - intrinsic_gas(data, True, fork=Fork.PARIS) == 2 * words
    assert isinstance(run(open_at(Fork.PARIS), long), Included)
    assert run(open_at(Fork.SHANGHAI), long) == Invalid(long, InvalidReason.INIT_CODE_TOO_LARGE)


def test_data_has_a_floor_since_prague() -> None:
    assert floor_gas(b"\x01", Fork.CANCUN) == 0
    assert floor_gas(b"\x01", Fork.PRAGUE) == 21_040


def test_code_that_begins_with_ef_is_refused_since_london() -> None:
    init_code = bytes.fromhex("60ef60005360016000f3")
    statuses = {}
    for fork in (Fork.BERLIN, Fork.LONDON):
        outcome = run(open_at(fork), make_transaction(type=0, to=None, value=0, data=init_code))
        assert isinstance(outcome, Included)
        statuses[fork] = outcome.receipt.status

    assert statuses == {Fork.BERLIN: 1, Fork.LONDON: 0}


def test_difficulty_ends_with_paris() -> None:
    store = "4460005500"  # DIFFICULTY to slot 0
    values = {}
    for fork in (Fork.LONDON, Fork.PARIS):
        block = open_at(fork, contract(store), difficulty=12_345)
        run(block, make_transaction(type=0, to=CONTRACT, value=0, gas_limit=200_000))
        values[fork] = block.view().storage(CONTRACT, 0)

    assert values == {Fork.LONDON: 12_345, Fork.PARIS: int.from_bytes(bytes(range(32)), "big")}


def test_delegated_sender_may_send_since_prague() -> None:
    alloc = {address(0): GenesisAccount(balance=ETHER, code=bytes.fromhex("ef0100") + RECIPIENT)}
    transaction = make_transaction(type=0)

    assert isinstance(run(open_at(Fork.PRAGUE, alloc), transaction), Included)
    assert run(open_at(Fork.CANCUN, alloc), transaction) == Invalid(transaction, InvalidReason.SENDER_HAS_CODE)


def test_access_list_warms_a_slot() -> None:
    block = open_at(Fork.BERLIN, contract("60015400", storage={1: 1}))
    entry = AccessListEntry(CONTRACT, (1,))
    listed = run(block, make_transaction(type=1, to=CONTRACT, value=0, access_list=[entry]))
    bare = run(block, make_transaction(type=1, to=CONTRACT, value=0, gas_limit=100_000, nonce=1))

    assert isinstance(listed, Included)
    assert isinstance(bare, Included)
    assert listed.gas_used - bare.gas_used == 2_400 + 1_900 - 2_000


# Blobs


def test_blob_transaction_burns_its_blob_fee() -> None:
    block = open_at(Fork.CANCUN, excess_blob_gas=3_338_477)  # e wei, rounded down
    transaction = make_blob_transaction(max_fee_per_blob_gas=2, blobs=2)
    outcome = run(block, transaction)
    account = block.view().account(address(0))

    assert isinstance(outcome, Included)
    assert account is not None
    price = transaction.effective_gas_price(GWEI)
    assert 100 * ETHER - account.balance == 1 + 21_000 * price + 2 * 2 * GAS_PER_BLOB


def test_blob_hashes_are_seen_by_code() -> None:
    block = open_at(Fork.CANCUN, contract("60014960005500"))  # BLOBHASH of 1 to slot 0
    transaction = make_blob_transaction(to=CONTRACT, gas_limit=100_000, blobs=2)
    run(block, transaction)

    assert block.view().storage(CONTRACT, 0) == int.from_bytes(transaction.blob_hashes[1], "big")


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"blobs": 0}, InvalidReason.NO_BLOBS),
        ({"blobs": 7}, InvalidReason.TOO_MANY_BLOBS),
        ({"version": 2}, InvalidReason.UNKNOWN_BLOB_VERSION),
        ({"max_fee_per_blob_gas": 0}, InvalidReason.BLOB_FEE_CAP_TOO_LOW),
        ({"max_fee_per_blob_gas": ETHER}, InvalidReason.INSUFFICIENT_FUNDS),
    ],
)
def test_blob_transaction_that_may_not_stand(parts: dict[str, int], reason: InvalidReason) -> None:
    transaction = make_blob_transaction(**parts)  # type: ignore[arg-type]  # the table names the fields

    assert run(open_at(Fork.CANCUN), transaction) == Invalid(transaction, reason)
    assert isinstance(run(open_at(Fork.CANCUN), make_blob_transaction()), Included)


def test_seven_blobs_stand_since_prague() -> None:
    assert isinstance(run(open_at(Fork.PRAGUE), make_blob_transaction(blobs=7)), Included)


@pytest.mark.parametrize("rules", [Rules(CHAIN_ID, True), Rules(CHAIN_ID, False, Fork.SHANGHAI)])
def test_blob_transaction_stands_on_no_chain_without_blobs(rules: Rules) -> None:
    transaction = make_blob_transaction()

    assert run(open_at(Fork.PRAGUE, rules=rules), transaction) == Invalid(transaction, InvalidReason.UNSUPPORTED_TYPE)


def test_blob_transaction_without_room_waits() -> None:
    block = open_at(Fork.CANCUN)
    first, second = make_blob_transaction(blobs=5), make_blob_transaction(blobs=2, nonce=1)
    outcomes = block.apply([first, second])
    sealed = block.seal(memory_state(FUNDED))

    assert isinstance(outcomes[0], Included)
    assert outcomes[1] == Deferred(second)
    assert sealed.block.header.blob_gas_used == 5 * GAS_PER_BLOB


def test_blob_base_fee_is_the_one_of_eip_4844() -> None:
    limits = BLOB_LIMITS[Fork.CANCUN]

    assert compute_blob_base_fee(limits, 0) == 1
    assert compute_blob_base_fee(limits, 2_314_057) == 1
    assert compute_blob_base_fee(limits, 2_314_058) == 2
    assert compute_blob_base_fee(limits, 10 * 1024 * 1024) == 23


def test_excess_blob_gas_counts_what_is_above_the_target() -> None:
    limits = BLOB_LIMITS[Fork.CANCUN]

    assert next_excess_blob_gas(limits, 0, 3 * GAS_PER_BLOB) == 0
    assert next_excess_blob_gas(limits, 0, 4 * GAS_PER_BLOB) == GAS_PER_BLOB
    assert next_excess_blob_gas(limits, 2 * GAS_PER_BLOB, 0) == 0
