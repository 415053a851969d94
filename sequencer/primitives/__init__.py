"""Values of the L2 chain: transactions, receipts, headers, blocks, genesis. No I/O, no clock of its own."""
