"""`debug_getRaw*`: consensus encodings of sealed blocks and their parts, for verifiers (execution-apis `src/debug`)."""

from sequencer.primitives.block import Block

from .backend import Backend
from .block_lookup import find_included, find_sealed_view, get_number
from .errors import ResourceNotFound
from .formatters import data
from .method import Method, method
from .parameters import BlockReference, read_block_reference, read_hash, required


def get_raw_header(backend: Backend, block: BlockReference) -> object:
    """A block's header in RLP."""
    return data(_block(backend, block).header.encode())


def get_raw_block(backend: Backend, block: BlockReference) -> object:
    """A block in RLP."""
    return data(_block(backend, block).encode())


def get_raw_transaction(backend: Backend, hash: bytes) -> object:
    """An included transaction in its EIP-2718 encoding; null when there is none."""
    found = find_included(backend, hash)
    return None if found is None else data(found[0].transaction.raw)


def get_raw_receipts(backend: Backend, block: BlockReference) -> object:
    """A block's receipts, each in its consensus encoding."""
    view = find_sealed_view(backend, get_number(backend, block))
    if view is None:
        raise ResourceNotFound("block")
    return [data(placed.receipt.encode()) for placed in view.placed]


def _block(backend: Backend, reference: BlockReference) -> Block:
    block = backend.chain.block(get_number(backend, reference))
    if block is None:
        raise ResourceNotFound("block")
    return block


_BLOCK = required("block", read_block_reference)

METHODS: tuple[Method, ...] = (
    method("debug_getRawHeader", get_raw_header, _BLOCK),
    method("debug_getRawBlock", get_raw_block, _BLOCK),
    method("debug_getRawTransaction", get_raw_transaction, required("transaction hash", read_hash)),
    method("debug_getRawReceipts", get_raw_receipts, _BLOCK),
)
