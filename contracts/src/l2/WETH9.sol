// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title WETH9
/// @notice Ether as an ERC-20 token, with the interface and the events of the one on L1: making and destroying tokens
///         are events of their own, and an allowance of the largest number does not shrink.
contract WETH9 {
    event Approval(address indexed src, address indexed guy, uint256 wad);

    event Transfer(address indexed src, address indexed dst, uint256 wad);

    event Deposit(address indexed dst, uint256 wad);

    event Withdrawal(address indexed src, uint256 wad);

    error InsufficientBalance(address owner, uint256 balance);
    error InsufficientAllowance(address owner, address spender, uint256 allowance);
    error EtherTransferFailed(address to);

    string public constant name = "Wrapped Ether";
    string public constant symbol = "WETH";
    uint8 public constant decimals = 18;

    mapping(address owner => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    receive() external payable {
        deposit();
    }

    /// @notice A call of anything else is a deposit too.
    fallback() external payable {
        deposit();
    }

    function deposit() public payable {
        balanceOf[msg.sender] += msg.value;
        emit Deposit(msg.sender, msg.value);
    }

    function withdraw(uint256 wad) external {
        _take(msg.sender, wad);
        emit Withdrawal(msg.sender, wad);
        (bool success,) = msg.sender.call{value: wad}("");
        if (!success) revert EtherTransferFailed(msg.sender);
    }

    function approve(address guy, uint256 wad) external returns (bool) {
        allowance[msg.sender][guy] = wad;
        emit Approval(msg.sender, guy, wad);
        return true;
    }

    function transfer(address dst, uint256 wad) external returns (bool) {
        return transferFrom(msg.sender, dst, wad);
    }

    function transferFrom(address src, address dst, uint256 wad) public returns (bool) {
        uint256 allowed = allowance[src][msg.sender];
        if (src != msg.sender && allowed != type(uint256).max) {
            if (allowed < wad) revert InsufficientAllowance(src, msg.sender, allowed);
            allowance[src][msg.sender] = allowed - wad;
        }
        _take(src, wad);
        balanceOf[dst] += wad;
        emit Transfer(src, dst, wad);
        return true;
    }

    function totalSupply() external view returns (uint256) {
        return address(this).balance;
    }

    function _take(address owner, uint256 wad) private {
        uint256 balance = balanceOf[owner];
        if (balance < wad) revert InsufficientBalance(owner, balance);
        balanceOf[owner] = balance - wad;
    }
}
