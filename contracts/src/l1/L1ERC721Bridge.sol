// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {CrossDomainMessenger} from "../bridges/CrossDomainMessenger.sol";
import {ERC721Bridge} from "../bridges/ERC721Bridge.sol";
import {Predeploys} from "../libraries/Predeploys.sol";

/// @title L1ERC721Bridge
/// @notice The NFT bridge on L1: keeps what is on L2 in custody.
contract L1ERC721Bridge is ERC721Bridge {
    /// @notice Whether a token is in custody, by the pair of collections and its id.
    mapping(address localToken => mapping(address remoteToken => mapping(uint256 tokenId => bool))) public deposits;

    constructor() {
        _disableInitializers();
    }

    function initialize(CrossDomainMessenger messenger_) external initializer {
        _initializeBridge(messenger_, ERC721Bridge(Predeploys.L2_ERC721_BRIDGE));
    }

    function paused() public view override returns (bool) {
        return messenger.paused();
    }

    function version() external pure returns (string memory) {
        return "2.4.0";
    }

    function _take(address localToken, address remoteToken, uint256 tokenId) internal override {
        deposits[localToken][remoteToken][tokenId] = true;
        IERC721(localToken).transferFrom(msg.sender, address(this), tokenId);
    }

    function _give(address localToken, address remoteToken, address to, uint256 tokenId) internal override {
        require(
            deposits[localToken][remoteToken][tokenId],
            "L1ERC721Bridge: Token ID is not escrowed in the L1 Bridge"
        );
        deposits[localToken][remoteToken][tokenId] = false;
        IERC721(localToken).safeTransferFrom(address(this), to, tokenId);
    }
}
