"""
The Braid node: orders transactions, executes them in parallel, seals blocks, and derives the same blocks back from L1.

Layers, lowest first (each knows only those before it):
primitives, state, execution, chain | mempool, sequencing | derivation, rpc, config, node, cli.
"""
