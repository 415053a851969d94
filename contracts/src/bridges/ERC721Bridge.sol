// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {AddressAliasing} from "../libraries/AddressAliasing.sol";
import {CrossDomainMessenger} from "./CrossDomainMessenger.sol";

/// @title ERC721Bridge
/// @notice One of a pair, one on each chain, for NFTs of collections that are at home on L1: there a token is in
///         custody while on L2 one stands for it. Spec: bridges.md.
abstract contract ERC721Bridge is Initializable {
    event ERC721BridgeInitiated(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 tokenId,
        bytes extraData
    );

    event ERC721BridgeFinalized(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 tokenId,
        bytes extraData
    );

    /// @notice The messenger of this chain.
    CrossDomainMessenger public messenger;

    /// @notice The bridge on the other chain.
    ERC721Bridge public otherBridge;

    modifier onlyOtherBridge() {
        require(
            msg.sender == address(messenger) && messenger.xDomainMessageSender() == address(otherBridge),
            "ERC721Bridge: function can only be called from the other bridge"
        );
        _;
    }

    /// @notice Sends a token to the sender's own address on the other chain; on L1 it needs an approval first.
    /// @dev Keeps a contract from sending to its own address by mistake, where nobody may have its key.
    /// @param minGasLimit Gas that the transfer there gets at least.
    /// @param extraData Is told by the events on both chains and has no other effect.
    function bridgeERC721(
        address localToken,
        address remoteToken,
        uint256 tokenId,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external {
        require(AddressAliasing.senderHasKey(), "ERC721Bridge: account is not externally owned");
        _bridge(localToken, remoteToken, msg.sender, tokenId, minGasLimit, extraData);
    }

    /// @notice Sends a token to `to` on the other chain.
    function bridgeERC721To(
        address localToken,
        address remoteToken,
        address to,
        uint256 tokenId,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external {
        require(to != address(0), "ERC721Bridge: nft recipient cannot be address(0)");
        _bridge(localToken, remoteToken, to, tokenId, minGasLimit, extraData);
    }

    /// @notice Hands out a token that came from the other chain.
    function finalizeBridgeERC721(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 tokenId,
        bytes calldata extraData
    ) external onlyOtherBridge {
        require(!paused(), "ERC721Bridge: paused");
        require(localToken != address(this), "ERC721Bridge: local token cannot be self");
        _give(localToken, remoteToken, to, tokenId);
        emit ERC721BridgeFinalized(localToken, remoteToken, from, to, tokenId, extraData);
    }

    /// @notice Whether nothing may be handed out.
    function paused() public view virtual returns (bool) {
        return false;
    }

    // The older names, which clients still read.

    function MESSENGER() external view returns (CrossDomainMessenger) {
        return messenger;
    }

    function OTHER_BRIDGE() external view returns (ERC721Bridge) {
        return otherBridge;
    }

    function _initializeBridge(CrossDomainMessenger messenger_, ERC721Bridge otherBridge_)
        internal
        onlyInitializing
    {
        messenger = messenger_;
        otherBridge = otherBridge_;
    }

    /// @dev Takes a token from the sender: into custody, or by destroying it.
    function _take(address localToken, address remoteToken, uint256 tokenId) internal virtual;

    /// @dev Gives a token: out of custody, or by making it.
    function _give(address localToken, address remoteToken, address to, uint256 tokenId) internal virtual;

    function _bridge(
        address localToken,
        address remoteToken,
        address to,
        uint256 tokenId,
        uint32 minGasLimit,
        bytes calldata extraData
    ) private {
        require(remoteToken != address(0), "ERC721Bridge: remote token cannot be address(0)");
        _take(localToken, remoteToken, tokenId);
        // On the other chain the two collections change places.
        bytes memory message = abi.encodeCall(
            this.finalizeBridgeERC721, (remoteToken, localToken, msg.sender, to, tokenId, extraData)
        );
        messenger.sendMessage(address(otherBridge), message, minGasLimit);
        emit ERC721BridgeInitiated(localToken, remoteToken, msg.sender, to, tokenId, extraData);
    }
}
