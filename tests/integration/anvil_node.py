"""A running anvil that mines when a test says so."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from l1_bridge.l1_client import L1Client
from l1_bridge.l1_connection import L1Connection, L1Endpoint
from l1_bridge.signer import LocalSigner, signer_from_mnemonic
from l1_bridge.tx_manager import TransactionManager, TxManagerSettings
from sequencer.node.anvil import find_foundry_tool
from tests.missing_tools import end_without

PHRASE = "test test test test test test test test test test test junk"
START_SECONDS = 30.0
"""Longest wait for anvil to say where it listens; a failure, never a pause."""


@dataclass(frozen=True, slots=True)
class Anvil:
    """Its two doors."""

    connection: L1Connection
    client: L1Client
    url: str

    async def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            await self.connection.call("evm_mine")

    def manager(self, signer: LocalSigner, confirmations: int = 1) -> TransactionManager:
        settings = TxManagerSettings(900, confirmations=confirmations, resend_after_blocks=2)
        return TransactionManager(self.client, signer, settings)

    async def mine_instead_of_waiting(self, seconds: float) -> None:
        await self.mine()


@contextlib.asynccontextmanager
async def running_anvil(*, block_seconds: int | None = None) -> AsyncIterator[Anvil]:
    """One that mines when it is told to, or by itself."""
    program = find_foundry_tool("anvil")
    if program is None:
        end_without("anvil is neither among the contracts' npm packages nor on PATH")
    arguments = ["--port", "0", "--chain-id", "900", "--hardfork", "prague", "--slots-in-an-epoch", "4"]
    arguments += ["--no-mining"] if block_seconds is None else ["--block-time", str(block_seconds)]
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            while not (line := await process.stdout.readline()).startswith(b"Listening on"):
                assert line, "anvil ended before it listened"
        url = "http://" + line.split()[-1].decode()
        drain = asyncio.create_task(_read_to_end(process.stdout))
        async with L1Connection.connect(L1Endpoint(url)) as connection:
            yield Anvil(connection, L1Client(connection), url)
    finally:
        process.kill()
        await process.wait()
    await drain


async def _read_to_end(stdout: asyncio.StreamReader) -> None:
    """Anvil writes a line a request, and answers nothing any more once the pipe is full."""
    while await stdout.read(2**16):
        pass


def dev_signer(index: int) -> LocalSigner:
    return signer_from_mnemonic(PHRASE, index)
