"""The L1 side of the chains that op-node made, for the tests of this room."""

import functools
import gzip
import json
from collections.abc import Mapping
from pathlib import Path

VECTORS = Path(__file__).parents[2] / "vectors" / "op"


@functools.cache
def load_chain(name: str) -> Mapping[str, object]:
    """The content of `<name>.json.gz`; read only, shared between tests."""
    content: Mapping[str, object] = json.loads(gzip.decompress((VECTORS / f"{name}.json.gz").read_bytes()))
    return content
