"""`braid_blockAccessList`: its form, and its errors."""

import pytest

from sequencer.execution.access_list import AccountAccess, BlockAccessList, SlotChanges, TransactionAccess
from tests.fakes.rpc_backend import World
from tests.unit.rpc.conftest import Call, error_of, object_of

SOMEBODY = b"\xaa" * 20
SLOT_KEY = b"s" + SOMEBODY + bytes(31) + b"\x07"


def list_for(count: int) -> BlockAccessList:
    """Of a block with that many transactions; the first one is told in full."""
    first = TransactionAccess((b"a" + SOMEBODY, SLOT_KEY), executions=2, conflict=SLOT_KEY)
    others = [TransactionAccess((b"a" + SOMEBODY,), executions=2, conflict=b"a" + SOMEBODY)]
    others += [TransactionAccess()] * count
    account = AccountAccess(
        address=SOMEBODY,
        storage_changes=(SlotChanges(7, ((1, 255),)),),
        storage_reads=(8,),
        balance_changes=((1, 16), (2, 0)),
        nonce_changes=((1, 3),),
        code_changes=((2, b"\x60\x01"),),
    )
    return BlockAccessList((account,), (first, *others)[:count])


def hex_word(value: int) -> str:
    return f"0x{value:064x}"


async def test_an_access_list_in_full(world: World, call: Call) -> None:
    block = world.chain.blocks[5][0]
    world.chain.access_lists[5] = list_for(len(block.transactions))

    answer = object_of(await call("braid_blockAccessList", "0x5"))

    address = "0x" + SOMEBODY.hex()
    assert answer["blockNumber"] == "0x5"
    assert answer["blockHash"] == "0x" + block.hash.hex()
    assert answer["accessList"] == [
        {
            "address": address,
            "storageChanges": [{"key": hex_word(7), "changes": [{"index": "0x1", "value": hex_word(255)}]}],
            "storageReads": [hex_word(8)],
            "balanceChanges": [{"index": "0x1", "value": "0x10"}, {"index": "0x2", "value": "0x0"}],
            "nonceChanges": [{"index": "0x1", "value": "0x3"}],
            "codeChanges": [{"index": "0x2", "code": "0x6001"}],
        }
    ]
    transactions = answer["transactions"]
    assert isinstance(transactions, list)
    assert [line["hash"] for line in transactions] == ["0x" + one.hash.hex() for one in block.transactions]
    assert transactions[0] == {
        "hash": "0x" + block.transactions[0].hash.hex(),
        "executions": "0x2",
        "conflict": {"address": address, "key": hex_word(7)},
        "reads": [{"address": address, "storageKeys": [hex_word(7)]}],
    }


async def test_a_block_is_named_by_hash_too(world: World, call: Call) -> None:
    block = world.chain.blocks[5][0]
    world.chain.access_lists[5] = list_for(len(block.transactions))

    by_hash = object_of(await call("braid_blockAccessList", "0x" + block.hash.hex()))

    assert by_hash == object_of(await call("braid_blockAccessList", {"blockHash": "0x" + block.hash.hex()}))
    assert by_hash["blockNumber"] == "0x5"


async def test_a_block_that_is_not_kept_is_not_available(call: Call) -> None:
    code, message = error_of(await call("braid_blockAccessList", "0x5"))

    assert code == -32002
    assert "block 5 is not kept" in message


@pytest.mark.parametrize("unknown", ["0xffff", "0x" + "ab" * 32])
async def test_a_block_that_is_not_there_is_not_found(call: Call, unknown: str) -> None:
    assert error_of(await call("braid_blockAccessList", unknown)) == (-32001, "block not found")


@pytest.mark.parametrize("bad", ["5", "0x05", "newest", 5, None, [], {"blockNumber": "x"}])
async def test_what_names_no_block_is_refused(call: Call, bad: object) -> None:
    code, message = error_of(await call("braid_blockAccessList", bad))

    assert code == -32602
    assert message.startswith("invalid params: block")
