// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";
import {CrossDomainMessenger} from "../bridges/CrossDomainMessenger.sol";
import {ERC721Bridge} from "../bridges/ERC721Bridge.sol";
import {IOptimismMintableERC721} from "../bridges/IOptimismMintableERC721.sol";
import {Predeploys} from "../libraries/Predeploys.sol";

/// @title L2ERC721Bridge
/// @notice The NFT bridge on L2: makes and destroys tokens that stand for those of L1. Collections of L2 can not cross.
contract L2ERC721Bridge is ERC721Bridge {
    constructor() {
        _disableInitializers();
    }

    function initialize(ERC721Bridge l1ERC721Bridge) external initializer {
        _initializeBridge(CrossDomainMessenger(Predeploys.L2_CROSS_DOMAIN_MESSENGER), l1ERC721Bridge);
    }

    function version() external pure returns (string memory) {
        return "1.8.0";
    }

    function _take(address localToken, address remoteToken, uint256 tokenId) internal override {
        require(
            msg.sender == IOptimismMintableERC721(localToken).ownerOf(tokenId),
            "L2ERC721Bridge: Withdrawal is not being initiated by NFT owner"
        );
        require(
            IOptimismMintableERC721(localToken).remoteToken() == remoteToken,
            "L2ERC721Bridge: remote token does not match given value"
        );
        IOptimismMintableERC721(localToken).burn(msg.sender, tokenId);
    }

    function _give(address localToken, address remoteToken, address to, uint256 tokenId) internal override {
        require(
            ERC165Checker.supportsInterface(localToken, type(IOptimismMintableERC721).interfaceId),
            "L2ERC721Bridge: local token interface is not compliant"
        );
        require(
            remoteToken == IOptimismMintableERC721(localToken).remoteToken(),
            "L2ERC721Bridge: wrong remote token for Optimism Mintable ERC721 local token"
        );
        IOptimismMintableERC721(localToken).safeMint(to, tokenId);
    }
}
