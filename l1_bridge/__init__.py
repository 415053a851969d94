"""
What the two chains agree on, and how L1 is read and written.

The lowest package: rollup config, deposits, config updates, withdrawals and
output roots are the agreement (pure functions over values); the L1 client, the
head tracker and the transaction manager are the way to L1. It knows nothing of
L2 but hashes.
"""
