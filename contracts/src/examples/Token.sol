// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Token
/// @notice An ordinary ERC-20 token: the workload of a DeFi market in examples and benchmarks.
contract Token is ERC20 {
    constructor(uint256 supply) ERC20("Example", "EXM") {
        _mint(msg.sender, supply);
    }

    /// @notice Sends the same amount to many: funds the accounts of a benchmark in one transaction.
    function transferMany(address[] calldata recipients, uint256 amount) external {
        for (uint256 i = 0; i < recipients.length; ++i) {
            _transfer(msg.sender, recipients[i], amount);
        }
    }
}
