"""
Accounts that load comes from: they keep count of their nonces and sign dynamic-fee transactions, many in a row.

For development chains and benchmarks: keys follow from a phrase that everybody may read.
"""

from dataclasses import dataclass

from contracts.keccak import keccak
from l1_bridge.rlp_codec import RlpItem, encode_integer, encode_rlp
from sequencer.primitives.signature import SigningKey

DYNAMIC_FEE_PREFIX = b"\x02"


@dataclass(frozen=True, slots=True)
class LoadFees:
    """What each transaction of a load pays at most, in wei per gas; neither is zero."""

    tip: int
    max_fee: int


class LoadAccount:
    """One sender of a load."""

    __slots__ = ("_chain_id", "_fees", "_key", "address", "nonce")

    def __init__(self, private_key: bytes, chain_id: int, fees: LoadFees) -> None:
        self._key = SigningKey(private_key)
        self._chain_id = encode_integer(chain_id)
        self._fees = (encode_integer(fees.tip), encode_integer(fees.max_fee))
        self.address = self._key.address
        self.nonce = 0
        """Of the next transaction."""

    @classmethod
    def of_phrase(cls, phrase: str, chain_id: int, fees: LoadFees) -> "LoadAccount":
        """The account whose key is the phrase's hash."""
        return cls(keccak(phrase.encode()), chain_id, fees)

    def sign(self, to: bytes | None, *, value: int = 0, data: bytes = b"", gas_limit: int = 21_000) -> bytes:
        """The next transaction, signed and encoded."""
        nonce, self.nonce = encode_integer(self.nonce), self.nonce + 1
        fields: tuple[RlpItem, ...] = (
            *(self._chain_id, nonce, *self._fees, encode_integer(gas_limit)),
            *(to or b"", encode_integer(value), data, ()),
        )
        signature = self._key.sign(keccak(DYNAMIC_FEE_PREFIX + encode_rlp(fields)))
        return DYNAMIC_FEE_PREFIX + encode_rlp((*fields, *map(encode_integer, signature)))
