"""
Keys that sign L1 transactions.

`Signer` is what the transaction manager needs; `LocalSigner` holds a key in
this process, `remote_signer` asks another one. The key is in no repr, log or error.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from eth_keys.datatypes import PrivateKey
from eth_utils.exceptions import ValidationError

from l1_bridge.errors import CriticalError
from l1_bridge.outgoing import DynamicFeeTransaction, SignedTransaction

KEY_BYTES = 32

DERIVATION_PATH = "m/44'/60'/0'/0/{index}"
"""BIP-44 path of Ethereum accounts."""


class UnusableKey(CriticalError):
    """No key could be had from where it should be; the message never has the key."""


class Signer(Protocol):
    """Signs for one address."""

    @property
    def address(self) -> bytes:
        """The account that it signs for."""

    async def sign_transaction(self, transaction: DynamicFeeTransaction) -> SignedTransaction:
        """The same transaction, signed; raises `TemporaryError` when whoever signs is away."""


class LocalSigner:
    """A private key in this process."""

    __slots__ = ("_address", "_key")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise UnusableKey(f"a private key has {KEY_BYTES} bytes, not {len(key)}")
        try:
            self._key = PrivateKey(key)
            self._address = bytes(self._key.public_key.to_canonical_address())
        except (ValidationError, ValueError):
            raise UnusableKey("not a private key of secp256k1") from None

    def __repr__(self) -> str:
        return f"LocalSigner(0x{self._address.hex()})"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a signer is not pickled")

    @property
    def address(self) -> bytes:
        """The account that the key controls."""
        return self._address

    def sign(self, transaction: DynamicFeeTransaction) -> SignedTransaction:
        """The same transaction, signed with a deterministic (RFC 6979), low-s signature."""
        digest = transaction.signed_fields(0, 0, 0).signing_hash()
        v, r, s = self._key.sign_msg_hash(digest).vrs
        return transaction.with_signature(v, r, s)

    async def sign_transaction(self, transaction: DynamicFeeTransaction) -> SignedTransaction:
        """As `sign`: nobody has to be waited for."""
        return self.sign(transaction)


def signer_from_hex(text: str) -> LocalSigner:
    """
    The signer of a hex key, with or without `0x`.

    Raises
    ------
    UnusableKey
        The text is no key; the message does not repeat it.
    """
    try:
        key = bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError:
        raise UnusableKey("the private key is not hex") from None
    return LocalSigner(key)


def signer_from_environment(environment: Mapping[str, str], variable: str) -> LocalSigner:
    """
    The signer of the hex key in that variable.

    Raises
    ------
    UnusableKey
        The variable is not set, or holds no key.
    """
    text = environment.get(variable)
    if not text:
        raise UnusableKey(f"{variable} is not set")
    return signer_from_hex(text)


def signer_from_keystore(content: bytes, password: str) -> LocalSigner:
    """
    The signer of an encrypted keystore file (Web3 Secret Storage, version 3 or 4); takes a second.

    Raises
    ------
    UnusableKey
        Not a keystore, or the wrong password.
    """
    import json

    from eth_keyfile.keyfile import decode_keyfile_json

    try:
        key = decode_keyfile_json(json.loads(content), password.encode("utf-8"))
    except (ValueError, KeyError, TypeError, NotImplementedError):
        raise UnusableKey("the keystore can not be opened: damaged, or another password") from None
    return LocalSigner(bytes(key))


def signer_from_mnemonic(phrase: str, index: int) -> LocalSigner:
    """
    The signer of the account with that index of a BIP-39 phrase.

    Raises
    ------
    UnusableKey
        The phrase is not a valid one.
    """
    return LocalSigner(keys_from_mnemonic(phrase, (index,))[0])


def keys_from_mnemonic(phrase: str, indexes: Sequence[int]) -> list[bytes]:
    """
    The private keys of several accounts of a BIP-39 phrase; the slow key stretching is done once.

    Raises
    ------
    UnusableKey
        The phrase is not a valid one.
    """
    from eth_account.hdaccount import key_from_seed, seed_from_mnemonic

    try:
        seed = seed_from_mnemonic(phrase, "")
        return [bytes(key_from_seed(seed, DERIVATION_PATH.format(index=index))) for index in indexes]
    except (ValidationError, ValueError):
        raise UnusableKey("not a valid mnemonic phrase") from None
