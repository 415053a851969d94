// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice An output root as the oracle keeps it.
/// @param outputRoot Commitment to the L2 state after block `l2BlockNumber`.
/// @param timestamp L1 time of the proposal, in seconds.
struct OutputProposal {
    bytes32 outputRoot;
    uint128 timestamp;
    uint128 l2BlockNumber;
}

/// @notice What an output root of version 0 commits to.
struct OutputRootProof {
    bytes32 version;
    bytes32 stateRoot;
    bytes32 messagePasserStorageRoot;
    bytes32 latestBlockhash;
}

/// @notice A message from L2 to L1, as passed to the L2ToL1MessagePasser.
struct WithdrawalTransaction {
    uint256 nonce;
    address sender;
    address target;
    uint256 value;
    uint256 gasLimit;
    bytes data;
}

/// @notice The parameters of the market for L2 gas bought on L1.
struct ResourceConfig {
    uint32 maxResourceLimit;
    uint8 elasticityMultiplier;
    uint8 baseFeeMaxChangeDenominator;
    uint32 minimumBaseFee;
    uint32 systemTxMaxGas;
    uint128 maximumBaseFee;
}
