// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title SwapSteps
/// @notice How much of two tokens moves while the price moves between two ticks: x = L / sqrt(P), y = L * sqrt(P).
/// @dev Whatever the pool receives is rounded up, whatever it gives is rounded down. Square roots of prices have 96 bits
/// behind the point.
library SwapSteps {
    uint256 internal constant Q96 = 1 << 96;
    uint256 internal constant FEE_UNIT = 1_000_000;

    /// @notice What one step comes to; the fee is in the token that comes in, and not part of amountIn.
    struct Step {
        uint160 next;
        uint256 amountIn;
        uint256 amountOut;
        uint256 fee;
    }

    /// @notice Goes from `current` towards `target` as far as `remaining` (fee included) of the token that comes in
    /// leads.
    function take(uint160 current, uint160 target, uint128 liquidity, uint256 remaining, uint24 fee)
        internal
        pure
        returns (Step memory step)
    {
        bool down = current >= target;
        uint256 spendable = Math.mulDiv(remaining, FEE_UNIT - fee, FEE_UNIT);
        step.amountIn = amountIn(current, target, liquidity, down);
        if (spendable >= step.amountIn) {
            step.next = target;
            step.fee = Math.mulDiv(step.amountIn, fee, FEE_UNIT - fee, Math.Rounding.Ceil);
        } else {
            step.next = _priceAfter(current, liquidity, spendable, down);
            step.amountIn = amountIn(current, step.next, liquidity, down);
            step.fee = remaining - step.amountIn;
        }
        step.amountOut = down
            ? amount1(step.next, current, liquidity, Math.Rounding.Floor)
            : amount0(current, step.next, liquidity, Math.Rounding.Floor);
    }

    /// @notice What comes in between two prices.
    function amountIn(uint160 current, uint160 target, uint128 liquidity, bool down) internal pure returns (uint256) {
        return down
            ? amount0(target, current, liquidity, Math.Rounding.Ceil)
            : amount1(current, target, liquidity, Math.Rounding.Ceil);
    }

    /// @notice Amount of token 0 between two prices: L / sqrt(lower) - L / sqrt(upper).
    function amount0(uint160 lower, uint160 upper, uint128 liquidity, Math.Rounding rounding)
        internal
        pure
        returns (uint256)
    {
        uint256 quotient = Math.mulDiv(uint256(liquidity) << 96, upper - lower, upper, rounding);
        return rounding == Math.Rounding.Ceil ? Math.ceilDiv(quotient, lower) : quotient / lower;
    }

    /// @notice Amount of token 1 between two prices: L * (sqrt(upper) - sqrt(lower)).
    function amount1(uint160 lower, uint160 upper, uint128 liquidity, Math.Rounding rounding)
        internal
        pure
        returns (uint256)
    {
        return Math.mulDiv(liquidity, upper - lower, Q96, rounding);
    }

    /// @dev The price after `amount` has come in, rounded so that the pool gives no more than it should.
    function _priceAfter(uint160 current, uint128 liquidity, uint256 amount, bool down) private pure returns (uint160) {
        if (!down) return uint160(current + Math.mulDiv(amount, Q96, liquidity));
        uint256 scaled = uint256(liquidity) << 96;
        // L / (L / sqrt(P) + amount). Amounts have 127 bits and prices 160, so the sum may need more than 256.
        (bool fits, uint256 moved) = Math.tryMul(amount, current);
        if (fits && moved <= type(uint256).max - scaled) {
            return uint160(Math.mulDiv(scaled, current, scaled + moved, Math.Rounding.Ceil));
        }
        return uint160(Math.ceilDiv(scaled, scaled / current + amount));
    }
}
