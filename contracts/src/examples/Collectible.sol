// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

/// @title Collectible
/// @notice A mint that everybody wants a part of: one counter gives the numbers.
contract Collectible is ERC721 {
    uint256 public minted;

    constructor() ERC721("Example", "EXC") {}

    /// @notice Gives the next number to the caller.
    function mint() external returns (uint256 number) {
        number = ++minted;
        _mint(msg.sender, number);
    }
}
