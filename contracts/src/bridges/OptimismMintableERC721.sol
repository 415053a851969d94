// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721Enumerable} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Enumerable.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IOptimismMintableERC721} from "./IOptimismMintableERC721.sol";

/// @title OptimismMintableERC721
/// @notice An NFT collection that stands for one of the other chain; only the bridge makes and destroys its tokens.
///         A token's URI is where the remote collection tells it (EIP-681).
contract OptimismMintableERC721 is ERC721Enumerable, IOptimismMintableERC721 {
    uint256 public immutable REMOTE_CHAIN_ID;
    address public immutable REMOTE_TOKEN;
    address public immutable BRIDGE;

    string public baseTokenURI;

    modifier onlyBridge() {
        require(msg.sender == BRIDGE, "OptimismMintableERC721: only bridge can call this function");
        _;
    }

    constructor(
        address bridge_,
        uint256 remoteChainId_,
        address remoteToken_,
        string memory name_,
        string memory symbol_
    ) ERC721(name_, symbol_) {
        require(bridge_ != address(0), "OptimismMintableERC721: bridge cannot be address(0)");
        require(remoteChainId_ != 0, "OptimismMintableERC721: remote chain id cannot be zero");
        require(remoteToken_ != address(0), "OptimismMintableERC721: remote token cannot be address(0)");
        BRIDGE = bridge_;
        REMOTE_CHAIN_ID = remoteChainId_;
        REMOTE_TOKEN = remoteToken_;
        baseTokenURI = string.concat(
            "ethereum:",
            Strings.toHexString(remoteToken_),
            "@",
            Strings.toString(remoteChainId_),
            "/tokenURI?uint256="
        );
    }

    function safeMint(address to, uint256 tokenId) external onlyBridge {
        _safeMint(to, tokenId);
        emit Mint(to, tokenId);
    }

    /// @notice Destroys an owner's token without an approval; the bridge has asked whether it is the owner's.
    function burn(address from, uint256 tokenId) external onlyBridge {
        _burn(tokenId);
        emit Burn(from, tokenId);
    }

    function remoteChainId() external view returns (uint256) {
        return REMOTE_CHAIN_ID;
    }

    function remoteToken() external view returns (address) {
        return REMOTE_TOKEN;
    }

    function bridge() external view returns (address) {
        return BRIDGE;
    }

    function supportsInterface(bytes4 interfaceId) public view override(ERC721Enumerable, IERC165) returns (bool) {
        return interfaceId == type(IOptimismMintableERC721).interfaceId || super.supportsInterface(interfaceId);
    }

    function version() external pure returns (string memory) {
        return "1.3.0";
    }

    function _baseURI() internal view override returns (string memory) {
        return baseTokenURI;
    }
}
