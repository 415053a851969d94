// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";
import {ITransparentUpgradeableProxy} from "@openzeppelin/contracts/proxy/transparent/TransparentUpgradeableProxy.sol";

/// @title TransparentProxy
/// @notice A transparent proxy whose admin is read from the EIP-1967 slot.
/// @dev OpenZeppelin's own variant keeps the admin as an immutable and makes one ProxyAdmin a proxy. Here one ProxyAdmin
///      serves all proxies of a chain, and since nothing is baked into the code, the same bytes serve every proxy on
///      both chains and can stand in a genesis.
contract TransparentProxy is ERC1967Proxy {
    /// @notice The admin may only upgrade; for everything else it is to use another account.
    error ProxyDeniedAdminAccess();

    /// @param implementation Contract that holds the code.
    /// @param admin ProxyAdmin that may upgrade.
    /// @param data Initializer call, delegated to the implementation.
    constructor(address implementation, address admin, bytes memory data) payable ERC1967Proxy(implementation, data) {
        ERC1967Utils.changeAdmin(admin);
    }

    function _fallback() internal override {
        if (msg.sender != ERC1967Utils.getAdmin()) {
            super._fallback();
        } else if (msg.sig == ITransparentUpgradeableProxy.upgradeToAndCall.selector) {
            (address implementation, bytes memory data) = abi.decode(msg.data[4:], (address, bytes));
            ERC1967Utils.upgradeToAndCall(implementation, data);
        } else {
            revert ProxyDeniedAdminAccess();
        }
    }
}
