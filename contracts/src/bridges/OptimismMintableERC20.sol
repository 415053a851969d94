// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {ILegacyMintableERC20, IOptimismMintableERC20} from "./IOptimismMintableERC20.sol";

/// @title OptimismMintableERC20
/// @notice A token that stands for one of the other chain; only the bridge makes and destroys it.
contract OptimismMintableERC20 is ERC20Permit, IOptimismMintableERC20, ILegacyMintableERC20 {
    event Mint(address indexed account, uint256 amount);

    event Burn(address indexed account, uint256 amount);

    address public immutable REMOTE_TOKEN;
    address public immutable BRIDGE;

    uint8 private immutable DECIMALS;

    modifier onlyBridge() {
        require(msg.sender == BRIDGE, "OptimismMintableERC20: only bridge can mint and burn");
        _;
    }

    constructor(address bridge_, address remoteToken_, string memory name_, string memory symbol_, uint8 decimals_)
        ERC20(name_, symbol_)
        ERC20Permit(name_)
    {
        REMOTE_TOKEN = remoteToken_;
        BRIDGE = bridge_;
        DECIMALS = decimals_;
    }

    function mint(address to, uint256 amount)
        external
        override(IOptimismMintableERC20, ILegacyMintableERC20)
        onlyBridge
    {
        _mint(to, amount);
        emit Mint(to, amount);
    }

    /// @notice Destroys an owner's tokens without an allowance, since the owner is who asked the bridge for it.
    function burn(address from, uint256 amount)
        external
        override(IOptimismMintableERC20, ILegacyMintableERC20)
        onlyBridge
    {
        _burn(from, amount);
        emit Burn(from, amount);
    }

    function remoteToken() external view returns (address) {
        return REMOTE_TOKEN;
    }

    function bridge() external view returns (address) {
        return BRIDGE;
    }

    // The older names, which clients still read.

    function l1Token() external view returns (address) {
        return REMOTE_TOKEN;
    }

    function l2Bridge() external view returns (address) {
        return BRIDGE;
    }

    function decimals() public view override returns (uint8) {
        return DECIMALS;
    }

    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == type(ILegacyMintableERC20).interfaceId
            || interfaceId == type(IOptimismMintableERC20).interfaceId;
    }

    function version() external pure returns (string memory) {
        return "1.4.0";
    }
}
