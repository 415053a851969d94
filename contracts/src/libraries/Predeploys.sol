// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Predeploys
/// @notice Addresses on L2 that never change. Spec: predeploys.md.
library Predeploys {
    address internal constant L2_CROSS_DOMAIN_MESSENGER = 0x4200000000000000000000000000000000000007;
    address internal constant L2_STANDARD_BRIDGE = 0x4200000000000000000000000000000000000010;
    address internal constant L2_ERC721_BRIDGE = 0x4200000000000000000000000000000000000014;
    address internal constant L2_TO_L1_MESSAGE_PASSER = 0x4200000000000000000000000000000000000016;

    /// @notice No contract: the name under which the bridges' events and `withdraw` speak of ether.
    address internal constant LEGACY_ERC20_ETH = 0xDeadDeAddeAddEAddeadDEaDDEAdDeaDDeAD0000;
}
