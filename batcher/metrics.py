"""Metrics of the batcher, the proposer and the watcher, all of them, zeroed at start."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class BatcherMetrics:
    """What the submitter tells about itself."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.loaded_blocks = Counter("braid_batcher_loaded_blocks", "L2 blocks read from the node", registry=registry)
        self.submitted_transactions = Counter(
            "braid_batcher_submitted_transactions", "Transactions handed to the sender", registry=registry
        )
        self.submitted_bytes = Counter(
            "braid_batcher_submitted_bytes", "Data of the transactions handed to the sender", registry=registry
        )
        self.submitted_blobs = Counter(
            "braid_batcher_submitted_blobs", "Blobs of the transactions handed to the sender", registry=registry
        )
        self.confirmed_transactions = Counter(
            "braid_batcher_confirmed_transactions", "Transactions reported to stand on L1", registry=registry
        )
        self.failed_transactions = Counter(
            "braid_batcher_failed_transactions", "Transactions that will not stand on L1", registry=registry
        )
        self.restarts = Counter(
            "braid_batcher_restarts",
            "Starts from the safe head: the first, and after reorgs",
            ["reason"],
            registry=registry,
        )
        for reason in ("start", "l2_reorg", "safe_head"):
            self.restarts.labels(reason)
        self.requeued_channels = Gauge(
            "braid_batcher_requeued_channels", "Channels given up and posted again since start", registry=registry
        )
        self.in_flight_transactions = Gauge(
            "braid_batcher_in_flight_transactions", "Transactions without a known outcome", registry=registry
        )
        self.held_blocks = Gauge("braid_batcher_held_blocks", "L2 blocks not known to be safe", registry=registry)
        self.unposted_bytes = Gauge(
            "braid_batcher_unposted_bytes", "Transactions of blocks that do not stand on L1", registry=registry
        )
        self.tip_block_number = Gauge(
            "braid_batcher_tip_block_number", "Newest L2 block taken into a channel or the queue", registry=registry
        )


class ProposerMetrics:
    """What the proposer tells about itself."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.submitted_outputs = Counter(
            "braid_proposer_submitted_outputs", "Outputs handed to the sender", registry=registry
        )
        self.confirmed_outputs = Counter(
            "braid_proposer_confirmed_outputs", "Outputs reported to stand on L1", registry=registry
        )
        self.failed_outputs = Counter(
            "braid_proposer_failed_outputs", "Output transactions that will not stand on L1", registry=registry
        )
        self.next_block_number = Gauge(
            "braid_proposer_next_block_number", "L2 block of which the oracle wants the output next", registry=registry
        )


class WatcherMetrics:
    """What the watcher tells about itself."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.checked_outputs = Counter(
            "braid_watcher_checked_outputs", "Posted outputs that were derived again and judged", registry=registry
        )
        self.wrong_outputs = Counter(
            "braid_watcher_wrong_outputs", "Posted outputs that derivation contradicts", registry=registry
        )
        self.standing_wrong_outputs = Gauge(
            "braid_watcher_standing_wrong_outputs", "Wrong outputs that stand on L1 now", registry=registry
        )
        self.deletions = Counter("braid_watcher_deletions", "Deletions that L1 confirmed", registry=registry)
        self.next_output_index = Gauge(
            "braid_watcher_next_output_index", "Index of the output that is judged next", registry=registry
        )
