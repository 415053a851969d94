// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC721Enumerable} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Enumerable.sol";

/// @notice An NFT collection that stands for one of the other chain: the bridge of this chain makes and destroys its
///         tokens. The bridge knows it by its interface id.
interface IOptimismMintableERC721 is IERC721Enumerable {
    event Mint(address indexed account, uint256 tokenId);

    event Burn(address indexed account, uint256 tokenId);

    function safeMint(address to, uint256 tokenId) external;

    function burn(address from, uint256 tokenId) external;

    function REMOTE_CHAIN_ID() external view returns (uint256);

    function REMOTE_TOKEN() external view returns (address);

    function BRIDGE() external view returns (address);

    function remoteChainId() external view returns (uint256);

    function remoteToken() external view returns (address);

    function bridge() external view returns (address);
}
