"""
Values that tests start from: keys of the well-known mnemonic, signed transactions, authorizations, deposits.

Everything is valid by default; a test breaks one field. Signatures are deterministic (RFC 6979), so the same
arguments give the same transaction hash.
"""

from collections.abc import Sequence
from functools import cache

from eth_account.hdaccount import key_from_seed, seed_from_mnemonic
from eth_hash.auto import keccak

from l1_bridge.rlp_codec import encode_integer, encode_rlp
from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.fields import RlpItem
from sequencer.primitives.signature import address_of, sign_digest
from sequencer.primitives.transaction import AccessListEntry, Authorization, Transaction, decode_transaction

MNEMONIC = "test test test test test test test test test test test junk"
"""The mnemonic that every development chain funds."""

CHAIN_ID = 901
"""L2 chain id of the devnet."""

GWEI = 10**9
ETHER = 10**18

RECIPIENT = bytes.fromhex("00000000000000000000000000000000000b0b00")
"""An account without code, no precompile, no key."""

_SEED = seed_from_mnemonic(MNEMONIC, passphrase="")


@cache
def private_key(index: int) -> bytes:
    """Private key of the mnemonic's account `index` (m/44'/60'/0'/0/index)."""
    return bytes(key_from_seed(_SEED, f"m/44'/60'/0'/0/{index}"))


@cache
def address(index: int) -> bytes:
    """Address of the mnemonic's account `index`."""
    return address_of(private_key(index))


def make_transaction(
    *,
    type: int = 2,
    nonce: int = 0,
    key: bytes | None = None,
    chain_id: int | None = CHAIN_ID,
    max_priority_fee_per_gas: int = GWEI,
    max_fee_per_gas: int = 100 * GWEI,
    gas_price: int | None = None,
    gas_limit: int | None = None,
    to: bytes | None = RECIPIENT,
    value: int = 1,
    data: bytes = b"",
    access_list: Sequence[AccessListEntry] = (),
    authorizations: Sequence[Authorization] | None = None,
) -> Transaction:
    """
    A signed transaction of type 0, 1, 2 or 4.

    `key` is a private key, account 0's by default. `gas_price` (types 0 and 1) defaults to `max_fee_per_gas`;
    `chain_id` None makes a legacy transaction without replay protection. A type 4 has one authorization by account 1
    unless others are given. The gas limit is enough for the intrinsic cost unless given.
    """
    signer = private_key(0) if key is None else key
    if authorizations is None:
        authorizations = (make_authorization(),) if type == 4 else ()
    if gas_limit is None:
        gas_limit = _enough_gas(to, data, access_list, authorizations)
    price = max_fee_per_gas if gas_price is None else gas_price
    target: list[RlpItem] = [encode_integer(gas_limit), to or b"", encode_integer(value), data]
    if type == 0:
        return _sign_legacy(signer, chain_id, [encode_integer(nonce), encode_integer(price), *target])
    if chain_id is None:
        raise ValueError("only a legacy transaction can have no chain id")
    if type == 1:
        fees: list[RlpItem] = [encode_integer(price)]
    else:
        fees = [encode_integer(max_priority_fee_per_gas), encode_integer(max_fee_per_gas)]
    fields = [encode_integer(chain_id), encode_integer(nonce), *fees, *target, _access_list_item(access_list)]
    if type == 4:
        fields.append([_authorization_item(authorization) for authorization in authorizations])
    return decode_transaction(sign_typed(signer, type, fields))


def sign_typed(key: bytes, type: int, fields: Sequence[RlpItem]) -> bytes:
    """Raw bytes of a typed transaction from its unsigned fields, whatever they are: for tests of bad input."""
    prefix = bytes([type])
    y_parity, r, s = sign_digest(key, keccak(prefix + encode_rlp(list(fields))))
    return prefix + encode_rlp([*fields, encode_integer(y_parity), encode_integer(r), encode_integer(s)])


def make_authorization(
    *, key: bytes | None = None, chain_id: int = CHAIN_ID, address: bytes = RECIPIENT, nonce: int = 0
) -> Authorization:
    """An EIP-7702 authorization, signed by account 1 by default."""
    message = encode_rlp([encode_integer(chain_id), address, encode_integer(nonce)])
    y_parity, r, s = sign_digest(private_key(1) if key is None else key, keccak(b"\x05" + message))
    return Authorization(chain_id=chain_id, address=address, nonce=nonce, y_parity=y_parity, r=r, s=s)


def make_deposit(
    *,
    source_hash: bytes = keccak(b"a deposit"),
    sender: bytes | None = None,
    to: bytes | None = RECIPIENT,
    mint: int = ETHER,
    value: int = ETHER,
    gas_limit: int = 100_000,
    is_system: bool = False,
    data: bytes = b"",
) -> DepositTransaction:
    """A deposit by account 0 of one ether to `RECIPIENT`; two in one block need different source hashes."""
    return DepositTransaction(
        source_hash=source_hash,
        sender=address(0) if sender is None else sender,
        to=to,
        mint=mint,
        value=value,
        gas_limit=gas_limit,
        is_system=is_system,
        data=data,
    )


def _sign_legacy(key: bytes, chain_id: int | None, fields: list[RlpItem]) -> Transaction:
    replay_protection: list[RlpItem] = [] if chain_id is None else [encode_integer(chain_id), b"", b""]
    y_parity, r, s = sign_digest(key, keccak(encode_rlp([*fields, *replay_protection])))
    v = 27 + y_parity if chain_id is None else 35 + 2 * chain_id + y_parity
    return decode_transaction(encode_rlp([*fields, encode_integer(v), encode_integer(r), encode_integer(s)]))


def _access_list_item(access_list: Sequence[AccessListEntry]) -> RlpItem:
    return [[entry.address, [slot.to_bytes(32, "big") for slot in entry.slots]] for entry in access_list]


def _authorization_item(authorization: Authorization) -> RlpItem:
    return [
        encode_integer(authorization.chain_id),
        authorization.address,
        encode_integer(authorization.nonce),
        encode_integer(authorization.y_parity),
        encode_integer(authorization.r),
        encode_integer(authorization.s),
    ]


def _enough_gas(
    to: bytes | None, data: bytes, access_list: Sequence[AccessListEntry], authorizations: Sequence[Authorization]
) -> int:
    """Intrinsic and floor cost, generously; 21000 exactly for a plain transfer."""
    if to is not None and not data and not access_list and not authorizations:
        return 21_000
    slots = sum(len(entry.slots) for entry in access_list)
    return 200_000 + 64 * len(data) + 2_400 * len(access_list) + 1_900 * slots + 25_000 * len(authorizations)
