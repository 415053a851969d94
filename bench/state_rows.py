"""The state's part of a run: state root and durable commit of blocks over many accounts, as rows of a table."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sequencer.native import is_available

from . import state
from .markdown import asked_for, table

BLOCKS = 11
"""Blocks that are committed; the median counts."""

ACCOUNTS, CHANGED = 1_000_000, 10_000
"""What the native store is asked for."""

PYTHON_ACCOUNTS, PYTHON_CHANGED = 20_000, 1_000
"""What Python can bear."""

QUICK_ACCOUNTS, QUICK_CHANGED, QUICK_BLOCKS = 500, 20, 2

ASKED_MILLISECONDS = 100
"""At most this for root and commit of CHANGED out of ACCOUNTS."""


@dataclass(frozen=True, slots=True)
class StateRow:
    """One size on one implementation; milliseconds a block, memory in MiB."""

    implementation: str
    accounts: int
    changed: int
    root: float
    commit: float
    both: float
    settle: float
    """Mean milliseconds a block of what is done after the commit, which comes once for several blocks."""
    open: float
    anonymous: int
    file: int


def measure_state(seed: int, *, is_quick: bool) -> list[StateRow]:
    """Every size on every implementation that is there; both must come to the same root."""
    small = (QUICK_ACCOUNTS, QUICK_CHANGED) if is_quick else (PYTHON_ACCOUNTS, PYTHON_CHANGED)
    sizes = [("Python", small)]
    if is_available():
        sizes.append(("native", small))
        if not is_quick:
            sizes.append(("native", (ACCOUNTS, CHANGED)))
    rows: list[StateRow] = []
    roots: dict[tuple[int, int], object] = {}
    for implementation, (accounts, changed) in sizes:
        found = state.measure(
            accounts=accounts,
            changed=changed,
            blocks=QUICK_BLOCKS if is_quick else BLOCKS,
            seed=seed,
            is_pure=implementation == "Python",
        )
        assert roots.setdefault((accounts, changed), found["root"]) == found["root"], "the implementations disagree"
        rows.append(_row(implementation, accounts, changed, found))
    return rows


def state_table(rows: Sequence[StateRow]) -> str:
    """As Markdown."""
    headings: tuple[str, ...] = (
        "state",
        "accounts",
        "changed",
        "root ms",
        "commit ms",
        "both ms",
        "settle ms",
        "all ms",
        "us an account",
        "open ms",
    )
    headings += ("anonymous RSS MiB", "file MiB")
    cells = [
        (
            row.implementation,
            f"{row.accounts:,}",
            f"{row.changed:,}",
            f"{row.root:.1f}",
            f"{row.commit:.1f}",
            f"{row.both:.1f}",
            f"{row.settle:.1f}",
            f"{row.both + row.settle:.1f}",
            f"{1e3 * row.both / row.changed:.1f}",
            f"{row.open:.0f}",
            str(row.anonymous),
            str(row.file),
        )
        for row in rows
    ]
    asked = [row for row in rows if (row.accounts, row.changed) == (ACCOUNTS, CHANGED)]
    what = f"at most {ASKED_MILLISECONDS} ms for {CHANGED:,} of {ACCOUNTS:,}"
    verdicts = ["\n" + asked_for(what, row.both <= ASKED_MILLISECONDS) for row in asked]
    return "\n".join([table(headings, cells), *verdicts])


def _row(implementation: str, accounts: int, changed: int, found: Mapping[str, object]) -> StateRow:
    roots, commits, settles, memory = (found[key] for key in ("roots", "commits", "settles", "memory"))
    opened, file = found["open"], found["file"]
    assert isinstance(roots, list)
    assert isinstance(commits, list)
    assert isinstance(settles, list)
    assert isinstance(memory, dict)
    assert isinstance(opened, float)
    assert isinstance(file, int)
    return StateRow(
        implementation=implementation,
        accounts=accounts,
        changed=changed,
        root=statistics.median(roots),
        commit=statistics.median(commits),
        both=statistics.median(map(sum, zip(roots, commits, strict=True))),
        settle=statistics.mean(settles),
        open=opened,
        anonymous=memory["RssAnon"],
        file=file,
    )
