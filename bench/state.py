"""
State root and durable commit: a block that changes some accounts of many, native and in Python, over real stores.

Each implementation works in a process of its own: one makes the genesis, another one opens it and commits blocks, so
its memory is that of a node. Every block changes other accounts, chosen by the seed; commits are synced.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from contracts.keccak import keccak
from l1_bridge.types import BlockId
from sequencer.native import PURE_PYTHON_VARIABLE, is_available
from sequencer.primitives.account import EMPTY_TRIE_ROOT, Account
from sequencer.state.changes import ChangeSet, StateChanges
from sequencer.state.commitment import TrieUpdate
from sequencer.state.native_trie import to_native
from sequencer.state.store import Store, Table, WriteTransaction
from sequencer.state.tries import apply_block, commitment_over, ensure_tries, settle_if_due
from sequencer.state.world_state import number_key, state_head

CHAIN_ID = 901


def address_of(index: int) -> bytes:
    """The account with that number."""
    return keccak(index.to_bytes(8, "big"))[12:]


def make_store(path: Path, accounts: int) -> dict[str, float]:
    """Load a genesis of `accounts` plain accounts; seconds of each step."""
    changes = StateChanges({address_of(index): Account(0, 10**18 + index) for index in range(accounts)})
    store = Store.open(path, chain_id=CHAIN_ID)
    began = time.perf_counter()
    given = to_native(changes) if is_available() else changes
    converted = time.perf_counter()
    update = commitment_over(None, EMPTY_TRIE_ROOT).compute(given)
    rooted = time.perf_counter()
    block = BlockId(0, bytes(32))

    def commit(transaction: WriteTransaction) -> None:
        apply_block(transaction, block, given, update)
        transaction.put(Table.META, b"root", update.state_root)
        transaction.put(Table.REFS, number_key(0), block.hash)

    store.write(commit)
    committed = time.perf_counter()
    store.close()
    return {"convert": converted - began, "root": rooted - converted, "commit": committed - rooted}


def run_blocks(path: Path, accounts: int, changed: int, blocks: int, seed: int) -> dict[str, object]:
    """Open the store and commit `blocks` blocks; milliseconds of each, and the process's memory in MiB."""
    began = time.perf_counter()
    store = Store.open(path, chain_id=CHAIN_ID)
    with store.read() as transaction:
        head, root = state_head(transaction), transaction.get(Table.META, b"root")
    assert head is not None
    assert root is not None
    ensure_tries(store, head, root)
    opened = time.perf_counter() - began
    chooser = random.Random(seed)
    roots, commits, settles, cpu = [], [], [], []
    for number in range(1, blocks + 1):
        chosen = chooser.sample(range(accounts), changed)
        changes = StateChanges({address_of(index): Account(number, 10**17 + index) for index in chosen})
        given = to_native(changes) if is_available() else changes
        began, began_cpu = time.perf_counter(), time.process_time()
        update = commitment_over(store, root).compute(given)
        rooted, rooted_cpu = time.perf_counter(), time.process_time()
        block = BlockId(number, keccak(update.state_root))

        def commit(
            transaction: WriteTransaction,
            block: BlockId = block,
            given: ChangeSet = given,
            update: TrieUpdate = update,
        ) -> None:
            apply_block(transaction, block, given, update)
            transaction.put(Table.META, b"root", update.state_root)
            transaction.put(Table.REFS, number_key(block.number), block.hash)

        store.write(commit)
        root = update.state_root
        roots.append((rooted - began) * 1e3)
        committed, committed_cpu = time.perf_counter(), time.process_time()
        settle_if_due(store)
        commits.append((committed - rooted) * 1e3)
        settles.append((time.perf_counter() - committed) * 1e3)
        cpu.append([(b - a) * 1e3 for a, b in pairwise((began_cpu, rooted_cpu, committed_cpu, time.process_time()))])
    memory = memory_in_mib()
    store.close()
    return {
        "open": opened * 1e3,
        "roots": roots,
        "commits": commits,
        "settles": settles,
        "cpu": cpu,
        "memory": memory,
        "root": root.hex(),
    }


def memory_in_mib() -> dict[str, int]:
    """Resident memory of this process: its own, and pages of files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return {name: int(found[name].split()[0]) >> 10 for name in ("RssAnon", "RssFile")}


def measure(*, accounts: int, changed: int, blocks: int, seed: int, is_pure: bool) -> dict[str, object]:
    """Both steps in processes of their own."""
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, PURE_PYTHON_VARIABLE: "1" if is_pure else "0"}
        sizes = [str(number) for number in (accounts, changed, blocks, seed)]
        answers = []
        for step in ("make", "run"):
            command = [sys.executable, "-m", "bench.state", "--step", step, directory, *sizes]
            answers.append(
                json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout)
            )
        size = (Path(directory) / "data.mdb").stat().st_size >> 20
        return {"genesis": answers[0], **answers[1], "file": size}


def report(name: str, accounts: int, changed: int, found: dict[str, object]) -> None:
    """One paragraph."""
    roots, commits, genesis, memory = (found[key] for key in ("roots", "commits", "genesis", "memory"))
    assert isinstance(roots, list)
    assert isinstance(commits, list)
    assert isinstance(genesis, dict)
    assert isinstance(memory, dict)
    root, commit = statistics.median(roots), statistics.median(commits)
    total = statistics.median(map(sum, zip(roots, commits, strict=True)))
    print(f"{name}: {changed} changed of {accounts} accounts, median of {len(roots)} blocks")
    print(
        f"  root {root:.1f} ms, commit {commit:.1f} ms, both {total:.1f} ms ({total * 1e3 / changed:.1f} us an account)"
    )
    cpu = found["cpu"]
    assert isinstance(cpu, list)
    settles = found["settles"]
    assert isinstance(settles, list)
    print(f"  settled afterwards: {sum(settles) / len(settles):.1f} ms a block, at most {max(settles):.1f} ms at once")
    means = [statistics.mean(one[step] for one in cpu) for step in range(3)]
    print(
        f"  processor time: root {means[0]:.1f} ms on all threads, commit {means[1]:.1f} ms, settling {means[2]:.1f} ms"
    )
    steps = ", ".join(f"{step} {seconds:.2f} s" for step, seconds in genesis.items())
    print(f"  genesis {steps}; open {found['open']:.1f} ms")
    print(f"  resident RssAnon {memory['RssAnon']} MiB, RssFile {memory['RssFile']} MiB; file {found['file']} MiB")
    print("  each block:", " ".join(f"{a:.0f}+{b:.0f}" for a, b in zip(roots, commits, strict=True)))


def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m bench.state`"""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--changed", type=int, default=10_000)
    parser.add_argument("--blocks", type=int, default=11)
    parser.add_argument("--python-accounts", type=int, default=20_000, help="size that Python can bear; 0: not at all")
    parser.add_argument("--python-changed", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--step", nargs=6, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.step:
        step, directory, *numbers = chosen.step
        accounts, changed, blocks, seed = map(int, numbers)
        path = Path(directory)
        made = make_store(path, accounts) if step == "make" else run_blocks(path, accounts, changed, blocks, seed)
        print(json.dumps(made))
        return
    sizes = [("native", False, chosen.accounts, chosen.changed)]
    if chosen.python_accounts:
        small = (chosen.python_accounts, chosen.python_changed)
        sizes += [("native", False, *small), ("python", True, *small)]
    ends = {}
    for name, is_pure, accounts, changed in sizes:
        found = measure(accounts=accounts, changed=changed, blocks=chosen.blocks, seed=chosen.seed, is_pure=is_pure)
        report(name, accounts, changed, found)
        ends.setdefault((accounts, changed), set()).add(found["root"])
    assert all(len(roots) == 1 for roots in ends.values()), "the implementations disagree"


if __name__ == "__main__":
    main()
