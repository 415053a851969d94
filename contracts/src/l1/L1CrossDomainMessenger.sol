// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CrossDomainMessenger} from "../bridges/CrossDomainMessenger.sol";
import {Predeploys} from "../libraries/Predeploys.sol";
import {OptimismPortal} from "./OptimismPortal.sol";
import {SystemConfig} from "./SystemConfig.sol";

/// @title L1CrossDomainMessenger
/// @notice The messenger on L1: its messages leave as deposits and arrive as withdrawals. While the portal is paused, or
///         can not say that it is not, nothing is relayed.
contract L1CrossDomainMessenger is CrossDomainMessenger {
    OptimismPortal public portal;
    SystemConfig public systemConfig;

    constructor() {
        _disableInitializers();
    }

    function initialize(OptimismPortal portal_, SystemConfig systemConfig_) external initializer {
        portal = portal_;
        systemConfig = systemConfig_;
        _initializeMessenger(CrossDomainMessenger(Predeploys.L2_CROSS_DOMAIN_MESSENGER));
    }

    function paused() public view override returns (bool) {
        return portal.paused();
    }

    /// @notice The older name of `portal`.
    function PORTAL() external view returns (OptimismPortal) {
        return portal;
    }

    function version() external pure returns (string memory) {
        return "2.6.0";
    }

    function _sendMessage(address to, uint64 gasLimit, uint256 value, bytes memory data) internal override {
        portal.depositTransaction{value: value}(to, value, gasLimit, false, data);
    }

    function _isOtherMessenger() internal view override returns (bool) {
        return msg.sender == address(portal) && portal.l2Sender() == address(otherMessenger);
    }

    function _isUnsafeTarget(address target) internal view override returns (bool) {
        return target == address(this) || target == address(portal);
    }
}
