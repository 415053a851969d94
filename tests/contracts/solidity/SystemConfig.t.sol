// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {SystemConfig} from "contracts/src/l1/SystemConfig.sol";
import {L1Chain, OWNER} from "./L1Chain.sol";
import {Vm, vm} from "./Vm.sol";

/// @notice What a verifier holds who saw the first settings and then reads events alone.
struct Held {
    address batcher;
    uint32 basefeeScalar;
    uint32 blobbasefeeScalar;
    uint64 gasLimit;
    address unsafeBlockSigner;
    uint32 denominator;
    uint32 elasticity;
    uint32 operatorFeeScalar;
    uint64 operatorFeeConstant;
}

/// @notice Changes settings at random, as the owner, and reads the events as a verifier on L2 does.
contract Administrator {
    SystemConfig public immutable config;
    Held private held;

    constructor(SystemConfig config_) {
        config = config_;
        held = current();
    }

    function setBatcher(address batcher) external {
        _set(abi.encodeCall(SystemConfig.setBatcherHash, (bytes32(uint256(uint160(batcher))))), true);
    }

    function setBatcherHash(bytes32 hash) external {
        _set(abi.encodeCall(SystemConfig.setBatcherHash, (hash)), uint256(hash) < 2 ** 160);
    }

    function setGasConfig(uint256 overhead, uint256 scalar, bool small) external {
        if (small) (overhead, scalar) = (0, uint32(scalar));
        _set(abi.encodeCall(SystemConfig.setGasConfig, (overhead, scalar)), overhead == 0 && scalar < 2 ** 32);
    }

    function setGasConfigEcotone(uint32 basefeeScalar, uint32 blobbasefeeScalar) external {
        _set(abi.encodeCall(SystemConfig.setGasConfigEcotone, (basefeeScalar, blobbasefeeScalar)), true);
    }

    function setGasLimit(uint64 gasLimit, bool small) external {
        if (small) gasLimit %= 600_000_000;
        // Room for 20 million gas of deposits and a million for the attributes; no more than verifiers can carry.
        _set(abi.encodeCall(SystemConfig.setGasLimit, (gasLimit)), gasLimit >= 21_000_000 && gasLimit <= 500_000_000);
    }

    function setUnsafeBlockSigner(address signer) external {
        _set(abi.encodeCall(SystemConfig.setUnsafeBlockSigner, (signer)), true);
    }

    function setEIP1559Params(uint32 denominator, uint32 elasticity, uint8 zeros) external {
        if (zeros % 4 == 1) denominator = 0;
        if (zeros % 4 == 2) elasticity = 0;
        bool expected = denominator > 0 && elasticity > 0;
        _set(abi.encodeCall(SystemConfig.setEIP1559Params, (denominator, elasticity)), expected);
    }

    function setOperatorFeeScalars(uint32 scalar, uint64 constant_) external {
        _set(abi.encodeCall(SystemConfig.setOperatorFeeScalars, (scalar, constant_)), true);
    }

    function heldByVerifier() external view returns (Held memory) {
        return held;
    }

    /// @notice What the getters say.
    function current() public view returns (Held memory) {
        return Held({
            batcher: address(uint160(uint256(config.batcherHash()))),
            basefeeScalar: config.basefeeScalar(),
            blobbasefeeScalar: config.blobbasefeeScalar(),
            gasLimit: config.gasLimit(),
            unsafeBlockSigner: config.unsafeBlockSigner(),
            denominator: config.eip1559Denominator(),
            elasticity: config.eip1559Elasticity(),
            operatorFeeScalar: config.operatorFeeScalar(),
            operatorFeeConstant: config.operatorFeeConstant()
        });
    }

    function _set(bytes memory call, bool expected) private {
        vm.recordLogs();
        vm.prank(OWNER);
        (bool success,) = address(config).call(call);
        Vm.Log[] memory logs = vm.getRecordedLogs();

        vm.assertEq(success, expected, "a setting is taken when, and only when, it is in range");
        vm.assertEq(logs.length, success ? 1 : 0, "one event for a change");
        if (success) _read(logs[0]);
    }

    function _read(Vm.Log memory log) private {
        vm.assertEq(log.topics[0], keccak256("ConfigUpdate(uint256,uint8,bytes)"), "event");
        vm.assertEq(log.topics[1], 0, "version of the event");
        uint256 kind = uint256(log.topics[2]);
        bytes memory data = abi.decode(log.data, (bytes));
        vm.assertEq(data.length, kind == 1 ? 64 : 32, "bytes of the event's data");
        if (kind == 1) return _readScalars(data);
        uint256 word = abi.decode(data, (uint256));
        if (kind == 0) held.batcher = address(uint160(word));
        else if (kind == 2) held.gasLimit = uint64(word);
        else if (kind == 3) held.unsafeBlockSigner = address(uint160(word));
        else if (kind == 4) (held.denominator, held.elasticity) = (uint32(word >> 32), uint32(word));
        else (held.operatorFeeScalar, held.operatorFeeConstant) = (uint32(word >> 64), uint64(word));
        vm.assertLe(kind, 5, "kind of the event");
    }

    /// @dev Ecotone's word: version 1 in the first byte, the scalars in the last eight.
    function _readScalars(bytes memory data) private {
        (uint256 overhead, uint256 word) = abi.decode(data, (uint256, uint256));
        vm.assertEq(overhead, 0, "overhead");
        vm.assertEq(word >> 64, uint256(1) << 184, "version of the scalars, and nothing between");
        (held.blobbasefeeScalar, held.basefeeScalar) = (uint32(word >> 32), uint32(word));
    }
}

/// @notice The settings of L2: every change reaches a verifier, and only the owner makes one.
contract SystemConfigTest {
    L1Chain private chain;
    SystemConfig private config;
    Administrator private administrator;

    function setUp() public {
        chain = new L1Chain();
        config = chain.config();
        administrator = new Administrator(config);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(administrator);
    }

    function invariant_who_reads_the_events_knows_the_settings() public view {
        vm.assertEq(
            keccak256(abi.encode(administrator.heldByVerifier())),
            keccak256(abi.encode(administrator.current())),
            "settings of a verifier and of the contract"
        );
        uint256 word = (uint256(config.blobbasefeeScalar()) << 32) + config.basefeeScalar();
        vm.assertEq(config.scalar(), (uint256(1) << 248) + word, "word of both scalars");
    }

    function testFuzz_a_stranger_changes_nothing(address caller, uint256 which) public {
        vm.assume(caller != OWNER && caller != address(chain.admin()));
        bytes[8] memory calls = [
            abi.encodeCall(config.setBatcherHash, (bytes32(uint256(1)))),
            abi.encodeCall(config.setGasConfig, (0, 1)),
            abi.encodeCall(config.setGasConfigEcotone, (1, 1)),
            abi.encodeCall(config.setGasLimit, (30_000_000)),
            abi.encodeCall(config.setUnsafeBlockSigner, (caller)),
            abi.encodeCall(config.setEIP1559Params, (1, 1)),
            abi.encodeCall(config.setOperatorFeeScalars, (1, 1)),
            abi.encodeCall(config.transferOwnership, (caller))
        ];

        vm.prank(caller);
        (bool success, bytes memory answer) = address(config).call(calls[which % 8]);

        vm.assertTrue(!success, "a stranger changed a setting");
        vm.assertEq(
            bytes32(bytes4(answer)), bytes32(Ownable.OwnableUnauthorizedAccount.selector), "reason of the refusal"
        );
    }
}
