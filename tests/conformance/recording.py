"""
A run's chain as a file for the quick suite, in the format of `tests/vectors/op`: L1 as it was, and L2 as op-node and
op-geth know it. What our own nodes say of it is not in it.
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from .beacon_front import read_blobs_or_none
from .json_rpc import JsonRpc
from .l1_reorg import L1Entry, read_l1
from .postings import BLOB_TYPE
from .scene import Scene, Settled

Blobs = dict[str, str]
"""By versioned hash."""


def record_vector(file: Path, scene: Scene, settled: Settled, l1_forks: Sequence[Sequence[L1Entry]]) -> None:
    """Write L1 from the chain's anchor on, what reorgs took from it, its blobs, and every safe block."""
    chain = scene.chain
    l1 = read_l1(scene.l1, chain.l1_anchor(), settled.l1)
    content = {
        "rollup": json.loads(chain.rollup.read_text()),
        "genesis": json.loads(chain.genesis.read_text()),
        "l1_chain": json.loads(chain.l1_chain.read_text()),
        "l1": l1,
        "l1_forks": l1_forks,
        "blobs": _read_blobs(scene, l1),
        "l2": _read_l2(scene.peers.op_geth, scene.peers.op_node, settled.l2),
        "safe_l2": settled.l2,
        "safe_from_l1": settled.l1,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(json.dumps(content, separators=(",", ":")).encode(), mtime=0))


def _read_blobs(scene: Scene, l1: Sequence[L1Entry]) -> Blobs:
    """All blobs that L1 holds now; those of replaced blocks came back in others."""
    blobs: Blobs = {}
    for entry in l1:
        block = entry["block"]
        assert isinstance(block, Mapping)
        for transaction in block["transactions"]:
            hashes = transaction["blobVersionedHashes"] if transaction["type"] == BLOB_TYPE else []
            found = read_blobs_or_none(scene.l1.url, scene.session, int(block["number"], 16), hashes)
            assert found is not None, f"L1 does not give the blobs of its block {block['number']}"
            blobs.update(zip(hashes, found, strict=True))
    return blobs


def _read_l2(op_geth: JsonRpc, op_node: JsonRpc, last: int) -> list[Mapping[str, object]]:
    """Every block to `last`: encodings from op-geth, hash and output root from op-node."""
    numbers = [(hex(number),) for number in range(last + 1)]
    blocks, receipts = (op_geth.get_all(method, numbers) for method in ("debug_getRawBlock", "debug_getRawReceipts"))
    entries: list[Mapping[str, object]] = []
    for number in range(last + 1):
        output = op_node.ask("optimism_outputAtBlock", hex(number))
        assert isinstance(output, Mapping)
        entries.append(
            {
                "number": number,
                "hash": output["blockRef"]["hash"],
                "block": blocks[number],
                "receipts": receipts[number],
                "output_root": output["outputRoot"],
            }
        )
    return entries
