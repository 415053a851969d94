"""
The peers' binaries, built from the sources that the Go module proxy has under a version and a hash.

    go mod download -> hash compared -> a copy that can be written -> go build -> bin/<name>-<version>

op-geth builds as it comes. The module of op-node lacks a file that it embeds, `superchain-configs.zip`, and names the
file's sha256; an op-geth release holds a file with that hash. No source of theirs is kept here or in the project.

A small program of ours, `span_channel/main.go`, is built among op-node's packages: it asks op-node's span channels how
many bytes they make of given blocks.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BUILD_SECONDS = 1_800.0
LOG_TAIL_CHARACTERS = 3_000
NOT_GO = ("rust", "docs")
"""Folders of the optimism repository, at its top, that no Go program needs."""

SPAN_CHANNEL = Path(__file__).parent / "span_channel" / "main.go"


class BuildFailed(Exception):
    """A peer can not be built; the message says why."""


@dataclass(frozen=True, slots=True)
class GoModule:
    """One version of a module; `sum` is what go.sum would say of its content, where it was noted."""

    path: str
    version: str
    sum: str


OP_GETH = GoModule(
    "github.com/ethereum-optimism/op-geth", "v1.101702.3", "h1:IIcYQxDh2Qo1j0hjogiE7pMInt60yKXPHgRA/gpG2fM="
)
OP_GETH_WITH_CONFIGS = GoModule(
    "github.com/ethereum-optimism/op-geth", "v1.101702.3-rc.2", "h1:hhS6+nFPk+YG4F2ml8KTUJWY5lnuNyp0ALo7XupbjFA="
)
"""The one that optimism v1.19.0 asks for."""
OPTIMISM = GoModule(
    "github.com/ethereum-optimism/optimism", "v1.19.0", "h1:GxLM3pKUGahROWFwwUJOPZCmhT+6WsJi1AEc/6Lc0hM="
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """Where they are."""

    op_geth: Path
    op_node: Path
    op_batcher: Path
    span_channel: Path
    """Ours, with op-node's code in it."""


@dataclass(frozen=True, slots=True)
class _Target:
    module: GoModule
    package: str
    binary: Path


def build_peers(cache: Path) -> Binaries:
    """
    Build what is not there yet; minutes for each, the first time.

    Raises
    ------
    BuildFailed
        Go is absent, the proxy gives something else than was noted, or the compiler refuses.
    """
    found = Binaries(
        cache / "bin" / f"op-geth-{OP_GETH.version}",
        cache / "bin" / f"op-node-{OPTIMISM.version}",
        cache / "bin" / f"op-batcher-{OPTIMISM.version}",
        cache / "bin" / name_span_channel(SPAN_CHANNEL.read_bytes()),
    )
    _build(cache, [_Target(OP_GETH, "./cmd/geth", found.op_geth)], lambda _: None)
    optimism = [
        _Target(OPTIMISM, "./op-node/cmd", found.op_node),
        _Target(OPTIMISM, "./op-batcher/cmd", found.op_batcher),
        _Target(OPTIMISM, f"./{SPAN_CHANNEL.parent.name}", found.span_channel),
    ]
    _build(cache, optimism, lambda source: _complete_optimism(cache, source))
    return found


def name_span_channel(program: bytes) -> str:
    """Of the binary: another one as soon as the program or op-node is another."""
    return f"span-channel-{OPTIMISM.version}-{hashlib.sha256(program).hexdigest()[:12]}"


def _build(cache: Path, targets: Sequence[_Target], prepare: Callable[[Path], None]) -> None:
    """Build those binaries of one module that are missing."""
    missing = [target for target in targets if not target.binary.exists()]
    if not missing:
        return
    if shutil.which("go") is None:
        raise BuildFailed("go is not installed; op-geth and op-node are built from their sources")
    module = missing[0].module
    source = cache / "source" / f"{module.path.rpartition('/')[2]}-{module.version}"
    _copy(_download(cache, module), source)
    prepare(source)
    for target in missing:
        print(f"building {target.binary.name} ...", flush=True)
        target.binary.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.binary.with_name(f"{target.binary.name}.unfinished")
        _go("build", "-trimpath", "-buildvcs=false", "-o", str(unfinished), target.package, folder=source)
        os.replace(unfinished, target.binary)
    shutil.rmtree(source)


def _download(cache: Path, module: GoModule) -> Path:
    """Folder of the module in Go's own cache, which nobody may write to."""
    cache.mkdir(parents=True, exist_ok=True)
    told: Mapping[str, str] = json.loads(
        _go("mod", "download", "-json", f"{module.path}@{module.version}", folder=cache)
    )
    if told["Sum"] != module.sum:
        raise BuildFailed(f"{module.path}@{module.version} is {told['Sum']}, not {module.sum}")
    return Path(told["Dir"])


def _copy(original: Path, source: Path) -> None:
    shutil.rmtree(source, ignore_errors=True)

    def ignored(folder: str, names: list[str]) -> set[str]:
        return set(NOT_GO).intersection(names) if Path(folder) == original else set()

    shutil.copytree(original, source, copy_function=shutil.copyfile, ignore=ignored)
    for folder, _, _ in os.walk(source):
        Path(folder).chmod(0o755)


def _complete_optimism(cache: Path, source: Path) -> None:
    """Add what is embedded, and our program as one more package."""
    _add_configs(cache, source)
    folder = source / SPAN_CHANNEL.parent.name
    folder.mkdir()
    shutil.copyfile(SPAN_CHANNEL, folder / SPAN_CHANNEL.name)


def _add_configs(cache: Path, source: Path) -> None:
    """Put the file that op-node embeds into its place, if it is the one that is asked for."""
    folder = source / "op-core" / "superchain"
    wanted = (folder / "superchain-configs.zip.sha256").read_text().split()[0]
    content = (_download(cache, OP_GETH_WITH_CONFIGS) / "superchain" / "superchain-configs.zip").read_bytes()
    if hashlib.sha256(content).hexdigest() != wanted:
        raise BuildFailed(f"superchain-configs.zip of op-geth {OP_GETH_WITH_CONFIGS.version} is not the one of op-node")
    (folder / "superchain-configs.zip").write_bytes(content)


def _go(*arguments: str, folder: Path) -> str:
    """What a go command prints; the module of the folder counts, and no workspace around it."""
    try:
        done = subprocess.run(
            ["go", *arguments],
            cwd=folder,
            env={**os.environ, "GOWORK": "off"},
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BuildFailed(f"go {arguments[0]} did not end within {BUILD_SECONDS:g} s") from None
    if done.returncode != 0:
        raise BuildFailed(f"go {' '.join(arguments)} failed:\n{(done.stderr + done.stdout)[-LOG_TAIL_CHARACTERS:]}")
    return done.stdout
