"""What `braid doctor` finds: each part of the node's surroundings, and what its absence costs."""

import asyncio
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, version

from l1_bridge.errors import BraidError
from l1_bridge.l1_client import L1Client
from l1_bridge.l1_connection import L1Endpoint
from sequencer.execution.precompiles import fast_precompiles
from sequencer.native import absence, is_available
from sequencer.state.redis_server import find_redis_server

from .anvil import find_foundry_tool


class Finding(Enum):
    """How well a part is."""

    GOOD = "good"
    LIMITED = "limited"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class ExaminedPart:
    """One line of the report."""

    name: str
    finding: Finding
    found: str
    meaning: str


PACKAGES = ("braid-rollup", "py-evm", "web3", "eth-account", "redis", "aiohttp", "lmdb", "coincurve", "uvloop")


def examine(redis: str, l1_url: str | None) -> list[ExaminedPart]:
    """Look at everything; never raises for something that is absent."""
    parts = [
        _python(),
        _cores(),
        _engine(),
        _redis(redis),
        _keccak(),
        _recovery(),
        _precompiles(),
        _anvil(),
        _node(),
        *_packages(),
    ]
    if l1_url is not None:
        parts.append(_l1(l1_url))
    return parts


def _python() -> ExaminedPart:
    good = sys.version_info >= (3, 11)
    return ExaminedPart(
        "Python", Finding.GOOD if good else Finding.MISSING, platform.python_version(), "" if good else "3.11 is needed"
    )


def _cores() -> ExaminedPart:
    count = os.cpu_count() or 1
    if count >= 2:
        return ExaminedPart("cores", Finding.GOOD, str(count), f"--workers up to {count} gain")
    return ExaminedPart("cores", Finding.LIMITED, str(count), "parallel execution gains nothing: use --engine serial")


def _engine() -> ExaminedPart:
    if is_available():
        return ExaminedPart(
            "engine", Finding.GOOD, "native, parallel, serial", "native serves: microseconds a transaction"
        )
    meaning = f"py-evm serves, 0.25 ms and more a transaction: {absence}"
    return ExaminedPart("engine", Finding.LIMITED, "parallel, serial", meaning)


def _redis(wish: str) -> ExaminedPart:
    if wish == "off":
        return ExaminedPart("Redis", Finding.LIMITED, "off", "every cold read goes to LMDB; results are the same")
    if wish != "auto":
        return ExaminedPart("Redis", Finding.GOOD, wish, "a server of your own")
    binary = find_redis_server()
    if binary is None:
        return ExaminedPart(
            "Redis", Finding.LIMITED, "no server", "runs without the shared cache: slower, same results"
        )
    return ExaminedPart("Redis", Finding.GOOD, str(binary), "started and stopped by the node")


def _keccak() -> ExaminedPart:
    from contracts.keccak import keccak

    keccak(b"")  # chooses the backend
    fast = _installed("safe-pysha3") is not None
    return ExaminedPart(
        "keccak",
        Finding.GOOD if fast else Finding.LIMITED,
        "C (pysha3)" if fast else "another backend",
        "" if fast else "hashing is several times slower",
    )


def _recovery() -> ExaminedPart:
    found = _installed("coincurve")
    if found is None:
        return ExaminedPart("sender recovery", Finding.MISSING, "no coincurve", "50 times slower: install it")
    return ExaminedPart("sender recovery", Finding.GOOD, f"coincurve {found}", "about 0.1 ms a transaction")


def _precompiles() -> ExaminedPart:
    slow = sorted(name for name in ("blake2f", "bls12-381") if fast_precompiles()[name].startswith("python"))
    if slow:
        meaning = "one transaction can hold the node for minutes: for development chains only"
        return ExaminedPart("precompiles", Finding.LIMITED, f"pure Python: {', '.join(slow)}", meaning)
    return ExaminedPart("precompiles", Finding.GOOD, "compiled: BLAKE2F, BLS12-381", "below 1 us for a unit of gas")


def _anvil() -> ExaminedPart:
    binary = find_foundry_tool("anvil")
    if binary is None:
        return ExaminedPart("anvil", Finding.LIMITED, "absent", "the embedded L1 serves the devnet instead")
    return ExaminedPart("anvil", Finding.GOOD, str(binary), "the devnet's L1 (--l1 embedded for our own)")


def _node() -> ExaminedPart:
    if shutil.which("node") is None:
        return ExaminedPart(
            "node", Finding.LIMITED, "absent", "contracts can not be recompiled; artifacts are committed"
        )
    return ExaminedPart("node", Finding.GOOD, str(shutil.which("node")), "contracts can be recompiled")


def _packages() -> list[ExaminedPart]:
    parts = []
    for name in PACKAGES:
        found = _installed(name)
        finding = Finding.GOOD if found is not None else Finding.MISSING
        parts.append(ExaminedPart(name, finding, found or "absent", "" if found else "run `make setup`"))
    return parts


def _l1(url: str) -> ExaminedPart:
    async def ask() -> str:
        async with L1Client.connect(L1Endpoint(url, timeout_seconds=5.0)) as client:
            head = await client.header_by_tag("latest")
            number = "no block" if head is None else f"block {head.number}"
            return f"chain {await client.chain_id()}, {number}"

    try:
        return ExaminedPart("L1", Finding.GOOD, asyncio.run(ask()), url)
    except BraidError as reason:
        return ExaminedPart("L1", Finding.MISSING, str(reason), url)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
