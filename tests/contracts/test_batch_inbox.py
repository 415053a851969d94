"""BatchInbox on the EVM: it takes data from the batcher alone and announces its hash."""

import pytest
from eth_hash.auto import keccak

from contracts import method_identifiers
from contracts.preinstalls import MULTICALL3
from tests.contracts.evm import address_topic, encode_method, selector, topic, word
from tests.contracts.world import BATCHER, OTHER, OWNER, USER, L1World

BATCH_POSTED = topic("BatchPosted(address,bytes32,uint256)")
BATCH_BLOB_POSTED = topic("BatchBlobPosted(address,bytes32,uint256)")


@pytest.fixture
def world() -> L1World:
    return L1World()


@pytest.mark.parametrize("size", [1, 3, 4, 120_000])
def test_data_of_the_batcher_is_announced_by_its_hash(world: L1World, size: int) -> None:
    inbox = world.addresses["BatchInbox"]
    data = b"\x00" + bytes(index % 251 for index in range(size - 1))

    result = world.evm.call(inbox, data, sender=BATCHER)

    assert result.success
    (log,) = result.logs
    assert log.address == inbox
    assert log.topics == (BATCH_POSTED, address_topic(BATCHER), keccak(data))
    assert log.data == word(size)


def test_execution_stays_below_what_the_calldata_costs_anyway(world: L1World) -> None:
    data = b"\x00" + b"\x01" * 119_999

    result = world.evm.call(world.addresses["BatchInbox"], data, sender=BATCHER)

    # EIP-7623: the floor is 40 a byte, the ordinary price 16, so execution up to the difference is free.
    assert result.gas_used < (40 - 16) * len(data)


def test_anybody_else_is_refused(world: L1World) -> None:
    result = world.evm.call(world.addresses["BatchInbox"], b"\x00", sender=USER)

    assert not result.success
    assert result.output == selector("NotBatcher(address)") + address_topic(USER)


def test_a_change_of_the_batcher_is_followed(world: L1World) -> None:
    world.contract("SystemConfig").send("setBatcherHash", OTHER.rjust(32, b"\0"), sender=OWNER)
    inbox = world.addresses["BatchInbox"]

    assert not world.evm.call(inbox, b"\x00", sender=BATCHER).success
    assert world.evm.call(inbox, b"\x00", sender=OTHER).success


def test_a_call_inside_a_transaction_is_refused_because_derivation_does_not_see_it(world: L1World) -> None:
    inbox = world.addresses["BatchInbox"]
    world.contract("SystemConfig").send("setBatcherHash", MULTICALL3.rjust(32, b"\0"), sender=OWNER)
    data = encode_method("Multicall3", "aggregate3", [(inbox, False, b"\x00")])

    assert not world.evm.call(MULTICALL3, data, sender=USER).success


def test_every_blob_is_announced_and_calldata_beside_it_is_not(world: L1World) -> None:
    blobs = (b"\x01" + b"\xaa" * 31, b"\x01" + b"\xbb" * 31)

    result = world.evm.call(world.addresses["BatchInbox"], b"\x00", sender=BATCHER, blobs=blobs)

    assert result.success
    assert [log.topics for log in result.logs] == [
        (BATCH_BLOB_POSTED, address_topic(BATCHER), blobs[0]),
        (BATCH_BLOB_POSTED, address_topic(BATCHER), blobs[1]),
    ]
    assert [log.data for log in result.logs] == [word(0), word(1)]


def test_a_transaction_without_data_is_refused(world: L1World) -> None:
    result = world.evm.call(world.addresses["BatchInbox"], b"", sender=BATCHER)

    assert result.output == selector("NoData()")


def test_ether_is_refused(world: L1World) -> None:
    assert not world.evm.call(world.addresses["BatchInbox"], b"\x00", sender=BATCHER, value=1).success


def test_batcher_data_can_not_be_mistaken_for_a_call() -> None:
    assert all(value[0] != 0 for value in method_identifiers("BatchInbox").values())
