"""Sequencing: the source of blocks that we choose ourselves. Origin selection, the slice loop, the block loop."""
