// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title AddressAliasing
/// @notice Contracts are shifted by a constant when they act on L2, because who controls an address on L1 need not
///         control the same address on L2.
library AddressAliasing {
    uint160 internal constant OFFSET = uint160(0x1111000000000000000000000000000000001111);

    /// @notice The L2 address of an L1 contract.
    function toL2(address account) internal pure returns (address) {
        unchecked {
            return address(uint160(account) + OFFSET);
        }
    }

    /// @notice The L1 contract whose L2 address this is.
    function toL1(address account) internal pure returns (address) {
        unchecked {
            return address(uint160(account) - OFFSET);
        }
    }

    /// @notice Whether `msg.sender` is controlled by a key: it signed this transaction, or its code is an EIP-7702
    ///         delegation (0xef0100 and an address, 23 bytes), which only the key's owner can have put there.
    function senderHasKey() internal view returns (bool) {
        if (msg.sender == tx.origin) return true;
        if (msg.sender.code.length != 23) return false;
        bytes32 code;
        assembly ("memory-safe") {
            extcodecopy(caller(), 0, 0, 32)
            code := mload(0)
        }
        return bytes3(code) == 0xef0100;
    }
}
