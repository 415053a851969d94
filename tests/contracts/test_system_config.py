"""SystemConfig on the EVM: who may set what, and the exact event of every setter. Spec: system-config.md."""

import pytest

from contracts.genesis import UNSAFE_BLOCK_SIGNER_SLOT
from tests.contracts.evm import Contract, topic, word
from tests.contracts.world import BATCHER, OTHER, OWNER, SIGNER, USER, L1World

CONFIG_UPDATE = topic("ConfigUpdate(uint256,uint8,bytes)")

SETTERS = [
    pytest.param("setBatcherHash", (OTHER.rjust(32, b"\0"),), 0, OTHER.rjust(32, b"\0"), id="batcher"),
    pytest.param(
        "setGasConfigEcotone",
        (0xAABBCCDD, 0x11223344),
        1,
        bytes(32) + b"\x01" + bytes(23) + bytes.fromhex("11223344aabbccdd"),
        id="scalars",
    ),
    pytest.param("setGasConfig", (0, 7), 1, bytes(32) + b"\x01" + bytes(27) + word(7)[28:], id="legacy scalar"),
    pytest.param("setGasLimit", (60_000_000,), 2, word(60_000_000), id="gas limit"),
    pytest.param("setUnsafeBlockSigner", (OTHER,), 3, OTHER.rjust(32, b"\0"), id="signer"),
    pytest.param("setEIP1559Params", (0x10, 0x20), 4, word(0x10 << 32 | 0x20), id="eip1559"),
    pytest.param("setOperatorFeeScalars", (3, 1 << 63), 5, word(3 << 64 | 1 << 63), id="operator fee"),
]


@pytest.fixture
def config() -> Contract:
    return L1World().contract("SystemConfig")


@pytest.mark.parametrize(("method", "arguments", "kind", "payload"), SETTERS)
def test_every_setter_emits_its_config_update(
    config: Contract, method: str, arguments: tuple[object, ...], kind: int, payload: bytes
) -> None:
    result = config.send(method, *arguments, sender=OWNER)

    assert result.success
    (log,) = result.logs
    assert log.address == config.address
    assert log.topics == (CONFIG_UPDATE, word(0), word(kind))
    assert log.data == word(32) + word(len(payload)) + payload


@pytest.mark.parametrize(("method", "arguments", "kind", "payload"), SETTERS)
def test_only_the_owner_may_set(
    config: Contract, method: str, arguments: tuple[object, ...], kind: int, payload: bytes
) -> None:
    assert not config.send(method, *arguments, sender=USER).success


def test_getters_return_what_was_set(config: Contract) -> None:
    config.send("setGasConfigEcotone", 11, 22, sender=OWNER)
    config.send("setOperatorFeeScalars", 33, 44, sender=OWNER)
    config.send("setEIP1559Params", 55, 66, sender=OWNER)

    assert config.read("basefeeScalar") == 11
    assert config.read("blobbasefeeScalar") == 22
    assert config.read("scalar") == 1 << 248 | 22 << 32 | 11
    assert config.read("operatorFeeScalar") == 33
    assert config.read("operatorFeeConstant") == 44
    assert config.read("eip1559Denominator") == 55
    assert config.read("eip1559Elasticity") == 66


def test_the_unsafe_block_signer_stands_in_the_slot_that_verifiers_read(config: Contract) -> None:
    assert config.read("UNSAFE_BLOCK_SIGNER_SLOT") == UNSAFE_BLOCK_SIGNER_SLOT.to_bytes(32, "big")
    assert config.evm.storage(config.address, UNSAFE_BLOCK_SIGNER_SLOT) == int.from_bytes(SIGNER, "big")

    config.send("setUnsafeBlockSigner", USER, sender=OWNER)

    assert config.evm.storage(config.address, UNSAFE_BLOCK_SIGNER_SLOT) == int.from_bytes(USER, "big")


def test_gas_limit_must_hold_what_deposits_can_buy(config: Contract) -> None:
    assert config.read("minimumGasLimit") == 21_000_000

    assert config.send("setGasLimit", 21_000_000, sender=OWNER).success
    assert config.send("setGasLimit", 20_999_999, sender=OWNER).reason == "SystemConfig: gas limit too low"
    assert config.send("setGasLimit", 500_000_000, sender=OWNER).success
    assert config.send("setGasLimit", 500_000_001, sender=OWNER).reason == "SystemConfig: gas limit too high"


def test_eip1559_parameters_must_not_be_zero(config: Contract) -> None:
    assert config.send("setEIP1559Params", 1, 1, sender=OWNER).success
    assert not config.send("setEIP1559Params", 0, 1, sender=OWNER).success
    assert not config.send("setEIP1559Params", 1, 0, sender=OWNER).success


def test_a_batcher_hash_must_be_an_address(config: Contract) -> None:
    assert config.send("setBatcherHash", bytes(12) + b"\xff" * 20, sender=OWNER).success
    assert not config.send("setBatcherHash", bytes(11) + b"\x01" + bytes(20), sender=OWNER).success


def test_legacy_setter_takes_nothing_but_a_base_fee_scalar(config: Contract) -> None:
    assert config.send("setGasConfig", 0, 2**32 - 1, sender=OWNER).success
    assert not config.send("setGasConfig", 0, 2**32, sender=OWNER).success
    assert not config.send("setGasConfig", 1, 1, sender=OWNER).success


def test_the_batcher_of_genesis_is_set(config: Contract) -> None:
    assert config.read("batcherHash") == BATCHER.rjust(32, b"\0")
    assert config.read("VERSION") == 0


def test_clients_learn_of_the_other_contracts_here() -> None:
    world = L1World()
    config = world.contract("SystemConfig")
    names = {
        "l1CrossDomainMessenger": "L1CrossDomainMessenger",
        "l1ERC721Bridge": "L1ERC721Bridge",
        "l1StandardBridge": "L1StandardBridge",
        "optimismPortal": "OptimismPortal",
        "optimismMintableERC20Factory": "OptimismMintableERC20Factory",
        "batchInbox": "BatchInbox",
    }

    for method, name in names.items():
        assert config.read(method) == "0x" + world.addresses[name].hex()
    assert config.read("disputeGameFactory") == "0x" + "00" * 20
    assert config.read("getAddresses") == tuple(
        config.read(method)
        for method in (
            *("l1CrossDomainMessenger", "l1ERC721Bridge", "l1StandardBridge", "disputeGameFactory"),
            *("optimismPortal", "optimismMintableERC20Factory"),
        )
    )


def test_gas_is_paid_in_ether(config: Contract) -> None:
    assert config.read("gasPayingToken") == ("0x" + "ee" * 20, 18)
    assert config.read("isCustomGasToken") is False


def test_neither_proxy_nor_implementation_can_be_initialized_again() -> None:
    world = L1World()
    settings = (USER, USER, bytes(32), 30_000_000, 0, 0, 1, 1, 0, 0, USER)
    addresses = (USER, USER, USER, bytes(20), USER, USER)
    implementation = Contract(world.evm, "SystemConfig", world.addresses["SystemConfigImplementation"])

    assert not world.contract("SystemConfig").send("initialize", settings, addresses, sender=OWNER).success
    assert not implementation.send("initialize", settings, addresses, sender=OWNER).success
