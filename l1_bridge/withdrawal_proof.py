"""
The proof of one withdrawal against a posted output, checked here before it costs gas on L1.

    output root (on L1) -> its parts -> storage root of the message passer -> slot of the withdrawal = 1

What an L2 node gives need not be believed: each step is a hash. Spec: withdrawals.md, EIP-1186.
"""

from dataclasses import dataclass

from l1_bridge.merkle_proof import InvalidProof
from l1_bridge.output_root import MESSAGE_PASSER_ADDRESS, OutputRootProof
from l1_bridge.portal import encode_prove
from l1_bridge.proofs import AccountProof, Output, verify_account_proof, verify_output
from l1_bridge.withdrawals import Withdrawal, withdrawal_storage_slot


@dataclass(frozen=True, slots=True)
class WithdrawalProof:
    """Everything that `proveWithdrawalTransaction` takes; made by `verify_withdrawal_proof` only."""

    withdrawal: Withdrawal
    output_index: int
    parts: OutputRootProof
    nodes: tuple[bytes, ...]

    def calldata(self) -> bytes:
        """The call of the portal."""
        return encode_prove(self.withdrawal, self.output_index, self.parts, self.nodes)


def verify_withdrawal_proof(
    output: Output, parts: OutputRootProof, withdrawal: Withdrawal, proof: AccountProof
) -> WithdrawalProof:
    """
    The proof that L1 accepts, made of what an L2 node answered.

    Parameters
    ----------
    output :
        As it stands on L1.
    parts :
        What it is said to be made of.
    proof :
        `eth_getProof` of the message passer and the withdrawal's slot at the output's L2 block.

    Raises
    ------
    InvalidProof
        The parts are another output's, or the withdrawal is not in its state.
    """
    verify_output(output.output_root, parts)
    slot = withdrawal_storage_slot(withdrawal.hash)
    if proof.address != MESSAGE_PASSER_ADDRESS or len(proof.storage) != 1 or proof.storage[0].slot != slot:
        raise InvalidProof("the proof is not one of the withdrawal's slot in the message passer")
    account = verify_account_proof(parts, proof)
    if account.storage_root != parts.message_passer_storage_root:
        raise InvalidProof("the message passer's storage root is not the one in the output root")
    if proof.storage[0].value != 1:
        raise InvalidProof(f"withdrawal 0x{withdrawal.hash.hex()} is not in L2 block {output.l2_block_number}")
    return WithdrawalProof(withdrawal, output.index, parts, proof.storage[0].nodes)
