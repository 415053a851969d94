// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CrossDomainMessenger} from "../bridges/CrossDomainMessenger.sol";
import {ILegacyMintableERC20} from "../bridges/IOptimismMintableERC20.sol";
import {StandardBridge} from "../bridges/StandardBridge.sol";
import {Predeploys} from "../libraries/Predeploys.sol";

/// @title L2StandardBridge
/// @notice The standard bridge on L2, with the names and events that it had before both sides became alike. They speak
///         of ether as the token `0xDeaD..0000`, and as zero on L1.
contract L2StandardBridge is StandardBridge {
    event WithdrawalInitiated(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    event DepositFinalized(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    constructor() {
        _disableInitializers();
    }

    function initialize(StandardBridge otherBridge_) external initializer {
        _initializeBridge(CrossDomainMessenger(Predeploys.L2_CROSS_DOMAIN_MESSENGER), otherBridge_);
    }

    /// @notice Sends ether, or a token that stands for one of L1, to the sender's own address on L1. The amount of
    ///         ether must be sent along. A token of L2 takes `bridgeERC20`.
    function withdraw(address l2Token, uint256 amount, uint32 minGasLimit, bytes calldata extraData)
        external
        payable
        onlyEOA
    {
        _withdraw(l2Token, msg.sender, amount, minGasLimit, extraData);
    }

    /// @notice As `withdraw`, to `to`.
    function withdrawTo(address l2Token, address to, uint256 amount, uint32 minGasLimit, bytes calldata extraData)
        external
        payable
    {
        _withdraw(l2Token, to, amount, minGasLimit, extraData);
    }

    /// @notice The older name of `otherBridge`.
    function l1TokenBridge() external view returns (address) {
        return address(otherBridge);
    }

    function version() external pure returns (string memory) {
        return "1.11.0";
    }

    function _withdraw(address l2Token, address to, uint256 amount, uint32 minGasLimit, bytes calldata extraData)
        private
    {
        if (l2Token == Predeploys.LEGACY_ERC20_ETH) {
            require(msg.value == amount, "StandardBridge: bridging ETH must include sufficient ETH value");
            _bridgeETH(to, minGasLimit, extraData);
        } else {
            address l1Token = ILegacyMintableERC20(l2Token).l1Token();
            _bridgeERC20(Transfer(l2Token, l1Token, msg.sender, to, amount, extraData), minGasLimit);
        }
    }

    function _announceETHInitiated(address from, address to, uint256 amount, bytes memory extraData)
        internal
        override
    {
        emit WithdrawalInitiated(address(0), Predeploys.LEGACY_ERC20_ETH, from, to, amount, extraData);
        super._announceETHInitiated(from, to, amount, extraData);
    }

    function _announceETHFinalized(address from, address to, uint256 amount, bytes memory extraData)
        internal
        override
    {
        emit DepositFinalized(address(0), Predeploys.LEGACY_ERC20_ETH, from, to, amount, extraData);
        super._announceETHFinalized(from, to, amount, extraData);
    }

    function _announceERC20Initiated(Transfer memory transfer) internal override {
        emit WithdrawalInitiated(
            transfer.remoteToken,
            transfer.localToken,
            transfer.from,
            transfer.to,
            transfer.amount,
            transfer.extraData
        );
        super._announceERC20Initiated(transfer);
    }

    function _announceERC20Finalized(Transfer memory transfer) internal override {
        emit DepositFinalized(
            transfer.remoteToken,
            transfer.localToken,
            transfer.from,
            transfer.to,
            transfer.amount,
            transfer.extraData
        );
        super._announceERC20Finalized(transfer);
    }
}
