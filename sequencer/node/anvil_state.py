"""
anvil's file of its chain, made fit to be started from.

Each anvil that starts has a genesis of its own, and writes it beside the one that it read; blocks that a reorg took out
stay in the file too. Of several blocks at one height the next start takes any. So before a start those that are not
ancestors of the newest block are taken out.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from contracts.keccak import keccak
from l1_bridge.json_fields import MalformedField, get_bytes, get_integer, get_list, get_object, get_quantity
from l1_bridge.l1_header import encode_header

from .json_files import read_json_object


def keep_one_chain(state: Path) -> None:
    """Rewrite the file with one block a height; one that is absent or of another form is left as it is."""
    if not state.exists():
        return
    content = read_json_object(state)
    try:
        chain = _find_chain(content)
    except MalformedField:
        return
    if len(chain) != len(get_list(content, "blocks")):
        fresh = state.with_suffix(".fresh")
        fresh.write_text(json.dumps({**content, "blocks": chain}))
        fresh.replace(state)


def _find_chain(content: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The newest block and its ancestors, newest first; all blocks there are when the newest is not among them."""
    blocks: dict[bytes, Mapping[str, object]] = {}
    for block in get_list(content, "blocks"):
        if not isinstance(block, Mapping):
            raise MalformedField("blocks", "an entry is not an object")
        blocks[keccak(encode_header(get_object(block, "header")))] = block
    best = get_integer(content, "best_block_number")
    tips = [block for block in blocks.values() if _number(block) == best]
    if not tips:
        return list(blocks.values())
    tip = max(tips, key=lambda block: get_quantity(get_object(block, "header"), "timestamp"))
    chain = [tip]
    while (parent := blocks.get(get_bytes(get_object(chain[-1], "header"), "parentHash", 32))) is not None:
        chain.append(parent)
    return chain


def _number(block: Mapping[str, object]) -> int:
    return get_quantity(get_object(block, "header"), "number")
