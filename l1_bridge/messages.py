"""
Messages of the cross-domain messengers, and the hashes by which both messengers know them.

    hash v1 = keccak(calldata of relayMessage(uint256 nonce, address sender, address target, uint256 value,
                                              uint256 gasLimit, bytes message))
    hash v0 = keccak(calldata of relayMessage(address target, address sender, bytes message, uint256 nonce))

A message travels as a deposit to L2 or as a withdrawal to L1; either carries the calldata of version 1. Spec:
messengers.md.
"""

from dataclasses import dataclass

from contracts.keccak import keccak
from l1_bridge.bindings import SELECTOR_BYTES, ContractFunction
from l1_bridge.errors import BraidError

RELAY_MESSAGE = ContractFunction("relayMessage", ("uint256", "address", "address", "uint256", "uint256", "bytes"))
WORD_BYTES = 32
HEAD_BYTES = 7 * WORD_BYTES
"""Five words, the offset of the message, and its length."""

RELAY_MESSAGE_V0 = ContractFunction("relayMessage", ("address", "address", "bytes", "uint256"))


class MalformedMessage(BraidError):
    """Calldata that relays no message."""


@dataclass(frozen=True, slots=True)
class CrossDomainMessage:
    """One message; its place in the order of its messenger is in the nonce."""

    nonce: int
    """With its version in the top two bytes."""
    sender: bytes
    target: bytes
    value: int
    """Wei."""
    gas_limit: int
    """That the call gets at least."""
    data: bytes

    @property
    def hash(self) -> bytes:
        """The name of this message in `successfulMessages` and `failedMessages`, whatever its version."""
        return keccak(self.encode_relay())

    @property
    def hash_v0(self) -> bytes:
        """The name that a message of version 0 had."""
        return keccak(RELAY_MESSAGE_V0.encode(self.target, self.sender, self.data, self.nonce))

    def encode_relay(self) -> bytes:
        """Calldata that relays the message."""
        return RELAY_MESSAGE.encode(self.nonce, self.sender, self.target, self.value, self.gas_limit, self.data)

    @classmethod
    def decode_relay(cls, calldata: bytes) -> "CrossDomainMessage":
        """
        Read what `encode_relay` makes: the data of a withdrawal or a deposit that a messenger sent.

        Raises
        ------
        MalformedMessage
            Another call, or not encoded as a messenger does.
        """
        if calldata[:SELECTOR_BYTES] != RELAY_MESSAGE.selector or len(calldata) < SELECTOR_BYTES + HEAD_BYTES:
            raise MalformedMessage(f"{len(calldata)} bytes that are no call of relayMessage")
        body = calldata[SELECTOR_BYTES:]
        words = [body[at : at + WORD_BYTES] for at in range(0, HEAD_BYTES, WORD_BYTES)]
        size = int.from_bytes(words[6], "big")
        message = cls(
            nonce=int.from_bytes(words[0], "big"),
            sender=words[1][12:],
            target=words[2][12:],
            value=int.from_bytes(words[3], "big"),
            gas_limit=int.from_bytes(words[4], "big"),
            data=body[HEAD_BYTES : HEAD_BYTES + size],
        )
        if message.encode_relay() != calldata:
            raise MalformedMessage("not encoded as a messenger does")
        return message
