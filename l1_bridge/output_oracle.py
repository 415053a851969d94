"""The `L2OutputOracle` on L1 as the proposer reads it; bridges read it through `proofs`."""

from l1_bridge.bindings import NEXT_BLOCK_NUMBER
from l1_bridge.l1_client import L1Client


class L2OutputOracle:
    """One oracle contract, read through a checked client."""

    def __init__(self, client: L1Client, address: bytes) -> None:
        self._client = client
        self._address = address

    @property
    def address(self) -> bytes:
        """Where proposals are sent to."""
        return self._address

    async def next_block_number(self) -> int:
        """The L2 block of which the output comes next; raises `TemporaryError` when L1 is away."""
        returned = await self._client.call_contract(self._address, NEXT_BLOCK_NUMBER.encode())
        return NEXT_BLOCK_NUMBER.decode_integers(returned)[0]
