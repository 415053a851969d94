"""Call objects, state overrides and block overrides of `eth_call` and `eth_estimateGas`, as JSON gives them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sequencer.primitives.transaction import AccessListEntry, Authorization

from .parameters import (
    Malformed,
    read_address,
    read_array,
    read_data,
    read_field,
    read_field_or_none,
    read_hash,
    read_object,
    read_quantity,
    read_slot,
    read_uint64,
)

MAX_OVERRIDDEN_ACCOUNTS = 1000
MAX_OVERRIDDEN_SLOTS = 10_000
"""In one account."""
MAX_ACCESS_LIST_ENTRIES = 10_000
MAX_AUTHORIZATIONS = 1000


@dataclass(frozen=True, slots=True)
class CallObject:
    """The transaction that a call pretends; fees in wei per gas, None where the caller left it out."""

    sender: bytes = bytes(20)
    to: bytes | None = None
    gas: int | None = None
    gas_price: int | None = None
    max_fee_per_gas: int | None = None
    max_priority_fee_per_gas: int | None = None
    value: int = 0
    data: bytes = b""
    access_list: tuple[AccessListEntry, ...] = ()
    authorizations: tuple[Authorization, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountPretence:
    """What a call pretends of one account; `state` replaces all its storage, `state_diff` some slots."""

    balance: int | None = None
    nonce: int | None = None
    code: bytes | None = None
    state: Mapping[int, int] | None = None
    state_diff: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BlockPretence:
    """What a call pretends of its block; None leaves a value as it is."""

    number: int | None = None
    time: int | None = None
    gas_limit: int | None = None
    fee_recipient: bytes | None = None
    prev_randao: bytes | None = None
    base_fee_per_gas: int | None = None


def read_call_object(value: object) -> CallObject:
    """The call object; keys that are not known are not looked at."""
    source = read_object(value)
    if source.get("blobVersionedHashes") is not None or source.get("maxFeePerBlobGas") is not None:
        raise Malformed("blob transactions do not exist on this chain")
    call = CallObject(
        sender=read_field_or_none(source, "from", read_address) or bytes(20),
        to=read_field_or_none(source, "to", read_address),
        gas=read_field_or_none(source, "gas", read_uint64),
        gas_price=read_field_or_none(source, "gasPrice", read_quantity),
        max_fee_per_gas=read_field_or_none(source, "maxFeePerGas", read_quantity),
        max_priority_fee_per_gas=read_field_or_none(source, "maxPriorityFeePerGas", read_quantity),
        value=read_field_or_none(source, "value", read_quantity) or 0,
        data=_read_input(source),
        access_list=read_field_or_none(source, "accessList", read_access_list) or (),
        authorizations=read_field_or_none(source, "authorizationList", read_authorizations) or (),
    )
    if call.gas_price is not None and (call.max_fee_per_gas is not None or call.max_priority_fee_per_gas is not None):
        raise Malformed("gasPrice stands beside maxFeePerGas or maxPriorityFeePerGas")
    if call.max_fee_per_gas is not None and (call.max_priority_fee_per_gas or 0) > call.max_fee_per_gas:
        raise Malformed("maxPriorityFeePerGas is higher than maxFeePerGas")
    return call


def _read_input(source: Mapping[str, object]) -> bytes:
    """The payload under `input` or its older name `data`; both may stand only when they are equal."""
    newer = read_field_or_none(source, "input", read_data)
    older = read_field_or_none(source, "data", read_data)
    if newer is not None and older is not None and newer != older:
        raise Malformed("data and input differ")
    return newer if newer is not None else older or b""


def read_access_list(value: object) -> tuple[AccessListEntry, ...]:
    """An access list (EIP-2930)."""
    entries = []
    for item in read_array(value, MAX_ACCESS_LIST_ENTRIES):
        source = read_object(item)
        keys = read_field_or_none(source, "storageKeys", lambda keys: read_array(keys, MAX_ACCESS_LIST_ENTRIES)) or []
        slots = tuple(int.from_bytes(read_hash(key), "big") for key in keys)
        entries.append(AccessListEntry(read_field(source, "address", read_address), slots))
    return tuple(entries)


def read_authorizations(value: object) -> tuple[Authorization, ...]:
    """An authorization list (EIP-7702)."""
    authorizations = []
    for item in read_array(value, MAX_AUTHORIZATIONS):
        source = read_object(item)
        authorizations.append(
            Authorization(
                chain_id=read_field(source, "chainId", read_quantity),
                address=read_field(source, "address", read_address),
                nonce=read_field(source, "nonce", read_uint64),
                y_parity=read_field(source, "yParity", lambda parity: read_quantity(parity, 8)),
                r=read_field(source, "r", read_quantity),
                s=read_field(source, "s", read_quantity),
            )
        )
    return tuple(authorizations)


def read_state_overrides(value: object) -> Mapping[bytes, AccountPretence]:
    """State overrides by address: balance, nonce, code, and either state or stateDiff."""
    source = read_object(value)
    if len(source) > MAX_OVERRIDDEN_ACCOUNTS:
        raise Malformed(f"overrides {len(source)} accounts, at most {MAX_OVERRIDDEN_ACCOUNTS} are allowed")
    return {read_address(address): _read_pretence(read_object(entry)) for address, entry in source.items()}


def _read_pretence(source: Mapping[str, object]) -> AccountPretence:
    if source.get("state") is not None and source.get("stateDiff") is not None:
        raise Malformed("state stands beside stateDiff")
    if source.get("movePrecompileToAddress") is not None:
        raise Malformed("movePrecompileToAddress is not supported")
    return AccountPretence(
        balance=read_field_or_none(source, "balance", read_quantity),
        nonce=read_field_or_none(source, "nonce", read_uint64),
        code=read_field_or_none(source, "code", read_data),
        state=read_field_or_none(source, "state", _read_storage),
        state_diff=read_field_or_none(source, "stateDiff", _read_storage) or {},
    )


def _read_storage(value: object) -> Mapping[int, int]:
    source = read_object(value)
    if len(source) > MAX_OVERRIDDEN_SLOTS:
        raise Malformed(f"overrides {len(source)} slots, at most {MAX_OVERRIDDEN_SLOTS} are allowed")
    return {read_slot(slot): read_slot(entry) for slot, entry in source.items()}


def read_block_overrides(value: object) -> BlockPretence:
    """Block overrides, under geth's names; those that this node can not pretend are refused."""
    source = read_object(value)
    known = {"number", "time", "gasLimit", "feeRecipient", "prevRandao", "baseFeePerGas"}
    unknown = sorted(key for key in source if key not in known and source[key] is not None)
    if unknown:
        raise Malformed(f"{unknown[0][:32]} can not be overridden")
    return BlockPretence(
        number=read_field_or_none(source, "number", read_uint64),
        time=read_field_or_none(source, "time", read_uint64),
        gas_limit=read_field_or_none(source, "gasLimit", read_uint64),
        fee_recipient=read_field_or_none(source, "feeRecipient", read_address),
        prev_randao=read_field_or_none(source, "prevRandao", read_hash),
        base_fee_per_gas=read_field_or_none(source, "baseFeePerGas", read_quantity),
    )
