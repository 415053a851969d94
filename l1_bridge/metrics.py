"""What the L1 side of a process counts; labels are bounded sets."""

from prometheus_client import Counter, Gauge

L1_REQUESTS = Counter("braid_l1_bridge_requests", "JSON-RPC calls sent to L1, alone or in a batch.", ["method"])
"""By method, from the fixed list of methods that the client uses."""

L1_BATCHES = Counter("braid_l1_bridge_batches", "Requests to L1 that held several calls.", ["outcome"])
"""answered; refused: its calls were made again one by one; failed: no answer."""

L1_FAILURES = Counter("braid_l1_bridge_failures", "Requests to L1 that gave nothing usable.", ["kind"])
"""unavailable: no answer or not JSON-RPC; refused: a JSON-RPC error; lied: data that does not hash to its claim;
pruned: a part of L1's past that the node does not have any more."""

L1_HEAD = Gauge("braid_l1_bridge_head_blocks", "Number of the L1 block under each tag.", ["tag"])
"""latest, safe, finalized."""

L1_REORGS = Counter("braid_l1_bridge_reorgs", "Times that L1's latest block did not extend the one held.")

L1_TRANSACTIONS = Counter("braid_l1_bridge_transactions", "L1 transactions of ours, by what became of them.", ["event"])
"""
sent, resent (fee bumped), reorged (mined, then no longer), confirmed, failed, cancelled (its nonce used by nothing),
filled (a nonce that nobody used), foreign (somebody else sent from the account).
"""

L1_IN_FLIGHT = Gauge("braid_l1_bridge_in_flight_transactions", "L1 transactions sent and not yet confirmed.")
L1_QUEUED = Gauge("braid_l1_bridge_queued_transactions", "L1 transactions asked for and not yet sent.")
L1_CAPPED = Gauge("braid_l1_bridge_capped_transactions", "L1 transactions that the fee limits keep from being mined.")
L1_URGENCY = Gauge("braid_l1_bridge_urgency", "How urgent our L1 transactions are, from 0 to 1.")
L1_SPENT = Counter("braid_l1_bridge_spent_wei", "Fees of our L1 transactions, as their receipts say.")
L1_BALANCE = Gauge("braid_l1_bridge_balance_wei", "Balance of the account that sends to L1.")
L1_RUNWAY = Gauge("braid_l1_bridge_runway_hours", "Hours that the balance lasts at what was spent lately.")

for _kind in ("unavailable", "refused", "lied", "pruned"):
    L1_FAILURES.labels(_kind)
for _outcome in ("answered", "refused", "failed"):
    L1_BATCHES.labels(_outcome)
for _tag in ("latest", "safe", "finalized"):
    L1_HEAD.labels(_tag)
for _event in ("sent", "resent", "reorged", "confirmed", "failed", "cancelled", "filled", "foreign"):
    L1_TRANSACTIONS.labels(_event)
