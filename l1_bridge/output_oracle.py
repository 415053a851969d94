"""The `L2OutputOracle` on L1 as the proposer and the watcher read it; bridges read it through `proofs`."""

from l1_bridge.bindings import (
    CHALLENGER,
    FINALIZATION_PERIOD,
    NEXT_BLOCK_NUMBER,
    NEXT_OUTPUT_INDEX,
    SUBMISSION_INTERVAL,
    ContractFunction,
)
from l1_bridge.errors import L1Unavailable
from l1_bridge.l1_client import L1Client
from l1_bridge.proofs import Output, output_at


class L2OutputOracle:
    """One oracle contract, read through a checked client. Every method raises `TemporaryError` when L1 is away."""

    def __init__(self, client: L1Client, address: bytes) -> None:
        self._client = client
        self._address = address

    @property
    def address(self) -> bytes:
        """Where proposals and deletions are sent to."""
        return self._address

    async def next_block_number(self) -> int:
        """The L2 block of which the output comes next."""
        return await self._read(NEXT_BLOCK_NUMBER)

    async def submission_interval(self) -> int:
        """L2 blocks from one output to the next."""
        return await self._read(SUBMISSION_INTERVAL)

    async def output_count(self) -> int:
        """Outputs that stand there; the last one has the index below it."""
        return await self._read(NEXT_OUTPUT_INDEX)

    async def output(self, index: int) -> Output:
        """The output with that index; L1Refused when it is gone."""
        return await output_at(self._client, self._address, index)

    async def finalization_period(self) -> int:
        """Seconds in which an output can be deleted."""
        return await self._read(FINALIZATION_PERIOD)

    async def challenger(self) -> bytes:
        """The account that may delete outputs."""
        return (await self._read(CHALLENGER)).to_bytes(20, "big")

    async def l1_timestamp(self) -> int:
        """Unix seconds of the latest L1 block."""
        head = await self._client.header_by_tag("latest")
        if head is None:
            raise L1Unavailable("eth_getBlockByNumber", "no latest block")
        return head.timestamp

    async def _read(self, function: ContractFunction) -> int:
        returned = await self._client.call_contract(self._address, function.encode())
        return function.decode_integers(returned)[0]
