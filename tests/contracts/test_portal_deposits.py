"""OptimismPortal's deposits on the EVM: event, aliasing, limits, market. Spec: guaranteed-gas-market.md."""

import pytest
from eth_abi.abi import decode
from eth_typing import Address

from contracts.preinstalls import MULTICALL3
from tests.contracts.evm import Contract, Result, address_topic, encode_method, event_signature, selector, topic, word
from tests.contracts.world import ETHER, OTHER, USER, L1World

TRANSACTION_DEPOSITED = topic("TransactionDeposited(address,address,uint256,bytes)")
ALIAS_OFFSET = 0x1111000000000000000000000000000000001111
GWEI = 10**9


@pytest.fixture
def world() -> L1World:
    return L1World()


@pytest.fixture
def portal(world: L1World) -> Contract:
    return world.contract("OptimismPortal")


def opaque_data(result: Result) -> bytes:
    assert result.success
    (log,) = [log for log in result.logs if log.topics[0] == TRANSACTION_DEPOSITED]
    (data,) = decode(["bytes"], log.data)
    assert isinstance(data, bytes)
    return data


def deposited_from(result: Result) -> bytes:
    assert result.success
    return result.logs[0].topics[1][12:]


def alias(address: bytes) -> bytes:
    return ((int.from_bytes(address, "big") + ALIAS_OFFSET) % 2**160).to_bytes(20, "big")


def test_deposit_emits_the_canonical_event(portal: Contract) -> None:
    result = portal.send("depositTransaction", OTHER, 5, 100_000, False, b"\xab\xcd", sender=USER, value=7)

    (log,) = result.logs
    assert event_signature("OptimismPortal", "TransactionDeposited") == (
        "TransactionDeposited(address,address,uint256,bytes)"
    )
    assert log.address == portal.address
    assert log.topics == (TRANSACTION_DEPOSITED, address_topic(USER), address_topic(OTHER), word(0))
    assert opaque_data(result) == word(7) + word(5) + (100_000).to_bytes(8, "big") + b"\x00" + b"\xab\xcd"
    assert portal.evm.balance(portal.address) == 7


def test_creation_is_deposited_with_its_flag(portal: Contract) -> None:
    result = portal.send("depositTransaction", bytes(20), 0, 100_000, True, b"\x00", sender=USER)

    assert opaque_data(result)[72] == 1


def test_creation_with_a_target_is_refused(portal: Contract) -> None:
    result = portal.send("depositTransaction", OTHER, 0, 100_000, True, b"\x00", sender=USER)

    assert not result.success
    assert result.output == selector("BadTarget()")


def test_ether_sent_plainly_is_a_deposit_to_the_sender(portal: Contract) -> None:
    result = portal.evm.call(portal.address, sender=USER, value=ETHER)

    assert result.logs[0].topics[1:3] == (address_topic(USER), address_topic(USER))
    assert opaque_data(result) == word(ETHER) + word(ETHER) + (100_000).to_bytes(8, "big") + b"\x00"


def test_a_contract_is_aliased(portal: Contract) -> None:
    deposit = encode_method("OptimismPortal", "depositTransaction", OTHER, 0, 100_000, False, b"")
    data = encode_method("Multicall3", "aggregate3", [(portal.address, False, deposit)])

    result = portal.evm.call(MULTICALL3, data, sender=USER)

    assert deposited_from(result) == alias(MULTICALL3)


def test_alias_wraps_around(portal: Contract) -> None:
    result = portal.send("depositTransaction", OTHER, 0, 100_000, False, b"", sender=b"\xff" * 20, origin=USER)

    assert deposited_from(result) == alias(b"\xff" * 20)
    assert int.from_bytes(alias(b"\xff" * 20), "big") < ALIAS_OFFSET


@pytest.mark.parametrize(
    ("code", "is_aliased"),
    [
        pytest.param(b"\xef\x01\x00" + b"\x11" * 20, False, id="delegation"),
        pytest.param(b"", True, id="no code (in a constructor)"),
        pytest.param(b"\x60" * 23, True, id="other code of that length"),
        pytest.param(b"\xef\x01\x01" + b"\x11" * 20, True, id="other prefix"),
        pytest.param(b"\xef\x01\x00" + b"\x11" * 19, True, id="22 bytes"),
        pytest.param(b"\xef\x01\x00" + b"\x11" * 21, True, id="24 bytes"),
    ],
)
def test_called_by_another_only_a_delegated_account_is_not_aliased(
    portal: Contract, code: bytes, is_aliased: bool
) -> None:
    portal.evm.state.set_code(Address(OTHER), code)

    result = portal.send("depositTransaction", OTHER, 0, 100_000, False, b"", sender=OTHER, origin=USER)

    assert deposited_from(result) == (alias(OTHER) if is_aliased else OTHER)


def test_an_origin_with_delegated_code_is_not_aliased(portal: Contract) -> None:
    portal.evm.state.set_code(Address(USER), b"\xef\x01\x00" + b"\x11" * 20)

    result = portal.send("depositTransaction", OTHER, 0, 100_000, False, b"", sender=USER)

    assert deposited_from(result) == USER


@pytest.mark.parametrize("length", [0, 1, 100])
def test_gas_limit_must_cover_the_data(portal: Contract, length: int) -> None:
    enough = 21_000 + 40 * length
    assert portal.read("minimumGasLimit", length) == enough

    assert portal.send("depositTransaction", OTHER, 0, enough, False, bytes(length), sender=USER).success
    result = portal.send("depositTransaction", OTHER, 0, enough - 1, False, bytes(length), sender=USER)
    assert result.output == selector("SmallGasLimit()")


def test_data_is_bounded(portal: Contract) -> None:
    limit = 120_000

    assert portal.send("depositTransaction", OTHER, 0, 6_000_000, False, bytes(limit), sender=USER).success
    result = portal.send("depositTransaction", OTHER, 0, 6_000_000, False, bytes(limit + 1), sender=USER)
    assert result.output == selector("LargeCalldata()")


def test_a_block_sells_twenty_million_gas(portal: Contract) -> None:
    assert portal.send("depositTransaction", OTHER, 0, 19_000_000, False, b"", sender=USER, gas=29_000_000).success

    result = portal.send("depositTransaction", OTHER, 0, 1_000_001, False, b"", sender=USER)
    assert result.output == selector("OutOfGas()")
    assert portal.send("depositTransaction", OTHER, 0, 1_000_000, False, b"", sender=USER).success
    portal.evm.block.number += 1
    assert portal.send("depositTransaction", OTHER, 0, 1_000_001, False, b"", sender=USER).success


def test_an_absurd_gas_limit_is_refused_and_does_not_overflow(portal: Contract) -> None:
    portal.send("depositTransaction", OTHER, 0, 100_000, False, b"", sender=USER)

    result = portal.send("depositTransaction", OTHER, 0, 2**64 - 1, False, b"", sender=USER)

    assert result.output == selector("OutOfGas()")


def test_price_rises_after_a_full_block_and_decays_over_empty_ones(portal: Contract) -> None:
    portal.evm.block.number = 10
    portal.send("depositTransaction", OTHER, 0, 20_000_000, False, b"", sender=USER, gas=29_000_000)
    assert portal.read("params") == (GWEI, 20_000_000, 10)

    # Ten times the target: 9 targets too much, an eighth for each.
    portal.evm.block.number = 11
    portal.send("depositTransaction", OTHER, 0, 2_000_000, False, b"", sender=USER)
    assert portal.read("params") == (GWEI * 17 // 8, 2_000_000, 11)

    # Exactly the target: no change. Then block 12 was empty: an eighth less.
    portal.evm.block.number = 13
    portal.send("depositTransaction", OTHER, 0, 100_000, False, b"", sender=USER)
    assert portal.read("params") == (GWEI * 17 * 7 // 64, 100_000, 13)

    portal.evm.block.number = 2_000_000
    portal.send("depositTransaction", OTHER, 0, 100_000, False, b"", sender=USER)
    assert portal.read("params") == (GWEI, 100_000, 2_000_000)


def test_price_never_falls_below_the_minimum(portal: Contract) -> None:
    for number in (5, 6, 7):
        portal.evm.block.number = number
        portal.send("depositTransaction", OTHER, 0, 21_000, False, b"", sender=USER)

    assert portal.read("params") == (GWEI, 21_000, 7)


def test_l2_gas_is_paid_by_burning_l1_gas(portal: Contract) -> None:
    cheap = portal.send("depositTransaction", OTHER, 0, 21_000, False, b"", sender=USER)
    dear = portal.send("depositTransaction", OTHER, 0, 2_000_000, False, b"", sender=USER)

    assert cheap.gas_used < 120_000
    assert 2_000_000 <= dear.gas_used < 2_060_000


def test_l2_gas_costs_less_l1_gas_when_l1_is_dear(portal: Contract) -> None:
    portal.evm.block.base_fee = 20 * GWEI

    result = portal.send("depositTransaction", OTHER, 0, 10_000_000, False, b"", sender=USER)

    assert 500_000 <= result.gas_used < 560_000


def test_donated_ether_is_no_deposit(portal: Contract) -> None:
    result = portal.send("donateETH", sender=USER, value=3)

    assert result.success
    assert result.logs == ()
    assert portal.evm.balance(portal.address) == 3


def test_version_is_of_the_second_generation(portal: Contract) -> None:
    assert str(portal.read("version")).startswith("2.")
