"""Addresses that the protocol itself names on L2 (specs, predeploys.md)."""

L1_ATTRIBUTES_DEPOSITOR = bytes.fromhex("deaddeaddeaddeaddeaddeaddeaddeaddead0001")
"""Sender of each block's first transaction; no key exists for it."""

SEQUENCER_FEE_VAULT = bytes.fromhex("4200000000000000000000000000000000000011")
"""Fee recipient of every block: takes the priority fees."""

L1_BLOCK = bytes.fromhex("4200000000000000000000000000000000000015")
"""Holds the L1 attributes; the engine reads fee parameters from its storage."""

MESSAGE_PASSER = bytes.fromhex("4200000000000000000000000000000000000016")
"""`L2ToL1MessagePasser`: its storage root is each header's `withdrawalsRoot`."""

BASE_FEE_VAULT = bytes.fromhex("4200000000000000000000000000000000000019")
"""Takes the base fees."""

L1_FEE_VAULT = bytes.fromhex("420000000000000000000000000000000000001a")
"""Takes the L1 data fees."""

OPERATOR_FEE_VAULT = bytes.fromhex("420000000000000000000000000000000000001b")
"""Takes the operator fees (Isthmus)."""

BEACON_ROOTS = bytes.fromhex("000f3df6d732807ef1319fb7b8bb8522d0beac02")
"""EIP-4788 system contract."""

HISTORY_STORAGE = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")
"""EIP-2935 system contract."""

SYSTEM_ADDRESS = bytes.fromhex("fffffffffffffffffffffffffffffffffffffffe")
"""Caller of system contracts before a block's first transaction."""
