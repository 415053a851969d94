"""The chain: blocks, heads, import and unwind, on one thread; and the attributes that begin every block."""
