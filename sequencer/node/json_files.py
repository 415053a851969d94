"""JSON files of the configuration: read whole or refused with their name, written whole or not at all."""

import json
from collections.abc import Mapping
from pathlib import Path

from l1_bridge.errors import CriticalError


class UnusableFile(CriticalError):
    """A file of the configuration that can not be read, or holds something else than one JSON object."""


def read_json_object(path: Path) -> dict[str, object]:
    """The object in the file; raise UnusableFile."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as reason:
        raise UnusableFile(f"{path}: {reason}") from None
    if not isinstance(content, dict):
        raise UnusableFile(f"{path} holds no JSON object")
    return content


def write_json_object(path: Path, content: Mapping[str, object]) -> None:
    """Write the file; a reader sees the old one or the new one."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(content, indent=2) + "\n")
    temporary.replace(path)
