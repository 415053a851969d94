"""
One L1 transaction from a command: send it, wait until it is confirmed, say what went wrong.

The only place that waits in a loop; services step their manager instead.
"""

from collections.abc import Awaitable, Callable

from l1_bridge.errors import TemporaryError
from l1_bridge.tx_manager import Confirmed, Failed, TransactionManager


class NotConfirmed(TemporaryError):
    """A transaction did not get through within the rounds that were allowed, or failed."""

    def __init__(self, reason: str, transaction_hash: bytes | None = None) -> None:
        super().__init__(reason)
        self.transaction_hash = transaction_hash


async def send_and_wait(
    manager: TransactionManager,
    to: bytes | None,
    data: bytes,
    value: int = 0,
    *,
    pause: Callable[[float], Awaitable[None]],
    max_rounds: int = 600,
) -> Confirmed:
    """
    Send one transaction and wait until it is confirmed; for a command, which has nothing else to do.

    Parameters
    ----------
    manager :
        One that nobody else steps.
    pause :
        Called between two rounds with the seconds to wait (`asyncio.sleep`).

    Raises
    ------
    NotConfirmed
        It failed, or is not confirmed after `max_rounds`.
    """
    manager.submit(0, to, data, value)
    for _ in range(max_rounds):
        wake = await manager.step()
        for result in manager.results():
            if isinstance(result, Failed):
                raise NotConfirmed(result.reason, result.transaction_hash)
            return result
        await pause(wake.after_seconds)
    raise NotConfirmed(f"not confirmed after {max_rounds} rounds")
