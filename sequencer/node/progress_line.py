"""
The line that is drawn on a terminal while derivation catches up; log lines scroll by above it.

    catching up ━━━━━━╸━━━━━ 41.3%  safe block 12,345, 210.5 blocks/s, 0:01:12 left
"""

from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from .catching_up import CatchUp


class ProgressLine:
    """A CatchUpDisplay; takes standard error while it is shown, and gives it back."""

    look_seconds = 0.5

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: tuple[Progress, TaskID] | None = None

    def show(self, progress: CatchUp) -> None:
        """Draw it, over what was drawn before."""
        line, task = self._shown or self._begin()
        left = "" if progress.eta_seconds is None else f", {timedelta(seconds=progress.eta_seconds)} left"
        words = f"safe block {progress.safe:,}, {progress.blocks_a_second:,} blocks/s{left}"
        line.update(task, total=progress.l1_head, completed=progress.l1, words=words)
        line.refresh()

    def end(self, safe: int, seconds: float) -> None:
        """Wipe it, and say that it is done."""
        self.close()
        self._console.print(f"caught up with L1 at safe block {safe:,}, in {seconds:,} s", highlight=False)

    def close(self) -> None:
        """Wipe it."""
        if self._shown is not None:
            self._shown[0].stop()
        self._shown = None

    def _begin(self) -> tuple[Progress, TaskID]:
        columns = (TextColumn("catching up"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[words]}"))
        line = Progress(*columns, console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)
        line.start()
        self._shown = line, line.add_task("", words="")
        return self._shown
