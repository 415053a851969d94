"""
How the flat state is written: keys and values, in the store and in the cache alike.

    account       address 20                     nonce 8 | code hash 32 or nothing | balance, shortest big-endian
                                                 behind a first byte that is 1 where there is a code hash
    slot          address 20 | slot 32           value, shortest big-endian
    nothing there: the empty string
"""

from sequencer.primitives.account import EMPTY_CODE_HASH, Account

ADDRESS_BYTES = 20
SLOT_BYTES = 32
MAX_VALUE_BYTES = 32


class MalformedFlatValue(ValueError):
    """Bytes are not the encoding of an account or of a slot's value."""


def encode_account(account: Account | None) -> bytes:
    """The account's bytes; empty for None."""
    if account is None:
        return b""
    balance = account.balance.to_bytes((account.balance.bit_length() + 7) // 8, "big")
    nonce = account.nonce.to_bytes(8, "big")
    if account.code_hash == EMPTY_CODE_HASH:
        return b"\0" + nonce + balance
    return b"\1" + nonce + account.code_hash + balance


def decode_account(data: bytes) -> Account | None:
    """The account from its bytes; raises MalformedFlatValue."""
    if not data:
        return None
    size = len(data)
    if data[0] == 0 and 9 <= size <= 41:
        return Account(int.from_bytes(data[1:9], "big"), int.from_bytes(data[9:], "big"))
    if data[0] == 1 and 41 <= size <= 73:
        return Account(int.from_bytes(data[1:9], "big"), int.from_bytes(data[41:], "big"), data[9:41])
    raise MalformedFlatValue(f"{size} bytes are no account")


def slot_key(address: bytes, slot: int) -> bytes:
    """Key of a storage slot."""
    return address + slot.to_bytes(SLOT_BYTES, "big")


def encode_value(value: int) -> bytes:
    """A slot's value; empty for 0."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def decode_value(data: bytes) -> int:
    """The value from its bytes; raises MalformedFlatValue."""
    if len(data) > MAX_VALUE_BYTES:
        raise MalformedFlatValue(f"{len(data)} bytes are no storage value")
    return int.from_bytes(data, "big")
