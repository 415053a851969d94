"""
L2 blocks to L1 bytes and back.

`codec` is the wire format, pure and symmetric; `channel_manager` decides which
blocks travel in which channel; `submitter` and `proposer` are the two services
that write to L1 on behalf of the rollup.
"""
