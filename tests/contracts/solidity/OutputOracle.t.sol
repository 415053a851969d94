// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {L2OutputOracle} from "contracts/src/l1/L2OutputOracle.sol";
import {OutputProposal} from "contracts/src/libraries/Types.sol";
import {
    CHALLENGER,
    FINALIZATION_PERIOD,
    GENESIS_TIME,
    L1Chain,
    L2_BLOCK_TIME,
    PROPOSER,
    SUBMISSION_INTERVAL
} from "./L1Chain.sol";
import {vm} from "./Vm.sol";

/// @notice Proposes and deletes at random, as anybody, and keeps a list of its own.
contract OutputStory {
    L2OutputOracle public immutable oracle;
    OutputProposal[] public outputs;

    constructor(L2OutputOracle oracle_) {
        oracle = oracle_;
    }

    function propose(bytes32 root) external {
        _propose(root, _nextBlock(), PROPOSER);
    }

    /// @notice Often wrong: by whom, for which block, with which root.
    function proposeAnyhow(bytes32 root, uint8 away, address caller, bool empty) external {
        _propose(empty ? bytes32(0) : root, _nextBlock() + away % 3, away % 2 == 0 ? PROPOSER : caller);
    }

    function deleteFrom(uint8 index, address caller) external {
        _delete(index % (outputs.length + 1), index % 4 == 0 ? caller : CHALLENGER);
    }

    /// @notice In the second in which an output becomes final, or in the one before.
    function deleteAtTheLastMoment(uint8 index, bool tooLate) external {
        if (outputs.length == 0) return;
        uint256 moment = outputs[index % outputs.length].timestamp + FINALIZATION_PERIOD - (tooLate ? 0 : 1);
        if (moment < block.timestamp) return;
        vm.warp(moment);
        _delete(index % outputs.length, CHALLENGER);
    }

    function wait_(uint16 time) external {
        vm.warp(block.timestamp + time % (FINALIZATION_PERIOD / 4));
    }

    /// @notice To the second of the next output's block, or to the one after it.
    function waitForTheNext(bool enough) external {
        uint256 due = GENESIS_TIME + _nextBlock() * L2_BLOCK_TIME + (enough ? 1 : 0);
        if (due > block.timestamp) vm.warp(due);
    }

    function count() external view returns (uint256) {
        return outputs.length;
    }

    function _propose(bytes32 root, uint256 number, address sender) private {
        bool expected = sender == PROPOSER && root != 0 && number == _nextBlock()
            && GENESIS_TIME + number * L2_BLOCK_TIME < block.timestamp;

        vm.prank(sender);
        (bool success,) = address(oracle).call(abi.encodeCall(L2OutputOracle.proposeL2Output, (root, number, 0, 0)));

        vm.assertEq(success, expected, "an output is of the proposer, of the next block, and not of the future");
        if (success) outputs.push(OutputProposal(root, uint128(block.timestamp), uint128(number)));
    }

    function _delete(uint256 from, address sender) private {
        bool expected = sender == CHALLENGER && from < outputs.length
            && block.timestamp < outputs[from].timestamp + FINALIZATION_PERIOD;

        vm.prank(sender);
        (bool success,) = address(oracle).call(abi.encodeCall(L2OutputOracle.deleteL2Outputs, (from)));

        vm.assertEq(success, expected, "outputs are deleted by the challenger, before they are final");
        while (success && outputs.length > from) outputs.pop();
    }

    function _nextBlock() private view returns (uint256) {
        return SUBMISSION_INTERVAL + (outputs.length == 0 ? 0 : outputs[outputs.length - 1].l2BlockNumber);
    }
}

/// @notice The list of outputs, whoever proposes and deletes.
contract OutputOracleTest {
    L2OutputOracle private oracle;
    OutputStory private story;

    function setUp() public {
        oracle = new L1Chain().oracle();
        story = new OutputStory(oracle);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(story);
    }

    /// @dev With the handler's verdict on each call: what is final stays, since its own list never loses it.
    function invariant_outputs_are_those_that_were_proposed_each_of_the_next_block_and_of_the_past() public view {
        uint256 count = story.count();
        vm.assertEq(oracle.nextOutputIndex(), count, "outputs");
        vm.assertEq(oracle.latestBlockNumber(), count * SUBMISSION_INTERVAL, "latest block");
        for (uint256 i = 0; i < count; ++i) {
            (bytes32 root, uint128 time, uint128 number) = story.outputs(i);
            OutputProposal memory output = oracle.getL2Output(i);
            vm.assertEq(output.outputRoot, root, "root");
            vm.assertEq(output.timestamp, time, "time");
            vm.assertEq(output.l2BlockNumber, number, "block as proposed");
            vm.assertEq(number, (i + 1) * SUBMISSION_INTERVAL, "block, one interval after the one before");
            vm.assertTrue(GENESIS_TIME + number * L2_BLOCK_TIME < time, "an output of the future");
        }
        // The stride is no divisor of the interval, so all places between two outputs are looked at.
        for (uint256 number = 1; number <= count * SUBMISSION_INTERVAL; number += 2 * SUBMISSION_INTERVAL - 1) {
            uint256 expected = (number - 1) / SUBMISSION_INTERVAL;
            vm.assertEq(oracle.getL2OutputIndexAfter(number), expected, "index of the first output that covers a block");
        }
    }
}
