"""TransparentProxy and ProxyAdmin on the EVM: only the admin's owner replaces code, and nobody else sees the admin."""

import pytest

from contracts.genesis import ADMIN_SLOT, IMPLEMENTATION_SLOT, L1_BLOCK, L2_PROXY_ADMIN, implementation_address
from contracts.preinstalls import MULTICALL3
from tests.contracts.evm import Contract, Evm, encode_method, selector
from tests.contracts.world import OWNER, USER, L1World, L2World


def l1_places() -> tuple[Evm, bytes, bytes]:
    world = L1World()
    return world.evm, world.addresses["ProxyAdmin"], world.addresses["BatchInbox"]


def l2_places() -> tuple[Evm, bytes, bytes]:
    return L2World().evm, L2_PROXY_ADMIN, L1_BLOCK


@pytest.mark.parametrize("places", [l1_places, l2_places])
def test_owner_replaces_the_code_behind_a_proxy(places: object) -> None:
    assert callable(places)
    evm, admin, proxy = places()

    result = Contract(evm, "ProxyAdmin", admin).send("upgradeAndCall", proxy, MULTICALL3, b"", sender=OWNER)

    assert result.success
    assert evm.storage(proxy, IMPLEMENTATION_SLOT) == int.from_bytes(MULTICALL3, "big")
    assert Contract(evm, "Multicall3", proxy).read("getChainId") == 900


@pytest.mark.parametrize("places", [l1_places, l2_places])
def test_nobody_else_replaces_code(places: object) -> None:
    assert callable(places)
    evm, admin, proxy = places()
    before = evm.storage(proxy, IMPLEMENTATION_SLOT)
    direct = (
        selector("upgradeToAndCall(address,bytes)")
        + encode_method("ProxyAdmin", "upgradeAndCall", proxy, MULTICALL3, b"")[36:]
    )

    assert not Contract(evm, "ProxyAdmin", admin).send("upgradeAndCall", proxy, MULTICALL3, b"", sender=USER).success
    evm.call(proxy, direct, sender=OWNER)

    assert evm.storage(proxy, IMPLEMENTATION_SLOT) == before


def test_admin_itself_reaches_nothing_but_the_upgrade() -> None:
    world = L1World()
    proxy = world.addresses["OptimismPortal"]

    result = world.evm.call(proxy, selector("version()"), sender=world.addresses["ProxyAdmin"])

    assert result.output == selector("ProxyDeniedAdminAccess()")


def test_l2_proxy_admin_can_replace_itself() -> None:
    world = L2World()
    admin = Contract(world.evm, "ProxyAdmin", L2_PROXY_ADMIN)
    assert world.evm.storage(L2_PROXY_ADMIN, ADMIN_SLOT) == int.from_bytes(L2_PROXY_ADMIN, "big")

    result = admin.send("upgradeAndCall", L2_PROXY_ADMIN, implementation_address(L1_BLOCK), b"", sender=OWNER)

    assert result.success
    assert Contract(world.evm, "L1Block", L2_PROXY_ADMIN).read("isCustomGasToken") is False


def test_ownership_of_the_admin_moves() -> None:
    world = L1World()
    admin = world.contract("ProxyAdmin")

    assert not admin.send("transferOwnership", USER, sender=USER).success
    assert admin.send("transferOwnership", USER, sender=OWNER).success
    assert admin.read("owner") == "0x" + USER.hex()
