// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {OutputProposal} from "../libraries/Types.sol";

/// @title L2OutputOracle
/// @notice The list of output roots: one every `submissionInterval` L2 blocks, proposed by one role, removable by
///         another until the finalization period is over. Spec: proposals.md.
contract L2OutputOracle is Initializable {
    event OutputProposed(
        bytes32 indexed outputRoot, uint256 indexed l2OutputIndex, uint256 indexed l2BlockNumber, uint256 l1Timestamp
    );

    event OutputsDeleted(uint256 indexed prevNextOutputIndex, uint256 indexed newNextOutputIndex);

    /// @notice L2 time of block `startingBlockNumber`, in seconds.
    uint256 public startingTimestamp;

    /// @notice L2 block that counts as proposed when nothing is.
    uint256 public startingBlockNumber;

    /// @notice L2 blocks from one output to the next.
    uint256 public submissionInterval;

    /// @notice Seconds from one L2 block to the next.
    uint256 public l2BlockTime;

    /// @notice May delete outputs that are not final.
    address public challenger;

    /// @notice May propose outputs.
    address public proposer;

    /// @notice Seconds after which an output can no longer be deleted.
    uint256 public finalizationPeriodSeconds;

    OutputProposal[] internal l2Outputs;

    constructor() {
        _disableInitializers();
    }

    function initialize(
        uint256 submissionInterval_,
        uint256 l2BlockTime_,
        uint256 startingBlockNumber_,
        uint256 startingTimestamp_,
        address proposer_,
        address challenger_,
        uint256 finalizationPeriodSeconds_
    ) external initializer {
        require(submissionInterval_ > 0, "L2OutputOracle: submission interval must be greater than 0");
        require(l2BlockTime_ > 0, "L2OutputOracle: L2 block time must be greater than 0");
        require(
            startingTimestamp_ <= block.timestamp,
            "L2OutputOracle: starting L2 timestamp must be less than current time"
        );
        submissionInterval = submissionInterval_;
        l2BlockTime = l2BlockTime_;
        startingBlockNumber = startingBlockNumber_;
        startingTimestamp = startingTimestamp_;
        proposer = proposer_;
        challenger = challenger_;
        finalizationPeriodSeconds = finalizationPeriodSeconds_;
    }

    /// @notice Appends the output root of block `nextBlockNumber()`.
    /// @param l1BlockHash Hash of an L1 block of the last 256 that the proposer knows, so that a proposal made for a
    ///        chain that a reorg removed fails; zero for no check.
    function proposeL2Output(bytes32 outputRoot, uint256 l2BlockNumber, bytes32 l1BlockHash, uint256 l1BlockNumber)
        external
        payable
    {
        require(msg.sender == proposer, "L2OutputOracle: only the proposer address can propose new outputs");
        require(
            l2BlockNumber == nextBlockNumber(), "L2OutputOracle: block number must be equal to next expected block number"
        );
        require(
            computeL2Timestamp(l2BlockNumber) < block.timestamp,
            "L2OutputOracle: cannot propose L2 output in the future"
        );
        require(outputRoot != bytes32(0), "L2OutputOracle: L2 output proposal cannot be the zero hash");
        require(
            l1BlockHash == bytes32(0) || blockhash(l1BlockNumber) == l1BlockHash,
            "L2OutputOracle: block hash does not match the hash at the expected height"
        );

        emit OutputProposed(outputRoot, nextOutputIndex(), l2BlockNumber, block.timestamp);
        l2Outputs.push(OutputProposal(outputRoot, uint128(block.timestamp), uint128(l2BlockNumber)));
    }

    /// @notice Removes the output at `l2OutputIndex` and all after it.
    function deleteL2Outputs(uint256 l2OutputIndex) external {
        require(msg.sender == challenger, "L2OutputOracle: only the challenger address can delete outputs");
        uint256 length = l2Outputs.length;
        require(l2OutputIndex < length, "L2OutputOracle: cannot delete outputs after the latest output index");
        require(
            block.timestamp - l2Outputs[l2OutputIndex].timestamp < finalizationPeriodSeconds,
            "L2OutputOracle: cannot delete outputs that have already been finalized"
        );

        // Only the length moves, so that any number can be deleted at once; what lies behind it is written anew.
        assembly ("memory-safe") {
            sstore(l2Outputs.slot, l2OutputIndex)
        }
        emit OutputsDeleted(length, l2OutputIndex);
    }

    function getL2Output(uint256 l2OutputIndex) external view returns (OutputProposal memory) {
        return l2Outputs[l2OutputIndex];
    }

    /// @notice The first output at or after an L2 block.
    function getL2OutputAfter(uint256 l2BlockNumber) external view returns (OutputProposal memory) {
        return l2Outputs[getL2OutputIndexAfter(l2BlockNumber)];
    }

    /// @notice Index of the first output at or after an L2 block. Clients tell by the revert text that they must wait.
    function getL2OutputIndexAfter(uint256 l2BlockNumber) public view returns (uint256) {
        require(
            l2BlockNumber <= latestBlockNumber(),
            "L2OutputOracle: cannot get output for a block that has not been proposed"
        );
        require(l2Outputs.length > 0, "L2OutputOracle: cannot get output as no outputs have been proposed yet");

        uint256 low;
        uint256 high = l2Outputs.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (l2Outputs[middle].l2BlockNumber < l2BlockNumber) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    function latestOutputIndex() external view returns (uint256) {
        return l2Outputs.length - 1;
    }

    function nextOutputIndex() public view returns (uint256) {
        return l2Outputs.length;
    }

    function latestBlockNumber() public view returns (uint256) {
        return l2Outputs.length == 0 ? startingBlockNumber : l2Outputs[l2Outputs.length - 1].l2BlockNumber;
    }

    function nextBlockNumber() public view returns (uint256) {
        return latestBlockNumber() + submissionInterval;
    }

    /// @notice L2 time of a block, in seconds.
    function computeL2Timestamp(uint256 l2BlockNumber) public view returns (uint256) {
        return startingTimestamp + (l2BlockNumber - startingBlockNumber) * l2BlockTime;
    }

    // The older names, which clients still read.

    function SUBMISSION_INTERVAL() external view returns (uint256) {
        return submissionInterval;
    }

    function L2_BLOCK_TIME() external view returns (uint256) {
        return l2BlockTime;
    }

    function PROPOSER() external view returns (address) {
        return proposer;
    }

    function CHALLENGER() external view returns (address) {
        return challenger;
    }

    function FINALIZATION_PERIOD_SECONDS() external view returns (uint256) {
        return finalizationPeriodSeconds;
    }

    function version() external pure returns (string memory) {
        return "1.8.0";
    }
}
