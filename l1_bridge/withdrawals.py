"""
Withdrawals: messages from L2 to L1, and the hash under which L2 stores them.

    event MessagePassed(uint256 indexed nonce, address indexed sender, address indexed target,
                        uint256 value, uint256 gasLimit, bytes data, bytes32 withdrawalHash)
    withdrawal hash = keccak(abi.encode(nonce, sender, target, value, gas limit, data))

`L2ToL1MessagePasser` keeps `sentMessages[hash] = true` in its mapping at slot 0;
a proof of that slot against an output root proves the withdrawal. The nonce has
its version in the top two bytes. Spec: withdrawals.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.keccak import keccak
from l1_bridge.errors import BraidError
from l1_bridge.output_root import MESSAGE_PASSER_ADDRESS
from l1_bridge.types import L1Log

MESSAGE_PASSED_TOPIC = keccak(b"MessagePassed(uint256,address,address,uint256,uint256,bytes,bytes32)")

NONCE_VERSION_SHIFT = 240
"""The version sits in the two bytes above a 240-bit counter."""

WORD_BYTES = 32


class MalformedWithdrawal(BraidError):
    """A MessagePassed event is not what the message passer emits."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """One message, as `proveWithdrawalTransaction` takes it."""

    nonce: int
    """With its version in the top two bytes."""
    sender: bytes
    target: bytes
    value: int
    """Wei."""
    gas_limit: int
    data: bytes

    @property
    def hash(self) -> bytes:
        """The name of this withdrawal on both chains."""
        return keccak(
            b"".join(
                (
                    self.nonce.to_bytes(WORD_BYTES, "big"),
                    self.sender.rjust(WORD_BYTES, b"\0"),
                    self.target.rjust(WORD_BYTES, b"\0"),
                    self.value.to_bytes(WORD_BYTES, "big"),
                    self.gas_limit.to_bytes(WORD_BYTES, "big"),
                    (6 * WORD_BYTES).to_bytes(WORD_BYTES, "big"),
                    _encode_bytes(self.data),
                )
            )
        )


def withdrawal_storage_slot(withdrawal_hash: bytes) -> bytes:
    """The slot of `sentMessages[withdrawal_hash]` in the message passer."""
    return keccak(withdrawal_hash + bytes(WORD_BYTES))


def decode_nonce(nonce: int) -> tuple[int, int]:
    """Version and counter of a withdrawal's nonce."""
    return nonce >> NONCE_VERSION_SHIFT, nonce & ((1 << NONCE_VERSION_SHIFT) - 1)


def collect_withdrawals(logs: Iterable[L1Log]) -> tuple[Withdrawal, ...]:
    """
    The withdrawals among the logs of an L2 transaction or block, in order.

    Raises
    ------
    MalformedWithdrawal
        An event of the message passer can not be decoded, or its hash is not
        the hash of its content.
    """
    return tuple(
        decode_message_passed(log)
        for log in logs
        if log.address == MESSAGE_PASSER_ADDRESS and log.topics and log.topics[0] == MESSAGE_PASSED_TOPIC
    )


def decode_message_passed(log: L1Log) -> Withdrawal:
    """Read one `MessagePassed` event; raises as `collect_withdrawals`."""
    if len(log.topics) != 4 or len(log.data) < 5 * WORD_BYTES:
        raise MalformedWithdrawal(f"{len(log.topics)} topics and {len(log.data)} bytes of data")
    value, gas_limit, offset = (int.from_bytes(log.data[at : at + WORD_BYTES], "big") for at in (0, 32, 64))
    length = int.from_bytes(log.data[128:160], "big")
    if offset != 4 * WORD_BYTES or length > len(log.data) - 160:
        raise MalformedWithdrawal(f"{length} bytes at offset {offset}")
    withdrawal = Withdrawal(
        nonce=int.from_bytes(log.topics[1], "big"),
        sender=log.topics[2][12:],
        target=log.topics[3][12:],
        value=value,
        gas_limit=gas_limit,
        data=log.data[160 : 160 + length],
    )
    if withdrawal.hash != log.data[96:128]:
        raise MalformedWithdrawal("the withdrawal hash is not the hash of the content")
    return withdrawal


def _encode_bytes(data: bytes) -> bytes:
    return len(data).to_bytes(WORD_BYTES, "big") + data + bytes(-len(data) % WORD_BYTES)
