"""
Why the pool did not take a transaction, and what can be wrong with its journal.

Every `AdmissionError` has a message that a wallet can show; the words of the common ones are those that Ethereum
clients use ("nonce too low", "already known"), because libraries search for them.
"""

from pathlib import Path

from l1_bridge.errors import BraidError, CriticalError, TemporaryError


class AdmissionError(BraidError):
    """The transaction is not taken: nothing was acknowledged, and nothing of it is kept."""


class Undecodable(AdmissionError):
    """The bytes are no transaction that this chain accepts."""


class TransactionTooLarge(AdmissionError):
    """The encoding has more bytes than the pool takes."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"oversized data: transaction has {size_bytes} bytes, limit is {limit_bytes}")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class UnprotectedTransaction(AdmissionError):
    """A legacy transaction without chain id could be replayed on this chain by anybody."""

    def __init__(self) -> None:
        super().__init__("only replay-protected (EIP-155) transactions allowed over RPC")


class WrongChainId(AdmissionError):
    """Signed for another chain."""

    def __init__(self, actual: int, expected: int) -> None:
        super().__init__(f"invalid chain id: transaction is for chain {actual}, this is chain {expected}")
        self.actual = actual
        self.expected = expected


class IntrinsicGasTooLow(AdmissionError):
    """The gas limit does not pay for the transaction itself (intrinsic cost, or the calldata floor of EIP-7623)."""

    def __init__(self, gas_limit: int, required: int) -> None:
        super().__init__(f"intrinsic gas too low: gas limit {gas_limit}, required {required}")
        self.gas_limit = gas_limit
        self.required = required


class GasLimitTooHigh(AdmissionError):
    """No block has that much gas."""

    def __init__(self, gas_limit: int, block_gas_limit: int) -> None:
        super().__init__(f"exceeds block gas limit: gas limit {gas_limit}, block has {block_gas_limit}")
        self.gas_limit = gas_limit
        self.block_gas_limit = block_gas_limit


class InitCodeTooLarge(AdmissionError):
    """A creation's code is above the limit of EIP-3860."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"max initcode size exceeded: code size {size_bytes}, limit {limit_bytes}")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class TipAboveFeeCap(AdmissionError):
    """The tip is part of the fee, so it can not be above it."""

    def __init__(self, tip_wei: int, fee_cap_wei: int) -> None:
        super().__init__(
            f"max priority fee per gas higher than max fee per gas: tip {tip_wei} wei, fee cap {fee_cap_wei} wei"
        )
        self.tip_wei = tip_wei
        self.fee_cap_wei = fee_cap_wei


class FeeCapTooLow(AdmissionError):
    """The fee cap is below what the pool takes at all."""

    def __init__(self, fee_cap_wei: int, minimum_wei: int) -> None:
        super().__init__(f"transaction underpriced: max fee per gas {fee_cap_wei} wei, minimum {minimum_wei} wei")
        self.fee_cap_wei = fee_cap_wei
        self.minimum_wei = minimum_wei


class NoAuthorizations(AdmissionError):
    """A set-code transaction must carry at least one authorization (EIP-7702)."""

    def __init__(self) -> None:
        super().__init__("set-code transaction with empty authorization list")


class NonceAtMaximum(AdmissionError):
    """An account's last nonce can not be used (EIP-2681)."""

    def __init__(self) -> None:
        super().__init__("nonce has max value")


class NonceTooLow(AdmissionError):
    """Another transaction of the sender with that nonce is part of the chain."""

    def __init__(self, nonce: int, next_nonce: int) -> None:
        super().__init__(f"nonce too low: next nonce {next_nonce}, tx nonce {nonce}")
        self.nonce = nonce
        self.next_nonce = next_nonce


class NonceTooFarAhead(AdmissionError):
    """The pool keeps a bounded number of nonces for each sender."""

    def __init__(self, nonce: int, next_nonce: int, limit: int) -> None:
        super().__init__(f"nonce too high: next nonce {next_nonce}, tx nonce {nonce}, at most {limit} ahead are kept")
        self.nonce = nonce
        self.next_nonce = next_nonce
        self.limit = limit


class InsufficientFunds(AdmissionError):
    """The balance at the head does not cover this and the sender's other waiting transactions."""

    def __init__(self, balance_wei: int, cost_wei: int, queued_wei: int) -> None:
        super().__init__(
            f"insufficient funds for gas * price + value + L1 fee + operator fee: balance {balance_wei} wei, "
            f"transaction costs up to {cost_wei} wei, waiting transactions up to {queued_wei} wei"
        )
        self.balance_wei = balance_wei
        self.cost_wei = cost_wei
        self.queued_wei = queued_wei


class SenderHasCode(AdmissionError):
    """A contract can not send (EIP-3607); an account with a delegation can (EIP-7702)."""

    def __init__(self, sender: bytes) -> None:
        super().__init__(f"sender not an eoa: 0x{sender.hex()} has code")
        self.sender = sender


class AlreadyKnown(AdmissionError):
    """The same transaction is in the pool, or in the chain."""

    def __init__(self, transaction_hash: bytes) -> None:
        super().__init__("already known")
        self.transaction_hash = transaction_hash


class ReplacementUnderpriced(AdmissionError):
    """A replacement raises both fee caps by the bump, at least."""

    def __init__(self, required_fee_cap_wei: int, required_tip_wei: int) -> None:
        super().__init__(
            "replacement transaction underpriced: needs max fee per gas of "
            f"{required_fee_cap_wei} wei and max priority fee per gas of {required_tip_wei} wei"
        )
        self.required_fee_cap_wei = required_fee_cap_wei
        self.required_tip_wei = required_tip_wei


class TooLateToReplace(AdmissionError):
    """The transaction with that nonce is executed or being executed: its place is promised."""

    def __init__(self, nonce: int) -> None:
        super().__init__(f"nonce too low: the transaction with nonce {nonce} is already being executed")
        self.nonce = nonce


class SenderLimitReached(AdmissionError):
    """One sender has as many transactions in the pool as it may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"account limit exceeded: at most {limit} transactions of one sender are kept")
        self.limit = limit


class PoolFull(AdmissionError):
    """The pool is full and this one pays no more than what it holds."""

    def __init__(self) -> None:
        super().__init__("txpool is full: transaction underpriced")


class PoolBusy(AdmissionError, TemporaryError):
    """More transactions arrive than can be decoded or written; try again shortly."""

    def __init__(self, what: str) -> None:
        super().__init__(f"node is busy: too many transactions wait for {what}, try again")
        self.what = what


class JournalWriteFailed(TemporaryError):
    """The journal could not be written and synced (disk full, I/O error): nothing of this group is acknowledged."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"journal {path} could not be written: {reason}")
        self.path = path
        self.reason = reason


class JournalCorrupt(CriticalError):
    """A synced part of the journal does not read back: acknowledged transactions may be lost."""

    def __init__(self, path: Path, offset: int, reason: str) -> None:
        super().__init__(f"journal {path} is corrupt at offset {offset}: {reason}")
        self.path = path
        self.offset = offset
        self.reason = reason


class JournalOfAnotherChain(CriticalError):
    """The journal's directory belongs to another chain."""

    def __init__(self, path: Path, actual: int, expected: int) -> None:
        super().__init__(f"journal {path} is of chain {actual}, this is chain {expected}")
        self.path = path
        self.actual = actual
        self.expected = expected


class PromisedTransactionMissing(CriticalError):
    """A slice record names a transaction that neither journal nor chain has: a promise can not be kept."""

    def __init__(self, transaction_hash: bytes) -> None:
        super().__init__(f"transaction 0x{transaction_hash.hex()} of a published slice is not in the journal")
        self.transaction_hash = transaction_hash
