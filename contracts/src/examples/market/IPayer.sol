// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IPayer
/// @notice Who uses a pool owes it tokens, and pays when the pool calls back.
interface IPayer {
    /// @notice Pay these amounts of token 0 and token 1 to the caller, a pool.
    function pay(uint256 amount0, uint256 amount1, bytes calldata data) external;
}
