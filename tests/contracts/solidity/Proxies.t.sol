// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ProxyAdmin} from "@openzeppelin/contracts/proxy/transparent/ProxyAdmin.sol";
import {ITransparentUpgradeableProxy} from "@openzeppelin/contracts/proxy/transparent/TransparentUpgradeableProxy.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {TransparentProxy} from "contracts/src/TransparentProxy.sol";
import {Counter} from "contracts/src/examples/Counter.sol";
import {L1Chain, OWNER} from "./L1Chain.sol";
import {vm} from "./Vm.sol";

/// @notice Whoever calls: only the owner of the ProxyAdmin upgrades, and nothing is initialized twice.
contract ProxiesTest {
    L1Chain private chain;
    address private other;

    function setUp() public {
        chain = new L1Chain();
        other = address(new Counter());
    }

    function testFuzz_nobody_initializes_again(address caller, uint256 index) public {
        index %= 6;
        vm.assume(caller != address(chain.admin()));
        bytes memory call = chain.initializer(index);
        address[2] memory places = [chain.proxy(index), chain.implementations(index)];
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(caller);
            (bool success, bytes memory answer) = places[i].call(call);
            vm.assertTrue(!success, "initialized again");
            vm.assertEq(
                bytes32(bytes4(answer)), bytes32(Initializable.InvalidInitialization.selector), "reason of the refusal"
            );
        }
    }

    function testFuzz_a_stranger_upgrades_nothing(address caller, uint256 index, bytes calldata data) public {
        index %= 6;
        ProxyAdmin admin = chain.admin();
        vm.assume(caller != OWNER && caller != address(admin));
        ITransparentUpgradeableProxy proxy = ITransparentUpgradeableProxy(chain.proxy(index));

        vm.prank(caller);
        (bool byAdmin,) = address(admin).call(abi.encodeCall(ProxyAdmin.upgradeAndCall, (proxy, other, data)));
        vm.prank(caller);
        (bool directly,) = address(proxy).call(abi.encodeCall(proxy.upgradeToAndCall, (other, data)));

        vm.assertTrue(!byAdmin, "upgraded through the ProxyAdmin");
        vm.assertTrue(!directly, "upgraded past the ProxyAdmin");
    }

    function testFuzz_the_admin_can_do_nothing_but_upgrade(uint256 index, bytes calldata data) public {
        vm.assume(data.length < 4 || bytes4(data) != ITransparentUpgradeableProxy.upgradeToAndCall.selector);

        address proxy = chain.proxy(index % 6);
        vm.prank(address(chain.admin()));
        (bool success, bytes memory answer) = proxy.call(data);

        vm.assertTrue(!success, "the admin reached the implementation");
        vm.assertEq(
            bytes32(bytes4(answer)), bytes32(TransparentProxy.ProxyDeniedAdminAccess.selector), "reason of the refusal"
        );
    }

    function testFuzz_the_owner_upgrades_through_the_admin(uint256 index) public {
        address proxy = chain.proxy(index % 6);
        ProxyAdmin admin = chain.admin();
        vm.prank(OWNER);
        admin.upgradeAndCall(ITransparentUpgradeableProxy(proxy), other, "");

        Counter(proxy).move();
    }
}
