"""
The door to the Rust extension: the hot path of store, trie, sender recovery and execution.

The extension is optional. Where no Rust toolchain was at installation it is absent, and py-evm and the Python store
serve; `extension` is then None and `absence` says why. Nobody else imports the extension's module.
"""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

PURE_PYTHON_VARIABLE = "BRAID_PURE_PYTHON"
"""Set to 1, it leaves the extension out although it is there: to compare, and to test what serves without it."""


PURGE_DELAY_MS = 1_000
"""How long the extension's allocator keeps what is free before the system gets it back: a block frees what the next one
needs, and pages that come anew have to be cleared. `MIMALLOC_PURGE_DELAY` in the environment overrides it."""


def _load() -> tuple[ModuleType | None, str]:
    if os.environ.get(PURE_PYTHON_VARIABLE, "") not in ("", "0"):
        return None, f"{PURE_PYTHON_VARIABLE} is set"
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", str(PURGE_DELAY_MS))
    try:
        return importlib.import_module("sequencer.native.extension"), ""
    except ModuleNotFoundError:
        return None, _why_not_found()
    except ImportError as reason:
        return None, f"it does not load: {reason}"


def _why_not_found() -> str:
    others = sorted(path.name for path in Path(__file__).parent.glob("extension.*") if path.suffix in (".so", ".pyd"))
    if not others:
        return "it was not built: no Rust toolchain (cargo) at installation"
    return f"it was built for another Python than {sys.implementation.cache_tag}: {', '.join(others)}"


extension, absence = _load()
"""The extension's module, or None; and why it is absent (empty where it is there)."""


def is_available() -> bool:
    """Whether the extension is loaded."""
    return extension is not None
