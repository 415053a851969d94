"""
Settings of the node's own processes. Precedence: flag, then `BRAID_*` in the environment, then the file.

What both chains agree on stands in `rollup.json` and is no setting; the batcher's and the proposer's own settings live
in their package. All problems are reported at once; private keys are no settings at all.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from l1_bridge.errors import CriticalError

EngineName = Literal["auto", "native", "parallel", "serial"]
CrossCheck = Literal["off", "auto", "native", "parallel", "serial"]
ClockName = Literal["system", "l1", "resume"]


class InvalidSettings(CriticalError):
    """Settings that can not be used; the message lists every problem."""


class NodeSettings(BaseSettings):
    """A node: sequencer, replica, or standalone chain."""

    model_config = SettingsConfigDict(env_prefix="BRAID_", extra="forbid", frozen=True)

    data_dir: Path = Field(description="where the chain is kept")
    genesis: Path = Field(description="genesis.json")
    rollup: Path | None = Field(None, description="rollup.json; none for a standalone chain")
    l1: str | None = Field(None, description="URL of an L1 node")
    l1_beacon: str | None = Field(None, description="URL of a beacon node, for batches in blobs; none: the L1 node's")
    l1_slot_seconds: int | None = Field(
        None, ge=1, description="seconds of an L1 slot; none: what the beacon node says, or slots are block numbers"
    )
    trust_l1_transactions_root: bool = Field(
        False, description="do not compare L1's transactions with their root: anvil's is wrong where blobs are"
    )
    l1_chain_config: Path | None = Field(None, description="L1 chain config; none: Prague from genesis")
    l1_confirmations: int = Field(0, ge=0, description="L1 blocks on top of an origin before it is built upon")
    l1_poll_seconds: float = Field(1.0, gt=0, description="how often L1's heads are read")
    sequencer_rpc: str | None = Field(None, description="RPC of the sequencer; a replica asks it for access lists")
    rpc_host: str = "127.0.0.1"
    rpc_port: int = Field(8546, ge=0, le=65535)
    admin_port: int = Field(0, ge=0, le=65535, description="metrics, health and admin, on loopback; 0: any free port")
    engine: EngineName = Field("auto", description="auto: native where the extension is installed, else parallel")
    workers: int = Field(2, ge=1, le=256, description="threads of the native engine, processes of the parallel one")
    cross_check: CrossCheck = Field("off", description="a second engine that must agree with the first; auto chooses")
    executor: str = Field(
        "processes", pattern=r"^(processes|ray(:.+)?)$", description="where workers run: processes, ray, or ray:ADDRESS"
    )
    redis: str = Field("auto", description="auto (embedded), off, or a URL")
    native_prefetch: bool = Field(
        False, description="the native engine runs on values from Redis while the store is asked for the same"
    )
    block_time_seconds: int = Field(2, ge=1, description="of a standalone chain; a rollup's is agreed")
    clock: ClockName = Field("system", description="l1: follow L1's time; resume: go on where the chain stands")
    late_seconds: float | None = Field(None, description="blocks later than this hold deposits alone")
    throttle_soft_bytes: int = Field(
        16_000_000, ge=0, description="transaction bytes not on L1 yet from which on blocks get smaller; 0: never"
    )
    throttle_hard_bytes: int = Field(64_000_000, ge=0, description="the same, from which on blocks are smallest")
    throttle_block_bytes: int = Field(130_000, gt=0, description="transaction bytes a block when throttling begins")
    throttle_least_block_bytes: int = Field(2_000, gt=0, description="transaction bytes that a block may always take")
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="after")
    def _rollup_has_l1(self) -> "NodeSettings":
        if (self.rollup is None) != (self.l1 is None):
            raise ValueError("a rollup needs both rollup and l1; a standalone chain has neither")
        if self.rollup is None and self.clock == "l1":
            raise ValueError("a standalone chain has no L1 whose clock it could follow")
        return self

    @model_validator(mode="after")
    def _cross_check_is_another_engine(self) -> "NodeSettings":
        if self.cross_check == self.engine != "auto":
            raise ValueError(f"cross_check needs another engine than {self.engine}, which is the first one already")
        return self

    @model_validator(mode="after")
    def _throttle_falls(self) -> "NodeSettings":
        if self.throttle_hard_bytes < self.throttle_soft_bytes:
            raise ValueError("throttle_hard_bytes is below throttle_soft_bytes")
        if self.throttle_least_block_bytes > self.throttle_block_bytes:
            raise ValueError("throttle_least_block_bytes is above throttle_block_bytes")
        return self

    @property
    def is_standalone(self) -> bool:
        """Whether this is a chain with plain rules and none above it."""
        return self.rollup is None


S = TypeVar("S", bound=BaseSettings)


def load_settings(settings: type[S], flags: Mapping[str, object], file: Path | None = None) -> S:
    """
    Settings from flags (None means not given), environment and a TOML file; raise InvalidSettings with all problems.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        from_file = {} if file is None else tomllib.loads(file.read_text())
    except (OSError, tomllib.TOMLDecodeError) as reason:
        raise InvalidSettings(f"{file}: {reason}") from None
    try:
        from_environment = _environment(settings)
        return settings(**{**from_file, **from_environment, **given})
    except ValidationError as problems:
        lines = [f"{'.'.join(map(str, error['loc'])) or 'settings'}: {error['msg']}" for error in problems.errors()]
        raise InvalidSettings("; ".join(lines)) from None


def _environment(settings: type[S]) -> dict[str, object]:
    """What the environment says for the fields of `settings`, as text: pydantic converts and checks it."""
    import os

    prefix = settings.model_config.get("env_prefix", "")
    names = {f"{prefix}{name}".upper(): name for name in settings.model_fields}
    return {name: os.environ[variable] for variable, name in names.items() if variable in os.environ}
