"""One transaction by hand, on L1 or on L2: the account is looked at first, then it is sent and waited for."""

import asyncio

from l1_bridge.errors import CriticalError
from l1_bridge.l1_client import L1Client
from l1_bridge.signer import LocalSigner
from l1_bridge.single_send import send_and_wait
from l1_bridge.tx_manager import Confirmed, TransactionManager, TxManagerSettings

POLL_SECONDS = 0.5


class WrongChain(CriticalError):
    """A node is of another chain than `rollup.json` means."""

    def __init__(self, chain: str, found: int, wanted: int) -> None:
        super().__init__(f"the {chain} node is of chain {found}, rollup.json means {wanted}")
        self.found = found
        self.wanted = wanted


class NoFunds(CriticalError):
    """The key's account can not pay; most likely it is not the account that was meant."""

    def __init__(self, address: bytes, balance: int, value: int) -> None:
        held = "no ether" if balance == 0 else f"{balance} wei"
        wanted = f", and {value} wei and gas are to be paid" if value else ", and gas is to be paid"
        super().__init__(f"account 0x{address.hex()} has {held} there{wanted}")
        self.address = address
        self.balance = balance


def require_chain(chain: str, found: int, wanted: int) -> None:
    """Raise WrongChain when the ids differ."""
    if found != wanted:
        raise WrongChain(chain, found, wanted)


async def send_by_hand(
    client: L1Client, signer: LocalSigner, chain_id: int, *, to: bytes, data: bytes, value: int = 0
) -> Confirmed:
    """
    Send and wait for one confirmation; `client` may be of L2 as well: it speaks the same RPC.

    Raises
    ------
    NoFunds
        The account has nothing, or not more than the value.
    NotConfirmed
        It would revert, failed, or does not get through.
    """
    balance = await client.balance(signer.address)
    if balance <= value:
        raise NoFunds(signer.address, balance, value)
    manager = TransactionManager(client, signer, TxManagerSettings(chain_id=chain_id, poll_seconds=POLL_SECONDS))
    return await send_and_wait(manager, to, data, value, pause=asyncio.sleep)
