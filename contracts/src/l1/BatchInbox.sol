// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {SystemConfig} from "./SystemConfig.sol";

/// @title BatchInbox
/// @notice Stands at the batch inbox address, takes data from the batcher alone, and says so by event. Derivation does
///         not need it: it reads the transactions themselves, also those that fail here. It judges the batcher by the
///         system config at the end of the L1 block, this contract by the one at the time of the call.
/// @dev Batcher data begins with a zero byte; no function of this contract has such a selector.
contract BatchInbox is Initializable {
    /// @notice Frames in calldata.
    /// @param dataHash keccak256 of the calldata.
    /// @param size Bytes of calldata.
    event BatchPosted(address indexed batcher, bytes32 indexed dataHash, uint256 size);

    /// @notice Frames in a blob.
    event BatchBlobPosted(address indexed batcher, bytes32 indexed versionedHash, uint256 blobIndex);

    error NotBatcher(address sender);
    error NoData();

    SystemConfig public systemConfig;

    constructor() {
        _disableInitializers();
    }

    function initialize(SystemConfig systemConfig_) external initializer {
        systemConfig = systemConfig_;
    }

    /// @notice Takes a batcher transaction. When it carries blobs its calldata has no meaning.
    fallback() external {
        address batcher = address(uint160(uint256(systemConfig.batcherHash())));
        // Derivation reads top-level transactions only, so a call from a contract would be an empty promise.
        if (msg.sender != batcher || msg.sender != tx.origin) revert NotBatcher(msg.sender);

        uint256 index;
        for (bytes32 blob = blobhash(0); blob != bytes32(0); blob = blobhash(index)) {
            emit BatchBlobPosted(batcher, blob, index++);
        }
        if (index > 0) return;
        if (msg.data.length == 0) revert NoData();
        emit BatchPosted(batcher, keccak256(msg.data), msg.data.length);
    }

    function version() external pure returns (string memory) {
        return "1.0.0";
    }
}
