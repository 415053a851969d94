"""Tables and verdicts, as Markdown."""

from collections.abc import Sequence


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column holds names, the others numbers."""
    lines = [headings, ["---"] + ["---:"] * (len(headings) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def asked_for(what: str, is_reached: bool) -> str:
    """What was asked for, and whether it was reached."""
    return f"Asked for: {what}: " + ("reached." if is_reached else "**not reached**.")
