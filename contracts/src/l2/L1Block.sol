// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title L1Block
/// @notice What L2 knows of L1: the attributes of the block's L1 origin, and the fee settings. The first transaction of
///         every L2 block writes it. The execution engine reads the slots directly, so their order is consensus.
///         Spec: predeploys.md, isthmus/l1-attributes.md.
contract L1Block {
    error NotDepositor();

    uint64 public number;
    uint64 public timestamp;
    uint256 public basefee;
    bytes32 public hash;

    /// @notice L2 blocks since the epoch began.
    uint64 public sequenceNumber;
    uint32 public blobBaseFeeScalar;
    uint32 public baseFeeScalar;

    /// @notice The batcher's address, left-padded.
    bytes32 public batcherHash;

    /// @notice Not written since Ecotone; its slot must stay.
    uint256 public l1FeeOverhead;

    /// @notice Not written since Ecotone; its slot must stay.
    uint256 public l1FeeScalar;
    uint256 public blobBaseFee;
    uint64 public operatorFeeConstant;
    uint32 public operatorFeeScalar;

    /// @notice The sender of attributes transactions.
    function DEPOSITOR_ACCOUNT() public pure returns (address) {
        return 0xDeaDDEaDDeAdDeAdDEAdDEaddeAddEAdDEAd0001;
    }

    /// @notice Takes the attributes, packed without padding behind the selector: base fee scalar u32, blob base fee
    ///         scalar u32, sequence number u64, time u64, number u64, base fee u256, blob base fee u256, hash, batcher
    ///         hash, operator fee scalar u32, operator fee constant u64.
    function setL1BlockValuesIsthmus() external {
        if (msg.sender != DEPOSITOR_ACCOUNT()) revert NotDepositor();
        assembly ("memory-safe") {
            sstore(number.slot, shr(128, calldataload(20)))
            sstore(basefee.slot, calldataload(36))
            sstore(hash.slot, calldataload(100))
            sstore(sequenceNumber.slot, shr(128, calldataload(4)))
            sstore(batcherHash.slot, calldataload(132))
            sstore(blobBaseFee.slot, calldataload(68))
            sstore(operatorFeeConstant.slot, shr(160, calldataload(164)))
        }
    }

    /// @notice The token that pays for gas: always ether, in the form that clients of the interface expect.
    function gasPayingToken() external pure returns (address addr, uint8 decimals) {
        return (0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE, 18);
    }

    function isCustomGasToken() external pure returns (bool) {
        return false;
    }

    function version() external pure returns (string memory) {
        return "1.6.0";
    }
}
