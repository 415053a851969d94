"""A genesis and a deployment give the same contracts, down to the state root. Spec: predeploys.md, preinstalls.md."""

import dataclasses

import pytest
from eth_hash.auto import keccak
from eth_typing import Address

from contracts import deployed_bytecode
from contracts.deployment import DeploymentPlan, compute_create_address, plan_deployment
from contracts.genesis import (
    ADMIN_SLOT,
    IMPLEMENTATION_SLOT,
    L1_BLOCK,
    L2_PROXY_ADMIN,
    L2_TO_L1_MESSAGE_PASSER,
    l1_addresses,
    l1_allocs,
    l2_allocs,
    pack_storage,
    preinstall_allocs,
)
from contracts.preinstalls import (
    BEACON_ROOTS,
    BEACON_ROOTS_CODE,
    DETERMINISTIC_DEPLOYER,
    DETERMINISTIC_DEPLOYER_CODE,
    HISTORY_STORAGE,
    HISTORY_STORAGE_CODE,
    MULTICALL3,
)
from tests.contracts.evm import Contract, Evm, Result
from tests.contracts.world import OTHER, OWNER, PROPOSER, USER, L1World, L2World, parameters

PREDEPLOY_SUFFIXES = [0x07, 0x0F, 0x10, 0x12, 0x14, 0x17, 0x11, 0x15, 0x16, 0x18, 0x19, 0x1A, 0x1B]
SYSTEM = b"\xff" * 19 + b"\xfe"


def deploy(evm: Evm, plan: DeploymentPlan, sender: bytes) -> list[Result]:
    results = []
    for transaction in plan.transactions:
        assert transaction.to is None
        _, result = evm.create(transaction.data, sender=sender, gas=transaction.gas - intrinsic_gas(transaction.data))
        results.append(result)
    return results


def intrinsic_gas(data: bytes) -> int:
    return 53_000 + 16 * len(data) + 2 * ((len(data) + 31) // 32)


@pytest.mark.parametrize("start_nonce", [0, 1, 127, 128, 300])
def test_genesis_and_deployment_reach_the_same_state_root(start_nonce: int) -> None:
    plan = plan_deployment(USER, start_nonce, parameters())
    deployed, born = Evm(), Evm()
    deployed.install(preinstall_allocs())
    deployed.state.set_nonce(Address(USER), start_nonce)

    results = deploy(deployed, plan, USER)
    born.install(l1_allocs(parameters(), plan.addresses))
    born.state.set_nonce(Address(USER), start_nonce + len(plan.transactions))

    assert all(result.success for result in results)
    assert deployed.root() == born.root()


def test_deployment_announces_the_first_settings() -> None:
    plan = plan_deployment(USER, 0, parameters())

    results = deploy(Evm(), plan, USER)

    kinds = [
        log.topics[2][-1] for result in results for log in result.logs if len(log.topics) == 3 and len(log.data) > 32
    ]
    assert kinds == [0, 1, 2, 3, 4, 5]


def test_planned_gas_is_within_a_block_and_not_by_far_too_much() -> None:
    plan = plan_deployment(USER, 0, parameters())

    results = deploy(Evm(), plan, USER)

    for planned, result in zip(plan.transactions, results, strict=True):
        used = intrinsic_gas(planned.data) + result.gas_used
        assert used < planned.gas < used + 800_000
        assert planned.gas < 16_777_216


def test_deployed_oracle_refuses_a_start_in_the_future() -> None:
    evm = Evm()
    plan = plan_deployment(USER, 0, dataclasses.replace(parameters(), starting_timestamp=evm.block.timestamp + 1))

    results = deploy(evm, plan, USER)

    assert [result.success for result in results].count(False) == 1


def test_create_addresses_follow_the_sender_and_nonce() -> None:
    # The first contracts of the well-known development account.
    sender = bytes.fromhex("f39fd6e51aad88f6f4ce6ab8827279cfffb92266")

    assert compute_create_address(sender, 0).hex() == "5fbdb2315678afecb367f032d93f642f64180aa3"
    assert compute_create_address(sender, 1).hex() == "e7f1725e7734ce288f8367e1bb143e90bb3f0512"


def test_l1_genesis_names_each_contract_once() -> None:
    addresses = l1_addresses(parameters())

    assert len(set(addresses.values())) == len(addresses)
    assert set(addresses.values()) < set(l1_allocs(parameters()))


def test_every_predeploy_stands_behind_a_proxy_of_the_admin() -> None:
    allocs = l2_allocs(parameters())

    for suffix in PREDEPLOY_SUFFIXES:
        address = bytes.fromhex("42" + "00" * 18) + bytes([suffix])
        implementation = bytes.fromhex("c0d3" * 9 + "00") + bytes([suffix])
        assert allocs[address].code == deployed_bytecode("TransparentProxy")
        assert allocs[address].storage[IMPLEMENTATION_SLOT] == int.from_bytes(implementation, "big")
        assert allocs[address].storage[ADMIN_SLOT] == int.from_bytes(L2_PROXY_ADMIN, "big")
        assert allocs[implementation].code != allocs[address].code
        assert allocs[implementation].code != b""


def test_message_passer_has_storage_from_the_first_block_on() -> None:
    assert l2_allocs(parameters())[L2_TO_L1_MESSAGE_PASSER].storage


def test_no_account_of_a_genesis_is_empty_or_holds_a_zero_word() -> None:
    for allocs in (l1_allocs(parameters()), l2_allocs(parameters())):
        for alloc in allocs.values():
            assert alloc.code
            assert alloc.nonce == 1
            assert all(0 < word < 1 << 256 for word in alloc.storage.values())


def test_l2_proxy_admin_belongs_to_the_owner() -> None:
    admin = Contract(L2World().evm, "ProxyAdmin", L2_PROXY_ADMIN)

    assert admin.read("owner") == "0x" + OWNER.hex()


def test_implementations_belong_to_nobody() -> None:
    world = L2World()
    implementation = Contract(world.evm, "ProxyAdmin", bytes.fromhex("c0d3" * 9 + "0018"))

    assert implementation.read("owner") == "0x" + "00" * 18 + "dead"


def test_preinstalls_are_the_known_code() -> None:
    assert keccak(DETERMINISTIC_DEPLOYER_CODE).hex() == (
        "2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989"
    )
    assert len(BEACON_ROOTS_CODE) == 97
    assert len(HISTORY_STORAGE_CODE) == 83


@pytest.mark.parametrize("allocs", [l1_allocs(parameters()), l2_allocs(parameters())], ids=["l1", "l2"])
def test_both_chains_have_the_preinstalls(allocs: dict[bytes, object]) -> None:
    assert {BEACON_ROOTS, HISTORY_STORAGE, DETERMINISTIC_DEPLOYER, MULTICALL3} <= set(allocs)


def test_deterministic_deployer_creates_by_salt() -> None:
    evm = L1World().evm
    init_code = bytes.fromhex("600160005360016000f3")
    expected = keccak(b"\xff" + DETERMINISTIC_DEPLOYER + bytes(32) + keccak(init_code))[12:]

    result = evm.call(DETERMINISTIC_DEPLOYER, bytes(32) + init_code, sender=USER)

    assert result.output == expected
    assert evm.state.get_code(Address(expected)) == b"\x01"


def test_beacon_roots_contract_answers_for_a_stored_time() -> None:
    evm = L2World().evm
    evm.call(BEACON_ROOTS, b"\x77" * 32, sender=SYSTEM)

    assert evm.call(BEACON_ROOTS, evm.block.timestamp.to_bytes(32, "big"), sender=USER).output == b"\x77" * 32
    assert not evm.call(BEACON_ROOTS, (evm.block.timestamp + 1).to_bytes(32, "big"), sender=USER).success


def test_history_contract_answers_for_a_parent_only() -> None:
    evm = L2World().evm
    evm.block.number = 9
    evm.call(HISTORY_STORAGE, b"\x88" * 32, sender=SYSTEM)

    assert evm.call(HISTORY_STORAGE, (8).to_bytes(32, "big"), sender=USER).output == b"\x88" * 32
    assert not evm.call(HISTORY_STORAGE, (9).to_bytes(32, "big"), sender=USER).success


def test_values_that_do_not_fit_a_variable_are_refused() -> None:
    assert pack_storage("L1Block", {"number": 2**64 - 1}) == {0: 2**64 - 1}
    with pytest.raises(ValueError):
        pack_storage("L1Block", {"number": 2**64})


def test_parameters_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError):
        plan_deployment(USER, 0, dataclasses.replace(parameters(), base_fee_scalar=1 << 32))
    with pytest.raises(ValueError):
        plan_deployment(USER, 0, dataclasses.replace(parameters(), owner=b"\x01" * 19))


def test_contracts_of_a_genesis_act_like_deployed_ones() -> None:
    plan = plan_deployment(USER, 0, parameters())
    evm = Evm()
    deploy(evm, plan, USER)
    born = L1World()
    evm.block = dataclasses.replace(born.evm.block)

    for world, addresses in ((evm, plan.addresses), (born.evm, born.addresses)):
        world.fund(OTHER, 10**18)
        world.block.timestamp += 100
        portal = Contract(world, "OptimismPortal", addresses["OptimismPortal"])
        oracle = Contract(world, "L2OutputOracle", addresses["L2OutputOracle"])
        assert portal.send("depositTransaction", OTHER, 1, 100_000, False, b"", sender=OTHER, value=1).success
        assert oracle.send("proposeL2Output", b"\x01" * 32, 20, bytes(32), 0, sender=PROPOSER).success
        assert portal.read("systemConfig") == "0x" + addresses["SystemConfig"].hex()


def test_l1_block_storage_of_genesis_holds_the_proxy_only() -> None:
    assert set(l2_allocs(parameters())[L1_BLOCK].storage) == {IMPLEMENTATION_SLOT, ADMIN_SLOT}
