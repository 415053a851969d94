// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {OptimismMintableERC20} from "./OptimismMintableERC20.sol";

/// @title OptimismMintableERC20Factory
/// @notice Makes tokens that stand for one of the other chain. The address follows from what the token is, so the same
///         token is made once.
contract OptimismMintableERC20Factory is Initializable {
    event StandardL2TokenCreated(address indexed remoteToken, address indexed localToken);

    event OptimismMintableERC20Created(address indexed localToken, address indexed remoteToken, address deployer);

    uint8 internal constant DEFAULT_DECIMALS = 18;

    /// @notice The standard bridge of this chain.
    address public bridge;

    /// @notice Remote token of each token that was made here.
    mapping(address localToken => address remoteToken) public deployments;

    constructor() {
        _disableInitializers();
    }

    function initialize(address bridge_) external initializer {
        bridge = bridge_;
    }

    /// @notice Makes a token of 18 decimals.
    function createOptimismMintableERC20(address remoteToken, string memory name, string memory symbol)
        public
        returns (address)
    {
        return createOptimismMintableERC20WithDecimals(remoteToken, name, symbol, DEFAULT_DECIMALS);
    }

    /// @notice The older name of `createOptimismMintableERC20`.
    function createStandardL2Token(address remoteToken, string memory name, string memory symbol)
        external
        returns (address)
    {
        return createOptimismMintableERC20(remoteToken, name, symbol);
    }

    /// @notice Makes a token; `decimals` should be those of the remote token, since amounts cross unchanged.
    function createOptimismMintableERC20WithDecimals(
        address remoteToken,
        string memory name,
        string memory symbol,
        uint8 decimals
    ) public returns (address localToken) {
        require(remoteToken != address(0), "OptimismMintableERC20Factory: must provide remote token address");
        bytes32 salt = keccak256(abi.encode(remoteToken, name, symbol, decimals));
        localToken = address(new OptimismMintableERC20{salt: salt}(bridge, remoteToken, name, symbol, decimals));
        deployments[localToken] = remoteToken;

        emit StandardL2TokenCreated(remoteToken, localToken);
        emit OptimismMintableERC20Created(localToken, remoteToken, msg.sender);
    }

    /// @notice The older name of `bridge`.
    function BRIDGE() external view returns (address) {
        return bridge;
    }

    function version() external pure returns (string memory) {
        return "1.10.0";
    }
}
