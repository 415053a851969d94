// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ProxyAdmin} from "@openzeppelin/contracts/proxy/transparent/ProxyAdmin.sol";
import {TransparentProxy} from "contracts/src/TransparentProxy.sol";
import {L1CrossDomainMessenger} from "contracts/src/l1/L1CrossDomainMessenger.sol";
import {L1ERC721Bridge} from "contracts/src/l1/L1ERC721Bridge.sol";
import {L1StandardBridge} from "contracts/src/l1/L1StandardBridge.sol";
import {L2OutputOracle} from "contracts/src/l1/L2OutputOracle.sol";
import {OptimismPortal} from "contracts/src/l1/OptimismPortal.sol";
import {SystemConfig} from "contracts/src/l1/SystemConfig.sol";
import {vm} from "./Vm.sol";

address constant OWNER = address(0xA0A0A001);
address constant GUARDIAN = address(0xA0A0A002);
address constant PROPOSER = address(0xA0A0A003);
address constant CHALLENGER = address(0xA0A0A004);
address constant BATCHER = address(0xA0A0A005);
address constant SIGNER = address(0xA0A0A006);

uint256 constant GENESIS_TIME = 1_700_000_000;
uint256 constant SUBMISSION_INTERVAL = 20;
uint256 constant L2_BLOCK_TIME = 2;
uint256 constant FINALIZATION_PERIOD = 1000;

/// @title L1Chain
/// @notice The bridge contracts as a deployment leaves them: each behind a proxy of one ProxyAdmin.
contract L1Chain {
    ProxyAdmin public immutable admin;
    SystemConfig public immutable config;
    L2OutputOracle public immutable oracle;
    OptimismPortal public immutable portal;
    L1CrossDomainMessenger public immutable messenger;
    L1StandardBridge public immutable standardBridge;
    L1ERC721Bridge public immutable erc721Bridge;

    /// @notice Implementations, in the order of the proxies above.
    address[6] public implementations;

    constructor() {
        vm.warp(GENESIS_TIME + 1);
        vm.roll(1_000);
        admin = new ProxyAdmin(OWNER);
        implementations = [
            address(new SystemConfig()),
            address(new L2OutputOracle()),
            address(new OptimismPortal()),
            address(new L1CrossDomainMessenger()),
            address(new L1StandardBridge()),
            address(new L1ERC721Bridge())
        ];
        // The contracts name each other, so their places are needed before they are there.
        uint256 first = vm.getNonce(address(this));
        config = SystemConfig(vm.computeCreateAddress(address(this), first));
        oracle = L2OutputOracle(vm.computeCreateAddress(address(this), first + 1));
        portal = OptimismPortal(payable(vm.computeCreateAddress(address(this), first + 2)));
        messenger = L1CrossDomainMessenger(vm.computeCreateAddress(address(this), first + 3));
        standardBridge = L1StandardBridge(payable(vm.computeCreateAddress(address(this), first + 4)));
        erc721Bridge = L1ERC721Bridge(vm.computeCreateAddress(address(this), first + 5));
        for (uint256 i = 0; i < 6; ++i) {
            TransparentProxy made = new TransparentProxy(implementations[i], address(admin), initializer(i));
            vm.assertEq(address(made), proxy(i), "a proxy stands at its place");
        }
    }

    function proxy(uint256 index) public view returns (address) {
        return [
            address(config),
            address(oracle),
            address(portal),
            address(messenger),
            address(standardBridge),
            address(erc721Bridge)
        ][index];
    }

    /// @notice The call that initializes a contract.
    function initializer(uint256 index) public view returns (bytes memory) {
        if (index == 0) return abi.encodeCall(SystemConfig.initialize, (_settings(), _addresses()));
        if (index == 1) return _oracleInitializer();
        if (index == 2) return abi.encodeCall(OptimismPortal.initialize, (oracle, config, GUARDIAN));
        if (index == 3) return abi.encodeCall(L1CrossDomainMessenger.initialize, (portal, config));
        if (index == 4) return abi.encodeCall(L1StandardBridge.initialize, (messenger, config));
        return abi.encodeCall(L1ERC721Bridge.initialize, (messenger));
    }

    function _oracleInitializer() private pure returns (bytes memory) {
        return abi.encodeCall(
            L2OutputOracle.initialize,
            (SUBMISSION_INTERVAL, L2_BLOCK_TIME, 0, GENESIS_TIME, PROPOSER, CHALLENGER, FINALIZATION_PERIOD)
        );
    }

    function _settings() private pure returns (SystemConfig.Settings memory) {
        return SystemConfig.Settings({
            owner: OWNER,
            unsafeBlockSigner: SIGNER,
            batcherHash: bytes32(uint256(uint160(BATCHER))),
            gasLimit: 30_000_000,
            basefeeScalar: 1368,
            blobbasefeeScalar: 810_949,
            eip1559Denominator: 250,
            eip1559Elasticity: 6,
            operatorFeeScalar: 500_000,
            operatorFeeConstant: 12_345,
            batchInbox: address(0xFF00)
        });
    }

    function _addresses() private view returns (SystemConfig.Addresses memory) {
        return SystemConfig.Addresses({
            l1CrossDomainMessenger: address(messenger),
            l1ERC721Bridge: address(erc721Bridge),
            l1StandardBridge: address(standardBridge),
            disputeGameFactory: address(0),
            optimismPortal: address(portal),
            optimismMintableERC20Factory: address(0)
        });
    }
}
