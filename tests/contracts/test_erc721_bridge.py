"""The NFT bridges on the EVM of both chains: a collection of L1 there and back."""

from dataclasses import dataclass

import pytest

from contracts.calldata import encode_creation
from contracts.genesis import L2_CROSS_DOMAIN_MESSENGER, L2_ERC721_BRIDGE, OPTIMISM_MINTABLE_ERC721_FACTORY
from contracts.preinstalls import MULTICALL3
from tests.contracts.bridges import GAS, made_address, topics_of
from tests.contracts.evm import Contract, Result, encode_method, topic
from tests.contracts.rollup import Rollup
from tests.contracts.world import GUARDIAN, L1_CHAIN_ID, OTHER, USER

FAILED = topic("FailedRelayedMessage(bytes32)")
INITIATED = topic("ERC721BridgeInitiated(address,address,address,address,uint256,bytes)")
BRIDGED = topic("ERC721BridgeFinalized(address,address,address,address,uint256,bytes)")


@dataclass(frozen=True, slots=True)
class Gallery:
    """Both bridges, a collection whose token 1 is the user's, and the collection that stands for it on L2."""

    rollup: Rollup
    l1: Contract
    l2: Contract
    home: Contract
    guest: Contract

    def deposit(self, *, guest: bytes | None = None) -> Result:
        self.home.send("approve", self.l1.address, 1, sender=USER)
        pair = (self.home.address, guest or self.guest.address)
        return self.l1.send("bridgeERC721", *pair, 1, GAS, b"", sender=USER)

    def withdraw(self, sender: bytes = USER) -> Result:
        return self.l2.send("bridgeERC721", self.guest.address, self.home.address, 1, GAS, b"", sender=sender)


@pytest.fixture
def gallery() -> Gallery:
    rollup = Rollup()
    address, _ = rollup.l1.evm.create(encode_creation("Collectible"), sender=USER)
    home = Contract(rollup.l1.evm, "Collectible", address)
    assert home.send("mint", sender=USER).success
    factory = Contract(rollup.l2.evm, "OptimismMintableERC721Factory", OPTIMISM_MINTABLE_ERC721_FACTORY)
    guest = made_address(factory.send("createOptimismMintableERC721", address, "Example", "EXC", sender=OTHER))
    return Gallery(
        rollup,
        rollup.l1.contract("L1ERC721Bridge"),
        Contract(rollup.l2.evm, "L2ERC721Bridge", L2_ERC721_BRIDGE),
        home,
        Contract(rollup.l2.evm, "OptimismMintableERC721", guest),
    )


def hex_address(address: bytes) -> str:
    return "0x" + address.hex()


def test_a_token_crosses_to_l2_and_back(gallery: Gallery) -> None:
    sent = gallery.deposit()
    (arrived,) = gallery.rollup.deliver(sent)

    assert topics_of(sent)[-1] == INITIATED
    assert BRIDGED in topics_of(arrived)
    assert gallery.guest.read("ownerOf", 1) == hex_address(USER)
    assert gallery.home.read("ownerOf", 1) == hex_address(gallery.l1.address)
    assert gallery.l1.read("deposits", gallery.home.address, gallery.guest.address, 1) is True

    (paid,) = gallery.rollup.carry(gallery.withdraw())

    assert BRIDGED in topics_of(paid)
    assert gallery.guest.read("totalSupply") == 0
    assert gallery.home.read("ownerOf", 1) == hex_address(USER)
    assert gallery.l1.read("deposits", gallery.home.address, gallery.guest.address, 1) is False


def test_a_token_crosses_to_another_recipient(gallery: Gallery) -> None:
    gallery.home.send("approve", gallery.l1.address, 1, sender=USER)
    pair = (gallery.home.address, gallery.guest.address)

    gallery.rollup.deliver(gallery.l1.send("bridgeERC721To", *pair, OTHER, 1, GAS, b"", sender=USER))

    assert gallery.guest.read("ownerOf", 1) == hex_address(OTHER)


def test_only_an_owner_bridges(gallery: Gallery) -> None:
    gallery.home.send("approve", gallery.l1.address, 1, sender=USER)
    pair = (gallery.home.address, gallery.guest.address)

    assert not gallery.l1.send("bridgeERC721", *pair, 1, GAS, b"", sender=OTHER).success
    gallery.rollup.deliver(gallery.deposit())
    assert gallery.withdraw(sender=OTHER).reason == "L2ERC721Bridge: Withdrawal is not being initiated by NFT owner"
    assert gallery.withdraw().success


def test_a_token_leaves_l2_only_for_its_own_collection(gallery: Gallery) -> None:
    gallery.rollup.deliver(gallery.deposit())

    result = gallery.l2.send("bridgeERC721", gallery.guest.address, OTHER, 1, GAS, b"", sender=USER)

    assert result.reason == "L2ERC721Bridge: remote token does not match given value"


def test_a_deposit_for_a_wrong_collection_makes_nothing_on_l2(gallery: Gallery) -> None:
    (arrived,) = gallery.rollup.deliver(gallery.deposit(guest=OTHER))

    assert topics_of(arrived) == [FAILED]
    assert gallery.guest.read("totalSupply") == 0


def test_a_token_that_is_not_in_custody_is_not_handed_out(gallery: Gallery) -> None:
    """Whatever a collection of somebody on L2 claims, custody is by the pair of collections."""
    factory = Contract(gallery.rollup.l2.evm, "OptimismMintableERC721Factory", OPTIMISM_MINTABLE_ERC721_FACTORY)
    rival = made_address(
        factory.send("createOptimismMintableERC721", gallery.home.address, "Rival", "RIV", sender=OTHER)
    )
    assert gallery.l1.read("deposits", gallery.home.address, rival, 1) is False
    gallery.rollup.deliver(gallery.deposit())

    result = gallery.l2.send("bridgeERC721", rival, gallery.home.address, 1, GAS, b"", sender=USER)

    assert not result.success
    assert gallery.home.read("ownerOf", 1) == hex_address(gallery.l1.address)


def test_the_recipient_and_the_remote_collection_must_be_named(gallery: Gallery) -> None:
    gallery.home.send("approve", gallery.l1.address, 1, sender=USER)
    nowhere = bytes(20)

    to_nobody = gallery.l1.send(
        "bridgeERC721To", gallery.home.address, gallery.guest.address, nowhere, 1, GAS, b"", sender=USER
    )
    to_nothing = gallery.l1.send("bridgeERC721", gallery.home.address, nowhere, 1, GAS, b"", sender=USER)

    assert to_nobody.reason == "ERC721Bridge: nft recipient cannot be address(0)"
    assert to_nothing.reason == "ERC721Bridge: remote token cannot be address(0)"


def test_a_contract_must_name_the_recipient(gallery: Gallery) -> None:
    call = encode_method("L1ERC721Bridge", "bridgeERC721", gallery.home.address, gallery.guest.address, 1, GAS, b"")
    data = encode_method("Multicall3", "aggregate3", [(gallery.l1.address, True, call)])

    result = gallery.rollup.l1.evm.call(MULTICALL3, data, sender=USER)

    assert b"ERC721Bridge: account is not externally owned" in result.output


@pytest.mark.parametrize("side", ["l1", "l2"])
def test_only_the_other_bridge_finalizes(gallery: Gallery, side: str) -> None:
    bridge: Contract = getattr(gallery, side)

    result = bridge.send(
        "finalizeBridgeERC721", gallery.home.address, gallery.guest.address, USER, USER, 1, b"", sender=USER
    )

    assert result.reason == "ERC721Bridge: function can only be called from the other bridge"


def test_a_pause_holds_tokens_until_it_ends(gallery: Gallery) -> None:
    rollup = gallery.rollup
    rollup.deliver(gallery.deposit())
    (withdrawal,) = rollup.withdrawals_of(gallery.withdraw())
    rollup.propose()
    rollup.prove(withdrawal)
    rollup.wait()

    rollup.portal.send("pause", sender=GUARDIAN)
    assert gallery.l1.read("paused") is True
    assert not rollup.finalize(withdrawal).success
    rollup.portal.send("unpause", sender=GUARDIAN)

    assert rollup.finalize(withdrawal).success
    assert gallery.home.read("ownerOf", 1) == hex_address(USER)


def test_only_the_bridge_makes_and_destroys(gallery: Gallery) -> None:
    for method in ("safeMint", "burn"):
        result = gallery.guest.send(method, USER, 1, sender=USER)
        assert result.reason == "OptimismMintableERC721: only bridge can call this function"


def test_the_collection_says_what_it_stands_for(gallery: Gallery) -> None:
    guest = gallery.guest
    gallery.rollup.deliver(gallery.deposit())

    for method in ("remoteToken", "REMOTE_TOKEN"):
        assert guest.read(method) == hex_address(gallery.home.address)
    for method in ("remoteChainId", "REMOTE_CHAIN_ID"):
        assert guest.read(method) == L1_CHAIN_ID
    for method in ("bridge", "BRIDGE"):
        assert guest.read(method) == hex_address(L2_ERC721_BRIDGE)
    assert guest.read("tokenURI", 1) == (
        f"ethereum:{hex_address(gallery.home.address)}@{L1_CHAIN_ID}/tokenURI?uint256=1"
    )
    for interface, supported in (("01ffc9a7", True), ("80ac58cd", True), ("780e9d63", True), ("ffffffff", False)):
        assert guest.read("supportsInterface", bytes.fromhex(interface)) is supported


def test_the_factory_makes_a_collection_once(gallery: Gallery) -> None:
    factory = Contract(gallery.rollup.l2.evm, "OptimismMintableERC721Factory", OPTIMISM_MINTABLE_ERC721_FACTORY)
    same = ("createOptimismMintableERC721", gallery.home.address, "Example", "EXC")

    assert factory.read("isOptimismMintableERC721", gallery.guest.address) is True
    assert factory.read("isOptimismMintableERC721", OTHER) is False
    assert not factory.send(*same, sender=USER).success
    zero = factory.send("createOptimismMintableERC721", bytes(20), "Example", "EXC", sender=USER)
    assert zero.reason == "OptimismMintableERC721Factory: L1 token address cannot be address(0)"


def test_the_bridges_know_each_other_by_all_names(gallery: Gallery) -> None:
    for method in ("otherBridge", "OTHER_BRIDGE"):
        assert gallery.l1.read(method) == hex_address(L2_ERC721_BRIDGE)
        assert gallery.l2.read(method) == hex_address(gallery.l1.address)
    for method in ("messenger", "MESSENGER"):
        assert gallery.l1.read(method) == hex_address(gallery.rollup.l1.addresses["L1CrossDomainMessenger"])
        assert gallery.l2.read(method) == hex_address(L2_CROSS_DOMAIN_MESSENGER)
    assert gallery.l2.read("paused") is False
