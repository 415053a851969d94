// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {PromisedCall} from "../libraries/PromisedCall.sol";

/// @title CrossDomainMessenger
/// @notice One of a pair, one on each chain: what one is given to send, the other one calls. Above the portal and the
///         message passer it adds that a call which fails is kept and may be tried again by anybody. Spec:
///         messengers.md.
abstract contract CrossDomainMessenger is Initializable {
    event SentMessage(address indexed target, address sender, bytes message, uint256 messageNonce, uint256 gasLimit);

    /// @notice Follows each `SentMessage`.
    event SentMessageExtension1(address indexed sender, uint256 value);

    event RelayedMessage(bytes32 indexed msgHash);

    event FailedRelayedMessage(bytes32 indexed msgHash);

    /// @notice In the top two bytes of every nonce.
    uint16 public constant MESSAGE_VERSION = 1;

    /// @notice Gas of a relay before and after everything named below.
    uint64 public constant RELAY_CONSTANT_OVERHEAD = 200_000;

    /// @notice A call passes on 63/64 of the gas that is left.
    uint64 public constant MIN_GAS_DYNAMIC_OVERHEAD_NUMERATOR = 64;
    uint64 public constant MIN_GAS_DYNAMIC_OVERHEAD_DENOMINATOR = 63;

    /// @notice Gas a byte of calldata.
    uint64 public constant MIN_GAS_CALLDATA_OVERHEAD = 16;

    /// @notice Gas of the call itself.
    uint64 public constant RELAY_CALL_OVERHEAD = 40_000;

    /// @notice Gas kept for what comes after the call.
    uint64 public constant RELAY_RESERVED_GAS = 40_000;

    /// @notice Gas for what comes between the look at the gas and the call.
    uint64 public constant RELAY_GAS_CHECK_BUFFER = 5_000;

    /// @notice Gas of a transaction before its calldata.
    uint64 public constant TX_BASE_GAS = 21_000;

    /// @notice Least gas a byte of calldata (EIP-7623).
    uint64 public constant FLOOR_CALLDATA_OVERHEAD = 40;

    /// @notice Bytes that the call of `relayMessage` adds to the message, at most.
    uint64 public constant ENCODING_OVERHEAD = 260;

    /// @notice A node estimates gas with this account as the origin.
    address internal constant ESTIMATION_ADDRESS = address(1);

    /// @notice Messages that were called with success; each is so once.
    mapping(bytes32 messageHash => bool) public successfulMessages;

    /// @notice Messages that arrived and whose call failed; they may be tried again.
    mapping(bytes32 messageHash => bool) public failedMessages;

    /// @notice The messenger on the other chain.
    CrossDomainMessenger public otherMessenger;

    uint240 internal msgNonce;

    /// @notice While a message is called: its sender on the other chain. It ends with the transaction.
    address internal transient xDomainMsgSender;

    /// @notice Sends a message, with the ether sent, to `target` on the other chain. If its call can never succeed,
    ///         the ether stays with the other messenger.
    /// @param minGasLimit Gas that the call there gets at least.
    function sendMessage(address target, bytes calldata message, uint32 minGasLimit) external payable {
        uint256 nonce = messageNonce();
        ++msgNonce;
        bytes memory relay =
            abi.encodeCall(this.relayMessage, (nonce, msg.sender, target, msg.value, minGasLimit, message));
        _sendMessage(address(otherMessenger), baseGas(message, minGasLimit), msg.value, relay);

        emit SentMessage(target, msg.sender, message, nonce, minGasLimit);
        emit SentMessageExtension1(msg.sender, msg.value);
    }

    /// @notice Calls a message of the other messenger. That one is the first to call this, once for each message;
    ///         anybody may do so again for a message whose call failed.
    function relayMessage(
        uint256 nonce,
        address sender,
        address target,
        uint256 value,
        uint256 minGasLimit,
        bytes calldata message
    ) external payable {
        require(!paused(), "CrossDomainMessenger: paused");
        bytes32 messageHash = _identify(nonce, sender, target, value, minGasLimit, message);
        if (_isOtherMessenger()) {
            assert(msg.value == value);
            assert(!failedMessages[messageHash]);
        } else {
            require(
                msg.value == 0, "CrossDomainMessenger: value must be zero unless message is from a system address"
            );
            require(failedMessages[messageHash], "CrossDomainMessenger: message cannot be replayed");
        }
        require(!_isUnsafeTarget(target), "CrossDomainMessenger: cannot send message to blocked system address");
        require(!successfulMessages[messageHash], "CrossDomainMessenger: message has already been relayed");

        if (_call(sender, target, value, minGasLimit, message)) {
            // Nothing that was called can have relayed it: messages do not nest.
            assert(!successfulMessages[messageHash]);
            successfulMessages[messageHash] = true;
            emit RelayedMessage(messageHash);
            return;
        }
        failedMessages[messageHash] = true;
        emit FailedRelayedMessage(messageHash);
        // An estimate must not stop at the least gas with which only the outer call succeeds.
        if (tx.origin == ESTIMATION_ADDRESS) revert("CrossDomainMessenger: failed to relay message");
    }

    /// @notice While a message is called: its sender on the other chain. Otherwise it reverts.
    function xDomainMessageSender() external view returns (address) {
        require(xDomainMsgSender != address(0), "CrossDomainMessenger: xDomainMessageSender is not set");
        return xDomainMsgSender;
    }

    /// @notice The older name of `otherMessenger`.
    function OTHER_MESSENGER() external view returns (CrossDomainMessenger) {
        return otherMessenger;
    }

    /// @notice Nonce of the next message.
    function messageNonce() public view returns (uint256) {
        return (uint256(MESSAGE_VERSION) << 240) | msgNonce;
    }

    /// @notice Gas with which a message arrives at the other messenger, so that its call gets `minGasLimit` or it is
    ///         kept there as one that failed.
    function baseGas(bytes calldata message, uint32 minGasLimit) public pure returns (uint64) {
        uint64 size = uint64(message.length) + ENCODING_OVERHEAD;
        uint64 call = RELAY_CALL_OVERHEAD + RELAY_RESERVED_GAS + RELAY_GAS_CHECK_BUFFER
            + (minGasLimit * MIN_GAS_DYNAMIC_OVERHEAD_NUMERATOR) / MIN_GAS_DYNAMIC_OVERHEAD_DENOMINATOR;
        uint256 execution = RELAY_CONSTANT_OVERHEAD + call + size * MIN_GAS_CALLDATA_OVERHEAD;
        return TX_BASE_GAS + uint64(Math.max(execution, size * FLOOR_CALLDATA_OVERHEAD));
    }

    /// @notice Whether nothing may be relayed.
    function paused() public view virtual returns (bool) {
        return false;
    }

    function _initializeMessenger(CrossDomainMessenger otherMessenger_) internal onlyInitializing {
        otherMessenger = otherMessenger_;
    }

    /// @dev Hands a call to what carries it to the other chain.
    function _sendMessage(address to, uint64 gasLimit, uint256 value, bytes memory data) internal virtual;

    /// @dev Whether the other messenger is the one who calls.
    function _isOtherMessenger() internal view virtual returns (bool);

    /// @dev Whether a call of the messenger to `target` would have rights that no message may have.
    function _isUnsafeTarget(address target) internal view virtual returns (bool);

    function _identify(
        uint256 nonce,
        address sender,
        address target,
        uint256 value,
        uint256 minGasLimit,
        bytes calldata message
    ) private view returns (bytes32) {
        uint256 version = nonce >> 240;
        require(version < 2, "CrossDomainMessenger: only version 0 or 1 messages are supported at this time");
        if (version == 0) {
            require(
                !successfulMessages[Hashing.hashCrossDomainMessageV0(target, sender, message, nonce)],
                "CrossDomainMessenger: legacy withdrawal already relayed"
            );
        }
        return Hashing.hashCrossDomainMessageV1(nonce, sender, target, value, minGasLimit, message);
    }

    /// @dev False also when there is too little gas to keep the promise, or while another message is called.
    function _call(address sender, address target, uint256 value, uint256 minGasLimit, bytes memory message)
        private
        returns (bool success)
    {
        if (xDomainMsgSender != address(0)) return false;
        if (!PromisedCall.isAffordable(minGasLimit, RELAY_RESERVED_GAS + RELAY_GAS_CHECK_BUFFER)) return false;
        xDomainMsgSender = sender;
        success = PromisedCall.call(target, gasleft() - RELAY_RESERVED_GAS, value, message);
        xDomainMsgSender = address(0);
    }
}
