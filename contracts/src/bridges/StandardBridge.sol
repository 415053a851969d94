// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";
import {AddressAliasing} from "../libraries/AddressAliasing.sol";
import {PromisedCall} from "../libraries/PromisedCall.sol";
import {CrossDomainMessenger} from "./CrossDomainMessenger.sol";
import {ILegacyMintableERC20, IOptimismMintableERC20} from "./IOptimismMintableERC20.sol";

/// @title StandardBridge
/// @notice One of a pair, one on each chain, for ether and ERC-20 tokens. A token's home chain keeps what is bridged in
///         custody, the other chain makes as much of a token that stands for it. Spec: bridges.md.
abstract contract StandardBridge is Initializable {
    using SafeERC20 for IERC20;

    event ETHBridgeInitiated(address indexed from, address indexed to, uint256 amount, bytes extraData);

    event ETHBridgeFinalized(address indexed from, address indexed to, uint256 amount, bytes extraData);

    event ERC20BridgeInitiated(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    event ERC20BridgeFinalized(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    /// @notice A crossing of tokens; `from` is on the chain where it began.
    struct Transfer {
        address localToken;
        address remoteToken;
        address from;
        address to;
        uint256 amount;
        bytes extraData;
    }

    /// @notice Gas on the other chain for ether that is plainly sent.
    uint32 internal constant RECEIVE_DEFAULT_GAS_LIMIT = 200_000;

    /// @notice What is in custody, by the pair of tokens.
    mapping(address localToken => mapping(address remoteToken => uint256)) public deposits;

    /// @notice The messenger of this chain.
    CrossDomainMessenger public messenger;

    /// @notice The bridge on the other chain.
    StandardBridge public otherBridge;

    /// @dev Keeps a contract from sending to its own address by mistake, where nobody may have its key.
    modifier onlyEOA() {
        require(AddressAliasing.senderHasKey(), "StandardBridge: function can only be called from an EOA");
        _;
    }

    modifier onlyOtherBridge() {
        require(
            msg.sender == address(messenger) && messenger.xDomainMessageSender() == address(otherBridge),
            "StandardBridge: function can only be called from the other bridge"
        );
        _;
    }

    /// @notice Ether sent plainly goes to the sender's own address on the other chain.
    receive() external payable onlyEOA {
        _bridgeETH(msg.sender, RECEIVE_DEFAULT_GAS_LIMIT, "");
    }

    /// @notice Sends the ether to the sender's own address on the other chain.
    /// @param minGasLimit Gas that the transfer there gets at least.
    /// @param extraData Is told by the events on both chains and has no other effect.
    function bridgeETH(uint32 minGasLimit, bytes calldata extraData) external payable onlyEOA {
        _bridgeETH(msg.sender, minGasLimit, extraData);
    }

    /// @notice Sends the ether to `to` on the other chain.
    function bridgeETHTo(address to, uint32 minGasLimit, bytes calldata extraData) external payable {
        _bridgeETH(to, minGasLimit, extraData);
    }

    /// @notice Sends tokens to the sender's own address on the other chain. A token that is at home here needs an
    ///         allowance first.
    function bridgeERC20(
        address localToken,
        address remoteToken,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external onlyEOA {
        _bridgeERC20(Transfer(localToken, remoteToken, msg.sender, msg.sender, amount, extraData), minGasLimit);
    }

    /// @notice Sends tokens to `to` on the other chain.
    function bridgeERC20To(
        address localToken,
        address remoteToken,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external {
        _bridgeERC20(Transfer(localToken, remoteToken, msg.sender, to, amount, extraData), minGasLimit);
    }

    /// @notice Pays out ether that came from the other chain.
    function finalizeBridgeETH(address from, address to, uint256 amount, bytes calldata extraData)
        public
        payable
        onlyOtherBridge
    {
        require(!paused(), "StandardBridge: paused");
        require(msg.value == amount, "StandardBridge: amount sent does not match amount required");
        require(to != address(this), "StandardBridge: cannot send to self");
        require(to != address(messenger), "StandardBridge: cannot send to messenger");

        _announceETHFinalized(from, to, amount, extraData);
        require(PromisedCall.call(to, gasleft(), amount, ""), "StandardBridge: ETH transfer failed");
    }

    /// @notice Pays out tokens that came from the other chain: from custody, or by making them.
    function finalizeBridgeERC20(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes calldata extraData
    ) public onlyOtherBridge {
        require(!paused(), "StandardBridge: paused");
        if (_isMintable(localToken)) {
            _checkPair(localToken, remoteToken);
            IOptimismMintableERC20(localToken).mint(to, amount);
        } else {
            deposits[localToken][remoteToken] -= amount;
            IERC20(localToken).safeTransfer(to, amount);
        }
        _announceERC20Finalized(Transfer(localToken, remoteToken, from, to, amount, extraData));
    }

    /// @notice Whether nothing may be paid out.
    function paused() public view virtual returns (bool) {
        return false;
    }

    // The older names, which clients still read.

    function MESSENGER() external view returns (CrossDomainMessenger) {
        return messenger;
    }

    function OTHER_BRIDGE() external view returns (StandardBridge) {
        return otherBridge;
    }

    function _initializeBridge(CrossDomainMessenger messenger_, StandardBridge otherBridge_)
        internal
        onlyInitializing
    {
        messenger = messenger_;
        otherBridge = otherBridge_;
    }

    function _bridgeETH(address to, uint32 minGasLimit, bytes memory extraData) internal {
        _announceETHInitiated(msg.sender, to, msg.value, extraData);
        messenger.sendMessage{value: msg.value}(
            address(otherBridge),
            abi.encodeCall(this.finalizeBridgeETH, (msg.sender, to, msg.value, extraData)),
            minGasLimit
        );
    }

    function _bridgeERC20(Transfer memory transfer, uint32 minGasLimit) internal {
        require(msg.value == 0, "StandardBridge: cannot send value");
        if (_isMintable(transfer.localToken)) {
            _checkPair(transfer.localToken, transfer.remoteToken);
            IOptimismMintableERC20(transfer.localToken).burn(transfer.from, transfer.amount);
        } else {
            _takeIntoCustody(IERC20(transfer.localToken), transfer.from, transfer.amount);
            deposits[transfer.localToken][transfer.remoteToken] += transfer.amount;
        }
        _announceERC20Initiated(transfer);
        messenger.sendMessage(address(otherBridge), _finalizingCall(transfer), minGasLimit);
    }

    /// @dev The legacy event of each chain comes before the common one.
    function _announceETHInitiated(address from, address to, uint256 amount, bytes memory extraData)
        internal
        virtual
    {
        emit ETHBridgeInitiated(from, to, amount, extraData);
    }

    function _announceETHFinalized(address from, address to, uint256 amount, bytes memory extraData)
        internal
        virtual
    {
        emit ETHBridgeFinalized(from, to, amount, extraData);
    }

    function _announceERC20Initiated(Transfer memory transfer) internal virtual {
        emit ERC20BridgeInitiated(
            transfer.localToken,
            transfer.remoteToken,
            transfer.from,
            transfer.to,
            transfer.amount,
            transfer.extraData
        );
    }

    function _announceERC20Finalized(Transfer memory transfer) internal virtual {
        emit ERC20BridgeFinalized(
            transfer.localToken,
            transfer.remoteToken,
            transfer.from,
            transfer.to,
            transfer.amount,
            transfer.extraData
        );
    }

    /// @dev On the other chain the two tokens change places.
    function _finalizingCall(Transfer memory transfer) private view returns (bytes memory) {
        return abi.encodeCall(
            this.finalizeBridgeERC20,
            (
                transfer.remoteToken,
                transfer.localToken,
                transfer.from,
                transfer.to,
                transfer.amount,
                transfer.extraData
            )
        );
    }

    /// @dev A token that takes a fee, or calls back and moves others meanwhile, would leave too little in custody for
    ///      what the other chain makes.
    function _takeIntoCustody(IERC20 token, address from, uint256 amount) private {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), amount);
        require(
            token.balanceOf(address(this)) == before + amount, "StandardBridge: token did not arrive in full"
        );
    }

    function _isMintable(address token) private view returns (bool) {
        return ERC165Checker.supportsInterface(token, _legacyMintableId())
            || ERC165Checker.supportsInterface(token, type(IOptimismMintableERC20).interfaceId);
    }

    function _checkPair(address mintableToken, address otherToken) private view {
        address expected = ERC165Checker.supportsInterface(mintableToken, _legacyMintableId())
            ? ILegacyMintableERC20(mintableToken).l1Token()
            : IOptimismMintableERC20(mintableToken).remoteToken();
        require(
            otherToken == expected, "StandardBridge: wrong remote token for Optimism Mintable ERC20 local token"
        );
    }

    function _legacyMintableId() private pure returns (bytes4) {
        return type(ILegacyMintableERC20).interfaceId;
    }
}
