"""`admin_` methods of a sequencer, on the operator's port alone; names as op-node's, so that its tools work."""

from typing import Protocol

from .backend import Backend
from .formatters import data
from .method import Method, Runs, method
from .parameters import read_uint64, required


class SequencerSwitch(Protocol):
    """Whether new blocks are begun; a block that is open is always finished."""

    is_paused: bool

    def limit_block_bytes(self, limit: int | None) -> None:
        """Let a block take so many bytes of transactions at most, above what back-pressure allows; None: no bound."""
        ...


def sequencer_methods(switch: SequencerSwitch) -> tuple[Method, ...]:
    """The rows for one sequencer."""

    def active(backend: Backend) -> object:
        """Whether the sequencer begins new blocks."""
        return not switch.is_paused

    def stop(backend: Backend) -> object:
        """Begin no new block; the open one is finished. Returns the hash of the newest block."""
        switch.is_paused = True
        return data(backend.chain.heads.unsafe.hash)

    def start(backend: Backend) -> object:
        """Begin blocks again."""
        switch.is_paused = False
        return None

    def set_max_da_size(backend: Backend, transaction_bytes: int, block_bytes: int) -> object:
        """
        Bound what a block takes from the pool, as op-batcher asks op-geth to; 0: no bound.

        A bound on single transactions is not kept: what exceeds a block's bytes is paid back by the next blocks.
        """
        switch.limit_block_bytes(block_bytes or None)
        return True

    return (
        method("admin_sequencerActive", active, runs=Runs.ON_LOOP),
        method("admin_stopSequencer", stop, runs=Runs.ON_LOOP),
        method("admin_startSequencer", start, runs=Runs.ON_LOOP),
        method(
            "miner_setMaxDASize",
            set_max_da_size,
            required("transaction bytes", read_uint64),
            required("block bytes", read_uint64),
            runs=Runs.ON_LOOP,
        ),
    )
