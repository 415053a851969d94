"""
From a block reference to a block, its state, or what its transactions were told.

`pending` is the open block where the node has one, and the latest block everywhere else, as execution-apis allows.
"""

from sequencer.execution.environment import BlockEnvironment
from sequencer.state.reader import StateReader

from .backend import Backend
from .block_view import BlockView, PlacedTransaction, view_sealed
from .errors import ResourceNotFound, ResourceUnavailable
from .parameters import BlockReference, HashReference, Tag

READ_ATTEMPTS = 3
"""Block and receipts are two reads; when an unwind came between them, they are read again."""


def find_number(backend: Backend, reference: BlockReference) -> int | None:
    """Height of a sealed block (for `pending`: the latest); None when there is no such block."""
    if isinstance(reference, HashReference):
        return backend.chain.number_of(reference.hash)
    heads = backend.chain.heads
    match reference:
        case Tag.LATEST | Tag.PENDING:
            return heads.unsafe.number
        case Tag.SAFE:
            return heads.safe.number
        case Tag.FINALIZED:
            return heads.finalized.number
        case Tag.EARLIEST:
            return 0
        case int() as number:
            return number if number <= heads.unsafe.number else None


def get_number(backend: Backend, reference: BlockReference) -> int:
    """Like `find_number`; raises ResourceNotFound where there is no such block."""
    number = find_number(backend, reference)
    if number is None:
        raise ResourceNotFound("block")
    return number


def find_view(backend: Backend, reference: BlockReference) -> BlockView | None:
    """The block with its receipts; the open block for `pending`; None when there is no such block."""
    if reference is Tag.PENDING:
        view = backend.open_block.view()
        if view is not None:
            return view
    number = find_number(backend, reference)
    return None if number is None else find_sealed_view(backend, number)


def find_sealed_view(backend: Backend, number: int) -> BlockView | None:
    """The sealed block at that height with its receipts."""
    chain = backend.chain
    for _ in range(READ_ATTEMPTS):
        block = chain.block(number)
        if block is None:
            return None
        receipts = chain.receipts(number)
        if receipts is not None and chain.number_of(block.hash) == number:
            return view_sealed(block, receipts)
    raise ResourceUnavailable("the chain is being reorganized")


def find_included(backend: Backend, transaction_hash: bytes) -> tuple[PlacedTransaction, BlockView] | None:
    """A transaction of a sealed block, with that block."""
    position = backend.chain.position(transaction_hash)
    if position is None:
        return None
    view = find_sealed_view(backend, position.number)
    if view is None:
        return None
    placed = view.find(transaction_hash)
    return None if placed is None else (placed, view)


def get_state(backend: Backend, reference: BlockReference) -> StateReader:
    """State after the referenced block; raises ResourceNotFound where there is no such block."""
    if reference is Tag.PENDING:
        block = backend.open_block.block()
        if block is not None:
            return block.view()
    return backend.chain.state_at(get_number(backend, reference))


def get_execution_context(backend: Backend, reference: BlockReference) -> tuple[BlockEnvironment, StateReader]:
    """What a call at that block sees: the block's own values, and the state after it."""
    if reference is Tag.PENDING:
        block = backend.open_block.block()
        if block is not None:
            return block.environment, block.view()
    number = get_number(backend, reference)
    return backend.chain.environment_of(number), backend.chain.state_at(number)
