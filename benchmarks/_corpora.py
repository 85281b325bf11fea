"""Recorded series with known anomalies, from the folder BDP_DATA names. None of them is part of the project."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from benchmarks._detectors import Flags, Floats, Stream

WEEK_SECONDS = 7 * 86_400
MONDAY = 1_577_664_000.0  # 30 December 2019: the start of streams that were recorded without their times
SMD_SECONDS = 60
ASD_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Labelled:
    """One series and its truth.

    Attributes:
        ts: unix seconds, shape (n,); `values` and `truth` have the same shape.
        truth: whether a point belongs to an anomaly.
        scored_from: index of the first point that counts. What lies before it is there to learn from.
        interval: seconds between two points, the median.
    """

    name: str
    ts: Floats
    values: Floats
    truth: Flags
    scored_from: int
    interval: float

    @property
    def stream(self) -> Stream:
        """What a detector is given."""
        return self.ts, self.values

    @property
    def constant(self) -> bool:
        """Whether all its values are the same."""
        return bool(np.all(self.values == self.values[0]))

    @property
    def weeks(self) -> float:
        """Length of the part that counts."""
        return (len(self.values) - self.scored_from) * self.interval / WEEK_SECONDS


@dataclass(frozen=True, slots=True)
class NabFile:
    """One file of the NAB corpus; windows are first and last index, both inside."""

    name: str
    ts: Floats
    values: Floats
    windows: tuple[tuple[int, int], ...]

    @property
    def stream(self) -> Stream:
        """What a detector is given."""
        return self.ts, self.values


def data_folder(name: str) -> Path | None:
    """Return a data set's folder, or None after saying on the terminal that it is absent."""
    root = Path(os.environ.get("BDP_DATA") or Path(__file__).resolve().parents[1] / "../shared/data").resolve()
    if (root / name).is_dir():
        return root / name
    print(f"not measured: {root / name} is absent (set BDP_DATA to the folder of recorded data)", file=sys.stderr)
    return None


def read_nab(folder: Path) -> list[NabFile]:
    """Return the whole NAB corpus, sorted by name."""
    windows = json.loads((folder / "labels/combined_windows.json").read_text(encoding="utf-8"))
    return [_nab_file(folder, name, windows[name]) for name in sorted(windows)]


def _nab_file(folder: Path, name: str, windows: list[list[str]]) -> NabFile:
    with (folder / "data" / name).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ts = np.array([_seconds(row["timestamp"]) for row in rows])
    values = np.array([float(row["value"]) for row in rows])
    edges = [[int(np.flatnonzero(ts == _seconds(edge))[0]) for edge in window] for window in windows]
    return NabFile(name, ts, values, tuple((first, last) for first, last in edges))


def _seconds(text: str) -> float:
    """Return unix seconds; a time without a zone is UTC."""
    return datetime.fromisoformat(text if text.endswith("Z") else text + "Z").timestamp()


def nab_series(folder: Path) -> list[Labelled]:
    """Return the NAB files that have no window, as series without anomalies."""
    none = [file for file in read_nab(folder) if not file.windows]
    return [_labelled(file.name, file.ts, file.values, np.zeros(len(file.ts), bool)) for file in none]


def msft_series(folder: Path) -> list[Labelled]:
    """Return the cloud monitoring series, sorted by path. All points count: the series are short."""
    return [_msft_file(path) for path in sorted((folder / "data").glob("*/*.csv"))]


def _msft_file(path: Path) -> Labelled:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if row["Value"]]
    ts = np.array([_seconds(row["TimeStamp"]) for row in rows])
    values = np.array([float(row["Value"]) for row in rows])
    truth = np.array([row["Label"] == "1" for row in rows])
    return _labelled(f"{path.parent.name}/{path.stem}", ts, values, truth)


def _labelled(name: str, ts: Floats, values: Floats, truth: Flags) -> Labelled:
    return Labelled(name, ts, values, truth, 0, float(np.median(np.diff(ts))))


def machine_series(folder: Path, part: str) -> list[Labelled]:
    """Return each metric of each machine (`smd`) or application server (`asd`) as a series of its own.

    The part to train on comes first, then the part that counts. A metric is anomalous only in the segments whose
    interpretation names it.
    """
    return [series for path in sorted((folder / part).glob("*.npz")) for series in _machine(folder, path)]


def _machine(folder: Path, path: Path) -> Iterator[Labelled]:
    seconds = SMD_SECONDS if path.parent.name == "smd" else ASD_SECONDS
    with np.load(path) as recorded:
        train, test, label = (recorded[key] for key in ("train", "test", "test_label"))
    values = np.concatenate([train, test]).astype(np.float64)
    ts = MONDAY + seconds * np.arange(len(values), dtype=np.float64)
    text = (folder / "interpretation_label" / f"{path.stem}.txt").read_text(encoding="utf-8")
    culprits = culprit_flags(label.astype(bool), text, values.shape[1])
    for dimension in range(values.shape[1]):
        truth = np.concatenate([np.zeros(len(train), bool), culprits[:, dimension]])
        name = f"{path.stem}/{dimension + 1}"
        yield Labelled(name, ts, np.ascontiguousarray(values[:, dimension]), truth, len(train), seconds)


def culprit_flags(label: Flags, interpretation: str, dimensions: int) -> Flags:
    """Return which metric is anomalous when, shape (points, dimensions).

    Each line is `start-end:metric,metric`, metrics counted from one. The two sources differ in whether `end` is
    inside, so a segment is the run of the label that holds its start.
    """
    flags = np.zeros((len(label), dimensions), bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], label.astype(np.int8), [0]])))
    for line in interpretation.split():
        span, _, metrics = line.partition(":")
        run = int(np.searchsorted(edges, int(span.partition("-")[0]), side="right"))
        if run % 2 == 0:
            raise ValueError(f"no labelled anomaly holds the start of {span!r}")
        flags[edges[run - 1] : edges[run], [int(metric) - 1 for metric in metrics.split(",")]] = True
    return flags
