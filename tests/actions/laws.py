"""The laws as checks over a world, to be made after any story."""

from sequencer.mempool.statuses import TransactionState
from tests.actions.world import World

ENDED = (TransactionState.DROPPED, TransactionState.REPLACED, TransactionState.REJECTED)


def check_law_1(world: World) -> None:
    """Both nodes, all of L1 read, have the same safe head, and the same output root for every block up to it."""
    sequencer, replica = world.sequencer, world.replica
    assert sequencer.heads.safe == replica.heads.safe
    for number in range(sequencer.safe + 1):
        assert replica.output_root(number) == sequencer.output_root(number), f"block {number}"


def check_law_4(world: World) -> None:
    """Every acknowledged transaction is in one block, in the pool, or ended with a reason."""
    sequencer = world.sequencer
    included: dict[bytes, int] = {}
    for number in range(1, sequencer.unsafe + 1):
        for transaction_hash in sequencer.user_hashes(number):
            assert transaction_hash not in included, "a transaction stands in two blocks"
            included[transaction_hash] = number
    for transaction_hash in world.user.acknowledged:
        status = sequencer.mempool.status(transaction_hash)
        assert status.state is not TransactionState.UNKNOWN, transaction_hash.hex()
        if transaction_hash in included:
            assert status.block_number == included[transaction_hash]
        elif status.state in ENDED:
            assert status.reason
        else:
            assert sequencer.mempool.transaction(transaction_hash) is not None
