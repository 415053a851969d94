// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title GasBurn
/// @notice Pays for L2 gas by using up L1 gas.
library GasBurn {
    /// @notice Uses at least `amount` gas; runs out of gas when there is less.
    function burn(uint256 amount) internal view {
        uint256 start = gasleft();
        while (start - gasleft() < amount) {}
    }
}
