"""A transaction manager over a pool in memory, and what tests do with it again and again."""

from collections.abc import Callable

from contracts.keccak import keccak
from l1_bridge.kzg import BLOB_BYTES
from l1_bridge.sending import Confirmed, Failed, TxManagerSettings
from l1_bridge.signer import LocalSigner
from l1_bridge.tx_manager import TransactionManager
from tests.unit.l1_bridge.fake_pool import FakePool


def make_blob(seed: int) -> bytes:
    """Field elements below the modulus."""
    return b"".join(b"\0" + keccak(bytes([seed, index & 0xFF]))[1:] for index in range(BLOB_BYTES // 32))


def make_manager(pool: FakePool, **settings: int) -> TransactionManager:
    return TransactionManager(pool, LocalSigner(b"\x42" * 32), TxManagerSettings(900, **settings))


async def run_rounds(
    manager: TransactionManager, count: int, between: Callable[[], None] = lambda: None
) -> list[Confirmed | Failed]:
    results: list[Confirmed | Failed] = []
    for _ in range(count):
        await manager.step()
        results += manager.results()
        between()
    return results
