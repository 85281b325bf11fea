"""The tables' figures, from series of which the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks._corpora import Labelled
from benchmarks._cost import bank_cost, others
from benchmarks._detectors import Flags
from benchmarks.series import accuracy, show_accuracy, show_cost
from tests.unit.benchmarks.stand_in import RollingBank, rolling

POINTS = 10_080  # a week by the minute
LEARNT = 5_040


def series(name: str, *starts: int, seed: int = 1, still: bool = False) -> Labelled:
    """Noise with ten points far off from each start; the first half of the week is there to learn from."""
    values = np.zeros(POINTS) if still else np.random.default_rng(seed).uniform(-1, 1, POINTS)
    truth: Flags = np.zeros(POINTS, bool)
    for start in starts:
        values[start : start + 10] += 100
        truth[start : start + 10] = True
    return Labelled(name, np.arange(0, 60 * POINTS, 60, dtype=np.float64), values, truth, LEARNT, 60.0)


ILL = [series("a", 6000, 8000), series("b", 7000, seed=2)]
CALM = [series("c", seed=3), series("d", still=True)]


def test_figures_of_a_set() -> None:
    figures = accuracy({"rolling": rolling}, {"asd": ILL + CALM})["rolling"]
    whole, even, odd = (figures["asd"][half] for half in ("all", "even", "odd"))
    assert (whole["segments"], whole["f1"], whole["in_time"], whole["delay"]) == (3, 1, 1, 0)
    assert (even["segments"], odd["segments"]) == (2, 1)
    assert even["f1_by_score"] == 1
    assert whole["false_by_week"] == 0
    assert 0.1 < whole["vus_pr"] <= 1
    assert whole["calm"] == {
        "series": 1, "weeks": 0.5, "alarms": 0, "by_series_week": 0, "by_series": {"c": 0},
        "constant": 1, "constant_alarms": 0,
    }  # fmt: skip


def test_alarms_where_nothing_is_labelled_are_counted_by_week() -> None:
    spiky = series("spiky", 5500, 9000)
    unlabelled = Labelled("spiky", spiky.ts, spiky.values, np.zeros(POINTS, bool), LEARNT, 60.0)
    figures = accuracy({"rolling": rolling}, {"asd": [unlabelled], "made": [unlabelled]})["rolling"]
    assert figures["asd"]["all"]["calm"]["by_series_week"] == 4
    assert figures["real"]["all"]["calm"]["alarms"] == 2
    assert "f1" not in figures["asd"]["all"]


def test_what_is_told_before_the_part_that_counts_is_left_out() -> None:
    early = series("early", 100, 2000)
    figures = accuracy({"rolling": rolling}, {"asd": [early]})["rolling"]
    assert figures["asd"]["all"]["calm"]["alarms"] == 0


def test_detector_that_leaves_points_out_is_refused() -> None:
    with pytest.raises(ValueError, match="10000 points of a"):
        accuracy({"short": lambda streams: rolling([(ts[:-80], one[:-80]) for ts, one in streams])}, {"asd": ILL})


def test_tables_name_every_detector_and_set(capsys: pytest.CaptureFixture[str]) -> None:
    show_accuracy(accuracy({"rolling": rolling}, {"asd": ILL + CALM}))
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("rolling             asd   all") for line in lines) == 2
    assert sum(line.startswith("rolling             real  all") for line in lines) == 1


def test_cost_of_a_bank() -> None:
    row = bank_cost(lambda series: RollingBank(series).observe, 200, 0.01)
    assert row["detector"] == "bdp, 200 series"
    assert float(row["us_by_point"]) > 0
    assert float(row["calls"]) >= 20
    assert float(row["kib_by_series"]) == pytest.approx(25 / 1024, rel=0.5)


def test_absent_packages_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(others(60))
    show_cost([row if "absent" in row else row | {"times_ours": 1.0} for row in rows])
    out = capsys.readouterr().out
    for package in ("river", "pyod"):
        assert package in out
    for row in rows:
        assert "us_by_point" in row or f"{row['detector']} is not installed" in str(row["absent"])
