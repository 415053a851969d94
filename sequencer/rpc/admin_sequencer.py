"""`admin_` methods of a sequencer, on the operator's port alone; names as op-node's, so that its tools work."""

from typing import Protocol

from .backend import Backend
from .formatters import data
from .method import Method, Runs, method


class SequencerSwitch(Protocol):
    """Whether new blocks are begun; a block that is open is always finished."""

    is_paused: bool


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

    return (
        method("admin_sequencerActive", active, runs=Runs.ON_LOOP),
        method("admin_stopSequencer", stop, runs=Runs.ON_LOOP),
        method("admin_startSequencer", start, runs=Runs.ON_LOOP),
    )
