// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {L1CrossDomainMessenger} from "contracts/src/l1/L1CrossDomainMessenger.sol";
import {CrossDomainMessenger} from "contracts/src/bridges/CrossDomainMessenger.sol";
import {ERC721Bridge} from "contracts/src/bridges/ERC721Bridge.sol";
import {StandardBridge} from "contracts/src/bridges/StandardBridge.sol";
import {Collectible} from "contracts/src/examples/Collectible.sol";
import {Token} from "contracts/src/examples/Token.sol";
import {OptimismPortal} from "contracts/src/l1/OptimismPortal.sol";
import {Hashing} from "contracts/src/libraries/Hashing.sol";
import {Predeploys} from "contracts/src/libraries/Predeploys.sol";
import {L1Chain} from "./L1Chain.sol";
import {vm} from "./Vm.sol";

/// @notice Bridges tokens to L2 and back, as everybody, the thief too.
contract BridgeUsers {
    address private constant HOLDER = address(0xA0A0B001);
    address[2] private remotes = [address(0xA0A0C001), address(0xA0A0C002)];

    L1Chain private immutable chain;
    L1CrossDomainMessenger private immutable messenger;
    Token public immutable token = new Token(type(uint256).max);
    Collectible public immutable collectible = new Collectible();

    /// @notice Tokens that are on L2, by the token that stands for them there.
    uint256[2] public crossed;

    /// @notice The remote collection (from 1) with which an NFT is on L2; zero while it is not there.
    mapping(uint256 tokenId => uint256) public crossedWith;

    uint256 private relays;
    bytes private lastMessage;

    constructor(L1Chain chain_) {
        chain = chain_;
        messenger = chain_.messenger();
        token.approve(address(chain_.standardBridge()), type(uint256).max);
        collectible.setApprovalForAll(address(chain_.erc721Bridge()), true);
    }

    function deposit(uint96 amount, uint8 which) external {
        _nextBlock();
        chain.standardBridge().bridgeERC20To(address(token), remotes[which % 2], HOLDER, amount, 0, "");
        crossed[which % 2] += amount;
    }

    function release(uint128 amount, uint8 which, bool tooMuch) external {
        uint256 held = crossed[which % 2];
        uint256 asked = tooMuch ? held + 1 + amount : amount % (held + 1);
        bool done = _relay(
            Predeploys.L2_STANDARD_BRIDGE, address(chain.standardBridge()), _erc20Call(asked, remotes[which % 2])
        );
        vm.assertEq(done, !tooMuch, "tokens are released up to what is in custody for their pair");
        if (done) crossed[which % 2] -= asked;
    }

    function depositNft(uint8 which) external {
        _nextBlock();
        uint256 id = collectible.mint();
        chain.erc721Bridge().bridgeERC721To(address(collectible), remotes[which % 2], HOLDER, id, 0, "");
        crossedWith[id] = which % 2 + 1;
    }

    function releaseNft(uint256 id, uint8 which) external {
        if (collectible.minted() == 0) return;
        id = 1 + id % collectible.minted();
        bytes memory call = _erc721Call(id, remotes[which % 2]);
        bool done = _relay(Predeploys.L2_ERC721_BRIDGE, address(chain.erc721Bridge()), call);
        vm.assertEq(done, crossedWith[id] == which % 2 + 1, "an NFT is released once, to its own collection");
        if (done) crossedWith[id] = 0;
    }

    function relayAgain(bool portal) external {
        if (lastMessage.length == 0) return;
        if (portal) {
            _speakFrom(Predeploys.L2_CROSS_DOMAIN_MESSENGER);
            vm.prank(address(chain.portal()));
        }
        (bool success,) = address(messenger).call(lastMessage);
        vm.assertTrue(!success, "a message was relayed twice");
        vm.clearMockedCalls();
    }

    /// @notice Calls the bridges past the messenger.
    function takeDirectly(uint96 amount, uint256 id, address thief) external {
        vm.assertTrue(!_isTaken(_erc20Call(amount, remotes[0]), address(chain.standardBridge()), thief), "taken");
        vm.assertTrue(!_isTaken(_erc721Call(id % 8, remotes[0]), address(chain.erc721Bridge()), thief), "NFT taken");
    }

    /// @notice Sends a message from L2 that is not the bridge's.
    function takeByMessage(uint96 amount, uint256 id, address thief) external {
        if (thief == Predeploys.L2_STANDARD_BRIDGE || thief == Predeploys.L2_ERC721_BRIDGE) return;
        bytes memory erc20 = _erc20Call(amount % (crossed[0] + 1), remotes[0]);
        vm.assertTrue(!_relay(thief, address(chain.standardBridge()), erc20), "taken by a message");
        bytes memory erc721 = _erc721Call(id % 8, remotes[0]);
        vm.assertTrue(!_relay(thief, address(chain.erc721Bridge()), erc721), "NFT taken by a message");
    }

    /// @notice Gives the messenger a message that the messenger on L2 did not send.
    function forge(uint96 amount, address thief, bool withdrawal) external {
        if (thief == Predeploys.L2_CROSS_DOMAIN_MESSENGER || thief == address(chain.portal())) return;
        if (withdrawal) _speakFrom(thief);
        else _speakFrom(Predeploys.L2_CROSS_DOMAIN_MESSENGER);
        bytes memory call = _erc20Call(amount % (crossed[0] + 1), remotes[0]);
        bytes memory message =
            _message(Predeploys.L2_STANDARD_BRIDGE, address(chain.standardBridge()), call);
        vm.assertTrue(
            !_isTaken(message, address(messenger), withdrawal ? address(chain.portal()) : thief), "a forged message"
        );
        vm.clearMockedCalls();
    }

    /// @dev With L1 gas so dear that hardly any must be burned for a deposit.
    function _nextBlock() private {
        vm.roll(block.number + 1);
        vm.fee(1000 gwei);
    }

    /// @dev As if the portal finalized a withdrawal of the messenger on L2; says whether the message's call went well.
    function _relay(address sender, address target, bytes memory call) private returns (bool done) {
        bytes memory message = _message(sender, target, call);
        _speakFrom(Predeploys.L2_CROSS_DOMAIN_MESSENGER);
        vm.prank(address(chain.portal()));
        (bool success,) = address(messenger).call(message);
        vm.clearMockedCalls();
        vm.assertTrue(success, "the messenger takes a message of its other half");
        done = messenger.successfulMessages(keccak256(message));
        vm.assertEq(messenger.failedMessages(keccak256(message)), !done, "a message that failed is kept");
        if (done) lastMessage = message;
    }

    function _message(address sender, address target, bytes memory call) private returns (bytes memory) {
        uint256 nonce = (uint256(1) << 240) + ++relays;
        return abi.encodeCall(CrossDomainMessenger.relayMessage, (nonce, sender, target, 0, 300_000, call));
    }

    function _speakFrom(address sender) private {
        vm.mockCall(address(chain.portal()), abi.encodeCall(chain.portal().l2Sender, ()), abi.encode(sender));
    }

    function _isTaken(bytes memory call, address target, address caller) private returns (bool success) {
        if (caller == address(chain.admin())) return false;
        vm.prank(caller);
        (success,) = target.call(call);
    }

    function _erc20Call(uint256 amount, address remote) private view returns (bytes memory) {
        return abi.encodeCall(
            StandardBridge.finalizeBridgeERC20, (address(token), remote, HOLDER, HOLDER, amount, "")
        );
    }

    function _erc721Call(uint256 id, address remote) private view returns (bytes memory) {
        return abi.encodeCall(
            ERC721Bridge.finalizeBridgeERC721, (address(collectible), remote, HOLDER, HOLDER, id, "")
        );
    }
}

/// @notice Tokens in custody on L1 are those that are on L2.
contract BridgeCustodyTest {
    L1Chain private chain;
    BridgeUsers private users;

    function setUp() public {
        chain = new L1Chain();
        users = new BridgeUsers(chain);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(users);
    }

    function invariant_custody_is_what_is_on_l2() public view {
        address bridge = address(chain.standardBridge());
        vm.assertEq(users.token().balanceOf(bridge), users.crossed(0) + users.crossed(1), "tokens in custody");
        for (uint256 i = 0; i < 2; ++i) {
            address remote = i == 0 ? address(0xA0A0C001) : address(0xA0A0C002);
            uint256 deposits = chain.standardBridge().deposits(address(users.token()), remote);
            vm.assertEq(deposits, users.crossed(i), "tokens in custody for a pair");
        }

        uint256 minted = users.collectible().minted();
        for (uint256 id = 1; id <= minted; ++id) {
            bool held = users.collectible().ownerOf(id) == address(chain.erc721Bridge());
            vm.assertEq(held, users.crossedWith(id) != 0, "an NFT in custody");
        }
    }
}
