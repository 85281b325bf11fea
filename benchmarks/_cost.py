"""What a point costs: our bank of many series in lockstep, beside detectors of river and PyOD in the same run.

CPU is this process' own. A bank takes one point of each series per call; what counts is the second half of its calls,
after it has learnt for the first half. The first ten calls are given as well: where the time does not reach for many
calls of a large bank, a small one tells how the cost grows as the series grow old. Memory is what opening the bank
allocates, touched or not. river's detectors take one point at a time, an object for each series, as they
are made for streams. PyOD's detectors see a whole series at once, in hindsight, as rows of its last ten points: what
they cost is spread over its points, which favours them, for a point that comes alone would need the fit again.
"""

from __future__ import annotations

import importlib
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks._detectors import Floats, Observe

INTERVAL = 10.0
DAY_SECONDS = 86_400
LAGS = 10
BATCH_ROUNDS = 5
YOUNG_CALLS = 10
Row = dict[str, float | str]


def values_at(at: int, phase: Floats, dice: np.random.Generator) -> Floats:
    """Return one point of each series: a day's wave with noise, within 0 and 1 for nearly all."""
    wave = np.sin(2 * np.pi * (at * INTERVAL / DAY_SECONDS + phase))
    return np.asarray(0.5 + 0.2 * wave + 0.05 * dice.standard_normal(len(phase)))


def bank_cost(open_bank: Callable[[int], Observe], series: int, seconds: float) -> Row:
    """Play so many series for about so many seconds of CPU; return CPU µs by point and memory by series."""
    dice = np.random.default_rng(20261121)
    phase = dice.random(series)
    rows = np.arange(series, dtype=np.intp)
    open_bank(1)  # what it imports is not the bank's memory
    tracemalloc.start()
    observe = open_bank(series)
    allocated = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    spent: list[float] = []
    while sum(spent) < seconds or len(spent) < 2 * YOUNG_CALLS:
        values = values_at(len(spent), phase, dice)
        ts = np.full(series, len(spent) * INTERVAL)
        start = time.process_time()
        observe(rows, ts, values)
        spent.append(time.process_time() - start)
    late = spent[len(spent) // 2 :]
    return {
        "detector": f"bdp, {series:,} series",
        "us_by_point": 1e6 * sum(late) / len(late) / series,
        "us_young": 1e6 * sum(spent[:YOUNG_CALLS]) / YOUNG_CALLS / series,
        "longest_call_s": max(spent),
        "calls": float(len(spent)),
        "kib_by_series": allocated / 1024 / series,
    }


def ours(series: int) -> Observe:
    """Open our bank at its default settings."""
    from bdp.detect.series.bank import SeriesBank
    from bdp.detect.series.settings import SeriesSettings

    return SeriesBank(SeriesSettings(), series=series).observe


def others(points: int) -> Iterator[Row]:
    """Measure river's and PyOD's detectors on one series, or say that they are absent."""
    dice = np.random.default_rng(7)
    series = np.array([values_at(at, np.zeros(1), dice)[0] for at in range(points)])
    for measure, package in ((_river, "river"), (_pyod, "pyod")):
        try:
            importlib.import_module(package)
        except ModuleNotFoundError as error:
            yield {"detector": package, "absent": f"not measured: {error.name} is not installed"}
        else:
            yield from measure(series)


def _river(series: Floats) -> Iterator[Row]:
    anomaly: Any = importlib.import_module("river.anomaly")
    trees = anomaly.HalfSpaceTrees(seed=7)
    gaussian = anomaly.GaussianScorer()
    filtered = anomaly.QuantileFilter(anomaly.HalfSpaceTrees(seed=7), q=0.999)

    def score_trees(value: float) -> None:
        trees.score_one({"value": value})
        trees.learn_one({"value": value})

    def score_gaussian(value: float) -> None:
        gaussian.score_one(None, value)
        gaussian.learn_one(None, value)

    def score_filter(value: float) -> None:
        filtered.classify(filtered.score_one({"value": value}))
        filtered.learn_one({"value": value})

    yield _by_point("river HalfSpaceTrees", score_trees, series)
    yield _by_point("river QuantileFilter(HalfSpaceTrees)", score_filter, series)
    yield _by_point("river GaussianScorer", score_gaussian, series)


def _by_point(name: str, score: Callable[[float], None], series: Floats) -> Row:
    half = len(series) // 2
    for value in series[:half].tolist():
        score(value)
    start = time.process_time()
    for value in series[half:].tolist():
        score(value)
    return {"detector": name, "us_by_point": 1e6 * (time.process_time() - start) / (len(series) - half)}


def _pyod(series: Floats) -> Iterator[Row]:
    windows = np.lib.stride_tricks.sliding_window_view(series, LAGS)
    for model in ("ECOD", "IForest"):
        module: Any = importlib.import_module(f"pyod.models.{model.lower()}")
        getattr(module, model)().fit(windows[:100])  # what the first call compiles and loads isn't the detector's cost
        spent = []
        for _ in range(BATCH_ROUNDS):
            start = time.process_time()
            getattr(module, model)().fit(windows)
            spent.append(time.process_time() - start)
        yield {"detector": f"pyod {model}, in batch", "us_by_point": 1e6 * statistics.median(spent) / len(windows)}
