"""A series as a drawing: SVG, light or dark as the reader's screen is.

Each column of pixels keeps its first, least, greatest and last value, so a spike among millions of points is drawn.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bdp.cli.axis import time_ticks, value_ticks
from bdp.cli.screen import plain
from bdp.model.noun import Language

Numbers = NDArray[np.float64]

WIDTH, HEIGHT = 1200, 440
_TOP, _BOTTOM, _RIGHT = 64, 52, 20
_LETTER: Final = 7.2
"""Width of a letter of an axis."""
_GAP: Final = 12.0
"""The line is broken where points are missing for so many usual distances."""
_LEAST_MARK: Final = 3.0
_KEYS: Final = (
    ("line", 330, "M0 0h14"),
    ("band", 230, "M0 -5h14v10h-14Z"),
    ("peak", 140, "M3 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z"),
)
_WORDS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "line": "measured",
        "band": "expected",
        "peak": "anomaly",
        "none": "no points",
        "many": "{points:,} points, {marks:,} {noun}, {first} to {last} UTC",
    },
    "ko": {
        "line": "측정값",
        "band": "예상 범위",
        "peak": "이상",
        "none": "데이터 없음",
        "many": "데이터 {points:,}개, 이상 {marks:,}건, {first} ~ {last} UTC",
    },
}
_NO_XML: Final = str.maketrans({"\ufffe": "\ufffd", "\uffff": "\ufffd", "\t": " "})
_STYLE: Final = """
text { fill: #1f2933; font: 12px system-ui, sans-serif }
.title { font-size: 16px; font-weight: 600 }
.soft { fill: #616e7c }
.paper { fill: #ffffff }
.grid { stroke: #e4e7eb }
.axis { stroke: #616e7c }
.band { fill: #c3d9ef }
.line { fill: none; stroke: #2563a8; stroke-width: 1.3; stroke-linejoin: round }
.span { fill: #c81e1e; fill-opacity: .16 }
.peak { fill: #c81e1e }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e7eb }
  .soft { fill: #9aa5b1 }
  .paper { fill: #14181d }
  .grid { stroke: #2c343d }
  .axis { stroke: #9aa5b1 }
  .band { fill: #1d3a57 }
  .line { stroke: #6cb2f5 }
  .span, .peak { fill: #ff6b6b }
}
"""
"""Plain classes without variables, which only browsers know."""


@dataclass(frozen=True)
class Mark:
    """One anomaly.

    Attributes:
        start, end, peak_at: unix seconds.
        text: what the reader sees who points at it.
    """

    start: float
    end: float
    peak_at: float
    peak_value: float
    text: str


@dataclass(frozen=True)
class Curve:
    """What is drawn, a row a point, times rising.

    Attributes:
        ts: unix seconds.
        low, high: the expected band; NaN where it is not known.
        base: a value that the drawing is to hold, such as 0 where heights are to be compared.
    """

    ts: Numbers
    values: Numbers
    low: Numbers
    high: Numbers
    base: float | None = None


Drawing = tuple[str, Curve, Sequence[Mark]]
"""A title, what is drawn, and its anomalies."""


@dataclass(frozen=True)
class _Frame:
    """From seconds and values to pixels."""

    left: float
    begin: float
    end: float
    least: float
    greatest: float

    @property
    def right(self) -> float:
        return WIDTH - _RIGHT

    @property
    def base(self) -> float:
        return HEIGHT - _BOTTOM

    def x(self, ts: Numbers) -> Numbers:
        return self.left + (ts - self.begin) / (self.end - self.begin) * (self.right - self.left)

    def y(self, values: Numbers) -> Numbers:
        # Halves first: the distance of two numbers may be too large for a number.
        share = (values / 2 - self.least / 2) / (self.greatest / 2 - self.least / 2)
        return self.base - np.clip(share, -0.5, 1.5) * (self.base - _TOP)


def draw(title: str, curve: Curve, marks: Sequence[Mark]) -> Iterator[str]:
    """Yield the pieces of an SVG document; a curve without points gives one that says so."""
    yield from stack(title, [(title, curve, marks)])


def stack(title: str, drawings: Sequence[Drawing], language: Language = "en") -> Iterator[str]:
    """Yield the pieces of an SVG document with one drawing below the other.

    Args:
        title: of the document.
    """
    height, name = HEIGHT * max(1, len(drawings)), _text(title)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{name}">\n'
        f'<title>{name}</title>\n<style>{_STYLE}</style>\n<rect class="paper" width="{WIDTH}" height="{height}"/>\n'
    )
    for number, (title_of, curve, marks) in enumerate(drawings):
        yield f'<g transform="translate(0 {number * HEIGHT})">\n' if number else ""
        yield from _drawing(title_of, curve, marks, f"plot{number or ''}", language)
        yield "</g>\n" if number else ""
    yield "</svg>\n"


def _drawing(title: str, curve: Curve, marks: Sequence[Mark], clip: str, language: Language) -> Iterator[str]:
    yield f'<text class="title" x="16" y="27">{_text(title)}</text>\n'
    if len(curve.ts):
        frame, labels = _frame(curve)
        yield _legend(curve, marks, language)
        yield from _axes(frame, labels)
        yield f'<clipPath id="{clip}"><rect x="{frame.left:.1f}" y="{_TOP}" width="{frame.right - frame.left:.1f}" '
        yield f'height="{frame.base - _TOP:.1f}"/></clipPath>\n<g clip-path="url(#{clip})">\n'
        yield from (_span(frame, mark) for mark in marks)
        yield from _band(frame, curve)
        yield f'<path class="line" d="{_line(frame, curve)}"/>\n</g>\n'
        yield from (_peak(frame, mark) for mark in marks)
    else:
        yield f'<text class="soft" x="16" y="52">{_WORDS[language]["none"]}</text>\n'


def _text(text: str) -> str:
    """Return text that is nothing but text in XML."""
    return html.escape(plain(text).translate(_NO_XML))


def _frame(curve: Curve) -> tuple[_Frame, list[tuple[float, str]]]:
    least, greatest = float(curve.values.min()), float(curve.values.max())
    if curve.base is not None:
        least, greatest = min(least, curve.base), max(greatest, curve.base)
    # The band is shown as far as it is of the values' own size.
    room = (greatest / 2 - least / 2) or abs(least) * 0.05 or 0.5
    low, high = curve.low[np.isfinite(curve.low)], curve.high[np.isfinite(curve.high)]
    if len(low):
        least = min(least, max(float(low.min()), least - room))
        greatest = max(greatest, min(float(high.max()), greatest + room))
    pad = (greatest / 2 - least / 2) * 0.08 or room
    least, greatest = max(least - pad, -1.7e308), min(greatest + pad, 1.7e308)
    labels = value_ticks(least, greatest)
    left = 16 + _LETTER * max((len(label) for _, label in labels), default=1) + 10
    begin, end = float(curve.ts[0]), float(curve.ts[-1])
    return _Frame(left, begin, end if end > begin else begin + 1, least, greatest), labels


def _legend(curve: Curve, marks: Sequence[Mark], language: Language) -> str:
    first, last = (_moment(float(ts)) for ts in (curve.ts[0], curve.ts[-1]))
    words, noun = _WORDS[language], "anomaly" if len(marks) == 1 else "anomalies"
    many = words["many"].format(points=len(curve.ts), marks=len(marks), noun=noun, first=first, last=last)
    keys = "".join(
        f'<path class="{kind}" d="{shape}" transform="translate({WIDTH - x} 23)"/>'
        f'<text x="{WIDTH - x + 20}" y="27">{words[kind]}</text>'
        for kind, x, shape in _KEYS
    )
    return f'<text class="soft" x="16" y="47">{many}</text>\n{keys}\n'


def _axes(frame: _Frame, labels: list[tuple[float, str]]) -> Iterator[str]:
    for value, label in labels:
        y = float(frame.y(np.array(value)))
        yield f'<path class="grid" d="M{frame.left:.1f} {y:.1f}H{frame.right}"/>'
        yield f'<text class="soft" x="{frame.left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{_text(label)}</text>\n'
    yield f'<path class="axis" d="M{frame.left:.1f} {frame.base}H{frame.right}"/>\n'
    for ts, upper, lower in time_ticks(frame.begin, frame.end):
        x = float(frame.x(np.array(ts)))
        yield f'<path class="axis" d="M{x:.1f} {frame.base}v5"/><text class="soft" x="{x:.1f}" y="{frame.base + 19}" '
        yield f'text-anchor="middle">{upper}</text>'
        if lower:
            yield f'<text class="soft" x="{x:.1f}" y="{frame.base + 35}" text-anchor="middle">{lower}</text>'
        yield "\n"


def _columns(x: Numbers, breaks: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return where runs begin of points of one column of pixels, and of one stretch without a gap."""
    column = np.floor(x)
    return np.flatnonzero(np.concatenate([[True], (np.diff(column) != 0) | breaks]))


def _breaks(ts: Numbers) -> NDArray[np.bool_]:
    """Return after which points the line is broken."""
    steps = np.diff(ts)
    return np.asarray(steps > _GAP * float(np.median(steps))) if len(steps) else np.zeros(0, dtype=bool)


def _line(frame: _Frame, curve: Curve) -> str:
    x, y, breaks = frame.x(curve.ts), frame.y(curve.values), _breaks(curve.ts)
    starts = _columns(x, breaks)
    broken = np.concatenate([[True], breaks])
    path = []
    for begin, end in zip(starts, [*starts[1:], len(x)], strict=True):
        part = y[begin:end]
        kept = sorted({0, int(part.argmin()), int(part.argmax()), len(part) - 1})
        points = [f"{x[begin + i]:.1f} {part[i]:.1f}" for i in kept]
        path.append(("M" if broken[begin] else "L") + "L".join(points))
        # A point alone between two gaps would be no line at all.
        if broken[begin] and (end == len(x) or broken[end]) and len(kept) == 1:
            path.append("h1")
    return "".join(path)


def _band(frame: _Frame, curve: Curve) -> Iterator[str]:
    """Yield one shape for each stretch in which the band is known."""
    known = np.isfinite(curve.low) & np.isfinite(curve.high)
    parts = np.flatnonzero(known)
    if not parts.size:
        return
    cuts = np.flatnonzero((np.diff(parts) > 1) | _breaks(curve.ts)[parts[:-1]]) + 1
    for part in np.split(parts, cuts):
        x = frame.x(curve.ts[part])
        starts = _columns(x, np.zeros(len(part) - 1, dtype=bool))
        top = np.minimum.reduceat(frame.y(curve.high[part]), starts)
        bottom = np.maximum.reduceat(frame.y(curve.low[part]), starts)
        there = [f"{a:.1f} {b:.1f}" for a, b in zip(x[starts], top, strict=True)]
        back = [f"{a:.1f} {b:.1f}" for a, b in zip(x[starts][::-1], bottom[::-1], strict=True)]
        yield f'<path class="band" d="M{"L".join(there + back)}Z"/>\n'


def _span(frame: _Frame, mark: Mark) -> str:
    first, last = (float(frame.x(np.array(ts))) for ts in (mark.start, mark.end))
    width = max(last - first, _LEAST_MARK)
    first = (first + last - width) / 2
    return (
        f'<rect class="span" x="{first:.1f}" y="{_TOP}" width="{width:.1f}" height="{frame.base - _TOP:.1f}">'
        f"<title>{_text(mark.text)}</title></rect>\n"
    )


def _peak(frame: _Frame, mark: Mark) -> str:
    if not math.isfinite(mark.peak_value):
        return ""
    x, y = float(frame.x(np.array(mark.peak_at))), float(frame.y(np.array(mark.peak_value)))
    return f'<circle class="peak" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{_text(mark.text)}</title></circle>\n'


def _moment(ts: float) -> str:
    return datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%d %H:%M")
