"""L2OutputOracle on the EVM: roles, order, the L1 block check, deletion, look-ups. Spec: proposals.md."""

import pytest

from tests.contracts.evm import Contract, Result, topic, word
from tests.contracts.world import CHALLENGER, OWNER, PROPOSER, USER, L1World

GENESIS_TIME = 1_700_000_000
INTERVAL = 20
FINALIZATION_SECONDS = 12


@pytest.fixture
def oracle() -> Contract:
    contract = L1World().contract("L2OutputOracle")
    contract.evm.block.timestamp = GENESIS_TIME + 1000
    return contract


def root(number: int) -> bytes:
    return number.to_bytes(32, "big")


def propose(oracle: Contract, block: int, *, sender: bytes = PROPOSER, output: bytes | None = None) -> Result:
    value = root(block) if output is None else output
    return oracle.send("proposeL2Output", value, block, bytes(32), 0, sender=sender)


def test_proposal_is_stored_and_announced(oracle: Contract) -> None:
    result = propose(oracle, 20)

    (log,) = result.logs
    assert log.topics == (topic("OutputProposed(bytes32,uint256,uint256,uint256)"), root(20), word(0), word(20))
    assert log.data == word(GENESIS_TIME + 1000)
    assert oracle.read("getL2Output", 0) == (root(20), GENESIS_TIME + 1000, 20)
    assert oracle.read("latestOutputIndex") == 0
    assert oracle.read("nextOutputIndex") == 1
    assert oracle.read("latestBlockNumber") == 20
    assert oracle.read("nextBlockNumber") == 40


@pytest.mark.parametrize("sender", [USER, CHALLENGER, OWNER])
def test_only_the_proposer_proposes(oracle: Contract, sender: bytes) -> None:
    result = propose(oracle, 20, sender=sender)

    assert result.reason == "L2OutputOracle: only the proposer address can propose new outputs"


@pytest.mark.parametrize("block", [0, 19, 21, 40])
def test_only_the_next_block_is_taken(oracle: Contract, block: int) -> None:
    result = propose(oracle, block)

    assert result.reason == "L2OutputOracle: block number must be equal to next expected block number"


def test_a_block_is_proposed_only_after_its_time(oracle: Contract) -> None:
    oracle.evm.block.timestamp = GENESIS_TIME + 20
    assert propose(oracle, 20).reason == "L2OutputOracle: cannot propose L2 output in the future"

    oracle.evm.block.timestamp = GENESIS_TIME + 21
    assert propose(oracle, 20).success


def test_the_zero_root_is_refused(oracle: Contract) -> None:
    result = propose(oracle, 20, output=bytes(32))

    assert result.reason == "L2OutputOracle: L2 output proposal cannot be the zero hash"


def test_a_proposal_made_for_another_l1_chain_fails(oracle: Contract) -> None:
    oracle.evm.block.number = 5
    oracle.evm.block.hashes = (b"\x04" * 32, b"\x03" * 32, b"\x02" * 32)

    result = oracle.send("proposeL2Output", root(20), 20, b"\x99" * 32, 3, sender=PROPOSER)
    assert result.reason == "L2OutputOracle: block hash does not match the hash at the expected height"
    assert oracle.send("proposeL2Output", root(20), 20, b"\x03" * 32, 3, sender=PROPOSER).success


def test_challenger_deletes_from_an_index_on(oracle: Contract) -> None:
    for block in (20, 40, 60):
        propose(oracle, block)

    result = oracle.send("deleteL2Outputs", 1, sender=CHALLENGER)

    (log,) = result.logs
    assert log.topics == (topic("OutputsDeleted(uint256,uint256)"), word(3), word(1))
    assert oracle.read("nextOutputIndex") == 1
    assert oracle.read("nextBlockNumber") == 40
    assert not oracle.send("getL2Output", 1, sender=USER).success
    assert propose(oracle, 40, output=root(41)).success
    assert oracle.read("getL2Output", 1) == (root(41), GENESIS_TIME + 1000, 40)


def test_deletion_costs_the_same_for_one_and_for_many(oracle: Contract) -> None:
    for block in range(20, 420, 20):
        propose(oracle, block)

    many = oracle.send("deleteL2Outputs", 1, sender=CHALLENGER)
    one = oracle.send("deleteL2Outputs", 0, sender=CHALLENGER)

    assert many.success
    assert many.gas_used < one.gas_used + 5_000


@pytest.mark.parametrize("sender", [USER, PROPOSER, OWNER])
def test_only_the_challenger_deletes(oracle: Contract, sender: bytes) -> None:
    propose(oracle, 20)

    result = oracle.send("deleteL2Outputs", 0, sender=sender)

    assert result.reason == "L2OutputOracle: only the challenger address can delete outputs"


def test_what_is_final_stays(oracle: Contract) -> None:
    propose(oracle, 20)
    oracle.evm.block.timestamp += FINALIZATION_SECONDS

    result = oracle.send("deleteL2Outputs", 0, sender=CHALLENGER)
    assert result.reason == "L2OutputOracle: cannot delete outputs that have already been finalized"
    oracle.evm.block.timestamp -= 1
    assert oracle.send("deleteL2Outputs", 0, sender=CHALLENGER).success


def test_deletion_behind_the_end_is_refused(oracle: Contract) -> None:
    propose(oracle, 20)

    result = oracle.send("deleteL2Outputs", 1, sender=CHALLENGER)

    assert result.reason == "L2OutputOracle: cannot delete outputs after the latest output index"


@pytest.mark.parametrize(
    ("block", "index"), [(0, 0), (1, 0), (19, 0), (20, 0), (21, 1), (40, 1), (41, 2), (60, 2), (61, 3), (80, 3)]
)
def test_the_first_output_at_or_after_a_block_is_found(oracle: Contract, block: int, index: int) -> None:
    for number in (20, 40, 60, 80):
        propose(oracle, number)

    assert oracle.read("getL2OutputIndexAfter", block) == index
    assert oracle.read("getL2OutputAfter", block) == (root(20 + 20 * index), GENESIS_TIME + 1000, 20 + 20 * index)


def test_clients_are_told_to_wait_by_the_exact_text(oracle: Contract) -> None:
    expected = "L2OutputOracle: cannot get output for a block that has not been proposed"
    assert oracle.send("getL2OutputIndexAfter", 1, sender=USER).reason == expected

    propose(oracle, 20)

    assert oracle.send("getL2OutputIndexAfter", 21, sender=USER).reason == expected
    assert oracle.read("getL2OutputIndexAfter", 20) == 0


def test_genesis_block_has_no_output_before_the_first_proposal(oracle: Contract) -> None:
    result = oracle.send("getL2OutputIndexAfter", 0, sender=USER)

    assert result.reason == "L2OutputOracle: cannot get output as no outputs have been proposed yet"


def test_settings_have_both_their_names(oracle: Contract) -> None:
    assert oracle.read("SUBMISSION_INTERVAL") == oracle.read("submissionInterval") == INTERVAL
    assert oracle.read("L2_BLOCK_TIME") == oracle.read("l2BlockTime") == 1
    assert oracle.read("FINALIZATION_PERIOD_SECONDS") == oracle.read("finalizationPeriodSeconds") == 12
    assert oracle.read("PROPOSER") == oracle.read("proposer") == "0x" + PROPOSER.hex()
    assert oracle.read("CHALLENGER") == oracle.read("challenger") == "0x" + CHALLENGER.hex()
    assert oracle.read("computeL2Timestamp", 7) == GENESIS_TIME + 7
