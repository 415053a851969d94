// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

/// @notice A token that stands for one of the other chain: the bridge of this chain makes and destroys it. The bridge
///         knows it by its interface id.
interface IOptimismMintableERC20 is IERC165 {
    function remoteToken() external view returns (address);

    function bridge() external returns (address);

    function mint(address to, uint256 amount) external;

    function burn(address from, uint256 amount) external;
}

/// @notice The same by its older name for the token of the other chain.
interface ILegacyMintableERC20 is IERC165 {
    function l1Token() external view returns (address);

    function mint(address to, uint256 amount) external;

    function burn(address from, uint256 amount) external;
}
