"""
The output root: one hash that commits to an L2 block, its state and its withdrawals.

    version 0: keccak(bytes32(0) | state root | storage root of 0x42..16 | block hash)

Since Isthmus the storage root of the message passer is also the header's
withdrawals root. Spec: proposals.md.
"""

from dataclasses import dataclass

from contracts.keccak import keccak

OUTPUT_VERSION_0 = bytes(32)
"""The only version that exists."""

MESSAGE_PASSER_ADDRESS = bytes.fromhex("4200000000000000000000000000000000000016")
"""`L2ToL1MessagePasser`, whose storage holds every withdrawal."""


@dataclass(frozen=True, slots=True)
class OutputRootProof:
    """The preimage of an output root, as the portal's `proveWithdrawalTransaction` takes it."""

    state_root: bytes
    message_passer_storage_root: bytes
    block_hash: bytes
    version: bytes = OUTPUT_VERSION_0

    @property
    def root(self) -> bytes:
        """The output root that this is the preimage of."""
        return keccak(self.version + self.state_root + self.message_passer_storage_root + self.block_hash)


def compute_output_root(state_root: bytes, message_passer_storage_root: bytes, block_hash: bytes) -> bytes:
    """Output root (version 0) of the L2 block with these roots."""
    return OutputRootProof(state_root, message_passer_storage_root, block_hash).root
