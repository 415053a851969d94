"""
What a bridge needs: the newest output posted on L1, whether it is final, and proofs of L2 state against it.

    output root (on L1) -> OutputRootProof -> state root -> account -> storage

Trust starts at the output root; every step from there is a hash that is checked.
Spec: proposals.md, withdrawals.md, EIP-1186.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.keccak import keccak
from l1_bridge import json_fields
from l1_bridge.bindings import FINALIZATION_PERIOD, GET_L2_OUTPUT, NEXT_OUTPUT_INDEX, ContractFunction
from l1_bridge.json_fields import MalformedField, parse_bytes
from l1_bridge.merkle_proof import InvalidProof, verify_merkle_proof
from l1_bridge.ordered_trie import EMPTY_ROOT
from l1_bridge.output_root import OutputRootProof
from l1_bridge.rlp_codec import MalformedRlp, RlpItem, decode_rlp

EMPTY_CODE_HASH = keccak(b"")
MAX_PROOF_NODES = 65
"""A path has at most 64 nibbles."""


@dataclass(frozen=True, slots=True)
class Output:
    """An output root on L1."""

    index: int
    output_root: bytes
    l2_block_number: int
    l1_timestamp: int
    """Unix seconds of the L1 block that posted it."""


@dataclass(frozen=True, slots=True)
class Account:
    """An L2 account as the state trie holds it."""

    nonce: int
    balance: int
    """Wei."""
    storage_root: bytes
    code_hash: bytes


EMPTY_ACCOUNT = Account(0, 0, EMPTY_ROOT, EMPTY_CODE_HASH)
"""What an address without an account counts as."""


@dataclass(frozen=True, slots=True)
class StorageProof:
    """The proof of one slot, and the value that is claimed."""

    slot: bytes
    value: int
    nodes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class AccountProof:
    """The answer of `eth_getProof`: claims, and the nodes that prove them."""

    address: bytes
    account: Account
    nodes: tuple[bytes, ...]
    storage: tuple[StorageProof, ...] = ()


class ContractReader(Protocol):
    """What is needed of L1; `L1Client` is one."""

    async def call_contract(self, to: bytes, data: bytes, block: str = "latest") -> bytes:
        """What the contract returns."""


async def newest_output(client: ContractReader, oracle: bytes, block: str = "latest") -> Output | None:
    """
    The newest output that stands in the oracle at that L1 block; None when there is none.

    Raises
    ------
    TemporaryError
        L1 is away, or no oracle stands at that address.
    """
    (following,) = await _read(client, oracle, NEXT_OUTPUT_INDEX, block)
    return await output_at(client, oracle, following - 1, block) if following else None


async def output_at(client: ContractReader, oracle: bytes, index: int, block: str = "latest") -> Output:
    """The output with that index; raises as `newest_output`, and L1Refused when there is none with it."""
    returned = await client.call_contract(oracle, GET_L2_OUTPUT.encode(index), block)
    root, timestamp, number = GET_L2_OUTPUT.decode_integers(returned)
    return Output(index, root.to_bytes(32, "big"), number, timestamp)


async def finalization_period(client: ContractReader, oracle: bytes) -> int:
    """Seconds from posting until an output can not be deleted any more."""
    (period,) = await _read(client, oracle, FINALIZATION_PERIOD, "latest")
    return period


def is_final(output: Output, period_seconds: int, l1_timestamp: int) -> bool:
    """Whether at that L1 time withdrawals may be finalized against `output`: the period is over, not just ending."""
    return l1_timestamp > output.l1_timestamp + period_seconds


def verify_output(output_root: bytes, proof: OutputRootProof) -> OutputRootProof:
    """
    `proof`, once it is the preimage of `output_root`.

    Raises
    ------
    InvalidProof
        It is the preimage of another root, or a part is not 32 bytes.
    """
    parts = (proof.version, proof.state_root, proof.message_passer_storage_root, proof.block_hash)
    if any(len(part) != 32 for part in parts):
        raise InvalidProof("a part of the output root proof is not 32 bytes")
    if proof.root != output_root:
        raise InvalidProof("the output root proof is that of another output")
    return proof


def verify_account_proof(root: bytes | OutputRootProof, proof: AccountProof) -> Account:
    """
    The account that the state holds at `proof.address`, storage values of the proof included.

    Parameters
    ----------
    root :
        A state root, or an output root's preimage that `verify_output` has accepted.

    Raises
    ------
    InvalidProof
        A claim is not what the root commits to.
    """
    state_root = root if isinstance(root, bytes) else root.state_root
    encoded = verify_merkle_proof(state_root, keccak(proof.address), proof.nodes)
    account = EMPTY_ACCOUNT if encoded is None else _decode_account(encoded)
    if account != proof.account:
        raise InvalidProof("the account is not the one that is claimed")
    for storage in proof.storage:
        verify_storage_proof(account.storage_root, storage)
    return account


def verify_storage_proof(storage_root: bytes, proof: StorageProof) -> int:
    """
    The value that the storage holds at `proof.slot`; 0 when there is none.

    Raises
    ------
    InvalidProof
        The claimed value is not what the root commits to.
    """
    encoded = verify_merkle_proof(storage_root, keccak(proof.slot), proof.nodes)
    value = 0 if encoded is None else int.from_bytes(_decode_bytes(encoded), "big")
    if value != proof.value:
        raise InvalidProof(f"slot 0x{proof.slot.hex()} is not what is claimed")
    return value


def parse_account_proof(source: Mapping[str, object]) -> AccountProof:
    """
    Read the JSON of `eth_getProof`; nothing is verified.

    Raises
    ------
    MalformedField
        A field is missing or malformed.
    """
    return AccountProof(
        address=json_fields.get_bytes(source, "address", 20),
        account=Account(
            nonce=json_fields.get_quantity(source, "nonce"),
            balance=json_fields.get_quantity(source, "balance"),
            storage_root=_hash_or(source, "storageHash", EMPTY_ROOT),
            code_hash=_hash_or(source, "codeHash", EMPTY_CODE_HASH),
        ),
        nodes=_parse_nodes("accountProof", json_fields.get_list(source, "accountProof")),
        storage=tuple(_parse_storage(entry) for entry in json_fields.get_list(source, "storageProof")),
    )


async def _read(client: ContractReader, oracle: bytes, function: ContractFunction, block: str) -> tuple[int, ...]:
    return function.decode_integers(await client.call_contract(oracle, function.encode(), block))


def _hash_or(source: Mapping[str, object], key: str, empty: bytes) -> bytes:
    """The hash under `key`; some nodes say zero for an account that is not there."""
    value = json_fields.get_bytes(source, key, 32)
    return value if any(value) else empty


def _parse_storage(source: object) -> StorageProof:
    if not isinstance(source, Mapping):
        raise MalformedField("storageProof", "an entry is not an object")
    slot = json_fields.get_quantity(source, "key")
    return StorageProof(
        slot=slot.to_bytes(32, "big"),
        value=json_fields.get_quantity(source, "value"),
        nodes=_parse_nodes("proof", json_fields.get_list(source, "proof")),
    )


def _parse_nodes(key: str, nodes: Sequence[object]) -> tuple[bytes, ...]:
    if len(nodes) > MAX_PROOF_NODES:
        raise MalformedField(key, f"{len(nodes)} nodes")
    return tuple(parse_bytes(key, node) for node in nodes)


def _decode_account(encoded: bytes) -> Account:
    fields = _decode(encoded)
    if isinstance(fields, bytes) or len(fields) != 4:
        raise InvalidProof("the state holds something that is no account")
    nonce, balance, storage_root, code_hash = fields
    if not all(isinstance(field, bytes) for field in fields):
        raise InvalidProof("the state holds something that is no account")
    return Account(
        nonce=int.from_bytes(_as_bytes(nonce), "big"),
        balance=int.from_bytes(_as_bytes(balance), "big"),
        storage_root=_as_bytes(storage_root),
        code_hash=_as_bytes(code_hash),
    )


def _decode(encoded: bytes) -> RlpItem:
    try:
        return decode_rlp(encoded)
    except MalformedRlp as error:
        raise InvalidProof("a value is not RLP") from error


def _decode_bytes(encoded: bytes) -> bytes:
    return _as_bytes(_decode(encoded))


def _as_bytes(item: RlpItem) -> bytes:
    if not isinstance(item, bytes):
        raise InvalidProof("a list where a byte string must be")
    return item
