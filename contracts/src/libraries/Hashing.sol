// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {OutputRootProof, WithdrawalTransaction} from "./Types.sol";

/// @title Hashing
/// @notice The two hashes that both chains must agree on: of a withdrawal, and of an output.
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
}
