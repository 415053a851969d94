// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {OptimismPortal} from "contracts/src/l1/OptimismPortal.sol";
import {AddressAliasing} from "contracts/src/libraries/AddressAliasing.sol";
import {L1Chain} from "./L1Chain.sol";
import {Vm, vm} from "./Vm.sol";

/// @notice Who a deposit is from on L2: an account with a key is itself, a contract is its alias.
contract AliasingTest {
    bytes private constant DEPOSIT = abi.encodeCall(OptimismPortal.depositTransaction, (address(0), 0, 100_000, false, ""));

    L1Chain private chain;

    function setUp() public {
        chain = new L1Chain();
    }

    function testFuzz_an_alias_leads_back_and_is_another(address account, address second) public pure {
        address there = AddressAliasing.toL2(account);
        vm.assertEq(AddressAliasing.toL1(there), account, "back from the alias");
        vm.assertEq(AddressAliasing.toL2(AddressAliasing.toL1(account)), account, "to the alias again");
        vm.assertTrue(there != account, "an alias is another address");
        vm.assertEq(there == AddressAliasing.toL2(second), account == second, "no two accounts share an alias");
    }

    function testFuzz_a_signer_keeps_its_address(address account) public {
        vm.assertEq(_sender(_place(account), true), account, "sender on L2");
    }

    function testFuzz_a_contract_is_aliased(address account, bytes memory code) public {
        vm.assume(code.length > 0);
        // No contract's code begins with 0xef.
        if (code[0] == 0xef) code[0] = 0x60;
        vm.etch(_place(account), code);
        vm.assertEq(_sender(account, false), _shifted(account), "sender on L2");
    }

    function testFuzz_a_delegated_account_keeps_its_address(address account, address delegate) public {
        vm.assume(delegate != address(0));
        vm.etch(_place(account), abi.encodePacked(hex"ef0100", delegate));
        vm.assertEq(_sender(account, false), account, "sender on L2");
    }

    /// @dev An account that is neither forge's own, nor a precompile, nor the chain's.
    function _place(address account) private view returns (address) {
        vm.assume(uint160(account) > 0xffff && account.code.length == 0);
        vm.assume(account != address(vm) && account != tx.origin && account != address(chain.admin()));
        return account;
    }

    function _sender(address account, bool signs) private returns (address) {
        address origin = signs ? account : address(0xBEEF0001);
        address portal = address(chain.portal());
        vm.recordLogs();
        vm.prank(account, origin);
        (bool success,) = portal.call(DEPOSIT);
        vm.assertTrue(success, "a deposit is taken");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 1, "one event");
        return address(uint160(uint256(logs[0].topics[1])));
    }

    function _shifted(address account) private pure returns (address) {
        uint256 sum = uint256(uint160(account)) + uint256(uint160(0x1111000000000000000000000000000000001111));
        return address(uint160(sum % 2 ** 160));
    }
}
