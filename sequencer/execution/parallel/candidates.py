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

from .hot_keys import HotKeys
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
    hot_keys: HotKeys,
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
        Candidate(index, transaction, _predict(transaction, predictor, hot_keys) if index in heavy else _TRANSFER)
        for index, transaction in users
        if transaction.sender in senders
    ]


def _predict(transaction: Transaction, predictor: Predictor, hot_keys: HotKeys) -> Prediction:
    """What the transaction should touch; a hot key counts as written, so that it ties all who touch it."""
    prediction = predictor.predict(transaction)
    hot = hot_keys.expected(transaction, prediction)
    if not hot:
        return prediction
    others = tuple(item for item in prediction.locations if item[0] not in hot)
    locations = others + tuple((location, True) for location in hot)
    return Prediction(locations, prediction.microseconds, hot_keys.are_stubborn(hot), is_hot=True)
