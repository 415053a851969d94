"""
The only door to `redis`: calls that either answer within the time limit or give None, and never raise.

After a failure nothing is asked for a while, so a Redis that is away or slow costs one time limit a pause, not one a
read. Retrying is left to the next call after the pause.
"""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from . import metrics

T = TypeVar("T")

TIMEOUT_SECONDS = 0.25
"""For connecting and for each answer; an ordinary answer takes a thousandth of it."""

PAUSE_SECONDS = 2.0
"""How long a Redis that failed is left alone."""


class RedisLink:
    """One Redis, as a thread or a process sees it."""

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        pause_seconds: float = PAUSE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url`: `unix:///path` or `redis://host:port/db`; nothing is connected yet. Raises ValueError for others."""
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )
        self._pause_seconds = pause_seconds
        self._monotonic = monotonic
        self._resume_at = float("-inf")

    @property
    def is_paused(self) -> bool:
        """Whether calls are not made at the moment."""
        return self._monotonic() < self._resume_at

    def get_many(self, names: Sequence[bytes]) -> list[bytes | None] | None:
        """Values by name in one `MGET`; a name that holds something else than a string is None."""
        return self._ask(lambda client: cast("list[bytes | None]", client.mget(list(names))))

    def get_groups(self, groups: Sequence[Sequence[bytes]]) -> list[list[bytes | None]] | None:
        """Several `MGET`s in one round trip."""
        if len(groups) == 1:
            values = self.get_many(groups[0])
            return None if values is None else [values]

        def ask(client: "redis.Redis") -> list[list[bytes | None]]:
            pipeline = client.pipeline(transaction=False)
            for names in groups:
                pipeline.mget(list(names))
            return cast("list[list[bytes | None]]", pipeline.execute())

        return self._ask(ask)

    def run_scripts(
        self, script: str, calls: Sequence[tuple[Sequence[bytes], Sequence[bytes | int]]]
    ) -> list[int] | None:
        """Run one Lua script with each (names, arguments), in one round trip; each run is atomic."""

        def ask(client: "redis.Redis") -> list[int]:
            pipeline = client.pipeline(transaction=False)
            for names, arguments in calls:
                pipeline.eval(script, len(names), *names, *arguments)
            return cast("list[int]", pipeline.execute())

        return self._ask(ask)

    def set_atomically(self, entries: Sequence[tuple[bytes, bytes]], expiry_milliseconds: int) -> bool:
        """Set all entries in one `MULTI`; whether it happened."""

        def ask(client: "redis.Redis") -> bool:
            pipeline = client.pipeline(transaction=True)
            for name, value in entries:
                pipeline.set(name, value, px=expiry_milliseconds)
            pipeline.execute()
            return True

        return self._ask(ask) or False

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    def _ask(self, call: Callable[["redis.Redis"], T]) -> T | None:
        if self.is_paused:
            metrics.TROUBLES.note("paused")
            return None
        try:
            return call(self._client)
        except redis.ResponseError:
            self._fail("refused")
        except (redis.RedisError, OSError, ValueError):
            self._fail("away")
        return None

    def _fail(self, kind: str) -> None:
        metrics.TROUBLES.note(kind)
        self._resume_at = self._monotonic() + self._pause_seconds
        self._client.connection_pool.disconnect(inuse_connections=False)
