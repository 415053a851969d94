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
from batcher.codec.frame import MAX_FRAME_DATA_BYTES


class BatcherSettings(BaseSettings):
    """`BRAID_BATCHER_*`: how blocks are posted."""

    model_config = SettingsConfigDict(env_prefix="BRAID_BATCHER_", frozen=True, extra="forbid")

    l2_rpc_url: str = Field(default="http://127.0.0.1:8546", description="JSON-RPC of the node whose blocks are posted")
    request_timeout_seconds: float = Field(default=10.0, gt=0, description="longest wait for an answer of the node")
    poll_seconds: float = Field(default=1.0, gt=0, description="pause when there is nothing to do")
    max_frame_data_bytes: int = Field(
        default=120_000, gt=0, le=MAX_FRAME_DATA_BYTES, description="data of one transaction"
    )
    target_channel_bytes: int = Field(default=480_000, gt=0, description="compressed size at which a channel closes")
    max_channel_duration_l1_blocks: int = Field(default=1, ge=0, description="age at which a channel closes")
    safety_margin_l1_blocks: int = Field(default=10, ge=0, description="how much before a deadline to act")
    max_in_flight: int = Field(default=16, gt=0, description="transactions not yet confirmed")
    max_held_blocks: int = Field(default=50_000, gt=0, description="L2 blocks kept until they are safe")
    max_blocks_a_step: int = Field(default=100, gt=0, description="L2 blocks read in one step")

    def make_limits(self, sequencing_window_l1_blocks: int, channel_timeout_l1_blocks: int) -> ChannelLimits:
        """Limits of the channel manager, with what `rollup.json` says; the margin shrinks for short windows."""
        shortest = min(sequencing_window_l1_blocks, channel_timeout_l1_blocks)
        return ChannelLimits(
            max_frame_data_bytes=self.max_frame_data_bytes,
            target_bytes=self.target_channel_bytes,
            max_duration_l1_blocks=self.max_channel_duration_l1_blocks,
            channel_timeout_l1_blocks=channel_timeout_l1_blocks,
            sequencing_window_l1_blocks=sequencing_window_l1_blocks,
            safety_margin_l1_blocks=min(self.safety_margin_l1_blocks, shortest // 2),
        )

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
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
    head: ProposedHead = Field(default=ProposedHead.SAFE, description="propose up to this head")


class WatcherSettings(BaseSettings):
    """`BRAID_WATCHER_*`: how posted outputs are watched."""

    model_config = SettingsConfigDict(env_prefix="BRAID_WATCHER_", frozen=True, extra="forbid")

    request_timeout_seconds: float = Field(default=10.0, gt=0, description="longest wait for an answer of the replica")
    poll_seconds: float = Field(default=2.0, gt=0, description="pause when every output is judged")
    alert_seconds: float = Field(default=30.0, gt=0, description="longest time that the alert command may take")
