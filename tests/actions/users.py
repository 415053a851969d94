"""The users of a story: they send transactions to the sequencer, and deposits to L1."""

from dataclasses import dataclass, field

from l1_bridge.deposits import DepositEvent
from sequencer.primitives.transaction import Transaction
from tests.actions.agreement import PORTAL
from tests.actions.nodes import Sequencer
from tests.factories import ETHER, GWEI, RECIPIENT, address, make_transaction, private_key
from tests.fakes.l1 import FakeL1


@dataclass(slots=True)
class Users:
    """Ten funded accounts."""

    l1: FakeL1
    sequencer: Sequencer
    acknowledged: list[bytes] = field(default_factory=list)
    """Hashes that the sequencer gave back."""

    async def act_transfer(
        self, wei: int = 1, *, account: int = 0, to: bytes = RECIPIENT, nonce: int | None = None, tip: int = GWEI
    ) -> bytes:
        """A transfer with the account's next nonce; returns its hash."""
        if nonce is None:
            nonce = self.sequencer.mempool.pending_nonce(address(account))
        return await self.act_send(
            make_transaction(nonce=nonce, key=private_key(account), to=to, value=wei, max_priority_fee_per_gas=tip)
        )

    async def act_call(self, to: bytes | None, data: bytes, *, account: int = 0, wei: int = 0) -> bytes:
        """A call, or a creation when there is no target; returns the transaction's hash."""
        nonce = self.sequencer.mempool.pending_nonce(address(account))
        return await self.act_send(
            make_transaction(nonce=nonce, key=private_key(account), to=to, value=wei, data=data, gas_limit=300_000)
        )

    async def act_send(self, transaction: Transaction) -> bytes:
        """Submit; returns the hash that came back."""
        acknowledged = await self.sequencer.mempool.submit(transaction.raw)
        assert acknowledged == transaction.hash
        self.acknowledged.append(acknowledged)
        return acknowledged

    def act_deposit(
        self,
        *,
        account: int = 0,
        to: bytes | None = RECIPIENT,
        mint: int = ETHER,
        value: int = ETHER,
        gas_limit: int = 100_000,
        data: bytes = b"",
    ) -> None:
        """A deposit that waits for the next L1 block."""
        self.l1.queue_deposit(PORTAL, DepositEvent(bytes(32), address(account), to, mint, value, gas_limit, data))
