"""Names of the store's tables, the same for every implementation; what is in them is in `docs/spec/store.md`."""

from enum import Enum


class Table(Enum):
    """Named tables; the value is the name on disk."""

    META = b"meta"
    ACCOUNTS = b"accounts"
    STORAGE = b"storage"
    CODES = b"codes"
    NODES = b"nodes"
    PATHS = b"paths"
    HISTORY = b"history"
    CHANGED = b"changed"
    PENDING = b"pending"
    BLOCKS = b"blocks"
    RECEIPTS = b"receipts"
    REFS = b"refs"
    NUMBERS = b"numbers"
    TRANSACTIONS = b"transactions"
    DERIVED = b"derived"
