"""`bdp detect series FILE`: try the detector of metric series on a file. Needs no home and no server."""

from __future__ import annotations

import csv
import json as codec
import math
import sys
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bdp.cli import screen
from bdp.cli.options import JsonOption, check_plot
from bdp.errors import BadRequest

if TYPE_CHECKING:
    from bdp.detect.series.settings import SeriesSettings
    from bdp.detect.series.solo import Episode, Episodes, Judged
    from bdp.intake.series import Heard, Row

verbs = typer.Typer(help="Try a detector on a file.", no_args_is_help=True, rich_markup_mode=None)

_HEADER: Final = ("timestamp", "value", "score", "expected_low", "expected_high", "is_anomaly", "reason")
_LONGEST_LINE: Final = 1024 * 1024
_SELDOM: Final = 200
"""A counter that begins again falls; not oftener than at one point in so many."""
_TELL_EVERY: Final = 200
_WIDE: Final = 100
_SHOWN: Final = 20


@verbs.callback()
def before() -> None:
    """Try a detector on a file."""


@verbs.command("series")
def series(
    path: Annotated[str, typer.Argument(metavar="FILE.csv", help="columns timestamp,value; - is standard input")],
    column: Annotated[str, typer.Option(help="name of the column of values, where it is not 'value'")] = "",
    counter: Annotated[
        bool, typer.Option("--counter", help="values only grow: their rate per second is judged, and printed as rate")
    ] = False,
    threshold: Annotated[
        float, typer.Option(help="score from which a point is an anomaly; lower finds more", min=0.01, max=0.99)
    ] = 0.5,
    learn_points: Annotated[int, typer.Option(help="points before any is judged", min=20, max=10_000)] = 50,
    plot: Annotated[
        Path | None, typer.Option(help="also draw series, band and anomalies into this .svg", dir_okay=False)
    ] = None,
    summary: Annotated[
        bool | None,
        typer.Option(
            "--summary/--no-summary", help="list the anomalies on standard error (default: if printing to a terminal)"
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Judge one metric series, point by point, each by what came before it.

    Prints a CSV row a point: timestamp, value, score (0 to 1), expected_low, expected_high, is_anomaly, reason. Fields
    are empty while the series is learnt, and for points that are not later than the one before them.

    Examples:

      bdp detect series latency.csv --plot latency.svg > judged.csv

      bdp detect series requests_total.csv --counter --summary > /dev/null

      zcat cpu.csv.gz | bdp detect series - --json | jq .anomalies
    """
    from bdp.detect.series.settings import SeriesSettings

    check_plot(plot)
    settings = SeriesSettings(threshold=threshold, learn_points=learn_points)
    run = _Run(path, settings, counter=counter, drawn=plot is not None)
    write = _JsonWriter(run) if json else _CsvWriter(run)
    with _reading(path) as (lines, show):
        for row, judged in run.points(lines, column, show):
            write.point(row, judged)
        write.end()
    sys.stdout.flush()
    run.tell()
    if plot:
        _draw(plot, run)
    if sys.stdout.isatty() if summary is None else summary:
        screen.err.print(_summary(run.episodes.found))


@dataclass
class _Kept:
    """What the drawing needs of each point: 32 bytes."""

    ts: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    low: array[float] = field(default_factory=lambda: array("d"))
    high: array[float] = field(default_factory=lambda: array("d"))

    def add(self, ts: float, judged: Judged) -> None:
        self.ts.append(ts)
        self.values.append(judged.value)
        self.low.append(judged.low)
        self.high.append(judged.high)


class _Run:
    """One file through the detector. Memory: the anomalies; with `drawn` 32 bytes a point besides."""

    def __init__(self, name: str, settings: SeriesSettings, *, counter: bool, drawn: bool) -> None:
        from bdp.detect.series.solo import Episodes
        from bdp.intake.series import Heard

        self.name = "standard input" if name == "-" else name
        self.settings, self.counter = settings, counter
        self.heard: Heard = Heard()
        self.episodes: Episodes = Episodes()
        self.kept = _Kept() if drawn else None
        self.rows = self.passed = 0
        self.rises = self.falls = 0
        self._last = math.nan

    def points(self, lines: Iterator[str], column: str, show: Any) -> Iterator[tuple[Row, Judged]]:
        """Yield each point with what is said of it.

        Raises:
            BadRequest: there is no point at all, or the header does not say which columns to read.
        """
        from bdp.detect.series.solo import Solo
        from bdp.intake.series import read_series

        solo = Solo(self.settings, counter=self.counter)
        for row in read_series(lines, self.heard, column):
            judged = solo.judge(row.ts, row.value)
            self.rows += 1
            self.rises += row.value > self._last
            self.falls += row.value < self._last
            self._last = row.value
            # A counter's first point has no rate; that is no fault of it.
            self.passed += not judged.taken and not (self.counter and self.rows == 1)
            self.episodes.add(row.ts, row.time, judged)
            if self.kept and judged.taken:
                self.kept.add(row.ts, judged)
            yield row, judged
            if self.rows % _TELL_EVERY == 0:
                show(self.rows)
        if not self.rows:
            why = f" {screen.counted(self.heard.bad, 'row')} could not be read, {self.heard.first_bad}."
            raise BadRequest(
                f"{self.name} holds no point." + (why if self.heard.bad else ""),
                "Give rows such as 2026-05-01T12:00:00Z,17.5 with or without the header timestamp,value.",
            )

    def tell(self) -> None:
        """Say on standard error what was not judged, and why."""
        heard = self.heard
        if heard.ignored:
            _note(f"columns not read: {', '.join(heard.ignored[:_SHOWN])}{' …' if len(heard.ignored) > _SHOWN else ''}")
        if heard.bad:
            _note(f"{screen.counted(heard.bad, 'row')} could not be read and left out, first {heard.first_bad}")
        if self.passed:
            points = screen.counted(self.passed, "point")
            _note(f"{points} not judged: not later than the point before, or no finite number")
        if not self.counter and self.rises > self.rows / 2 and self.falls <= self.rows / _SELDOM:
            _note("these values hardly ever fall; if they are a counter, --counter judges how fast it grows")
        learn = self.settings.learn_points
        if self.rows - self.passed <= learn:
            _note(f"only {screen.counted(self.rows, 'point')}: the first {learn} are learnt from and not judged")


def _note(text: str) -> None:
    screen.err.print(f"note: {screen.plain(text)}")


@contextmanager
def _reading(path: str) -> Iterator[tuple[Iterator[str], Any]]:
    """Open a file, and show how far it was read; yields lines, cut at 1 MiB, and `(points) -> None`."""
    size = None
    try:
        if path == "-":
            source: IO[bytes] = sys.stdin.buffer
        else:
            source = Path(path).open("rb")  # noqa: SIM115 - closed below
            size = Path(path).stat().st_size
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}.", "Name a CSV file, or - for input.") from None
    read = [0]
    with source, screen.progress(size, "judging") as show:
        yield _lines(source, read), lambda points: show(read[0], points)


def _lines(source: IO[bytes], read: list[int]) -> Iterator[str]:
    encoding = ""
    while line := source.readline(_LONGEST_LINE):
        read[0] += len(line)
        if not encoding:
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise BadRequest("The file is UTF-16.", "Save it as UTF-8, as with: iconv -f UTF-16 -t UTF-8")
            encoding = "utf-8-sig"
            yield line.decode("utf-8-sig", "replace")
        else:
            yield line.decode("utf-8", "replace")


def _number(value: float) -> str:
    """Return the shortest text that gives the number back; empty for what is none."""
    return (f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)) if math.isfinite(value) else ""


class _CsvWriter:
    """A row a point on standard output, as soon as it is known."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._out = csv.writer(sys.stdout, lineterminator="\n")
        self._begun = False

    def point(self, row: Row, judged: Judged) -> None:
        from bdp.detect.series.reason import digits_for, short

        if not self._begun:
            self._out.writerow([*_HEADER, "rate"] if self._run.counter else _HEADER)
            self._begun = True
        digits = digits_for(judged.value, judged.low, judged.high) + 1
        edges = ["" if math.isnan(edge) else short(edge, digits) for edge in (judged.low, judged.high)]
        score = "" if judged.score is None else f"{judged.score:.4g}"
        cells = [screen.plain(row.time), _number(row.value), score, *edges]
        cells += ["true" if judged.is_anomaly else "false", judged.reason]
        self._out.writerow([*cells, _number(judged.value)] if self._run.counter else cells)

    def end(self) -> None:
        """Nothing is left to be said."""


class _JsonWriter:
    """One JSON object on standard output, written as it comes: a long series needs no more memory than a short one."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._begun = False

    def point(self, row: Row, judged: Judged) -> None:
        rate = {"rate": _finite(judged.value)} if self._run.counter else {}
        said = {
            "timestamp": row.time,
            "value": _finite(row.value),
            **rate,
            "score": None if judged.score is None else round(judged.score, 6),
            "expected_low": _finite(judged.low),
            "expected_high": _finite(judged.high),
            "is_anomaly": judged.is_anomaly,
            "reason": judged.reason,
        }
        sys.stdout.write((",\n  " if self._begun else self._head()) + _encoded(said))
        self._begun = True

    def end(self) -> None:
        run = self._run
        found = [_episode(episode) for episode in run.episodes.found]
        series = {"name": run.name, "points": run.rows, "not_judged": run.passed, "bad_rows": run.heard.bad}
        lines = ",\n  ".join(map(_encoded, found))
        sys.stdout.write(f'\n ],\n "anomalies": [\n  {lines}\n ],\n "series": {_encoded(series)}\n}}\n')

    def _head(self) -> str:
        chosen = {"threshold", "learn_points", "rest_hours", "memory_points"}
        settings = self._run.settings.model_dump(include=chosen) | {"counter": self._run.counter}
        return f'{{\n "settings": {_encoded(settings)},\n "points": [\n  '


def _encoded(value: object) -> str:
    return codec.dumps(value)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _episode(episode: Episode) -> dict[str, object]:
    return {
        "start": episode.start_text,
        "end": episode.end_text,
        "ongoing": not episode.over,
        "points": episode.points,
        "peak_score": round(episode.peak, 6),
        "peak_value": _finite(episode.peak_value),
        "direction": "up" if episode.direction > 0 else "down",
        "reason": episode.reason,
    }


def _draw(plot: Path, run: _Run) -> None:
    import numpy as np

    from bdp.cli.chart import Curve, Mark, draw

    kept = run.kept or _Kept()
    ts, values, low, high = (np.array(part, dtype=np.float64) for part in (kept.ts, kept.values, kept.low, kept.high))
    marks = [
        Mark(one.start, one.end, one.peak_at, one.peak_value, f"{_span(one)}, score {one.peak:.2f}: {one.reason}")
        for one in run.episodes.found
    ]
    name = Path(run.name).name + (", rate per second" if run.counter else "")
    try:
        with plot.open("w", encoding="utf-8") as file:
            file.writelines(draw(name, Curve(ts, values, low, high), marks))
    except OSError as error:
        raise BadRequest(f"{plot} cannot be written: {error.strerror}.", "Name another file.") from None


def _span(episode: Episode) -> str:
    start, end = (screen.when(datetime.fromtimestamp(ts, UTC)) for ts in (episode.start, episode.end))
    if start == end:
        return f"{start} UTC"
    day = f"{start.split()[0]} "
    return f"{start} to {end.removeprefix(day)} UTC"


def _summary(found: list[Episode]) -> RenderableType:
    if not found:
        return Text("No anomalies.")
    worst = sorted(found, key=lambda one: -one.peak)[:_SHOWN]
    title = screen.counted(len(found), "anomaly") if len(found) == 1 else f"{len(found):,} anomalies"
    if len(worst) < len(found):
        title += f", the {_SHOWN} strongest"
    shown = sorted(worst, key=lambda one: one.start)
    lines = (_lines_of(one) for one in shown) if screen.err.width < _WIDE else (_table(shown),)
    return Group(Text(title, "bold"), *lines)


def _lines_of(episode: Episode) -> RenderableType:
    return Group(
        Text.assemble((f"{episode.peak:.2f}", "red"), f"  {_arrow(episode)}  {_span(episode)}"),
        Text(f"  {screen.plain(episode.reason)}"),
    )


def _table(found: list[Episode]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("score", "", "when"):
        table.add_column(name, no_wrap=True)
    table.add_column("why, at its peak", overflow="fold")
    for one in found:
        table.add_row(Text(f"{one.peak:.2f}", "red"), _arrow(one), _span(one), screen.plain(one.reason))
    return table


def _arrow(episode: Episode) -> str:
    return "up" if episode.direction > 0 else "down"
