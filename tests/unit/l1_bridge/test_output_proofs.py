"""Proofs of L2 state against a posted output: what is true is accepted, everything else refused."""

from dataclasses import replace

import pytest
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from l1_bridge.bindings import GET_L2_OUTPUT, NEXT_OUTPUT_INDEX
from l1_bridge.errors import TemporaryError
from l1_bridge.json_fields import MalformedField
from l1_bridge.merkle_proof import InvalidProof, verify_merkle_proof
from l1_bridge.ordered_trie import EMPTY_ROOT
from l1_bridge.output_root import OutputRootProof, compute_output_root
from l1_bridge.proofs import (
    EMPTY_ACCOUNT,
    Account,
    AccountProof,
    Output,
    StorageProof,
    is_final,
    newest_output,
    parse_account_proof,
    verify_account_proof,
    verify_output,
    verify_storage_proof,
)
from l1_bridge.rlp_codec import encode_rlp

ORACLE = b"\x0c" * 20


def _nodes(trie: HexaryTrie, key: bytes) -> tuple[bytes, ...]:
    """The proof that the `trie` library gives, without inlined nodes, as `eth_getProof` answers."""
    nodes = [encode_rlp(node) for node in trie.get_proof(key) if node]
    return tuple(node for at, node in enumerate(nodes) if at == 0 or len(node) >= 32)


def _trie(entries: dict[bytes, bytes]) -> HexaryTrie:
    trie = HexaryTrie({})
    for key, value in entries.items():
        trie[key] = value
    return trie


keys = st.binary(min_size=1, max_size=3).map(lambda data: data.ljust(3, b"\0"))


@settings(max_examples=60)
@given(st.dictionaries(keys, st.binary(min_size=1, max_size=40), min_size=1, max_size=30), keys)
def test_value_or_absence_of_any_key_is_proven(entries: dict[bytes, bytes], absent: bytes) -> None:
    trie = _trie(entries)

    for key in (*entries, absent):
        assert verify_merkle_proof(trie.root_hash, key, _nodes(trie, key)) == entries.get(key)


@settings(max_examples=60)
@given(st.integers(0, 19), st.data())
def test_no_proof_with_a_changed_byte_a_missing_or_an_extra_node_is_accepted(pick: int, data: st.DataObject) -> None:
    entries = {keccak(bytes([at])): bytes([at + 1]) * 33 for at in range(20)}
    trie = _trie(entries)
    key = keccak(bytes([pick]))
    nodes = _nodes(trie, key)
    at = data.draw(st.integers(0, len(nodes) - 1))
    offset = data.draw(st.integers(0, len(nodes[at]) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    flipped = nodes[at][:offset] + bytes([nodes[at][offset] ^ bit]) + nodes[at][offset + 1 :]

    for changed in (
        (*nodes[:at], flipped, *nodes[at + 1 :]),
        nodes[:at] + nodes[at + 1 :],
        (*nodes, nodes[0]),
        nodes[::-1] if len(nodes) > 1 else (),
    ):
        with pytest.raises(InvalidProof):
            verify_merkle_proof(trie.root_hash, key, changed)


def test_empty_trie_needs_no_nodes_and_no_other_trie_does() -> None:
    assert verify_merkle_proof(EMPTY_ROOT, b"key", ()) is None
    assert verify_merkle_proof(EMPTY_ROOT, b"key", (b"\x80",)) is None
    with pytest.raises(InvalidProof):
        verify_merkle_proof(b"\x01" * 32, b"key", ())


@pytest.mark.parametrize(
    "node",
    [
        [b"\x20", b"v", b"x"],
        [b"", b"v"],
        [b"\x40", b"v"],
        [b"\x21", [b"v"]],
        [b"\x01", b"v"],
        [[], b"v"],
        [b"\x00", b"v" * 32],
    ],
)
def test_malformed_node_is_refused_though_the_root_commits_to_it(node: list[object]) -> None:
    encoded = encode_rlp(node)  # type: ignore[arg-type]

    with pytest.raises(InvalidProof):
        verify_merkle_proof(keccak(encoded), b"\x01", (encoded,))


ADDRESS, SLOT = b"\xaa" * 20, (7).to_bytes(32, "big")
STORAGE = _trie({keccak(SLOT): encode_rlp(b"\x2a"), keccak(b"\0" * 32): encode_rlp(b"\x01")})
ACCOUNT = Account(3, 10**18, STORAGE.root_hash, keccak(b"code"))
STATE = _trie(
    {
        keccak(ADDRESS): encode_rlp([b"\x03", (10**18).to_bytes(8, "big"), STORAGE.root_hash, keccak(b"code")]),
        keccak(b"\xbb" * 20): encode_rlp([b"", b"\x01", EMPTY_ROOT, keccak(b"")]),
    }
)
OUTPUT_PROOF = OutputRootProof(STATE.root_hash, b"\x05" * 32, b"\x06" * 32)
PROOF = AccountProof(
    ADDRESS, ACCOUNT, _nodes(STATE, keccak(ADDRESS)), (StorageProof(SLOT, 42, _nodes(STORAGE, keccak(SLOT))),)
)


def test_account_and_storage_are_proven_against_an_output_root() -> None:
    root = compute_output_root(STATE.root_hash, b"\x05" * 32, b"\x06" * 32)

    assert verify_account_proof(verify_output(root, OUTPUT_PROOF), PROOF) == ACCOUNT
    assert verify_account_proof(STATE.root_hash, PROOF) == ACCOUNT


@pytest.mark.parametrize(
    "tampered",
    [
        pytest.param(replace(PROOF, account=replace(ACCOUNT, balance=10**18 + 1)), id="balance"),
        pytest.param(replace(PROOF, account=replace(ACCOUNT, nonce=4)), id="nonce"),
        pytest.param(replace(PROOF, account=replace(ACCOUNT, code_hash=keccak(b"other"))), id="code"),
        pytest.param(replace(PROOF, account=EMPTY_ACCOUNT), id="absence"),
        pytest.param(replace(PROOF, address=b"\xbb" * 20), id="address"),
        pytest.param(replace(PROOF, nodes=PROOF.nodes[:-1]), id="node missing"),
        pytest.param(replace(PROOF, storage=(replace(PROOF.storage[0], value=43),)), id="storage value"),
        pytest.param(replace(PROOF, storage=(replace(PROOF.storage[0], value=0),)), id="storage absence"),
        pytest.param(replace(PROOF, storage=(replace(PROOF.storage[0], slot=bytes(32)),)), id="slot"),
    ],
)
def test_tampered_proof_is_refused(tampered: AccountProof) -> None:
    with pytest.raises(InvalidProof):
        verify_account_proof(OUTPUT_PROOF, tampered)


def test_absent_account_and_empty_slot_are_proven_too() -> None:
    absent = AccountProof(b"\xcc" * 20, EMPTY_ACCOUNT, _nodes(STATE, keccak(b"\xcc" * 20)))
    empty_slot = (9).to_bytes(32, "big")

    assert verify_account_proof(STATE.root_hash, absent) == EMPTY_ACCOUNT
    assert (
        verify_storage_proof(STORAGE.root_hash, StorageProof(empty_slot, 0, _nodes(STORAGE, keccak(empty_slot)))) == 0
    )


@pytest.mark.parametrize(
    "change",
    [
        {"state_root": b"\x01" * 32},
        {"message_passer_storage_root": b"\x01" * 32},
        {"block_hash": b"\x01" * 32},
        {"version": b"\x01" * 32},
        {"version": b"", "state_root": bytes(32) + STATE.root_hash},
    ],
)
def test_preimage_of_another_output_is_refused(change: dict[str, bytes]) -> None:
    with pytest.raises(InvalidProof):
        verify_output(OUTPUT_PROOF.root, replace(OUTPUT_PROOF, **change))  # type: ignore[arg-type]


def _answer() -> dict[str, object]:
    return {
        "address": "0x" + ADDRESS.hex(),
        "nonce": "0x3",
        "balance": hex(10**18),
        "storageHash": "0x" + STORAGE.root_hash.hex(),
        "codeHash": "0x" + keccak(b"code").hex(),
        "accountProof": ["0x" + node.hex() for node in PROOF.nodes],
        "storageProof": [
            {"key": "0x7", "value": "0x2a", "proof": ["0x" + node.hex() for node in PROOF.storage[0].nodes]}
        ],
    }


def test_answer_of_eth_get_proof_is_read() -> None:
    assert parse_account_proof(_answer()) == PROOF


def test_zero_hashes_of_an_absent_account_mean_the_empty_ones() -> None:
    zero = "0x" + "00" * 32
    answer = _answer() | {"nonce": "0x0", "balance": "0x0", "storageHash": zero, "codeHash": zero}

    assert parse_account_proof(answer).account == EMPTY_ACCOUNT


@pytest.mark.parametrize(
    "change", [{"address": "0x"}, {"accountProof": ["zz"]}, {"accountProof": ["0x"] * 66}, {"storageProof": [1]}]
)
def test_malformed_answer_of_eth_get_proof_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(MalformedField):
        parse_account_proof(_answer() | change)


class _Oracle:
    """An oracle contract with those outputs."""

    def __init__(self, *outputs: Output) -> None:
        self.outputs = outputs

    async def call_contract(self, to: bytes, data: bytes, block: str = "latest") -> bytes:
        if to != ORACLE:
            return b""
        if data == NEXT_OUTPUT_INDEX.encode():
            return len(self.outputs).to_bytes(32, "big")
        output = next(output for output in self.outputs if data == GET_L2_OUTPUT.encode(output.index))
        return output.output_root + output.l1_timestamp.to_bytes(32, "big") + output.l2_block_number.to_bytes(32, "big")


async def test_newest_output_is_the_last_one() -> None:
    first, second = Output(0, b"\xa1" * 32, 20, 1000), Output(1, b"\xa2" * 32, 40, 2000)

    assert await newest_output(_Oracle(first, second), ORACLE) == second
    assert await newest_output(_Oracle(), ORACLE) is None


async def test_address_without_an_oracle_is_an_error_not_an_output() -> None:
    with pytest.raises(TemporaryError):
        await newest_output(_Oracle(), b"\x0d" * 20)


def test_output_is_final_only_after_its_period_is_over() -> None:
    output = Output(0, bytes(32), 20, 1000)

    assert [is_final(output, 12, time) for time in (1000, 1012, 1013)] == [False, False, True]
