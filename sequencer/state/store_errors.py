"""Why a store is refused: each error names the directory and says what was found there."""

from pathlib import Path

from l1_bridge.errors import CriticalError


class StoreMissing(CriticalError):
    """There is no store in the directory, and it was opened for reading only."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} holds no store")
        self.path = path


class StoreOfAnotherChain(CriticalError):
    """The directory belongs to a chain with another id or another genesis block."""

    def __init__(self, path: Path, what: str, found: object, expected: object) -> None:
        super().__init__(f"{path} belongs to another chain: {what} {found}, not {expected}")
        self.path = path
        self.found = found
        self.expected = expected


class StoreVersion(CriticalError):
    """The directory was written in a format that this program does not read."""

    def __init__(self, path: Path, found: int, expected: int) -> None:
        super().__init__(f"{path} has store format {found}, this program reads {expected}")
        self.path = path
        self.found = found


class StoreDamaged(CriticalError):
    """What is in the directory does not read as a store."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} can not be read as a store: {reason}")
        self.path = path
        self.reason = reason


class StoreInUse(CriticalError):
    """Another process writes to the directory."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is in use by another process")
        self.path = path


class StoreOfAnotherLibrary(CriticalError):
    """A live process has the store open through another build of LMDB, whose locks are not ours."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is open in a process with another build of LMDB: "
            "run all processes of one store with the native extension, or all without it"
        )
        self.path = path
