"""A chain for pool tests: accounts in a dictionary, blocks that are just lists of transactions."""

from collections.abc import Iterable

from sequencer.execution.fees import FeeParameters
from sequencer.execution.interface import Deferred, Included, Invalid, InvalidReason
from sequencer.mempool.head import PoolHead
from sequencer.primitives.account import EMPTY_CODE_HASH, Account
from sequencer.primitives.receipt import Receipt
from sequencer.primitives.transaction import Transaction
from tests.factories import ETHER, GWEI, address

RECEIPT = Receipt(type=2, status=1, cumulative_gas_used=21_000, bloom=bytes(256), logs=())


class DictState:
    """A state reader over dictionaries."""

    def __init__(self) -> None:
        self.accounts: dict[bytes, Account] = {}
        self.codes: dict[bytes, bytes] = {EMPTY_CODE_HASH: b""}

    def account(self, address: bytes) -> Account | None:
        return self.accounts.get(address)

    def storage(self, address: bytes, slot: int) -> int:
        return 0

    def code(self, code_hash: bytes) -> bytes:
        return self.codes[code_hash]


class ManualClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def now(self) -> float:
        return self.seconds


class FakeChain:
    """The mempool's view of a chain that a test plays by hand; ten funded accounts."""

    def __init__(self) -> None:
        self.state = DictState()
        for index in range(10):
            self.state.accounts[address(index)] = Account(balance=100 * ETHER)
        self.base_fee = GWEI
        self.gas_limit = 30_000_000
        self.fees: FeeParameters | None = None
        self.blocks: list[list[Transaction]] = [[]]
        self.safe_number = 0
        self.finalized_number = 0

    def head(self) -> PoolHead:
        number = len(self.blocks) - 1
        return PoolHead(
            number=number,
            hash=self.block_hash(number),
            base_fee=self.base_fee,
            gas_limit=self.gas_limit,
            state=self.state,
            fees=self.fees,
            safe_number=self.safe_number,
            finalized_number=self.finalized_number,
        )

    def included_in(self, transaction_hash: bytes) -> int | None:
        for number, block in enumerate(self.blocks):
            if any(transaction.hash == transaction_hash for transaction in block):
                return number
        return None

    @staticmethod
    def block_hash(number: int) -> bytes:
        return number.to_bytes(32, "big")

    def seal(self, transactions: Iterable[Transaction]) -> int:
        """Append a block; senders' nonces follow. Returns its number."""
        self.blocks.append(list(transactions))
        for transaction in self.blocks[-1]:
            self._set_nonce(transaction.sender, transaction.nonce + 1)
        return len(self.blocks) - 1

    def unwind(self, number: int) -> list[Transaction]:
        """Remove the blocks above `number`; returns their transactions, ascending."""
        removed = [transaction for block in self.blocks[number + 1 :] for transaction in block]
        del self.blocks[number + 1 :]
        for transaction in reversed(removed):
            self._set_nonce(transaction.sender, transaction.nonce)
        return removed

    def _set_nonce(self, sender: bytes, nonce: int) -> None:
        account = self.state.accounts[sender]
        self.state.accounts[sender] = Account(nonce, account.balance, account.code_hash)


def included(transaction: Transaction) -> Included:
    return Included(transaction, RECEIPT, 21_000)


def deferred(transaction: Transaction) -> Deferred:
    return Deferred(transaction)


def invalid(transaction: Transaction, reason: InvalidReason) -> Invalid:
    return Invalid(transaction, reason)
