"""
Settings of the batcher, the proposer and the watcher: what an operator may choose.

What both chains agree on (inbox address, sequencing window, ...) is no setting;
it comes from `rollup.json`.
"""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from batcher.channel_manager import ChannelLimits
from batcher.channel_policy import (
    MAX_BLOB_FRAME_DATA_BYTES,
    BatchType,
    ChannelPolicy,
    DataChoice,
    DataType,
    PolicyChooser,
)
from batcher.codec.compression import Compression
from batcher.codec.frame import FRAME_OVERHEAD_BYTES, MAX_FRAME_DATA_BYTES
from l1_bridge.errors import CriticalError

MAX_POOL_TRANSACTION_BYTES = 128 * 1024
"""What a pool of L1 takes."""

TRANSACTION_OVERHEAD_BYTES = 512
"""Of a transaction, at most all but its data."""


class NoBlobsOnL1(CriticalError):
    """Blobs are asked for, and the L1 chain config schedules none."""

    def __init__(self) -> None:
        super().__init__("data_availability is blobs, but the L1 chain config schedules none")


class BatcherSettings(BaseSettings):
    """`BRAID_BATCHER_*`: how blocks are posted."""

    model_config = SettingsConfigDict(env_prefix="BRAID_BATCHER_", frozen=True, extra="forbid")

    l2_rpc_url: str = Field(default="http://127.0.0.1:8546", description="JSON-RPC of the node whose blocks are posted")
    request_timeout_seconds: float = Field(default=10.0, gt=0, description="longest wait for an answer of the node")
    poll_seconds: float = Field(default=1.0, gt=0, description="pause when there is nothing to do")
    admin_port: int = Field(
        default=0, ge=0, le=65535, description="metrics, health and admin, on loopback; 0: any free port"
    )
    batch_type: BatchType = Field(default=BatchType.SINGULAR, description="singular, or span: all blocks in one batch")
    compression: Compression = Field(default=Compression.ZLIB, description="zlib, brotli-9, brotli-10 or brotli-11")
    data_availability: DataChoice = Field(
        default=DataChoice.CALLDATA, description="calldata, blobs, or auto: the cheaper one for each channel"
    )
    max_frame_data_bytes: int = Field(
        default=120_000, gt=0, le=MAX_FRAME_DATA_BYTES, description="data of a frame in calldata; a blob's is filled"
    )
    target_frames: int = Field(default=4, gt=0, le=1_000, description="frames of a channel, which it does not exceed")
    frames_per_transaction: int = Field(default=1, gt=0, description="frames in the calldata of one transaction")
    blobs_per_transaction: int = Field(default=6, gt=0, description="blobs of a transaction, as far as L1 takes them")
    max_channel_duration_l1_blocks: int = Field(default=1, ge=0, description="age at which a channel closes")
    safety_margin_l1_blocks: int = Field(default=10, ge=0, description="how much before a deadline to act")
    max_in_flight: int = Field(default=16, gt=0, description="transactions not yet confirmed")
    max_held_blocks: int = Field(default=50_000, gt=0, description="L2 blocks kept until they are safe")
    max_blocks_a_step: int = Field(default=100, gt=0, description="L2 blocks read in one step")

    urgent_backlog_bytes: int = Field(
        default=8_000_000, ge=0, description="transactions that L1 does not hold; more of them may cost more"
    )
    most_urgent_backlog_bytes: int = Field(
        default=64_000_000, gt=0, description="the same, from which on all is as urgent as can be"
    )

    def make_limits(self, sequencing_window_l1_blocks: int, channel_timeout_l1_blocks: int) -> ChannelLimits:
        """Limits of the channel manager, with what `rollup.json` says; the margin shrinks for short windows."""
        shortest = min(sequencing_window_l1_blocks, channel_timeout_l1_blocks)
        return ChannelLimits(
            max_duration_l1_blocks=self.max_channel_duration_l1_blocks,
            channel_timeout_l1_blocks=channel_timeout_l1_blocks,
            sequencing_window_l1_blocks=sequencing_window_l1_blocks,
            safety_margin_l1_blocks=min(self.safety_margin_l1_blocks, shortest // 2),
        )

    def make_chooser(self, max_blobs: int, *, has_calldata_floor: bool = True) -> PolicyChooser:
        """
        How channels are written.

        Parameters
        ----------
        max_blobs :
            Blobs that L1 takes in one transaction, as far as is known before its head is; 0: never any, then auto
            means calldata.
        has_calldata_floor :
            Whether L1 asks for the price of EIP-7623.

        Raises
        ------
        NoBlobsOnL1
            Blobs are asked for.
        """
        if max_blobs == 0 and self.data_availability is DataChoice.BLOBS:
            raise NoBlobsOnL1
        calldata = ChannelPolicy(
            DataType.CALLDATA,
            self.batch_type,
            self.compression,
            self.max_frame_data_bytes,
            target_bytes=self.target_frames * self.max_frame_data_bytes,
            frames_per_transaction=self.frames_per_transaction,
        )
        blobs = ChannelPolicy(
            DataType.BLOBS,
            self.batch_type,
            self.compression,
            MAX_BLOB_FRAME_DATA_BYTES,
            target_bytes=self.target_frames * MAX_BLOB_FRAME_DATA_BYTES,
            frames_per_transaction=self.blobs_per_transaction,
        )
        choice = self.data_availability if max_blobs else DataChoice.CALLDATA
        return PolicyChooser(calldata, blobs, choice, max_blobs=max_blobs, has_calldata_floor=has_calldata_floor)

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        frames = self.frames_per_transaction
        transaction_bytes = 1 + frames * (self.max_frame_data_bytes + FRAME_OVERHEAD_BYTES)
        if frames > 1 and transaction_bytes + TRANSACTION_OVERHEAD_BYTES > MAX_POOL_TRANSACTION_BYTES:
            raise ValueError(f"{frames} frames of max_frame_data_bytes are more than L1's pools take in a transaction")
        if self.urgent_backlog_bytes >= self.most_urgent_backlog_bytes:
            raise ValueError("urgent_backlog_bytes is not below most_urgent_backlog_bytes")
        if self.max_blocks_a_step > self.max_held_blocks:
            raise ValueError("max_blocks_a_step is above max_held_blocks")
        return self


class ProposedHead(StrEnum):
    """Which head a block must be at or below before its output is proposed."""

    SAFE = "safe"
    FINALIZED = "finalized"


class ProposerSettings(BaseSettings):
    """`BRAID_PROPOSER_*`: how outputs are posted."""

    model_config = SettingsConfigDict(env_prefix="BRAID_PROPOSER_", frozen=True, extra="forbid")

    l2_rpc_url: str = Field(
        default="http://127.0.0.1:8546", description="JSON-RPC of the node whose outputs are posted"
    )
    request_timeout_seconds: float = Field(default=10.0, gt=0, description="longest wait for an answer of the node")
    poll_seconds: float = Field(default=2.0, gt=0, description="pause when there is nothing to do")
    admin_port: int = Field(default=0, ge=0, le=65535, description="metrics and health, on loopback; 0: any free port")
    head: ProposedHead = Field(default=ProposedHead.SAFE, description="propose up to this head")


class WatcherSettings(BaseSettings):
    """`BRAID_WATCHER_*`: how posted outputs are watched."""

    model_config = SettingsConfigDict(env_prefix="BRAID_WATCHER_", frozen=True, extra="forbid")

    request_timeout_seconds: float = Field(default=10.0, gt=0, description="longest wait for an answer of the replica")
    poll_seconds: float = Field(default=2.0, gt=0, description="pause when every output is judged")
    alert_seconds: float = Field(default=30.0, gt=0, description="longest time that the alert command may take")
