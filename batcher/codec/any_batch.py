"""Batches of either version, told apart by their first byte."""

from batcher.codec.batch import SPAN_BATCH_VERSION, SingularBatch, decode_batch
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
    return decode_batch(data)
