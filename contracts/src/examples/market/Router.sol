// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IPayer} from "./IPayer.sol";
import {Pool} from "./Pool.sol";
import {TickPrices} from "./TickPrices.sol";

/// @title Router
/// @notice What accounts without code use pools through: it pays for them, out of what they have approved.
contract Router is IPayer {
    using SafeERC20 for IERC20;

    /// @dev The pool that may call back, and who pays; both end with the transaction.
    address private transient pool;
    address private transient payer;

    /// @notice Swaps all of `amountIn` for at least `leastOut`.
    function swap(Pool where, bool down, uint256 amountIn, uint256 leastOut, address recipient)
        external
        returns (uint256 amountOut)
    {
        (pool, payer) = (address(where), msg.sender);
        uint160 limit = down ? TickPrices.MIN_SQRT_PRICE + 1 : TickPrices.MAX_SQRT_PRICE - 1;
        uint256 amountPaid;
        (amountPaid, amountOut) = where.swap(recipient, down, amountIn, limit, "");
        require(amountPaid == amountIn, "Router: the pool could not take all");
        require(amountOut >= leastOut, "Router: less than asked for");
        pool = address(0);
    }

    /// @notice Adds liquidity between two ticks, owned by the caller.
    function addLiquidity(Pool where, int24 lower, int24 upper, uint128 liquidity)
        external
        returns (uint256 amount0, uint256 amount1)
    {
        (pool, payer) = (address(where), msg.sender);
        (amount0, amount1) = where.mint(msg.sender, lower, upper, liquidity, "");
        pool = address(0);
    }

    /// @inheritdoc IPayer
    function pay(uint256 amount0, uint256 amount1, bytes calldata) external {
        require(msg.sender == pool, "Router: not the pool that was called");
        if (amount0 > 0) Pool(msg.sender).token0().safeTransferFrom(payer, msg.sender, amount0);
        if (amount1 > 0) Pool(msg.sender).token1().safeTransferFrom(payer, msg.sender, amount1);
    }
}
