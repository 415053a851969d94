"""
Workers as Ray actors, on this machine or on all of a cluster: the only door to Ray.

The messages are those of `processes`; one actor call carries one, and Ray keeps the calls of an actor in their order.
The workers of a cluster run the same version of this package. They read no store: see `remote_source`.
"""

import gc
import os
import time
from typing import Any

import ray
import ray.exceptions

from l1_bridge.errors import CriticalError

from .messages import unseal
from .pool import Received
from .worker import Worker
from .worker_process import GARBAGE_THRESHOLD

GET_SECONDS = 5.0
"""Limit for fetching an answer that Ray says is there."""

OBJECT_STORE_BYTES = 100 << 20
"""Of a Ray of our own; messages are small and short-lived."""

_Reference = Any
"""Ray's types are not ours to check: it is an extra, and absent from most installations."""


class RayUnavailable(CriticalError):
    """There is no Ray at the address, or none could be started."""

    def __init__(self, address: str | None, reason: Exception) -> None:
        super().__init__(f"Ray at {address or 'this machine'} can not be used: {reason}")
        self.address = address


class _Actor:
    """A worker inside its Ray process."""

    def __init__(self) -> None:
        self._worker = Worker()
        gc.set_threshold(GARBAGE_THRESHOLD)

    def handle(self, message: bytes) -> list[bytes]:
        return self._worker.handle(*unseal(message))


class RayLink:
    """A WorkerLink to one actor."""

    def __init__(self, executor: "RayExecutor", actor: _Reference) -> None:
        self._executor = executor
        self.actor = actor
        self.calls: list[_Reference] = []
        """Messages sent and not answered yet, in order."""

    def send(self, message: bytes) -> bool:
        """Whether the message was taken."""
        try:
            self.calls.append(self.actor.handle.remote(message))
        except ray.exceptions.RayError:
            return False
        return True

    def end(self) -> None:
        """End the actor now."""
        self._executor.forget(self)
        ray.kill(self.actor)


class RayExecutor:
    """An Executor on Ray."""

    def __init__(self, workers: int, address: str | None = None) -> None:
        """Connect to the cluster at `address`; None starts a Ray of our own, on loopback, that ends with us."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        options: dict[str, object] = {"log_to_driver": False, "configure_logging": False}
        if address is None:
            options |= {
                "num_cpus": workers,
                "include_dashboard": False,
                "object_store_memory": OBJECT_STORE_BYTES,
                "_node_ip_address": "127.0.0.1",
            }
        else:
            options["address"] = address
        try:
            ray.init(**options)
        except (OSError, RuntimeError, ValueError) as reason:
            raise RayUnavailable(address, reason) from None
        self._make_actor = ray.remote(num_cpus=1, max_restarts=0)(_Actor)
        self.links: list[RayLink] = []

    def start(self) -> RayLink:
        """Start an actor; Ray places it as soon as there is a free core."""
        link = RayLink(self, self._make_actor.remote())
        self.links.append(link)
        return link

    def receive(self, seconds: float) -> list[Received]:
        """Everything that has come, after waiting up to `seconds` for the first of it."""
        calls = [call for link in self.links for call in link.calls]
        if not calls:
            time.sleep(seconds)
            return []
        ray.wait(calls, num_returns=1, timeout=seconds)
        there = set(ray.wait(calls, num_returns=len(calls), timeout=0)[0])
        received: list[Received] = []
        for link in self.links:
            while link.calls and link.calls[0] in there:
                received += _fetch(link, link.calls.pop(0))
        return received

    def forget(self, link: RayLink) -> None:
        """Nothing of it is received any more."""
        if link in self.links:
            self.links.remove(link)

    def close(self) -> None:
        """End all actors, and a Ray of our own."""
        for link in list(self.links):
            link.end()
        ray.shutdown()


def _fetch(link: RayLink, call: _Reference) -> list[Received]:
    """The answers to one message."""
    try:
        return [Received(link, message) for message in ray.get(call, timeout=GET_SECONDS)]
    except ray.exceptions.RayActorError:
        return [Received(link, b"", "died")]
    except ray.exceptions.RayError:
        return [Received(link, b"", "garbled")]
