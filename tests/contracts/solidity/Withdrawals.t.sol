// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {L2OutputOracle} from "contracts/src/l1/L2OutputOracle.sol";
import {OptimismPortal} from "contracts/src/l1/OptimismPortal.sol";
import {Hashing} from "contracts/src/libraries/Hashing.sol";
import {OutputRootProof, WithdrawalTransaction} from "contracts/src/libraries/Types.sol";
import {
    CHALLENGER,
    FINALIZATION_PERIOD,
    GENESIS_TIME,
    GUARDIAN,
    L1Chain,
    L2_BLOCK_TIME,
    PROPOSER
} from "./L1Chain.sol";
import {vm} from "./Vm.sol";

/// @notice Takes no ether.
contract Refuser {}

/// @notice Tries to have another withdrawal called while its own is.
contract Reentrant {
    bool public reentered;

    function arrive(WithdrawalTransaction memory withdrawal) external payable {
        (reentered,) = msg.sender.call(abi.encodeCall(OptimismPortal.finalizeWithdrawalTransaction, (withdrawal)));
    }
}

/// @notice Deposits, withdrawals, challenges and pauses in any order, and a second account of the ether.
contract Traffic {
    struct Story {
        WithdrawalTransaction withdrawal;
        OutputRootProof proof;
        bytes leaf;
        uint256 outputIndex;
        uint256 provenIndex;
        uint256 provenAt;
        bool finalized;
    }

    struct Output {
        bytes32 root;
        uint256 time;
    }

    L1Chain private immutable chain;
    OptimismPortal private immutable portal;
    L2OutputOracle private immutable oracle;
    address private immutable refuser = address(new Refuser());
    Reentrant public immutable reentrant = new Reentrant();

    Story[] private stories;
    Output[] private outputs;

    uint256 public taken;
    uint256 public paid;
    bool public paused;

    constructor(L1Chain chain_) {
        chain = chain_;
        portal = chain_.portal();
        oracle = chain_.oracle();
    }

    function deposit(uint96 value, uint64 gasLimit, address to) external {
        vm.deal(address(this), value);
        _nextBlock();
        gasLimit = 21_000 + gasLimit % 500_000;
        portal.depositTransaction{value: value}(to, uint256(value) * 2, gasLimit, false, "");
        taken += value;
    }

    function send(uint96 value) external {
        vm.deal(address(this), value);
        _nextBlock();
        (bool success,) = address(portal).call{value: value}("");
        vm.assertTrue(success, "plain ether is a deposit");
        taken += value;
    }

    function donate(uint96 value) external {
        vm.deal(address(this), value);
        portal.donateETH{value: value}();
        taken += value;
    }

    /// @notice A withdrawal that L2 knows of, and an output that says so.
    function withdraw(uint96 value, uint8 kind, bytes32 salt) external {
        if (stories.length == 8) return;
        Story storage story = stories.push();
        story.withdrawal = WithdrawalTransaction({
            nonce: stories.length,
            sender: address(0xD00D),
            target: _target(kind % 4, salt),
            value: kind % 4 == 3 ? 0 : value % (address(portal).balance + 2),
            gasLimit: 100_000,
            data: ""
        });
        if (kind % 4 == 3 && stories.length > 1) {
            story.withdrawal.data = abi.encodeCall(Reentrant.arrive, (stories[stories.length - 2].withdrawal));
        }
        bytes32 key = keccak256(abi.encode(keccak256(abi.encode(Hashing.hashWithdrawal(story.withdrawal), 0))));
        // A trie of one leaf: RLP of the list [hex prefix 0x20 and the whole key, 1].
        story.leaf = abi.encodePacked(hex"e3a120", key, hex"01");
        story.proof = OutputRootProof(0, salt, keccak256(story.leaf), bytes32(stories.length));
        _propose(story);
    }

    function proposeAgain(uint8 index) external {
        if (stories.length > 0) _propose(stories[index % stories.length]);
    }

    function prove(uint8 index, address caller) external {
        if (stories.length == 0 || caller == address(chain.admin())) return;
        _prove(stories[index % stories.length], caller);
    }

    /// @notice So that many can be finalized in any order.
    function proveAllAndWait() external {
        for (uint256 i = 0; i < stories.length; ++i) {
            if (!_isOutput(stories[i].outputIndex, Hashing.hashOutputRootProof(stories[i].proof))) _propose(stories[i]);
            _prove(stories[i], address(this));
        }
        vm.warp(block.timestamp + FINALIZATION_PERIOD + 1);
    }

    /// @notice Another's proof, or one of another amount, proves nothing.
    function proveFalsely(uint8 index, uint96 more) external {
        if (stories.length == 0 || more == 0) return;
        Story memory story = stories[index % stories.length];
        bytes[] memory nodes = new bytes[](1);
        nodes[0] = story.leaf;
        story.withdrawal.value += more;

        (bool success,) = address(portal).call(
            abi.encodeCall(
                OptimismPortal.proveWithdrawalTransaction, (story.withdrawal, story.outputIndex, story.proof, nodes)
            )
        );

        vm.assertTrue(!success, "a withdrawal was proven that is not on L2");
    }

    function finalize(uint8 index, address caller) external {
        if (stories.length == 0 || caller == address(chain.admin())) return;
        _finalize(stories[index % stories.length], caller);
    }

    /// @notice By an output that is final already, so that the proof's own wait is what counts.
    function proveLateAndFinalize(uint8 index, uint16 time) external {
        if (stories.length == 0) return;
        Story storage story = stories[index % stories.length];
        if (story.provenAt == 0) _propose(story);
        vm.warp(block.timestamp + FINALIZATION_PERIOD + 1);
        _prove(story, address(this));
        vm.warp(block.timestamp + time % (FINALIZATION_PERIOD + 2));
        _finalize(story, address(this));
    }

    function challenge(uint8 index) external {
        if (outputs.length == 0) return;
        uint256 from = index % outputs.length;
        if (block.timestamp - outputs[from].time >= FINALIZATION_PERIOD) return;
        vm.prank(CHALLENGER);
        oracle.deleteL2Outputs(from);
        while (outputs.length > from) outputs.pop();
    }

    function pause(bool on, address caller, bool guardian) external {
        if (caller == address(chain.admin())) return;
        address sender = guardian ? GUARDIAN : caller;
        vm.prank(sender);
        (bool success,) = address(portal).call(
            on ? abi.encodeCall(OptimismPortal.pause, ()) : abi.encodeCall(OptimismPortal.unpause, ())
        );
        vm.assertEq(success, sender == GUARDIAN && on != paused, "the guardian alone pauses");
        if (success) paused = on;
    }

    function resume() external {
        if (!paused) return;
        vm.prank(GUARDIAN);
        portal.unpause();
        paused = false;
    }

    function wait_(uint16 time) external {
        vm.warp(block.timestamp + time % FINALIZATION_PERIOD + 1);
    }

    function waitForAll() external {
        vm.warp(block.timestamp + FINALIZATION_PERIOD + 1);
    }

    /// @dev With L1 gas so dear that hardly any must be burned for a deposit.
    function _nextBlock() private {
        vm.roll(block.number + 1);
        vm.fee(1000 gwei);
    }

    function _propose(Story storage story) private {
        uint256 number = oracle.nextBlockNumber();
        uint256 due = GENESIS_TIME + number * L2_BLOCK_TIME + 1;
        if (due > block.timestamp) vm.warp(due);
        bytes32 root = Hashing.hashOutputRootProof(story.proof);
        vm.prank(PROPOSER);
        oracle.proposeL2Output(root, number, 0, 0);
        story.outputIndex = outputs.length;
        outputs.push(Output(root, block.timestamp));
    }

    function _prove(Story storage story, address caller) private {
        bytes32 root = Hashing.hashOutputRootProof(story.proof);
        bytes[] memory nodes = new bytes[](1);
        nodes[0] = story.leaf;
        bool expected = !paused && _isOutput(story.outputIndex, root)
            && (story.provenAt == 0 || !_isOutput(story.provenIndex, root));
        bytes memory call = abi.encodeCall(
            OptimismPortal.proveWithdrawalTransaction, (story.withdrawal, story.outputIndex, story.proof, nodes)
        );

        vm.prank(caller);
        (bool success,) = address(portal).call(call);

        vm.assertEq(success, expected, "a withdrawal is proven by an output that stands, and once for each");
        if (success) (story.provenAt, story.provenIndex) = (block.timestamp, story.outputIndex);
    }

    function _finalize(Story storage story, address caller) private {
        WithdrawalTransaction memory withdrawal = story.withdrawal;
        bool expected = !paused && !story.finalized && story.provenAt != 0
            && block.timestamp > story.provenAt + FINALIZATION_PERIOD
            && _isOutput(story.provenIndex, Hashing.hashOutputRootProof(story.proof))
            && block.timestamp > outputs[story.provenIndex].time + FINALIZATION_PERIOD;
        bool called = withdrawal.target != refuser && withdrawal.value <= address(portal).balance;

        vm.prank(caller);
        (bool success,) =
            address(portal).call(abi.encodeCall(OptimismPortal.finalizeWithdrawalTransaction, (withdrawal)));

        vm.assertEq(success, expected, "a withdrawal is finalized once, after the period, while its output stands");
        if (!success) return;
        story.finalized = true;
        if (called) paid += withdrawal.value;
    }

    function _target(uint8 kind, bytes32 salt) private view returns (address) {
        if (kind == 2) return refuser;
        return kind == 3 ? address(reentrant) : address(uint160(uint256(keccak256(abi.encode(salt)))));
    }

    function _isOutput(uint256 index, bytes32 root) private view returns (bool) {
        return index < outputs.length && outputs[index].root == root;
    }
}

/// @notice The portal's ether and its switch, through every order of events.
contract WithdrawalsTest {
    L1Chain private chain;
    Traffic private traffic;

    function setUp() public {
        chain = new L1Chain();
        traffic = new Traffic(chain);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(traffic);
    }

    function invariant_custody_is_what_came_less_what_was_withdrawn_and_all_hear_of_a_pause() public view {
        vm.assertEq(address(chain.portal()).balance, traffic.taken() - traffic.paid(), "ether in custody");

        vm.assertEq(chain.portal().paused(), traffic.paused(), "portal");
        vm.assertEq(chain.messenger().paused(), traffic.paused(), "messenger");
        vm.assertEq(chain.standardBridge().paused(), traffic.paused(), "standard bridge");
        vm.assertEq(chain.erc721Bridge().paused(), traffic.paused(), "ERC-721 bridge");

        vm.assertEq(chain.portal().l2Sender(), address(0xdEaD), "sender outside of a withdrawal");
        vm.assertTrue(!traffic.reentrant().reentered(), "a withdrawal was finalized inside another");
    }
}
