"""`eth_getLogs`: logs of a block or a range, found by bloom first so that most blocks' receipts are never read."""

from .backend import Backend
from .block_lookup import find_sealed_view, get_number
from .block_view import BlockView
from .errors import InvalidParameters, LimitExceeded, ResourceNotFound
from .formatters import Json, format_log
from .job_pool import Deadline
from .log_filter import BloomTest, LogFilter, read_log_filter
from .method import Method, method
from .parameters import HashReference, Tag, required


def get_logs(backend: Backend, wanted: LogFilter) -> object:
    """Logs of sealed blocks that match a filter, in order; `pending` means the latest block."""
    limit = backend.settings.max_logs
    deadline = Deadline(backend.monotonic, backend.settings.read_timeout_seconds)
    bloom_test = BloomTest(wanted)
    logs: list[Json] = []
    for number in _range(backend, wanted):
        deadline.check()
        block = backend.chain.block(number)
        if block is None:
            break
        if not bloom_test.may_match(block.header.logs_bloom):
            continue
        view = find_sealed_view(backend, number)
        if view is not None:
            logs += _matching(view, wanted)
        if len(logs) > limit:
            raise LimitExceeded("logs in one answer", limit)
    return logs


def _range(backend: Backend, wanted: LogFilter) -> range:
    if wanted.block_hash is not None:
        number = get_number(backend, HashReference(wanted.block_hash))
        return range(number, number + 1)
    head = backend.chain.heads.unsafe.number
    first = _end(backend, wanted.from_block)
    last = _end(backend, wanted.to_block)
    if first > last:
        raise InvalidParameters("filter: fromBlock is after toBlock")
    if first > head:
        raise ResourceNotFound("fromBlock")
    last = min(last, head)
    limit = backend.settings.max_log_range_blocks
    if last - first >= limit:
        raise LimitExceeded("blocks in one filter", limit)
    return range(first, last + 1)


def _end(backend: Backend, reference: Tag | int) -> int:
    return reference if isinstance(reference, int) else get_number(backend, reference)


def _matching(view: BlockView, wanted: LogFilter) -> list[Json]:
    return [
        format_log(log, placed, offset, view)
        for placed in view.placed
        for offset, log in enumerate(placed.receipt.logs)
        if wanted.matches(log)
    ]


METHODS: tuple[Method, ...] = (method("eth_getLogs", get_logs, required("filter", read_log_filter)),)
