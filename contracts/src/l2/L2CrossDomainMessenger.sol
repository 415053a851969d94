// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CrossDomainMessenger} from "../bridges/CrossDomainMessenger.sol";
import {AddressAliasing} from "../libraries/AddressAliasing.sol";
import {Predeploys} from "../libraries/Predeploys.sol";
import {L2ToL1MessagePasser} from "./L2ToL1MessagePasser.sol";

/// @title L2CrossDomainMessenger
/// @notice The messenger on L2: its messages leave as withdrawals and arrive as deposits of the L1 messenger's alias.
contract L2CrossDomainMessenger is CrossDomainMessenger {
    constructor() {
        _disableInitializers();
    }

    function initialize(CrossDomainMessenger l1CrossDomainMessenger_) external initializer {
        _initializeMessenger(l1CrossDomainMessenger_);
    }

    /// @notice The older name of `otherMessenger`.
    function l1CrossDomainMessenger() external view returns (CrossDomainMessenger) {
        return otherMessenger;
    }

    function version() external pure returns (string memory) {
        return "2.1.0";
    }

    function _sendMessage(address to, uint64 gasLimit, uint256 value, bytes memory data) internal override {
        L2ToL1MessagePasser(payable(Predeploys.L2_TO_L1_MESSAGE_PASSER)).initiateWithdrawal{value: value}(
            to, gasLimit, data
        );
    }

    function _isOtherMessenger() internal view override returns (bool) {
        return AddressAliasing.toL1(msg.sender) == address(otherMessenger);
    }

    function _isUnsafeTarget(address target) internal view override returns (bool) {
        return target == address(this) || target == Predeploys.L2_TO_L1_MESSAGE_PASSER;
    }
}
