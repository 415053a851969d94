// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {OptimismMintableERC721} from "./OptimismMintableERC721.sol";

/// @title OptimismMintableERC721Factory
/// @notice Makes NFT collections that stand for one of the other chain. The address follows from what the collection
///         is, so the same one is made once.
contract OptimismMintableERC721Factory is Initializable {
    event OptimismMintableERC721Created(address indexed localToken, address indexed remoteToken, address deployer);

    /// @notice The ERC-721 bridge of this chain.
    address public bridge;
    uint256 public remoteChainID;

    /// @notice Collections that were made here; the bridge does not ask.
    mapping(address localToken => bool) public isOptimismMintableERC721;

    constructor() {
        _disableInitializers();
    }

    function initialize(address bridge_, uint256 remoteChainID_) external initializer {
        bridge = bridge_;
        remoteChainID = remoteChainID_;
    }

    function createOptimismMintableERC721(address remoteToken, string memory name, string memory symbol)
        external
        returns (address localToken)
    {
        require(
            remoteToken != address(0), "OptimismMintableERC721Factory: L1 token address cannot be address(0)"
        );
        bytes32 salt = keccak256(abi.encode(remoteToken, name, symbol));
        localToken =
            address(new OptimismMintableERC721{salt: salt}(bridge, remoteChainID, remoteToken, name, symbol));
        isOptimismMintableERC721[localToken] = true;
        emit OptimismMintableERC721Created(localToken, remoteToken, msg.sender);
    }

    // The older names, which clients still read.

    function BRIDGE() external view returns (address) {
        return bridge;
    }

    function REMOTE_CHAIN_ID() external view returns (uint256) {
        return remoteChainID;
    }

    function version() external pure returns (string memory) {
        return "1.5.0";
    }
}
