"""
What others wrote down of plain Ethereum, run through any engine: state tests, blockchain tests, blocks of mainnet.

The fixtures are those of `ethereum/tests` and `execution-spec-tests`. Nothing here is part of a node.
"""
