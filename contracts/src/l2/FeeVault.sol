// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {L2ToL1MessagePasser} from "./L2ToL1MessagePasser.sol";

/// @notice The chain on which a vault pays out.
enum WithdrawalNetwork {
    L1,
    L2
}

/// @title FeeVault
/// @notice Collects one of the four fees; anybody may make it pay out to its recipient. The engine adds the fees to its
///         balance without calling it. Spec: exec-engine.md, predeploys.md.
contract FeeVault is Initializable {
    event Withdrawal(uint256 value, address to, address from);

    event Withdrawal(uint256 value, address to, address from, WithdrawalNetwork withdrawalNetwork);

    L2ToL1MessagePasser internal constant MESSAGE_PASSER =
        L2ToL1MessagePasser(payable(0x4200000000000000000000000000000000000016));

    /// @notice L1 gas of a payout there.
    uint256 internal constant WITHDRAWAL_MIN_GAS = 400_000;

    /// @notice Wei paid out so far.
    uint256 public totalProcessed;
    address public recipient;
    WithdrawalNetwork public withdrawalNetwork;

    /// @notice Wei below which nothing is paid out.
    uint256 public minWithdrawalAmount;

    constructor() {
        _disableInitializers();
    }

    function initialize(address recipient_, uint256 minWithdrawalAmount_, WithdrawalNetwork withdrawalNetwork_)
        external
        initializer
    {
        recipient = recipient_;
        minWithdrawalAmount = minWithdrawalAmount_;
        withdrawalNetwork = withdrawalNetwork_;
    }

    receive() external payable {}

    /// @notice Pays out the whole balance.
    function withdraw() external returns (uint256 value) {
        value = address(this).balance;
        require(
            value >= minWithdrawalAmount,
            "FeeVault: withdrawal amount must be greater than minimum withdrawal amount"
        );
        totalProcessed += value;
        emit Withdrawal(value, recipient, msg.sender);
        emit Withdrawal(value, recipient, msg.sender, withdrawalNetwork);

        if (withdrawalNetwork == WithdrawalNetwork.L1) {
            MESSAGE_PASSER.initiateWithdrawal{value: value}(recipient, WITHDRAWAL_MIN_GAS, "");
        } else {
            (bool success,) = recipient.call{value: value}("");
            require(success, "FeeVault: failed to send ETH to L2 fee recipient");
        }
    }

    // The older names, which clients still read.

    function RECIPIENT() external view returns (address) {
        return recipient;
    }

    function MIN_WITHDRAWAL_AMOUNT() external view returns (uint256) {
        return minWithdrawalAmount;
    }

    function WITHDRAWAL_NETWORK() external view returns (WithdrawalNetwork) {
        return withdrawalNetwork;
    }

    function version() external pure returns (string memory) {
        return "1.5.0";
    }
}
