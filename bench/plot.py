"""The curve over threads as an SVG file, drawn by hand: axes, one line a workload, dots for what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import log2

WIDTH, HEIGHT = 860, 520
LEFT, RIGHT, TOP, BOTTOM = 60, 250, 40, 50
LABEL_DISTANCE = 16

COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#8e5ea2", "#c77d0a", "#3d8c95", "#7a7a7a", "#b5495b", "#4b5d16", "#5b3a8c")


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: how many times as fast at each number of threads; `measured` are dots at some of them."""

    label: str
    points: Mapping[int, float]
    measured: Mapping[int, float]


def draw_curves(title: str, curves: Sequence[Curve], threads: Sequence[int]) -> str:
    """The text of an SVG file; both axes are logarithmic, so ideal scaling is a straight line."""
    top = max([2.0, *(value for curve in curves for value in curve.points.values())])
    highest = 2 ** -(-log2(top) // 1)
    frame = _Frame(threads[0], threads[-1], highest)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>',
        *_axes(frame, threads, highest),
    ]
    ends = _spread([frame.y(curve.points[threads[-1]]) for curve in curves])
    for index, curve in enumerate(curves):
        parts += _curve(frame, curve, _Stroke(COLOURS[index % len(COLOURS)], index >= len(COLOURS)), ends[index])
    return "\n".join([*parts, "</svg>", ""])


@dataclass(frozen=True, slots=True)
class _Frame:
    first: int
    last: int
    highest: float

    def x(self, threads: float) -> float:
        share = log2(threads / self.first) / log2(self.last / self.first)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        share = log2(max(value, 0.5) / 0.5) / log2(self.highest / 0.5)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def _axes(frame: _Frame, threads: Sequence[int], highest: float) -> list[str]:
    left, right, bottom = frame.x(frame.first), frame.x(frame.last), frame.y(0.5)
    parts = []
    value = 0.5
    while value <= highest:
        y = frame.y(value)
        parts.append(f'<line x1="{left}" y1="{y}" x2="{right}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{value:g}</text>')
        value *= 2
    parts += [f'<text x="{frame.x(count)}" y="{bottom + 18}" text-anchor="middle">{count}</text>' for count in threads]
    middle = (left + right) / 2
    parts.append(f'<text x="{middle}" y="{bottom + 38}" text-anchor="middle">threads</text>')
    ideal = " ".join(f"{frame.x(count)},{frame.y(count)}" for count in threads if count <= highest)
    parts.append(f'<polyline points="{ideal}" fill="none" stroke="#bbb" stroke-dasharray="4 4"/>')
    return parts


@dataclass(frozen=True, slots=True)
class _Stroke:
    colour: str
    is_dashed: bool


def _curve(frame: _Frame, curve: Curve, stroke: _Stroke, label_y: float) -> list[str]:
    colour, dashes = stroke.colour, ' stroke-dasharray="8 3"' if stroke.is_dashed else ""
    points = " ".join(f"{frame.x(count)},{frame.y(value)}" for count, value in curve.points.items())
    last = max(curve.points)
    label = f"{curve.label} ({curve.points[last]:.1f})"
    x, y = frame.x(last), frame.y(curve.points[last])
    parts = [
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>',
        f'<line x1="{x + 2}" y1="{y}" x2="{x + 14}" y2="{label_y}" stroke="{colour}" stroke-width="0.7"/>',
        f'<text x="{x + 18}" y="{label_y + 4}" fill="{colour}">{escape(label)}</text>',
    ]
    for count, value in curve.measured.items():
        parts.append(f'<circle cx="{frame.x(count)}" cy="{frame.y(value)}" r="4" fill="{colour}"/>')
    return parts


def _spread(wanted: Sequence[float]) -> list[float]:
    """Places for labels near where they are wanted, none on another."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    places = [0.0] * len(wanted)
    lowest = float(TOP)
    for index in order:
        places[index] = lowest = max(wanted[index], lowest)
        lowest += LABEL_DISTANCE
    overflow = max([0.0, *(place - (HEIGHT - BOTTOM) for place in places)])
    if overflow:
        # From below: push up what would leave the picture.
        limit = float(HEIGHT - BOTTOM)
        for index in reversed(order):
            places[index] = limit = min(places[index], limit)
            limit -= LABEL_DISTANCE
    return [round(place, 1) for place in places]
