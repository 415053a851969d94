"""The machine that a run was made on, and what a process takes of its memory; Linux tells both under `/proc`."""

import hashlib
import os
import platform
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

HASHED_BYTES = 16 * 2**20
"""Takes tens of milliseconds: about as long as a large block."""

PROC = Path("/proc")
PACKAGES = ("py-evm", "lmdb", "redis")


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """In bytes: the most that was resident since `reset_peak`, and what is now: backed by no file, and by files."""

    peak_resident: int
    resident_anonymous: int
    resident_file: int


def reset_peak() -> None:
    """Begin to measure the peak anew, where the kernel lets us."""
    try:
        (PROC / "self" / "clear_refs").write_text("5")
    except OSError:
        return  # then the peak is the process's whole life's


def memory_use(process: int | None = None) -> MemoryUse:
    """Of the process with that number, or of this one; zeros where there is no /proc."""
    fields = _fields(PROC / ("self" if process is None else str(process)) / "status")
    sizes = (_kibibytes(fields.get(name, "0")) for name in ("VmHWM", "RssAnon", "RssFile"))
    return MemoryUse(*sizes)


def children_of(process: int) -> list[int]:
    """Numbers of the processes that it started."""
    lists = PROC.glob(f"{process}/task/*/children")
    return [int(child) for path in lists for child in path.read_text().split()]


def describe_machine() -> list[str]:
    """Lines that say what a reader has to know to compare: cores, memory, versions, and what else was running."""
    processors = _fields(PROC / "cpuinfo")
    total = _kibibytes(_fields(PROC / "meminfo").get("MemTotal", "0"))
    model = processors.get("model name", platform.machine())
    one, five, fifteen = os.getloadavg()
    versions = [f"Python {platform.python_version()}", *(f"{name} {metadata.version(name)}" for name in PACKAGES)]
    rust = _rust_version()
    return [
        f"{os.cpu_count()} cores, {model}, {total / 2**30:.1f} GiB of memory, {platform.system()} {platform.release()}",
        ", ".join([*versions, rust] if rust else versions),
        f"load average at the start of the run {one:.1f}, {five:.1f}, {fifteen:.1f} (1, 5, 15 minutes)",
    ]


def gain_of_two_threads() -> float:
    """
    How many times as much two threads compute at this moment as one does, of work that shares nothing.

    It is 2 where two cores are free. On a shared host it is not: no engine can gain more from its second thread.
    """
    data = bytes(HASHED_BYTES)

    def seconds(threads: int) -> float:
        with ThreadPoolExecutor(threads) as pool:
            start = time.perf_counter()
            list(pool.map(lambda _: hashlib.sha512(data).digest(), range(threads)))  # releases the GIL
            return time.perf_counter() - start

    return 2 * seconds(1) / seconds(2)


def _rust_version() -> str:
    try:
        answer = subprocess.run(["rustc", "--version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return " ".join(answer.stdout.split()[:2])


def _fields(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _kibibytes(text: str) -> int:
    return int(text.split()[0]) * 1024
