"""Which Redis a node uses: the embedded one, one of the operator's, or none."""

from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from sequencer.state.redis_server import RedisServer, RedisServerFailed, find_redis_server

log = structlog.get_logger(__name__)


def choose_redis(wish: str, data_dir: Path, stack: AsyncExitStack) -> str | None:
    """URL of the Redis to use, None for none; an embedded one is started here and stopped with the node."""
    if wish == "off":
        return None
    if wish != "auto":
        return wish
    if find_redis_server() is None:
        log.warning("redis_absent", meaning="runs without the shared cache: slower, same results")
        return None
    directory = data_dir / "redis"
    directory.mkdir(parents=True, exist_ok=True)
    try:
        server = RedisServer.start(directory)
    except RedisServerFailed as reason:
        log.warning("redis_failed", reason=str(reason), meaning="runs without the shared cache: slower, same results")
        return None
    stack.callback(server.stop)
    return server.url


def without_password(url: str) -> str:
    """The URL as logs may show it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
