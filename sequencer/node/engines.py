"""Which engine executes, by name."""

from sequencer.config import NodeSettings
from sequencer.execution.interface import Engine
from sequencer.execution.serial import SerialEngine


def choose_engine(settings: NodeSettings, chain_id: int, redis_url: str | None) -> Engine:
    """The engine that the settings ask for."""
    return SerialEngine()
