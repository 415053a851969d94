"""The example contracts that benchmarks use: a mint with one counter, and a game with a leaderboard."""

from contracts import deployed_bytecode
from contracts.genesis import Alloc

from .evm import Contract, Evm

ADDRESS = bytes(19) + b"\xa0"
PLAYERS = [bytes([index]) * 20 for index in range(1, 13)]


def _contract(name: str) -> Contract:
    evm = Evm()
    evm.install({ADDRESS: Alloc(1, 0, deployed_bytecode(name), {})})
    return Contract(evm, name, ADDRESS)


def test_each_mint_gives_the_next_number() -> None:
    collectible = _contract("Collectible")

    numbers = [int.from_bytes(collectible.send("mint", sender=player).output, "big") for player in PLAYERS[:3]]

    assert numbers == [1, 2, 3]
    assert collectible.read("ownerOf", 2) == "0x" + PLAYERS[1].hex()


def test_a_move_changes_the_players_own_slot_alone() -> None:
    game = _contract("Game")

    game.send("move", 7, sender=PLAYERS[0])
    game.send("move", 7, sender=PLAYERS[0])

    moved = game.read("players", "0x" + PLAYERS[0].hex())
    assert isinstance(moved, tuple)
    assert moved[2] == 2
    assert game.read("leaders", 0) == ("0x" + "00" * 20, 0)


def test_the_leaderboard_keeps_the_ten_best() -> None:
    game = _contract("Game")
    for dice, player in enumerate(PLAYERS):
        assert game.send("moveRanked", dice, sender=player).success

    scores = {}
    for player in PLAYERS:
        moved = game.read("players", "0x" + player.hex())
        assert isinstance(moved, tuple)
        scores["0x" + player.hex()] = moved[3]
    leaders = [game.read("leaders", place) for place in range(10)]

    best = sorted(scores.values(), reverse=True)[:10]
    assert sorted((leader[1] for leader in leaders if isinstance(leader, tuple)), reverse=True) == best
    assert all(scores[leader[0]] == leader[1] for leader in leaders if isinstance(leader, tuple))


def test_a_leader_is_listed_once() -> None:
    game = _contract("Game")
    for dice in range(5):
        game.send("moveRanked", dice, sender=PLAYERS[0])

    leaders = [game.read("leaders", place) for place in range(10)]

    assert [leader[0] for leader in leaders if isinstance(leader, tuple)].count("0x" + PLAYERS[0].hex()) == 1
