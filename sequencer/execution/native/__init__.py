"""The native engine: revm with parallel slices, behind the same interface as the engines on py-evm."""
