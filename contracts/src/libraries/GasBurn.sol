// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title GasBurn
/// @notice Pays for L2 gas by using up L1 gas.
library GasBurn {
    /// @notice Uses at least `amount` gas, and hardly more; runs out of gas when there is less.
    /// @dev By exponentiation, which costs much gas for little work of the L1 nodes. A power of an odd number is odd,
    ///      so the second condition only makes sure that the power is computed.
    function burn(uint256 amount) internal view {
        uint256 start = gasleft();
        uint256 odd = 3;
        while (start - gasleft() < amount || odd == 0) {
            unchecked {
                odd = odd ** type(uint256).max;
            }
        }
    }
}
