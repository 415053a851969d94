// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CrossDomainMessenger} from "../bridges/CrossDomainMessenger.sol";
import {StandardBridge} from "../bridges/StandardBridge.sol";
import {Predeploys} from "../libraries/Predeploys.sol";
import {SystemConfig} from "./SystemConfig.sol";

/// @title L1StandardBridge
/// @notice The standard bridge on L1, with the names and events that it had before both sides became alike. Ether is
///         with the portal, tokens of L1 are in custody here.
contract L1StandardBridge is StandardBridge {
    event ETHDepositInitiated(address indexed from, address indexed to, uint256 amount, bytes extraData);

    event ETHWithdrawalFinalized(address indexed from, address indexed to, uint256 amount, bytes extraData);

    event ERC20DepositInitiated(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    event ERC20WithdrawalFinalized(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    SystemConfig public systemConfig;

    constructor() {
        _disableInitializers();
    }

    function initialize(CrossDomainMessenger messenger_, SystemConfig systemConfig_) external initializer {
        systemConfig = systemConfig_;
        _initializeBridge(messenger_, StandardBridge(payable(Predeploys.L2_STANDARD_BRIDGE)));
    }

    /// @notice As `bridgeETH`.
    function depositETH(uint32 minGasLimit, bytes calldata extraData) external payable onlyEOA {
        _bridgeETH(msg.sender, minGasLimit, extraData);
    }

    /// @notice As `bridgeETHTo`.
    function depositETHTo(address to, uint32 minGasLimit, bytes calldata extraData) external payable {
        _bridgeETH(to, minGasLimit, extraData);
    }

    /// @notice As `bridgeERC20`.
    function depositERC20(
        address l1Token,
        address l2Token,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external onlyEOA {
        _bridgeERC20(Transfer(l1Token, l2Token, msg.sender, msg.sender, amount, extraData), minGasLimit);
    }

    /// @notice As `bridgeERC20To`.
    function depositERC20To(
        address l1Token,
        address l2Token,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external {
        _bridgeERC20(Transfer(l1Token, l2Token, msg.sender, to, amount, extraData), minGasLimit);
    }

    /// @notice As `finalizeBridgeETH`.
    function finalizeETHWithdrawal(address from, address to, uint256 amount, bytes calldata extraData)
        external
        payable
    {
        finalizeBridgeETH(from, to, amount, extraData);
    }

    /// @notice As `finalizeBridgeERC20`.
    function finalizeERC20Withdrawal(
        address l1Token,
        address l2Token,
        address from,
        address to,
        uint256 amount,
        bytes calldata extraData
    ) external {
        finalizeBridgeERC20(l1Token, l2Token, from, to, amount, extraData);
    }

    /// @notice The older name of `otherBridge`.
    function l2TokenBridge() external view returns (address) {
        return address(otherBridge);
    }

    function paused() public view override returns (bool) {
        return messenger.paused();
    }

    function version() external pure returns (string memory) {
        return "2.3.0";
    }

    function _announceETHInitiated(address from, address to, uint256 amount, bytes memory extraData)
        internal
        override
    {
        emit ETHDepositInitiated(from, to, amount, extraData);
        super._announceETHInitiated(from, to, amount, extraData);
    }

    function _announceETHFinalized(address from, address to, uint256 amount, bytes memory extraData)
        internal
        override
    {
        emit ETHWithdrawalFinalized(from, to, amount, extraData);
        super._announceETHFinalized(from, to, amount, extraData);
    }

    function _announceERC20Initiated(Transfer memory transfer) internal override {
        emit ERC20DepositInitiated(
            transfer.localToken,
            transfer.remoteToken,
            transfer.from,
            transfer.to,
            transfer.amount,
            transfer.extraData
        );
        super._announceERC20Initiated(transfer);
    }

    function _announceERC20Finalized(Transfer memory transfer) internal override {
        emit ERC20WithdrawalFinalized(
            transfer.localToken,
            transfer.remoteToken,
            transfer.from,
            transfer.to,
            transfer.amount,
            transfer.extraData
        );
        super._announceERC20Finalized(transfer);
    }
}
