"""
Which transactions of a slice may run in workers: those that run code.

A plain transfer is cheaper than the message about it, so it stays here. Unless its sender has something for the workers
as well: then it belongs to that chain, or the nonces would not fit.
"""

from collections.abc import Sequence

from sequencer.execution.flat_accounts import FlatAccounts
from sequencer.primitives.block import AnyTransaction
from sequencer.primitives.transaction import Transaction
from sequencer.state.reader import StateReader

from .prediction import TRANSFER_MICROSECONDS, Prediction, Predictor
from .schedule import Candidate
from .transfer import TransferShortcut

_TRANSFER = Prediction((), TRANSFER_MICROSECONDS)


def find_candidates(
    transactions: Sequence[AnyTransaction],
    start: int,
    state: StateReader,
    evm: TransferShortcut,
    predictor: Predictor,
) -> list[Candidate]:
    """The transactions from place `start` on that workers could run, as far as `state` tells."""
    runs_code: dict[bytes, bool] = {}
    users = [
        (index, transaction)
        for index, transaction in enumerate(transactions)
        if index >= start and isinstance(transaction, Transaction)
    ]
    heavy: set[int] = set()
    for index, transaction in users:
        to = transaction.to
        if to is None or transaction.authorizations:
            heavy.add(index)
            continue
        if to not in runs_code:
            runs_code[to] = evm.runs_code(FlatAccounts(state), to)
        if runs_code[to]:
            heavy.add(index)
    senders = {transaction.sender for index, transaction in users if index in heavy}
    return [
        Candidate(index, transaction, predictor.predict(transaction) if index in heavy else _TRANSFER)
        for index, transaction in users
        if transaction.sender in senders
    ]
