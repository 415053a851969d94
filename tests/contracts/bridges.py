"""
Both standard bridges over two chains, with a token at home on L1 and the one that stands for it on L2.
"""

from dataclasses import dataclass

from contracts.calldata import encode_creation
from contracts.genesis import L2_STANDARD_BRIDGE, OPTIMISM_MINTABLE_ERC20_FACTORY
from tests.contracts.evm import Contract, Result
from tests.contracts.rollup import Rollup
from tests.contracts.world import OTHER, USER

SUPPLY = 1_000_000
"""Of the token, all of it the user's."""

GAS = 200_000
"""Gas limit of messages."""


def made_address(result: Result) -> bytes:
    """Return the address that a factory returned."""
    assert result.success, result.output.hex()
    return result.output[-20:]


@dataclass(frozen=True, slots=True)
class Bridges:
    """Both standard bridges, a token at home on L1, and the one that stands for it on L2."""

    rollup: Rollup
    l1: Contract
    l2: Contract
    token: Contract
    mintable: Contract

    def allow(self, amount: int = SUPPLY) -> None:
        """Let the bridge on L1 take the user's tokens."""
        assert self.token.send("approve", self.l1.address, amount, sender=USER).success

    def deposit_tokens(self, amount: int, to: bytes = USER) -> list[Result]:
        """Bridge the user's tokens to L2; return what came of it there."""
        self.allow(amount)
        sent = self.l1.send(
            "depositERC20To", self.token.address, self.mintable.address, to, amount, GAS, b"", sender=USER
        )
        return self.rollup.deliver(sent)

    def held(self) -> object:
        """Return what is in custody for the pair of tokens."""
        return self.l1.read("deposits", self.token.address, self.mintable.address)


def make_bridges() -> Bridges:
    """Return the bridges with nothing in custody."""
    rollup = Rollup()
    l1, l2 = rollup.l1, rollup.l2
    address, created = l1.evm.create(encode_creation("Token", SUPPLY), sender=USER)
    assert created.success
    factory = Contract(l2.evm, "OptimismMintableERC20Factory", OPTIMISM_MINTABLE_ERC20_FACTORY)
    mintable = made_address(factory.send("createOptimismMintableERC20", address, "Example", "EXM", sender=OTHER))
    return Bridges(
        rollup,
        l1.contract("L1StandardBridge"),
        Contract(l2.evm, "L2StandardBridge", L2_STANDARD_BRIDGE),
        Contract(l1.evm, "Token", address),
        Contract(l2.evm, "OptimismMintableERC20", mintable),
    )


def topics_of(result: Result) -> list[bytes]:
    """Return the first topic of every event, in order."""
    return [log.topics[0] for log in result.logs]
