"""
Whom the contracts on L1 let post: the batcher of the system config, the proposer of the oracle.

What anybody else posts is not read (batches) or reverts (outputs), and costs money.
"""

from l1_bridge.bindings import BATCHER_HASH, PROPOSER, ContractFunction
from l1_bridge.errors import CriticalError
from l1_bridge.l1_client import L1Client


class WrongAccount(CriticalError):
    """The key that should post belongs to an account that may not."""

    def __init__(self, role: str, expected: bytes, actual: bytes) -> None:
        super().__init__(f"the {role} on L1 is 0x{expected.hex()}, but the key is that of 0x{actual.hex()}")
        self.role = role
        self.expected = expected
        self.actual = actual


async def check_batcher(client: L1Client, system_config: bytes, genesis_batcher: bytes, address: bytes) -> None:
    """
    Compare with the system config as L1 has it now; where there is none, with the agreement's first one.

    Raises
    ------
    WrongAccount
        Batches of `address` would not be read.
    TemporaryError
        L1 is away.
    """
    expected = genesis_batcher
    if await client.code(system_config):
        expected = await _read_address(client, system_config, BATCHER_HASH)
    if address != expected:
        raise WrongAccount("batcher", expected, address)


async def check_proposer(client: L1Client, oracle: bytes, address: bytes) -> None:
    """Compare with the oracle's proposer; raises as `check_batcher`."""
    expected = await _read_address(client, oracle, PROPOSER)
    if address != expected:
        raise WrongAccount("proposer", expected, address)


async def _read_address(client: L1Client, contract: bytes, function: ContractFunction) -> bytes:
    (word,) = function.decode_integers(await client.call_contract(contract, function.encode()))
    return word.to_bytes(32, "big")[-20:]
