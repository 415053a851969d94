"""
The batch submission wire format, both directions (derivation.md, "Batch Submission Wire Format").

    L2 block -> batch -> RLP string -> compressed channel -> frames -> transaction data

Pure: no I/O, clock or randomness. Every decoder is bounded in time and memory
by the length of its input and by the constants of the protocol. What is
written here is read here.
"""
