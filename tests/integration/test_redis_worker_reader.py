"""A worker in another process: it opens the store for reading, checks the head by the parent it is told, asks Redis."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sequencer.state.redis_server import RedisServer
from tests.factories import CHAIN_ID
from tests.fakes.cached_chain import BOB, CachedChain
from tests.fakes.chain_story import build_block, transfer

WORKER = """
import sys
from pathlib import Path
from l1_bridge.types import BlockId
from sequencer.state.cache import StateCache
from sequencer.state.cached_reader import CachedReader
from sequencer.state.store import Store
from sequencer.state.world_state import StateAt, StateUnavailable
store = Store.open(Path(sys.argv[1]), chain_id=int(sys.argv[3]), read_only=True)
cache = StateCache.connect(sys.argv[2], store, chain_id=int(sys.argv[3]))
bob = bytes.fromhex(sys.argv[4])
for line in sys.stdin:
    number, block_hash = line.split()
    reader = CachedReader(cache, StateAt(store, BlockId(int(number), bytes.fromhex(block_hash))))
    try:
        reader.prefetch([bob], [])
        print(reader.account(bob).balance, reader.counts.redis_hits, flush=True)
    except StateUnavailable:
        print("unavailable", 0, flush=True)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer.start(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


def test_a_worker_reads_the_parent_that_it_is_told_or_nothing(tmp_path: Path, server: RedisServer) -> None:
    rig = CachedChain(tmp_path, server.url)
    command = [sys.executable, "-c", WORKER, str(tmp_path), server.url, str(CHAIN_ID), BOB.hex()]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert worker.stdin is not None
    assert worker.stdout is not None

    def ask(number: int, block_hash: bytes) -> list[str]:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(f"{number} {block_hash.hex()}\n")
        worker.stdin.flush()
        return worker.stdout.readline().split()

    first = build_block(rig.chain, [transfer(rig.chain, value=5)])
    answers = [ask(1, first.hash)]
    second = build_block(rig.chain, [transfer(rig.chain, value=6)])
    answers += [ask(1, first.hash), ask(2, second.hash)]
    rig.chain.unwind(0)
    other = build_block(rig.chain, [transfer(rig.chain, value=7)])
    answers += [ask(1, first.hash), ask(2, second.hash), ask(1, other.hash)]
    worker.communicate()
    rig.chain.store.close()

    assert answers == [["5", "1"], ["5", "0"], ["11", "1"], ["unavailable", "0"], ["unavailable", "0"], ["7", "1"]]
