"""What a node finds at its start: damage that never was acknowledged is cut and counted, anything else is refused."""

import os
import socket
from pathlib import Path

import pytest

from sequencer.mempool.errors import JournalCorrupt, JournalOfAnotherChain
from sequencer.mempool.metrics import JOURNAL_TORN_BYTES
from sequencer.node.rpc_parts import PortInUse
from sequencer.state.store import Store, StoreDamaged, StoreOfAnotherChain, StoreVersion, Table
from tests.factories import make_transaction
from tests.fakes.real_node import ManualClock, open_node, standalone_genesis


async def live(folder: Path, *nonces: int) -> list[bytes]:
    """A life of the node in which transactions are acknowledged and none is put into a block; their hashes."""
    async with open_node(folder, standalone_genesis(), ManualClock()) as node:
        return [await node.send(make_transaction(nonce=nonce).raw) for nonce in nonces]


async def start(folder: Path, **wishes: object) -> None:
    """Start and stop."""
    genesis = standalone_genesis()
    async with open_node(folder, genesis, ManualClock(), wishes=wishes):
        pass


def journal_of(folder: Path) -> Path:
    """The newest segment of the node's journal."""
    return sorted(entry for entry in (folder / "data" / "journal").rglob("*") if entry.is_file())[-1]


@pytest.mark.parametrize("tail", [b"\xb7GRP", b"\xb7GRP" + bytes(11), b"\x00" * 4096, b"garbage"])
async def test_a_torn_journal_tail_is_cut_and_counted_and_every_acknowledged_transaction_is_there(
    tmp_path: Path, tail: bytes
) -> None:
    sent = await live(tmp_path, 0, 1, 2)
    with journal_of(tmp_path).open("ab") as file:
        file.write(tail)
    before = JOURNAL_TORN_BYTES._value.get()

    async with open_node(tmp_path, standalone_genesis(), ManualClock()) as node:
        assert JOURNAL_TORN_BYTES._value.get() == before + len(tail)
        await node.make_block()
        block = node.chain.block(1)
        assert block is not None
        assert [transaction.hash for transaction in block.transactions] == sent


async def test_a_journal_that_is_damaged_before_its_end_stops_the_start(tmp_path: Path) -> None:
    await live(tmp_path, 0, 1, 2)
    path = journal_of(tmp_path)
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)

    with pytest.raises(JournalCorrupt, match="is corrupt at offset"):
        await start(tmp_path)


async def test_a_journal_of_another_chain_stops_the_start(tmp_path: Path) -> None:
    await live(tmp_path / "ours", 0)
    async with open_node(tmp_path / "other", standalone_genesis(chain_id=77), ManualClock()) as node:
        await node.send(make_transaction(chain_id=77).raw)
    journal_of(tmp_path / "ours").write_bytes(journal_of(tmp_path / "other").read_bytes())

    with pytest.raises(JournalOfAnotherChain, match="is of chain 77, this is chain 901"):
        await start(tmp_path / "ours")


async def test_a_data_directory_of_another_version_stops_the_start(tmp_path: Path) -> None:
    await live(tmp_path)
    store = Store.open(tmp_path / "data" / "chain", chain_id=standalone_genesis().chain_id)
    store.write(lambda transaction: transaction.put(Table.META, b"format", (99).to_bytes(4, "big")))
    store.close()

    with pytest.raises(StoreVersion, match="store format 99"):
        await start(tmp_path)


async def test_a_data_directory_of_another_chain_stops_the_start(tmp_path: Path) -> None:
    async with open_node(tmp_path, standalone_genesis(chain_id=77), ManualClock()):
        pass

    with pytest.raises(StoreOfAnotherChain, match="77"):
        await start(tmp_path)


async def test_a_store_that_is_no_store_stops_the_start(tmp_path: Path) -> None:
    await live(tmp_path)
    for file in (tmp_path / "data" / "chain").glob("data*"):
        file.write_bytes(b"no store" * 4096)

    with pytest.raises(StoreDamaged, match="can not be read as a store"):
        await start(tmp_path)


@pytest.mark.parametrize("which", ["rpc_port", "admin_port"])
async def test_a_port_in_use_stops_the_start_and_lets_go_of_the_directory(tmp_path: Path, which: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f"127.0.0.1:{port} can not be listened on"):
            await start(tmp_path, **{which: port})

    await start(tmp_path)


async def test_a_store_that_was_cut_off_stops_the_start(tmp_path: Path) -> None:
    await live(tmp_path)
    data = tmp_path / "data" / "chain" / "data.mdb"
    os.truncate(data, data.stat().st_size // 2)

    with pytest.raises(StoreDamaged, match="was cut off"):
        await start(tmp_path)
