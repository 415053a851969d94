// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AddressAliasing} from "../libraries/AddressAliasing.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {OutputRootProof, WithdrawalTransaction} from "../libraries/Types.sol";

/// @title Hashes
/// @notice Every hash that both chains must agree on, to be called: for who writes a client, and for the vectors that
///         this code and the node's must both give.
contract Hashes {
    function withdrawal(WithdrawalTransaction calldata transaction) external pure returns (bytes32) {
        return Hashing.hashWithdrawal(transaction);
    }

    function outputRoot(OutputRootProof calldata proof) external pure returns (bytes32) {
        return Hashing.hashOutputRootProof(proof);
    }

    function messageV0(address target, address sender, bytes calldata message, uint256 nonce)
        external
        pure
        returns (bytes32)
    {
        return Hashing.hashCrossDomainMessageV0(target, sender, message, nonce);
    }

    function messageV1(
        uint256 nonce,
        address sender,
        address target,
        uint256 value,
        uint256 gasLimit,
        bytes calldata message
    ) external pure returns (bytes32) {
        return Hashing.hashCrossDomainMessageV1(nonce, sender, target, value, gasLimit, message);
    }

    function depositSource(bytes32 l1BlockHash, uint256 logIndex) external pure returns (bytes32) {
        return Hashing.hashDepositSource(l1BlockHash, logIndex);
    }

    function aliased(address account) external pure returns (address) {
        return AddressAliasing.toL2(account);
    }

    function unaliased(address account) external pure returns (address) {
        return AddressAliasing.toL1(account);
    }

    /// @notice What the system config holds for a batcher.
    function batcherHash(address batcher) external pure returns (bytes32) {
        return bytes32(uint256(uint160(batcher)));
    }
}
