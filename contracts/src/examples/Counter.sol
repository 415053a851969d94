// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Counter
/// @notice One slot that everybody writes: a game's shared leaderboard, and the worst case of parallel execution.
contract Counter {
    uint256 public count;
    mapping(address => uint256) public moves;

    event Moved(address indexed player, uint256 count);

    /// @notice Adds one to the shared slot.
    function increment() external {
        count += 1;
        emit Moved(msg.sender, count);
    }

    /// @notice Adds one to the caller's own slot.
    function move() external {
        moves[msg.sender] += 1;
    }

    /// @notice Fails with a reason, after having written.
    function fail() external {
        count += 1;
        revert("Counter: asked to fail");
    }
}
