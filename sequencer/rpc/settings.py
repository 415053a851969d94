"""Limits and choices of the RPC server; each node may set its own, none of them is part of the chain's agreement."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RpcSettings:
    """Bounds on what one request may cost. Seconds for time, wei for fees."""

    max_body_bytes: int = 5 * 1024 * 1024
    """Larger bodies are refused before they are read; what op-geth's default is too."""
    max_batch_size: int = 1000
    """Requests in one JSON-RPC batch."""
    max_response_bytes: int = 32 * 1024 * 1024
    """Answers of one batch together; the calls after it get an error."""
    batch_concurrency: int = 16
    """Requests of one batch that run at once, so that one caller can not fill the reader threads' queue."""
    batch_timeout_seconds: float = 30.0
    """Calls of one batch that did not begin by then are refused."""
    body_timeout_seconds: float = 30.0
    """A body that takes longer to arrive is given up."""
    reader_threads: int = 4
    """Threads for reads of the store."""
    caller_threads: int = 2
    """Threads for `eth_call` and `eth_estimateGas`, apart from the readers so that calls never starve reads."""
    max_waiting_jobs: int = 1024
    """Jobs in each pool, running or waiting; more are refused at once."""
    read_timeout_seconds: float = 10.0
    call_timeout_seconds: float = 5.0
    """Same default as geth's `--rpc.evmtimeout`."""
    call_gas_cap: int = 50_000_000
    """Gas that one call may use; same default as geth's `--rpc.gascap`."""
    max_log_range_blocks: int = 10_000
    max_logs: int = 20_000
    """Logs in one answer."""
    max_fee_history_blocks: int = 1024
    max_proof_slots: int = 1024
    minimum_tip_wei: int = 1_000_000
    """What `eth_maxPriorityFeePerGas` suggests while blocks are not full."""
    sync_timeout_seconds: float = 2.0
    """How long `eth_sendRawTransactionSync` waits when the caller names no time (EIP-7966)."""
    max_sync_timeout_seconds: float = 20.0
    max_sync_waiters: int = 10_000
    preconfirmed_receipts: bool = False
    """Whether `eth_getTransactionReceipt` answers for transactions of the open block too."""
    cors_origins: tuple[str, ...] = ()
    """Web origins that browsers may call from ("*": all); empty: none."""
    client_version: str = "braid/0.1.0/python"
