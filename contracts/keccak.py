"""
Keccak-256, the hash of both chains: the only door to `eth_hash`.

`eth_hash` by itself takes pycryptodome where both are installed, which needs seven times as long a call as pysha3; so
the choice is made here, before the first use. The environment may choose otherwise.
"""

import os

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

from eth_hash.auto import keccak

__all__ = ["keccak"]
