"""
The protocol's contracts: Solidity sources, their compiled artifacts, and where they stand on both chains.

Lowest of all packages: it knows bytes and addresses, no client, no transaction type and no chain. `build.py` makes the
artifacts; `genesis` and `deployment` say what a genesis holds and which L1 transactions put the same thing onto a chain
that already runs.
"""

from contracts.artifact import abi, bytecode, deployed_bytecode, method_identifiers

__all__ = ["abi", "bytecode", "deployed_bytecode", "method_identifiers"]
