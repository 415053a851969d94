"""Batches of either version, told apart by their first byte."""

from batcher.codec.batch import SPAN_BATCH_VERSION, SingularBatch, UnsupportedBatch, decode_batch
from batcher.codec.errors import MalformedBatch
from batcher.codec.span_batch import SpanBatch, SpanParameters, decode_span_batch


def decode_any_batch(data: bytes, parameters: SpanParameters) -> SingularBatch | SpanBatch:
    """
    Read a singular batch or a span batch.

    Raises
    ------
    MalformedBatch
        It is neither; a leaf of it says why.
    """
    if data[:1] == bytes((SPAN_BATCH_VERSION,)):
        return decode_span_batch(data, parameters)
    batch = decode_batch(data)
    if isinstance(batch, UnsupportedBatch):
        raise MalformedBatch(f"version {batch.version}")
    return batch
