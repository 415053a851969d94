"""The batcher's admin port: metrics, health, and what an operator changes while it runs."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

import structlog

from batcher.channel_policy import DataChoice, PolicyChooser
from batcher.submitter import BatchSubmitter
from l1_bridge.tx_manager import TransactionManager
from sequencer.rpc.admin import AdminServer
from sequencer.rpc.admin_batcher import batcher_operations
from sequencer.rpc.operations import Operations

from .admin_port import serve_admin

log = structlog.get_logger(__name__)


class BatcherControl:
    """Implements `BatcherSwitch` over the parts of one batcher; also says why it is not ready."""

    name = "batcher"

    def __init__(self, submitter: BatchSubmitter, sender: TransactionManager, chooser: PolicyChooser) -> None:
        self._submitter = submitter
        self._sender = sender
        self._chooser = chooser

    @property
    def is_paused(self) -> bool:
        """It hands nothing new to L1; what it handed over is followed to its end."""
        return self._submitter.is_paused

    @is_paused.setter
    def is_paused(self, value: bool) -> None:
        self._submitter.is_paused = value
        log.info("batcher_switched", is_paused=value)

    def problem(self) -> str | None:
        """Why it does not do its work; None when it does."""
        return "paused by an operator" if self.is_paused else None

    def flush(self) -> None:
        """Hand over everything that was read with the next step."""
        self._submitter.is_flush_wanted = True

    def set_data_type(self, name: str) -> None:
        """For the channels that are opened from now on; raises ValueError."""
        names = ", ".join(DataChoice)
        if name not in tuple(DataChoice):
            raise ValueError(f"{name!r} is none of {names}")
        choice = DataChoice(name)
        if choice is not DataChoice.CALLDATA and not self._chooser.has_blobs:
            raise ValueError("the L1 chain config schedules no blobs")
        self._chooser.choice = choice
        log.info("data_type_changed", data_type=name)

    def set_fee_limits(self, max_fee_wei: int, max_blob_fee_wei: int) -> None:
        """For everything that is sent from now on, fee bumps included; raises ValueError."""
        if not (max_fee_wei and max_blob_fee_wei):
            raise ValueError("a limit of 0 would send nothing: pause instead")
        self._sender.set_fee_limits(max_fee_wei, max_blob_fee_wei)
        log.info("fee_limits_changed", max_fee_wei=max_fee_wei, max_blob_fee_wei=max_blob_fee_wei)

    def status(self) -> Mapping[str, object]:
        """Where batcher and account stand; wei as hex quantities, since JSON numbers are too small."""
        account = self._sender.status()
        policy = self._chooser.choose()
        return {
            "paused": self.is_paused,
            "dataType": self._chooser.choice,
            "nextChannel": policy.data_type,
            "batchType": policy.batch_type,
            "compression": policy.compression.value,
            "heldBlocks": self._submitter.held_blocks,
            "account": "0x" + account.address.hex(),
            "queued": account.queued,
            "inFlight": account.in_flight,
            "maxFee": hex(account.max_fee_limit),
            "maxBlobFee": hex(account.max_blob_fee_limit),
            "urgency": account.urgency,
            "balance": None if account.balance_wei is None else hex(account.balance_wei),
            "runwayHours": account.runway_hours,
            "lastRefusal": account.last_refusal,
        }


def serve_batcher_admin(control: BatcherControl, port: int) -> AbstractAsyncContextManager[AdminServer]:
    """Listen on loopback; raises PortInUse."""
    return serve_admin(port, [control], Operations(batcher_operations(control)))
