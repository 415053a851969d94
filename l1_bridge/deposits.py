"""
Deposits: how an event of the portal on L1 becomes a transaction on L2.

    event TransactionDeposited(address indexed from, address indexed to, uint256 indexed version, bytes opaqueData)
    opaqueData (version 0) = mint u256 | value u256 | gas limit u64 | is creation u8 | data

The source hash makes every deposit unique: keccak(domain u256 | keccak(payload)).
This module knows no L2 transaction types: what it yields is the event's content.
Spec: deposits.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.keccak import keccak
from l1_bridge.errors import CriticalError
from l1_bridge.types import L1Log, L1Receipt

TRANSACTION_DEPOSITED_TOPIC = keccak(b"TransactionDeposited(address,address,uint256,bytes)")
"""Topic 0 of the portal's deposit event."""

DEPOSIT_VERSION_0 = bytes(32)
"""Topic 3: the only version of the opaque data that exists."""

ALIAS_OFFSET = 0x1111000000000000000000000000000000001111
"""Added to a contract's L1 address, so that nobody can take a contract's identity on the other chain."""

ADDRESS_SPACE = 1 << 160

OPAQUE_FIXED_BYTES = 32 + 32 + 8 + 1
"""mint, value, gas limit and the creation flag, before the data."""

USER_DEPOSIT_DOMAIN = 0
L1_INFO_DOMAIN = 1
UPGRADE_DOMAIN = 2


class MalformedDeposit(CriticalError):
    """The portal emitted a deposit event that can not be decoded: the chain can not be derived past it."""

    def __init__(self, reason: str, log_index: int) -> None:
        super().__init__(f"deposit event at log index {log_index}: {reason}")
        self.reason = reason
        self.log_index = log_index


@dataclass(frozen=True, slots=True)
class DepositEvent:
    """What the portal says shall be executed on L2."""

    source_hash: bytes
    sender: bytes
    """As emitted: already aliased by the portal when the caller was a contract."""
    to: bytes | None
    """None: a contract creation."""
    mint: int
    """Wei created on L2 for the sender, whether or not the call succeeds."""
    value: int
    """Wei sent from sender to `to`."""
    gas_limit: int
    data: bytes


def apply_alias(address: bytes) -> bytes:
    """The L2 address of an L1 contract."""
    return ((int.from_bytes(address, "big") + ALIAS_OFFSET) % ADDRESS_SPACE).to_bytes(20, "big")


def undo_alias(address: bytes) -> bytes:
    """The L1 contract behind an aliased L2 address."""
    return ((int.from_bytes(address, "big") - ALIAS_OFFSET) % ADDRESS_SPACE).to_bytes(20, "big")


def user_deposit_source_hash(l1_hash: bytes, log_index: int) -> bytes:
    """Source hash of the deposit whose event has that block-wide log index in that L1 block."""
    return _source_hash(USER_DEPOSIT_DOMAIN, l1_hash + log_index.to_bytes(32, "big"))


def l1_info_source_hash(l1_hash: bytes, sequence_number: int) -> bytes:
    """Source hash of the attributes deposit of the block with that number within its epoch."""
    return _source_hash(L1_INFO_DOMAIN, l1_hash + sequence_number.to_bytes(32, "big"))


def upgrade_source_hash(intent: str) -> bytes:
    """Source hash of a deposit that a fork brings along."""
    return _source_hash(UPGRADE_DOMAIN, intent.encode("utf-8"))


def _source_hash(domain: int, payload: bytes) -> bytes:
    return keccak(domain.to_bytes(32, "big") + keccak(payload))


def decode_deposit_log(log: L1Log, l1_hash: bytes) -> DepositEvent:
    """
    Read one `TransactionDeposited` event of the L1 block `l1_hash`.

    Raises
    ------
    MalformedDeposit
        Wrong number of topics, another event, an unknown version, or data whose
        ABI frame is not the one canonical encoding.
    """
    if len(log.topics) != 4:
        raise MalformedDeposit(f"{len(log.topics)} topics instead of 4", log.log_index)
    if log.topics[0] != TRANSACTION_DEPOSITED_TOPIC:
        raise MalformedDeposit("not a TransactionDeposited event", log.log_index)
    if log.topics[3] != DEPOSIT_VERSION_0:
        raise MalformedDeposit(f"unknown version 0x{log.topics[3].hex()}", log.log_index)
    opaque = _opaque_data(log)
    is_creation = opaque[72] != 0
    return DepositEvent(
        source_hash=user_deposit_source_hash(l1_hash, log.log_index),
        sender=log.topics[1][12:],
        to=None if is_creation else log.topics[2][12:],
        mint=int.from_bytes(opaque[0:32], "big"),
        value=int.from_bytes(opaque[32:64], "big"),
        gas_limit=int.from_bytes(opaque[64:72], "big"),
        data=opaque[OPAQUE_FIXED_BYTES:],
    )


def _opaque_data(log: L1Log) -> bytes:
    data = log.data
    if len(data) < 64 or len(data) % 32 != 0:
        raise MalformedDeposit(f"{len(data)} bytes of data are no ABI-encoded bytes", log.log_index)
    offset = int.from_bytes(data[0:32], "big")
    if offset != 32:
        raise MalformedDeposit(f"opaque data at offset {offset} instead of 32", log.log_index)
    length = int.from_bytes(data[32:64], "big")
    room = len(data) - 64
    if length > room or length + 32 <= room:
        raise MalformedDeposit(f"opaque data of {length} bytes in {room} bytes", log.log_index)
    if length < OPAQUE_FIXED_BYTES:
        raise MalformedDeposit(f"opaque data of {length} bytes, at least {OPAQUE_FIXED_BYTES} needed", log.log_index)
    return data[64 : 64 + length]


def collect_deposits(receipts: Iterable[L1Receipt], portal_address: bytes, l1_hash: bytes) -> tuple[DepositEvent, ...]:
    """
    All deposits of one L1 block, in log order: the portal's events from receipts of status 1.

    Raises
    ------
    MalformedDeposit
        One of them can not be decoded.
    """
    return tuple(
        decode_deposit_log(log, l1_hash)
        for receipt in receipts
        if receipt.status == 1
        for log in receipt.logs
        if log.address == portal_address and log.topics and log.topics[0] == TRANSACTION_DEPOSITED_TOPIC
    )


def encode_deposit_log(event: DepositEvent, portal_address: bytes, log_index: int) -> L1Log:
    """The log that the portal emits for `event`: the inverse of `decode_deposit_log`."""
    opaque = (
        event.mint.to_bytes(32, "big")
        + event.value.to_bytes(32, "big")
        + event.gas_limit.to_bytes(8, "big")
        + (b"\x01" if event.to is None else b"\x00")
        + event.data
    )
    padding = bytes(-len(opaque) % 32)
    return L1Log(
        address=portal_address,
        topics=(
            TRANSACTION_DEPOSITED_TOPIC,
            bytes(12) + event.sender,
            bytes(12) + (event.to if event.to is not None else bytes(20)),
            DEPOSIT_VERSION_0,
        ),
        data=(32).to_bytes(32, "big") + len(opaque).to_bytes(32, "big") + opaque + padding,
        log_index=log_index,
    )
