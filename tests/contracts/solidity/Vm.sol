// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The cheatcodes of forge that these tests use.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function prank(address sender) external;

    function prank(address sender, address origin) external;

    function warp(uint256 timestamp) external;

    function roll(uint256 number) external;

    function fee(uint256 basefee) external;

    function deal(address account, uint256 balance) external;

    function etch(address account, bytes calldata code) external;

    function mockCall(address callee, bytes calldata data, bytes calldata answer) external;

    function mockCallRevert(address callee, bytes calldata data, bytes calldata answer) external;

    function clearMockedCalls() external;

    function assume(bool condition) external pure;

    function recordLogs() external;

    function getRecordedLogs() external returns (Log[] memory);

    function getNonce(address account) external view returns (uint64);

    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);

    function assertTrue(bool condition, string calldata fact) external pure;

    function assertEq(bool left, bool right, string calldata fact) external pure;

    function assertEq(uint256 left, uint256 right, string calldata fact) external pure;

    function assertEq(address left, address right, string calldata fact) external pure;

    function assertEq(bytes32 left, bytes32 right, string calldata fact) external pure;

    function assertLe(uint256 left, uint256 right, string calldata fact) external pure;

    function assertGe(uint256 left, uint256 right, string calldata fact) external pure;

    function assertApproxEqAbs(uint256 left, uint256 right, uint256 distance, string calldata fact) external pure;
}

Vm constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
