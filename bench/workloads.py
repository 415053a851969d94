"""
What the engines are given: blocks of signed transactions, each with the genesis accounts that it needs.

    independent       nobody touches what another one writes: the engines can show what their threads are worth
    contended         one slot, one pool, one counter, some hot accounts: what speculation costs where it is in vain
    chains            each transaction needs the one before: nothing to win, and nothing should be lost
    mix               about what a public chain carries

The same name, size and seed give the same bytes. Every transaction succeeds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sequencer.primitives.genesis import GenesisAccount

from .scene import MINT_GAS, MOVE_GAS, Scene

DEFAULT_SEED = 1

HOT_ACCOUNTS = 4
"""Recipients that share what goes to hot accounts."""

SMALL_SWAP, LARGE_SWAP = 4 * 10**18, 4 * 10**19
"""Most swaps stay below the first; one in eight is of the second and crosses a tick or two."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One block's user transactions in their signed encoding, and what must be in the genesis."""

    name: str
    raw: tuple[bytes, ...]
    accounts: Mapping[bytes, GenesisAccount]


def _transfers(scene: Scene, count: int) -> None:
    for index in range(count):
        scene.send_ether(scene.sender(index), scene.recipient())


def _transfers_to_one(scene: Scene, count: int) -> None:
    for index in range(count):
        scene.send_ether(scene.sender(index), scene.recipient("popular"))


def _tokens(kinds: int | None) -> Callable[[Scene, int], None]:
    """Transfers of `kinds` tokens, or of a token each; every sender and recipient once."""

    def play(scene: Scene, count: int) -> None:
        for index in range(count):
            token = scene.token(index % (kinds or count))
            scene.send_tokens(scene.sender(index), scene.recipient(), token)

    return play


def _swap(scene: Scene, sender: int, pool: bytes) -> None:
    amount = LARGE_SWAP if scene.rng.random() < 0.125 else scene.rng.randrange(10**15, SMALL_SWAP)
    scene.swap(scene.sender(sender), pool, amount, down=scene.rng.random() < 0.5)


def _swaps_one_pool(scene: Scene, count: int) -> None:
    for index in range(count):
        _swap(scene, index, scene.pool())


def _swaps_own_pools(scene: Scene, count: int) -> None:
    for index in range(count):
        _swap(scene, index, scene.pool(index))


def _mints(scene: Scene, count: int) -> None:
    for index in range(count):
        scene.call(scene.sender(index), "Collectible", "mint", gas=MINT_GAS)


def _moves(method: str) -> Callable[[Scene, int], None]:
    def play(scene: Scene, count: int) -> None:
        for index in range(count):
            scene.call(scene.sender(index), "Game", method, scene.rng.randrange(1 << 64), gas=MOVE_GAS)

    return play


def _one_sender_ether(scene: Scene, count: int) -> None:
    for _ in range(count):
        scene.send_ether(scene.sender(0), scene.recipient())


def _one_sender(scene: Scene, count: int) -> None:
    for _ in range(count):
        scene.send_tokens(scene.sender(0), scene.recipient(), scene.token())


def _hand_to_hand(scene: Scene, count: int) -> None:
    """Every transfer spends from the balance that the one before has paid to."""
    for index in range(count):
        scene.send_tokens(scene.sender(index), scene.sender(index + 1).address, scene.token())


def _hot(ratio: float) -> Callable[[Scene, int], None]:
    """Token transfers of which `ratio` go to one of a few hot accounts."""

    def play(scene: Scene, count: int) -> None:
        for index in range(count):
            is_hot = scene.rng.random() < ratio
            label = f"hot {scene.rng.randrange(HOT_ACCOUNTS)}" if is_hot else None
            scene.send_tokens(scene.sender(index), scene.recipient(label), scene.token())

    return play


def _mix(scene: Scene, count: int) -> None:
    """Token transfers in few popular and many rare tokens, payments, exchanges' hot wallets, swaps, mints, moves."""
    senders = max(2 * count // 3, 1)
    for _ in range(count):
        index = scene.rng.randrange(senders)
        sender, kind = scene.sender(index), scene.rng.random()
        rank = int(scene.rng.paretovariate(1.0)) % 200
        if kind < 0.38:
            label = f"exchange {rank % 5}" if scene.rng.random() < 0.15 else None
            scene.send_tokens(sender, scene.recipient(label), scene.token(rank))
        elif kind < 0.68:
            label = f"exchange {rank % 5}" if scene.rng.random() < 0.3 else None
            scene.send_ether(sender, scene.recipient(label))
        elif kind < 0.86:
            _swap(scene, index, scene.pool(rank))
        elif kind < 0.92:
            scene.approve(sender, scene.token(rank), scene.recipient())
        elif kind < 0.95:
            scene.call(sender, "Collectible", "mint", gas=MINT_GAS)
        else:
            method = "moveRanked" if scene.rng.random() < 0.2 else "move"
            scene.call(sender, "Game", method, scene.rng.randrange(1 << 64), gas=MOVE_GAS)


WORKLOADS: Mapping[str, Callable[[Scene, int], None]] = {
    "raw transfers": _transfers,
    "raw transfers to one account": _transfers_to_one,
    "raw transfers of one sender": _one_sender_ether,
    "ERC-20, one token": _tokens(1),
    "ERC-20, ten tokens": _tokens(10),
    "ERC-20, a token each": _tokens(None),
    "ERC-20 of one sender": _one_sender,
    "ERC-20 hand to hand": _hand_to_hand,
    "ERC-20, 1 % to hot accounts": _hot(0.01),
    "ERC-20, 10 % to hot accounts": _hot(0.10),
    "ERC-20, 50 % to hot accounts": _hot(0.50),
    "swaps, a pool each": _swaps_own_pools,
    "swaps, one pool": _swaps_one_pool,
    "mints, one counter": _mints,
    "moves, own slot": _moves("move"),
    "moves, shared leaderboard": _moves("moveRanked"),
    "mix of a public chain": _mix,
}


def make_workload(name: str, count: int, seed: int = DEFAULT_SEED) -> Workload:
    """The workload with that name, as a block of `count` transactions."""
    scene = Scene(name, count, seed)
    WORKLOADS[name](scene, count)
    return Workload(name, tuple(scene.raw), scene.genesis_accounts())
