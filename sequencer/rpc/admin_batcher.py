"""`admin_` methods of a batcher, on its operator's port alone; start, stop and flush are named as op-batcher's."""

from collections.abc import Mapping
from typing import Protocol

from .errors import InvalidParameters
from .operations import Operation
from .parameters import Malformed, read_quantity


class BatcherSwitch(Protocol):
    """What an operator may change while a batcher runs."""

    is_paused: bool
    """It hands nothing new to L1."""

    def flush(self) -> None:
        """Hand over everything that was read, as soon as possible."""
        ...

    def set_data_type(self, name: str) -> None:
        """Calldata, blobs or auto, for the channels that are opened from now on; raises ValueError."""
        ...

    def set_fee_limits(self, max_fee_wei: int, max_blob_fee_wei: int) -> None:
        """What is never exceeded, per gas and per blob gas; raises ValueError."""
        ...

    def status(self) -> Mapping[str, object]:
        """Where it stands, ready for JSON."""
        ...


def batcher_operations(switch: BatcherSwitch) -> Mapping[str, Operation]:
    """The table for one batcher; every operation but a flush answers with the new status."""

    def pause(parameters: list[object]) -> object:
        _require(parameters)
        switch.is_paused = True
        return switch.status()

    def resume(parameters: list[object]) -> object:
        _require(parameters)
        switch.is_paused = False
        return switch.status()

    def flush(parameters: list[object]) -> object:
        _require(parameters)
        switch.flush()
        return None

    def status(parameters: list[object]) -> object:
        _require(parameters)
        return switch.status()

    def set_data_type(parameters: list[object]) -> object:
        (name,) = _require(parameters, "data type")
        if not isinstance(name, str):
            raise InvalidParameters("data type: not a string")
        try:
            switch.set_data_type(name)
        except ValueError as reason:
            raise InvalidParameters(f"data type: {reason}") from None
        return switch.status()

    def set_fee_limits(parameters: list[object]) -> object:
        fee, blob_fee = _require(parameters, "max fee", "max blob fee")
        try:
            switch.set_fee_limits(read_quantity(fee), read_quantity(blob_fee))
        except (Malformed, ValueError) as reason:
            raise InvalidParameters(f"fee limits: {reason}") from None
        return switch.status()

    return {
        "admin_stopBatcher": pause,
        "admin_startBatcher": resume,
        "admin_flushBatcher": flush,
        "admin_batcherStatus": status,
        "admin_setDataType": set_data_type,
        "admin_setFeeLimits": set_fee_limits,
    }


def _require(parameters: list[object], *names: str) -> list[object]:
    if len(parameters) != len(names):
        raise InvalidParameters(f"{len(parameters)} values, it takes {len(names)}: {', '.join(names) or 'nothing'}")
    return parameters
