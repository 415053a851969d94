// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashing} from "../libraries/Hashing.sol";
import {WithdrawalTransaction} from "../libraries/Types.sol";

/// @title L2ToL1MessagePasser
/// @notice Where withdrawals begin. Its storage root is part of every output root, and the mapping must stay at slot 0
///         because the portal on L1 proves against it. Spec: withdrawals.md.
contract L2ToL1MessagePasser {
    event MessagePassed(
        uint256 indexed nonce,
        address indexed sender,
        address indexed target,
        uint256 value,
        uint256 gasLimit,
        bytes data,
        bytes32 withdrawalHash
    );

    event WithdrawerBalanceBurnt(uint256 indexed amount);

    /// @notice In the top two bytes of every nonce.
    uint16 public constant MESSAGE_VERSION = 1;

    /// @notice L1 gas of a withdrawal made by plainly sending ether.
    uint256 internal constant RECEIVE_DEFAULT_GAS_LIMIT = 100_000;

    mapping(bytes32 withdrawalHash => bool) public sentMessages;

    uint240 internal msgNonce;

    /// @notice Ether sent here is a withdrawal to the sender's own address.
    receive() external payable {
        initiateWithdrawal(msg.sender, RECEIVE_DEFAULT_GAS_LIMIT, "");
    }

    /// @notice Destroys the ether of withdrawals, which is paid out on L1. Anybody may call it.
    function burn() external {
        uint256 amount = address(this).balance;
        assembly ("memory-safe") {
            // A contract whose init code is ADDRESS SELFDESTRUCT: it ends in the transaction that makes it, and its
            // ether with it (EIP-6780).
            mstore(0, shl(240, 0x30ff))
            pop(create(amount, 0, 2))
        }
        emit WithdrawerBalanceBurnt(amount);
    }

    /// @notice Passes a message, with the ether sent, to `target` on L1.
    /// @param gasLimit L1 gas that the call there gets at least.
    function initiateWithdrawal(address target, uint256 gasLimit, bytes memory data) public payable {
        uint256 nonce = messageNonce();
        bytes32 withdrawalHash =
            Hashing.hashWithdrawal(WithdrawalTransaction(nonce, msg.sender, target, msg.value, gasLimit, data));

        sentMessages[withdrawalHash] = true;
        ++msgNonce;
        emit MessagePassed(nonce, msg.sender, target, msg.value, gasLimit, data, withdrawalHash);
    }

    /// @notice Nonce of the next message.
    function messageNonce() public view returns (uint256) {
        return (uint256(MESSAGE_VERSION) << 240) | msgNonce;
    }

    function version() external pure returns (string memory) {
        return "1.1.2";
    }
}
