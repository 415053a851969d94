// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title PromisedCall
/// @notice Calls with an amount of gas that was promised on the other chain, and copies nothing that they return.
library PromisedCall {
    /// @notice Gas for the call itself: a cold account that comes to be, with value.
    uint256 private constant CALL_GAS = 40_000;

    /// @notice Whether a call that is made now gets at least `promised` gas and leaves `reserved` for afterwards.
    /// @dev A call passes on 63/64 of the gas that is left after its own cost.
    function isAffordable(uint256 promised, uint256 reserved) internal view returns (bool) {
        return gasleft() * 63 >= promised * 64 + (CALL_GAS + reserved) * 63;
    }

    /// @param allowance Gas that the call gets at most.
    function call(address target, uint256 allowance, uint256 value, bytes memory data)
        internal
        returns (bool success)
    {
        assembly ("memory-safe") {
            success := call(allowance, target, value, add(data, 32), mload(data), 0, 0)
        }
    }
}
