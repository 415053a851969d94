// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Game
/// @notice Players move in slots of their own; a leaderboard of ten is shared, read by every ranked move and written by
/// few.
contract Game {
    uint256 public constant PLACES = 10;

    struct Player {
        uint64 x;
        uint64 y;
        uint64 moves;
        uint64 score;
    }

    struct Place {
        address player;
        uint64 score;
    }

    mapping(address => Player) public players;
    Place[PLACES] public leaders;

    event Moved(address indexed player, uint64 x, uint64 y, uint64 score);
    event Ranked(address indexed player, uint256 place, uint64 score);

    /// @notice One step in one of four directions, for as many points as the dice give.
    function move(uint256 dice) public returns (uint64 score) {
        Player memory player = players[msg.sender];
        unchecked {
            if (dice & 1 == 0) player.x += dice & 2 == 0 ? 1 : type(uint64).max;
            else player.y += dice & 2 == 0 ? 1 : type(uint64).max;
        }
        ++player.moves;
        score = player.score + uint64(uint256(keccak256(abi.encode(msg.sender, dice, player.moves))) % 100);
        player.score = score;
        players[msg.sender] = player;
        emit Moved(msg.sender, player.x, player.y, score);
    }

    /// @notice A move that may lead to the leaderboard: the lowest place goes to whoever has more.
    function moveRanked(uint256 dice) external {
        uint64 score = move(dice);
        uint256 lowest = 0;
        for (uint256 place = 0; place < PLACES; ++place) {
            if (leaders[place].player == msg.sender) {
                leaders[place].score = score;
                return;
            }
            if (leaders[place].score < leaders[lowest].score) lowest = place;
        }
        if (score <= leaders[lowest].score) return;
        leaders[lowest] = Place(msg.sender, score);
        emit Ranked(msg.sender, lowest, score);
    }
}
