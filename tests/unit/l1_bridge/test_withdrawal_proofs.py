"""The proof of a withdrawal is checked before it costs gas: the true one passes, each one beside it does not."""

from dataclasses import replace

import pytest
from eth_abi.abi import decode
from eth_hash.auto import keccak
from trie import HexaryTrie

from l1_bridge.bindings import OUTPUT_ROOT_PROOF_TYPE, WITHDRAWAL_TYPE
from l1_bridge.merkle_proof import InvalidProof
from l1_bridge.output_root import MESSAGE_PASSER_ADDRESS, OutputRootProof
from l1_bridge.portal import encode_finalize, encode_withdraw
from l1_bridge.proofs import Account, AccountProof, Output, StorageProof
from l1_bridge.rlp_codec import encode_integer, encode_rlp
from l1_bridge.withdrawal_proof import verify_withdrawal_proof
from l1_bridge.withdrawals import Withdrawal, withdrawal_storage_slot

WITHDRAWAL = Withdrawal((1 << 240) | 3, b"\x01" * 20, b"\x02" * 20, 5, 100_000, b"hi")
SLOT = withdrawal_storage_slot(WITHDRAWAL.hash)
OTHER_SLOT = withdrawal_storage_slot(b"\x07" * 32)


def _proof(trie: HexaryTrie, key: bytes) -> tuple[bytes, ...]:
    return tuple(encode_rlp(node) for node in trie.get_proof(key) if node)


STORAGE = HexaryTrie({})
for _slot in (SLOT, OTHER_SLOT):
    STORAGE[keccak(_slot)] = encode_rlp(b"\x01")
ACCOUNT = Account(1, 7, STORAGE.root_hash, keccak(b"code"))
STATE = HexaryTrie({})
STATE[keccak(MESSAGE_PASSER_ADDRESS)] = encode_rlp(
    [encode_integer(ACCOUNT.nonce), encode_integer(ACCOUNT.balance), ACCOUNT.storage_root, ACCOUNT.code_hash]
)
PARTS = OutputRootProof(STATE.root_hash, STORAGE.root_hash, b"\x0b" * 32)
OUTPUT = Output(4, PARTS.root, 80, 1_000)
STORED = StorageProof(SLOT, 1, _proof(STORAGE, keccak(SLOT)))
PROOF = AccountProof(MESSAGE_PASSER_ADDRESS, ACCOUNT, _proof(STATE, keccak(MESSAGE_PASSER_ADDRESS)), (STORED,))


def test_true_proof_becomes_the_portals_call() -> None:
    proven = verify_withdrawal_proof(OUTPUT, PARTS, WITHDRAWAL, PROOF)

    types = [WITHDRAWAL_TYPE, "uint256", OUTPUT_ROOT_PROOF_TYPE, "bytes[]"]
    withdrawal, index, parts, nodes = decode(types, proven.calldata()[4:])
    assert withdrawal == ((1 << 240) | 3, "0x" + "01" * 20, "0x" + "02" * 20, 5, 100_000, b"hi")
    assert (index, nodes) == (4, STORED.nodes)
    assert parts == (bytes(32), STATE.root_hash, STORAGE.root_hash, b"\x0b" * 32)
    assert decode([WITHDRAWAL_TYPE], encode_finalize(WITHDRAWAL)[4:]) == (withdrawal,)


def test_withdrawal_call_names_target_gas_and_data() -> None:
    assert decode(["address", "uint256", "bytes"], encode_withdraw(b"\x09" * 20, 50_000, b"x")[4:]) == (
        "0x" + "09" * 20,
        50_000,
        b"x",
    )


@pytest.mark.parametrize(
    ("output", "parts", "withdrawal", "proof"),
    [
        (replace(OUTPUT, output_root=b"\x01" * 32), PARTS, WITHDRAWAL, PROOF),
        (OUTPUT, replace(PARTS, block_hash=bytes(32)), WITHDRAWAL, PROOF),
        (OUTPUT, PARTS, replace(WITHDRAWAL, value=6), PROOF),
        (OUTPUT, PARTS, WITHDRAWAL, replace(PROOF, address=b"\x16" * 20)),
        (OUTPUT, PARTS, WITHDRAWAL, replace(PROOF, storage=())),
        (OUTPUT, PARTS, WITHDRAWAL, replace(PROOF, storage=(STORED, STORED))),
        (OUTPUT, PARTS, WITHDRAWAL, replace(PROOF, storage=(replace(STORED, slot=OTHER_SLOT),))),
        (OUTPUT, PARTS, WITHDRAWAL, replace(PROOF, storage=(replace(STORED, nodes=STORED.nodes[:-1]),))),
        (OUTPUT, PARTS, WITHDRAWAL, replace(PROOF, storage=(replace(STORED, value=0),))),
        (OUTPUT, PARTS, WITHDRAWAL, replace(PROOF, nodes=())),
    ],
)
def test_anything_else_is_refused(
    output: Output, parts: OutputRootProof, withdrawal: Withdrawal, proof: AccountProof
) -> None:
    with pytest.raises(InvalidProof):
        verify_withdrawal_proof(output, parts, withdrawal, proof)


def test_a_storage_root_that_is_only_in_the_output_is_refused() -> None:
    """The portal proves against the storage root of the output; it must be the one in the state, too."""
    parts = replace(PARTS, message_passer_storage_root=b"\x05" * 32)

    with pytest.raises(InvalidProof, match="storage root"):
        verify_withdrawal_proof(replace(OUTPUT, output_root=parts.root), parts, WITHDRAWAL, PROOF)


def test_a_withdrawal_that_is_proven_absent_is_refused() -> None:
    absent = replace(WITHDRAWAL, nonce=1 << 240)
    slot = withdrawal_storage_slot(absent.hash)
    proof = replace(PROOF, storage=(StorageProof(slot, 0, _proof(STORAGE, keccak(slot))),))

    with pytest.raises(InvalidProof, match="is not in L2 block 80"):
        verify_withdrawal_proof(OUTPUT, PARTS, absent, proof)
