"""What tests run in a process of its own, with or without the native extension: `python -m ... ACTION PATH`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import structlog

from contracts.keccak import keccak
from l1_bridge.types import BlockId
from sequencer.native import PURE_PYTHON_VARIABLE
from sequencer.primitives.account import EMPTY_TRIE_ROOT, Account
from sequencer.state import native_trie
from sequencer.state.changes import StateChanges
from sequencer.state.commitment import TrieUpdate
from sequencer.state.proofs import account_proof
from sequencer.state.store import Store, Table, WriteTransaction
from sequencer.state.tries import apply_block, commitment_over, ensure_tries
from sequencer.state.world_state import number_key

CHAIN_ID = 901
BLOCKS = 6
ADDRESSES = [bytes([number]) * 20 for number in range(1, 30)]
ROOTS_KEY = b"roots of the test"


def start(action: str, path: Path, *, is_pure: bool) -> "subprocess.Popen[str]":
    """The process, with its input and output open."""
    environment = {**os.environ, PURE_PYTHON_VARIABLE: "1" if is_pure else "0"}
    command = [sys.executable, "-m", "tests.unit.state.store_process", action, str(path)]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run(action: str, path: Path, *, is_pure: bool) -> str:
    """What the process prints until it ends."""
    process = start(action, path, is_pure=is_pure)
    output, _ = process.communicate()
    assert process.returncode == 0
    return output


def random_changes(dice: Random, number: int) -> StateChanges:
    """Some accounts set, some deleted, some storage."""
    chosen = dice.sample(ADDRESSES, 8)
    accounts: dict[bytes, Account | None] = {who: Account(number, dice.randrange(1, 2**90)) for who in chosen}
    storage = {who: {dice.randrange(6): dice.choice([0, 1, 2**200]) for _ in range(4)} for who in chosen[:4]}
    accounts[chosen[7]] = None
    return StateChanges(accounts, storage, wiped=frozenset({chosen[0]}))


def make_chain(path: Path) -> None:
    """A store with some blocks, the last ones pending where the extension is; their roots stand in it too."""
    store, dice, roots = Store.open(path, chain_id=CHAIN_ID), Random(4), [EMPTY_TRIE_ROOT]
    for number in range(BLOCKS):
        changes = random_changes(dice, number)
        update = commitment_over(store if number else None, roots[-1]).compute(changes)
        roots.append(update.state_root)
        block = BlockId(number, keccak(update.state_root))

        def commit(
            transaction: WriteTransaction,
            changes: StateChanges = changes,
            update: TrieUpdate = update,
            block: BlockId = block,
        ) -> None:
            apply_block(transaction, block, changes, update)
            transaction.put(Table.REFS, number_key(block.number), block.hash)
            transaction.put(Table.META, ROOTS_KEY, b"".join(roots[1:]))

        native_trie.DIRECT_KEYS = 1024 if number < BLOCKS - 3 else 0
        store.write(commit)
    store.close()


def show(path: Path) -> None:
    """Every root with proofs of every account, after the tries were made anew where that is needed."""
    store = Store.open(path, chain_id=CHAIN_ID)
    with store.read() as transaction:
        joined = transaction.get(Table.META, ROOTS_KEY) or b""
    roots = [joined[start : start + 32] for start in range(0, len(joined), 32)]
    blocks = [BlockId(number, keccak(root)) for number, root in enumerate(roots)]
    ensure_tries(store, blocks[-1], roots[-1])
    for block, root in zip(blocks, roots, strict=True):
        for who in ADDRESSES:
            proof = account_proof(store, block, root, who, list(range(6)))
            slots = [(slot.value, [node.hex() for node in slot.nodes]) for slot in proof.storage]
            print(json.dumps([block.number, root.hex(), proof.nonce, [node.hex() for node in proof.nodes], slots]))
    store.close()


def follow(path: Path) -> None:
    """A worker: answers each line with what it sees."""
    store = Store.open(path, chain_id=CHAIN_ID, read_only=True)
    for _ in sys.stdin:
        with store.read() as transaction:
            print(transaction.count(Table.CODES), (transaction.get(Table.META, b"mark") or b"").decode(), flush=True)


def hold(path: Path) -> None:
    """Keep a look open until the end comes."""
    store = Store.open(path, chain_id=CHAIN_ID, read_only=True)
    with store.read():
        print("reading", flush=True)
        sys.stdin.read()


def write_open(path: Path) -> None:
    """Keep the store open for writing."""
    store = Store.open(path, chain_id=CHAIN_ID)
    print("open", flush=True)
    sys.stdin.read()
    store.close()


def try_open(path: Path) -> None:
    """Print why the store is refused."""
    try:
        Store.open(path, chain_id=CHAIN_ID, read_only=True).close()
    except Exception as reason:
        print(type(reason).__name__, reason)


ACTIONS = {action.__name__: action for action in (make_chain, show, follow, hold, write_open, try_open)}

if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    ACTIONS[sys.argv[1]](Path(sys.argv[2]))
