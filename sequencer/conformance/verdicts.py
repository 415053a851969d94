"""What came out of a case, and of all of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from sequencer.execution.interface import Deferred, Invalid


def describe_refusal(outcome: Invalid | Deferred) -> str:
    """Why a transaction does not stand, in words."""
    return outcome.reason.value if isinstance(outcome, Invalid) else "no room in the block"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One case; `error` is None when it passed. Cases of other forks, and of other kinds, are skipped."""

    file: str
    name: str
    fork: str = ""
    error: str | None = None
    is_skipped: bool = False

    def line(self) -> str:
        """For people."""
        mark = "skip" if self.is_skipped else "ok  " if self.error is None else "FAIL"
        fork = f" [{self.fork}]" if self.fork else ""
        return f"{mark} {self.file} {self.name}{fork}" + (f": {self.error}" if self.error is not None else "")

    def to_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "file": self.file,
            "name": self.name,
            "fork": self.fork,
            "pass": self.error is None,
            "error": self.error,
        }


@dataclass(slots=True)
class Tally:
    """How many cases passed, failed, and were left out."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def count(self, verdicts: Iterable[Verdict]) -> None:
        """Add these."""
        for verdict in verdicts:
            if verdict.is_skipped:
                self.skipped += 1
            elif verdict.error is None:
                self.passed += 1
            else:
                self.failed += 1

    @property
    def is_good(self) -> bool:
        """Whether nothing failed."""
        return self.failed == 0

    def to_json(self, seconds: float) -> dict[str, object]:
        """The last object of the output for programs."""
        return {"passed": self.passed, "failed": self.failed, "ok": self.is_good, "seconds": round(seconds, 3)}
