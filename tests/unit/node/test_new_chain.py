"""A new chain's files: both genesis blocks and the agreement survive their formats, and so does a deployment."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.deployment import PROXIED
from contracts.genesis import l1_addresses
from contracts.preinstalls import PREINSTALLED_CODE
from l1_bridge.rollup_config import Fork, RollupConfig
from l1_bridge.types import BlockId
from sequencer.node.deployment import Deployed, InvalidDeployment
from sequencer.node.new_chain import ChainPlan, Roles, contract_parameters, make_l1_genesis, make_l2_genesis
from sequencer.primitives.genesis import genesis_from_json
from sequencer.primitives.header import decode_holocene_extra_data
from sequencer.primitives.predeploys import L1_BLOCK, MESSAGE_PASSER, SEQUENCER_FEE_VAULT
from sequencer.state.genesis_state import compute_genesis_header

TIME = 1_700_000_000
ANCHOR = BlockId(7, b"\x07" * 32)
ROLES = Roles(owner=b"\x01" * 20, batcher=b"\x02" * 20, proposer=b"\x03" * 20, challenger=b"\x04" * 20)
RICH = b"\xaa" * 20
PLAN = ChainPlan(
    l1_chain_id=900,
    l2_chain_id=901,
    roles=ROLES,
    block_time=3,
    sequencing_window=77,
    gas_limit=31_000_000,
    operator_fee_scalar=5,
    operator_fee_constant=6,
    funded={RICH: 10**20},
)


def _deployed(plan: ChainPlan = PLAN) -> Deployed:
    return Deployed(plan, ANCHOR, TIME, l1_addresses(contract_parameters(plan, TIME)))


def test_the_l2_genesis_survives_its_file() -> None:
    genesis = make_l2_genesis(PLAN, TIME)

    read = genesis_from_json(json.loads(json.dumps(genesis.to_json())))

    assert read == genesis
    assert compute_genesis_header(read) == compute_genesis_header(genesis)


def test_the_l1_genesis_survives_its_file() -> None:
    genesis = make_l1_genesis(PLAN, TIME)

    assert genesis_from_json(json.loads(json.dumps(genesis.to_json()))) == genesis


def test_the_agreement_survives_its_file() -> None:
    _, rollup = _deployed().make_chain()

    read = RollupConfig.from_json(json.loads(json.dumps(rollup.to_json())))

    assert read.to_json() == rollup.to_json()
    assert [read.is_active(fork, TIME) for fork in Fork] == [rollup.is_active(fork, TIME) for fork in Fork]
    assert read.config_hash() == rollup.config_hash()


def test_the_agreement_says_what_was_wished_for() -> None:
    genesis, rollup = _deployed().make_chain()

    assert rollup.genesis.l1 == ANCHOR
    assert rollup.genesis.l2.hash == compute_genesis_header(genesis).compute_hash()
    assert rollup.genesis.l2_time == genesis.timestamp == TIME
    assert (rollup.block_time, rollup.seq_window_size, rollup.l2_chain_id) == (3, 77, 901)
    assert rollup.genesis.system_config.gas_limit == genesis.gas_limit == 31_000_000
    assert rollup.genesis.system_config.operator_fee_constant == 6
    assert rollup.is_active(Fork.ISTHMUS, TIME)
    assert not rollup.is_active(Fork.JOVIAN, TIME)


def test_the_l2_genesis_holds_predeploys_preinstalls_and_funded_accounts() -> None:
    genesis = make_l2_genesis(PLAN, TIME)

    assert {L1_BLOCK, MESSAGE_PASSER, SEQUENCER_FEE_VAULT, *PREINSTALLED_CODE} <= genesis.alloc.keys()
    assert genesis.alloc[RICH].balance == 10**20
    assert genesis.fee_recipient == SEQUENCER_FEE_VAULT
    assert decode_holocene_extra_data(genesis.extra_data) == (PLAN.eip1559_denominator, PLAN.eip1559_elasticity)


def test_an_embedded_l1_holds_the_contracts_from_its_start() -> None:
    genesis = make_l1_genesis(PLAN, TIME)
    addresses = l1_addresses(contract_parameters(PLAN, TIME))

    assert genesis.optimism is None
    assert set(PROXIED) <= addresses.keys()
    assert all(genesis.alloc[address].code for address in addresses.values())


def test_the_same_wishes_make_the_same_chain_and_others_another() -> None:
    _, first = _deployed().make_chain()
    _, again = _deployed().make_chain()
    _, other = _deployed(replace(PLAN, l2_chain_id=902)).make_chain()
    _, later = Deployed(PLAN, ANCHOR, TIME + 1, _deployed().addresses).make_chain()

    assert first.config_hash() == again.config_hash()
    assert first.config_hash() != other.config_hash()
    assert first.genesis.l2.hash != later.genesis.l2.hash


def test_a_deployment_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps(_deployed().to_json()))

    assert Deployed.load(path) == _deployed()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        pytest.param("{", "JSONDecodeError", id="no JSON"),
        pytest.param("[]", "TypeError", id="no object"),
        pytest.param("{}", "l1_chain_id", id="nothing in it"),
        pytest.param(json.dumps(_deployed().to_json() | {"anchor": {"number": 1}}), "hash", id="half an anchor"),
        pytest.param(json.dumps(_deployed().to_json() | {"gas_limit": "much"}), "much", id="no number"),
        pytest.param(json.dumps(_deployed().to_json() | {"addresses": {"Portal": "0xzz"}}), "hex", id="no address"),
        pytest.param(json.dumps(_deployed().to_json() | {"addresses": {}}), "L1StandardBridge", id="no bridge"),
        pytest.param(json.dumps(_deployed().to_json() | {"roles": {"owner": "0x"}}), "batcher", id="a role is missing"),
    ],
)
def test_a_damaged_deployment_is_refused_by_name(tmp_path: Path, content: str, named: str) -> None:
    path = tmp_path / "deployment.json"
    path.write_text(content)

    with pytest.raises(InvalidDeployment) as raised:
        Deployed.load(path)

    assert str(path) in str(raised.value)
    assert named in str(raised.value)


def test_a_deployment_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidDeployment, match=r"nowhere\.json"):
        Deployed.load(tmp_path / "nowhere.json")
