"""Law 3: with Redis on, off, flushed, stale, full, slow or holding wrong things, every read gives the same."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from l1_bridge.types import BlockId
from sequencer.primitives.account import Account
from sequencer.state.metrics import CACHE_GENERATIONS
from sequencer.state.redis_server import RedisServer
from tests.factories import address
from tests.fakes.cached_chain import BOB, CachedChain, dump, failures, make_cache, put
from tests.fakes.chain_story import build_block, transfer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer.start(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def client(server: RedisServer) -> Iterator["redis.Redis"]:
    client = redis.Redis.from_url(server.url)
    client.config_set("maxmemory", 256 << 20)
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.flushall()
    yield client
    client.close()


@pytest.fixture(params=[1, 3], ids=["one shard", "three shards"])
def rig(
    tmp_path: Path, server: RedisServer, client: "redis.Redis", request: pytest.FixtureRequest
) -> Iterator[CachedChain]:
    rig = CachedChain(tmp_path, server.url, request.param)
    yield rig
    rig.chain.store.close()


def test_what_a_block_changed_is_served_by_redis(rig: CachedChain) -> None:
    rig.store_slot(1, 11)
    reader = rig.reader()
    reader.prefetch([BOB, address(0)], [(BOB, 1)])

    assert reader.account(BOB) == Account(0, 1)
    assert reader.storage(BOB, 1) == 11
    assert (reader.counts.redis_hits, reader.counts.redis_misses, reader.counts.store_reads) == (3, 0, 0)


def test_a_cold_value_is_filled_once_and_then_served_by_redis(rig: CachedChain) -> None:
    rig.store_slot(1, 11)
    values, first = rig.read()
    again, second = rig.read()

    assert values == again == rig.truth()
    assert first.counts.redis_misses == 3
    assert (second.counts.redis_hits, second.counts.redis_misses) == (6, 0)


def test_a_key_that_was_not_prefetched_comes_from_the_store(rig: CachedChain) -> None:
    rig.store_slot(1, 11)
    reader = rig.reader()

    assert reader.storage(BOB, 1) == 11
    assert reader.counts.store_reads == 1


def test_new_blocks_replace_old_values(rig: CachedChain) -> None:
    for value in (11, 12, 0):
        rig.store_slot(1, value)
        values, reader = rig.read()
        assert values == rig.truth()
        assert reader.counts.store_reads == 0


def test_a_destroyed_account_takes_its_cached_slots_along(rig: CachedChain) -> None:
    owner = address(0)
    data = (1).to_bytes(32, "big") + (5).to_bytes(32, "big")
    build_block(rig.chain, [transfer(rig.chain, value=1, to=owner, data=data)])
    before = rig.reader()
    before.prefetch([owner], [(owner, 1)])
    assert before.storage(owner, 1) == 5

    build_block(rig.chain, [transfer(rig.chain, value=0, to=bytes(20))])
    after = rig.reader()
    after.prefetch([owner], [(owner, 1)])

    assert after.account(owner) is None
    assert after.storage(owner, 1) == 0
    assert after.counts.redis_hits == 2


def test_a_reader_of_another_block_does_not_use_the_cache(rig: CachedChain) -> None:
    rig.store_slot(1, 11)
    old = rig.reader()
    rig.store_slot(1, 12)
    old.prefetch([BOB], [(BOB, 1)])

    assert old.storage(BOB, 1) == 11
    assert (old.counts.redis_hits, old.counts.store_reads) == (0, 2)


def test_a_late_fill_is_dropped(rig: CachedChain) -> None:
    rig.store_slot(1, 11)
    cache = make_cache(rig.chain.store, rig.url, rig.time, shards=rig.shards)
    old = rig.state().block
    assert cache.fetch(old, [b"a" + BOB]) is not None
    rig.store_slot(1, 12)
    cache.fill(old, {b"a" + BOB: b"", b"s" + BOB + (1).to_bytes(32, "big"): b"\x0b"})

    assert rig.read()[0] == rig.truth()


def test_unwinding_opens_a_new_generation(rig: CachedChain) -> None:
    rig.store_slot(1, 11)
    rig.store_slot(1, 12)
    generations = CACHE_GENERATIONS._value.get()
    rig.chain.unwind(1)

    assert CACHE_GENERATIONS._value.get() == generations + 1
    assert rig.read()[0] == rig.truth()
    rig.store_slot(1, 13)
    assert rig.read()[0] == rig.truth()


def test_a_restart_keeps_a_warm_cache_at_the_same_head(rig: CachedChain) -> None:
    rig.store_slot(1, 11)
    generations = CACHE_GENERATIONS._value.get()
    rig.restart()
    _, reader = rig.read()

    assert CACHE_GENERATIONS._value.get() == generations
    assert reader.counts.redis_hits > 0


def test_a_restart_over_a_cache_that_missed_a_block_begins_again(rig: CachedChain) -> None:
    rig.store_slot(1, 11)
    rig.chain._cache = None  # the commit is done, the publish never happens
    rig.store_slot(1, 12)
    rig.restart()
    values, _ = rig.read()

    assert values == rig.truth()
    rig.store_slot(2, 9)
    assert rig.read()[0] == rig.truth()


def test_a_flushed_redis_is_filled_again(rig: CachedChain, client: "redis.Redis") -> None:
    rig.store_slot(1, 11)
    client.flushall()
    assert rig.read()[0] == rig.truth()
    rig.store_slot(1, 12)
    values, reader = rig.read()

    assert values == rig.truth()
    assert reader.counts.redis_hits > 0


def test_a_redis_restored_from_an_older_copy_begins_again(rig: CachedChain, client: "redis.Redis") -> None:
    rig.store_slot(1, 11)
    copy = dump(client)
    rig.store_slot(1, 12)
    client.flushall()
    put(client, copy)
    assert rig.read()[0] == rig.truth()
    rig.store_slot(2, 7)

    assert rig.read()[0] == rig.truth()
    rig.store_slot(2, 8)
    assert rig.read()[0] == rig.truth()


def test_poisoned_values_are_missing_not_wrong(rig: CachedChain, client: "redis.Redis") -> None:
    rig.store_slot(1, 11)
    counted = failures("poisoned")
    put(client, {name: b"\0" * 30 for name in dump(client) if b":s" in name or b":a" in name})
    values, reader = rig.read()

    assert values == rig.truth()
    assert reader.counts.redis_hits == 0
    assert failures("poisoned") > counted


def test_a_value_under_another_name_is_missing(rig: CachedChain, client: "redis.Redis") -> None:
    rig.store_slot(1, 11)
    rig.store_slot(2, 22)
    slots = {name: value for name, value in dump(client).items() if b":s" in name}
    put(client, dict(zip(slots, reversed(slots.values()), strict=True)))

    assert rig.read()[0] == rig.truth()


def test_wrong_types_everywhere_cost_speed_only(rig: CachedChain, client: "redis.Redis") -> None:
    rig.store_slot(1, 11)

    for name in dump(client):
        client.delete(name)
        client.rpush(name, b"x")
    assert rig.read()[0] == rig.truth()
    rig.store_slot(1, 12)
    assert rig.read()[0] == rig.truth()
    rig.time.now += 3
    rig.store_slot(1, 13)
    values, reader = rig.read()

    assert values == rig.truth()
    assert reader.counts.redis_hits > 0


def test_a_full_redis_costs_speed_only(rig: CachedChain, client: "redis.Redis") -> None:
    rig.store_slot(1, 11)
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)
    counted = failures("refused")
    rig.store_slot(1, 12)

    assert rig.read()[0] == rig.truth()
    assert failures("refused") > counted
    client.config_set("maxmemory", 256 << 20)
    rig.time.now += 3
    rig.store_slot(1, 13)
    values, reader = rig.read()
    assert values == rig.truth()
    assert reader.counts.redis_hits > 0


def test_entries_expire(rig: CachedChain, client: "redis.Redis") -> None:
    rig.store_slot(1, 11)
    rig.read()

    assert client.keys("*")
    assert all(0 < client.pttl(name) <= 3600_000 for name in client.keys("*"))


def test_two_stores_of_one_chain_share_no_key(tmp_path: Path, server: RedisServer, client: "redis.Redis") -> None:
    first, second = CachedChain(tmp_path / "a", server.url), CachedChain(tmp_path / "b", server.url)
    first.store_slot(1, 11)
    second.store_slot(1, 12)

    assert first.read()[0] == first.truth()
    assert second.read()[0] == second.truth()
    first.chain.store.close()
    second.chain.store.close()


@pytest.fixture
def silent_url(tmp_path: Path) -> Iterator[str]:
    """A server that takes connections and never answers."""
    path = tmp_path / "silent.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(64)
    yield f"unix://{path}"
    listener.close()


@pytest.fixture
def garbage_url(tmp_path: Path) -> Iterator[str]:
    """A server that answers everything with bytes that are no protocol."""
    path = tmp_path / "garbage.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(64)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"\xff" * 64 + b"\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"unix://{path}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


@pytest.mark.parametrize("kind", ["away", "silent", "garbage"])
def test_a_redis_that_does_not_answer_is_asked_once_a_pause(
    tmp_path: Path, silent_url: str, garbage_url: str, kind: str
) -> None:
    url = {"away": "unix:///nowhere/redis.sock", "silent": silent_url, "garbage": garbage_url}[kind]
    counted = failures("away")
    rig = CachedChain(tmp_path / "chain", url)
    reader = rig.reader()
    rig.store_slot(1, 11)
    reader = rig.reader()
    for slot in range(50):
        reader.prefetch([], [(BOB, slot)])

    assert reader.storage(BOB, 1) == 11
    assert reader.counts.store_reads == 50
    assert failures("away") == counted + 2  # the chain's own link once, the reader's once
    rig.chain.store.close()


def test_a_redis_that_comes_back_is_used_after_the_pause(
    tmp_path: Path, server: RedisServer, client: "redis.Redis"
) -> None:
    path = tmp_path / "later.sock"
    rig = CachedChain(tmp_path / "chain", f"unix://{path}")
    rig.store_slot(1, 11)
    path.symlink_to(server.url.removeprefix("unix://"))
    rig.store_slot(1, 12)
    assert not client.keys("*")
    rig.time.now += 3
    rig.store_slot(1, 13)
    values, reader = rig.read()

    assert values == rig.truth()
    assert reader.counts.redis_hits > 0
    rig.chain.store.close()


def test_a_head_under_a_false_hash_is_not_used(rig: CachedChain) -> None:
    rig.store_slot(1, 11)
    cache = make_cache(rig.chain.store, rig.url, rig.time, shards=rig.shards)
    head = rig.state().block

    assert cache.fetch(head, [b"a" + BOB])
    assert cache.fetch(replace(head, hash=bytes(32)), [b"a" + BOB]) is None
    assert cache.fetch(BlockId(head.number + 1, head.hash), [b"a" + BOB]) is None
