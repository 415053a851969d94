// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {OutputRootProof, WithdrawalTransaction} from "./Types.sol";

/// @title Hashing
/// @notice The hashes that both chains must agree on: of a withdrawal, of an output, of a messenger's message, and
///         of where a deposit comes from.
library Hashing {
    /// @notice The withdrawal's identity, and its key in `L2ToL1MessagePasser.sentMessages`.
    function hashWithdrawal(WithdrawalTransaction memory withdrawal) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                withdrawal.nonce,
                withdrawal.sender,
                withdrawal.target,
                withdrawal.value,
                withdrawal.gasLimit,
                withdrawal.data
            )
        );
    }

    /// @notice The output root that a proof's four parts make.
    function hashOutputRootProof(OutputRootProof memory proof) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(proof.version, proof.stateRoot, proof.messagePasserStorageRoot, proof.latestBlockhash)
        );
    }

    /// @notice The identity of a message of version 0, which leaves value and gas out.
    function hashCrossDomainMessageV0(address target, address sender, bytes memory message, uint256 nonce)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encodeWithSignature("relayMessage(address,address,bytes,uint256)", target, sender, message, nonce)
        );
    }

    /// @notice The identity of a message: the hash of the call that relays it.
    function hashCrossDomainMessageV1(
        uint256 nonce,
        address sender,
        address target,
        uint256 value,
        uint256 gasLimit,
        bytes memory message
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encodeWithSignature(
                "relayMessage(uint256,address,address,uint256,uint256,bytes)",
                nonce,
                sender,
                target,
                value,
                gasLimit,
                message
            )
        );
    }

    /// @notice The identity of a deposit of the portal: its event's block on L1 and index among that block's logs.
    function hashDepositSource(bytes32 l1BlockHash, uint256 logIndex) internal pure returns (bytes32) {
        bytes32 place = keccak256(abi.encode(l1BlockHash, logIndex));
        return keccak256(abi.encode(bytes32(0), place));
    }
}
