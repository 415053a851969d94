// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CrossDomainMessenger} from "contracts/src/bridges/CrossDomainMessenger.sol";
import {ERC721Bridge} from "contracts/src/bridges/ERC721Bridge.sol";
import {StandardBridge} from "contracts/src/bridges/StandardBridge.sol";
import {OptimismPortal} from "contracts/src/l1/OptimismPortal.sol";
import {Predeploys} from "contracts/src/libraries/Predeploys.sol";
import {GUARDIAN, L1Chain} from "./L1Chain.sol";
import {vm} from "./Vm.sol";

/// @notice Takes a call only when it is told to.
contract Gate {
    bool public open;
    uint256 public passed;

    function set(bool open_) external {
        open = open_;
    }

    fallback() external {
        require(open, "Gate: shut");
        ++passed;
    }
}

/// @notice A pause, or a portal that does not answer whether there is one, stops every message from L2.
contract PausingTest {
    L1Chain private chain;
    CrossDomainMessenger private messenger;
    Gate private gate;

    function setUp() public {
        chain = new L1Chain();
        messenger = chain.messenger();
        gate = new Gate();
    }

    function testFuzz_a_message_waits_for_the_end_of_a_pause(bytes calldata data, address caller, bool silent) public {
        vm.assume(caller != address(chain.portal()) && caller != address(chain.admin()));
        bytes memory message = _message(data);
        vm.assertTrue(_callAsPortal(address(messenger), message), "a message that arrives");
        vm.assertTrue(messenger.failedMessages(keccak256(message)), "its call fails and it is kept");
        gate.set(true);

        _stop(silent);
        vm.prank(caller);
        (bool during,) = address(messenger).call(message);
        vm.assertTrue(!during, "relayed during a pause");
        vm.assertEq(gate.passed(), 0, "called during a pause");

        _goOn(silent);
        vm.prank(caller);
        (bool afterwards,) = address(messenger).call(message);
        vm.assertTrue(afterwards, "relayed after the pause");
        vm.assertEq(gate.passed(), 1, "called after the pause");
    }

    function testFuzz_no_message_arrives_during_a_pause(bytes calldata data, bool silent) public {
        gate.set(true);
        bytes memory message = _message(data);
        _stop(silent);
        vm.assertTrue(!_callAsPortal(address(messenger), message), "a message arrived during a pause");
    }

    function testFuzz_the_bridges_pay_nothing_during_a_pause(uint96 amount, address to, uint256 id, bool silent) public {
        _stop(silent);
        vm.deal(address(messenger), amount);
        // A portal that is silent gives no reason.
        string memory reason = silent ? "" : "StandardBridge: paused";

        _mockSender(Predeploys.L2_STANDARD_BRIDGE);
        bytes memory call = abi.encodeCall(StandardBridge.finalizeBridgeETH, (to, to, amount, ""));
        _checkRefusal(address(chain.standardBridge()), call, amount, reason);
        call = abi.encodeCall(StandardBridge.finalizeBridgeERC20, (address(gate), address(gate), to, to, 0, ""));
        _checkRefusal(address(chain.standardBridge()), call, 0, reason);

        _mockSender(Predeploys.L2_ERC721_BRIDGE);
        call = abi.encodeCall(ERC721Bridge.finalizeBridgeERC721, (address(gate), address(gate), to, to, id, ""));
        _checkRefusal(address(chain.erc721Bridge()), call, 0, silent ? "" : "ERC721Bridge: paused");
    }

    function testFuzz_deposits_go_on(uint96 value, address to) public {
        _stop(false);
        vm.deal(address(this), value);
        chain.portal().depositTransaction{value: value}(to, value, 50_000, false, "");
        vm.assertEq(address(chain.portal()).balance, value, "ether in custody");
    }

    function testFuzz_the_guardian_alone_pauses(address caller) public {
        vm.assume(caller != GUARDIAN && caller != address(chain.admin()));
        OptimismPortal portal = chain.portal();
        vm.prank(caller);
        (bool paused,) = address(portal).call(abi.encodeCall(portal.pause, ()));
        _stop(false);
        vm.prank(caller);
        (bool unpaused,) = address(portal).call(abi.encodeCall(portal.unpause, ()));

        vm.assertTrue(!paused, "a stranger paused");
        vm.assertTrue(!unpaused, "a stranger unpaused");
    }

    /// @dev By a pause, or by a portal that no longer says whether there is one.
    function _stop(bool silent) private {
        OptimismPortal portal = chain.portal();
        if (silent) return vm.mockCallRevert(address(portal), abi.encodeCall(portal.paused, ()), "");
        vm.prank(GUARDIAN);
        portal.pause();
    }

    function _goOn(bool silent) private {
        if (silent) return vm.clearMockedCalls();
        OptimismPortal portal = chain.portal();
        vm.prank(GUARDIAN);
        portal.unpause();
    }

    function _message(bytes calldata data) private view returns (bytes memory) {
        uint256 nonce = uint256(1) << 240;
        // No function of the gate begins with four zero bytes.
        bytes memory call = bytes.concat(bytes4(0), data);
        return abi.encodeCall(
            CrossDomainMessenger.relayMessage, (nonce, address(0xD00D), address(gate), 0, 100_000, call)
        );
    }

    function _callAsPortal(address target, bytes memory call) private returns (bool success) {
        // Only this answer is invented; that of a silent portal stays.
        bytes memory question = abi.encodeCall(chain.portal().l2Sender, ());
        vm.mockCall(address(chain.portal()), question, abi.encode(Predeploys.L2_CROSS_DOMAIN_MESSENGER));
        vm.prank(address(chain.portal()));
        (success,) = target.call(call);
    }

    function _checkRefusal(address bridge, bytes memory call, uint256 value, string memory reason) private {
        vm.prank(address(messenger));
        (bool success, bytes memory answer) = bridge.call{value: value}(call);

        vm.assertTrue(!success, "paid during a pause");
        bytes memory expected = bytes(reason).length == 0 ? bytes("") : abi.encodeWithSignature("Error(string)", reason);
        vm.assertEq(keccak256(answer), keccak256(expected), "reason of the refusal");
    }

    function _mockSender(address sender) private {
        bytes memory question = abi.encodeCall(messenger.xDomainMessageSender, ());
        vm.mockCall(address(messenger), question, abi.encode(sender));
    }
}
