"""The method list of the docs, written from the method table so that it can not say anything else."""

from collections.abc import Iterable

from .method import Method
from .method_table import PLAIN_METHODS, ROLLUP_METHODS

OPENING = """\
# JSON-RPC methods

Generated from the method table (`sequencer/rpc/method_table.py`); a test compares. `POST /`, JSON-RPC 2.0, batches
allowed. Parameters are given by position; those in brackets may be left out. Blocks are named by number, by one of the
tags `latest`, `pending` (the open block), `safe`, `finalized`, `earliest`, and where a state is read also by hash or
EIP-1898 object.

| code | meaning |
|---|---|
| -32700, -32600, -32601 | no JSON, no JSON-RPC 2.0 request, no such method |
| -32602, -32603 | bad parameters (the message names the one), internal error |
| -32000 | execution failed other than by a revert |
| -32001 | the block that a state was asked of does not exist |
| -32002 | not available here or now: state pruned, node busy or without a pool, time limit reached |
| -32003 | transaction rejected by the pool; the message is the reason |
| -32005 | a limit of this node is exceeded: body, batch, log range, number of logs, proof slots, waiting requests |
| 3 | execution reverted; `data` is what was returned |
| 4, 5 | `eth_sendRawTransactionSync`: no receipt in time; will not be included (`data` is the hash) |
"""


def render_method_list() -> str:
    """The whole page."""
    extra = [row for row in ROLLUP_METHODS if row not in PLAIN_METHODS]
    return "\n".join(
        [
            OPENING,
            "## Every chain\n",
            _table(PLAIN_METHODS),
            "## Rollups only\n",
            _table(extra),
        ]
    )


def _table(rows: Iterable[Method]) -> str:
    lines = ["| method | parameters | what it gives |", "|---|---|---|"]
    for row in rows:
        names = [one.name if one.is_required else f"[{one.name}]" for one in row.parameters]
        lines.append(f"| `{row.name}` | {', '.join(names)} | {row.summary} |")
    return "\n".join(lines) + "\n"
