"""
The account with which a process posts to L1: its key or remote signer, its store of sent transactions, its appointment.

The key comes from BRAID_<role>_KEY, or from a keystore file with the password in
BRAID_<role>_PASSWORD, or stays in a remote signer, whose URL (--signer, or
BRAID_<role>_SIGNER where it holds a password) is not logged.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from l1_bridge.l1_chain_config import L1ChainConfig, prague_l1_chain
from l1_bridge.remote_signer import RemoteSigner
from l1_bridge.sending import L1Account, TxManagerSettings
from l1_bridge.sent_store import FileSentStore, NoSentStore, SentStore
from l1_bridge.service import Wake
from l1_bridge.signer import Signer, UnusableKey, signer_from_environment, signer_from_keystore
from l1_bridge.tx_manager import TransactionManager

from .json_files import read_json_object
from .runner import Service

log = structlog.get_logger(__name__)

WATCH_BLOCKS = 64
"""L1 blocks for which a confirmed transaction is watched: two epochs, after which L1 has finalized it."""


@dataclass(frozen=True, slots=True)
class AccountOptions:
    """Where the key is, and where what was sent is kept."""

    role: str
    """BATCHER, PROPOSER or CHALLENGER, within the names of environment variables."""
    keystore: Path | None = None
    signer_url: str | None = None
    signer_address: bytes | None = None
    """Whose signature a remote signer is asked for; None: the one that the agreement names."""
    data_dir: Path | None = None
    """None: a restart does not know what was sent."""
    l1_chain_config: Path | None = None
    """None: Prague from genesis."""


def load_l1_chain(options: AccountOptions, chain_id: int) -> L1ChainConfig:
    """The forks and blobs of L1; raises UnusableFile or InvalidL1ChainConfig."""
    path = options.l1_chain_config
    return prague_l1_chain(chain_id) if path is None else L1ChainConfig.from_json(read_json_object(path))


@asynccontextmanager
async def open_account(
    options: AccountOptions, l1: L1Account, *, chain_id: int, appointed: bytes | None = None
) -> AsyncIterator[TransactionManager]:
    """
    A transaction manager that goes on where the process before it was.

    Raises
    ------
    UnusableKey
        No key, more than one, or one that can not be read.
    UnusableSentStore
        The store is damaged, or another process holds it.
    """
    chain = load_l1_chain(options, chain_id)
    async with AsyncExitStack() as stack:
        signer = await _open_signer(options, os.environ, appointed, stack)
        store: SentStore = NoSentStore()
        if options.data_dir is None:
            log.warning("sent_transactions_not_stored", hint="--data-dir keeps them through a restart")
        else:
            opened = FileSentStore.open(options.data_dir, chain_id=chain_id, address=signer.address)
            store = stack.enter_context(opened)
        settings = TxManagerSettings(chain_id=chain_id, watch_blocks=WATCH_BLOCKS)
        manager = TransactionManager(l1, signer, settings, store=store, l1_chain=chain)
        pending = len(manager.pending())
        log.info("l1_account_ready", role=options.role, address="0x" + signer.address.hex(), resumed=pending)
        yield manager


def is_key_given(options: AccountOptions) -> bool:
    """Whether there is a key at all, for a process that can do without; `open_account` says whether it is usable."""
    return bool(_name_keys(options, os.environ))


class AppointedService:
    """A service that begins once it is known that its account may post; anything else would cost money for nothing."""

    def __init__(self, service: Service, check: Callable[[], Awaitable[None]]) -> None:
        self._service = service
        self._check = check
        self._is_checked = False

    async def step(self) -> Wake:
        """A step of the service; the first one raises WrongAccount, or TemporaryError while L1 is away."""
        if not self._is_checked:
            await self._check()
            self._is_checked = True
        return await self._service.step()

    async def reset(self) -> None:
        """As the service."""
        await self._service.reset()


def _name_keys(options: AccountOptions, environment: Mapping[str, str]) -> list[str]:
    """The ways in which a key is given; more than one are ambiguous."""
    key, url = f"BRAID_{options.role}_KEY", options.signer_url or environment.get(f"BRAID_{options.role}_SIGNER")
    ways = ((key, environment.get(key)), ("keystore", options.keystore), ("signer", url))
    return [name for name, value in ways if value]


async def _open_signer(
    options: AccountOptions, environment: Mapping[str, str], appointed: bytes | None, stack: AsyncExitStack
) -> Signer:
    key, url = f"BRAID_{options.role}_KEY", options.signer_url or environment.get(f"BRAID_{options.role}_SIGNER")
    given = _name_keys(options, environment)
    if len(given) > 1:
        raise UnusableKey(f"more than one key is given: {', '.join(given)}")
    if url:
        address = options.signer_address or appointed
        if address is None:
            raise UnusableKey("a remote signer needs --signer-address")
        return await stack.enter_async_context(RemoteSigner.connect(url, address))
    if options.keystore is None:
        return signer_from_environment(environment, key)
    try:
        content = options.keystore.read_bytes()
    except OSError as reason:
        raise UnusableKey(f"{options.keystore}: {reason.strerror}") from None
    return signer_from_keystore(content, environment.get(f"BRAID_{options.role}_PASSWORD", ""))
