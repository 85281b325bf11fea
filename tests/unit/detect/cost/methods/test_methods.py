"""Each method by itself: what it calls abnormal, and from where on."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from bdp.detect.cost.daily import Floats
from bdp.detect.cost.ensemble import Ensemble
from bdp.detect.cost.methods import luminol
from bdp.detect.cost.methods.judged import Judged, held
from bdp.detect.cost.outlook import Outlook, look
from bdp.detect.cost.settings import CostSettings, Method
from bdp.detect.cost.shape import flat
from bdp.detect.cost.window import Window
from bdp.errors import MissingExtra
from tests.unit.detect.cost.bills import daily, noisy

QUICK: tuple[Method, ...] = ("ecod", "ratio", "stddev", "trend")


def outlook(*rows: Floats) -> Outlook:
    """The outlook on the last day of some series, on a past in whole weeks."""
    one = daily(rows)
    place = len(one.days) - 1
    assert place % 7 == 0
    past = one.costs[:, :place]
    return look(
        Window(one.calendar, place, past, past, one.costs[:, -1], np.nan_to_num(past).max(axis=1)), flat(len(rows))
    )


def said(about: Outlook, *, sensitivity: float = 0.5, among: tuple[Method, ...] = QUICK) -> dict[str, Judged]:
    settings = CostSettings(detection_methods=among, sensitivity=sensitivity)
    return Ensemble(settings).ask(about).by_method


def with_last(costs: Floats, cost: float) -> Floats:
    return np.append(costs[:-1], cost)


def test_a_dear_day_is_seen_by_each_that_looks_at_days() -> None:
    costs = with_last(noisy(100, 71), 300.0)
    costs[-2] = 99.0
    found = said(outlook(costs))
    assert all(found[name].confidence[0] >= 0.5 for name in ("ecod", "ratio", "stddev"))
    assert found["ratio"].value[0] == pytest.approx(3.0, rel=0.05)
    assert found["trend"].confidence[0] < 0.5


def test_a_day_like_any_other_is_seen_by_none() -> None:
    found = said(outlook(with_last(noisy(100, 71), 102.0)))
    assert all(one.confidence[0] < 0.4 for one in found.values())


def test_a_cheap_day_is_no_anomaly() -> None:
    found = said(outlook(with_last(noisy(100, 71), 3.0)))
    assert all(one.confidence[0] < 0.5 for one in found.values())


def test_a_slow_ramp_is_seen_by_trend_where_no_single_day_stands_out() -> None:
    costs = noisy(100, 71, spread=0.02)
    costs[-7:] *= 1 + 0.02 * np.arange(1, 8)
    found = said(outlook(costs))
    assert found["trend"].confidence[0] >= 0.5
    assert found["ratio"].confidence[0] < 0.5


def test_what_is_rare_in_an_even_series_is_usual_in_a_wild_one() -> None:
    even, wild = noisy(100, 71, spread=0.02), noisy(100, 71, spread=0.5)
    found = said(outlook(with_last(even, 170.0), with_last(wild, 170.0)))
    for name in ("ecod", "ratio", "stddev"):
        assert found[name].confidence[0] >= 0.5 > found[name].confidence[1], name


@pytest.mark.parametrize("sensitivity", [0.0, 0.5, 1.0, 2.0])
def test_a_z_score_counts_from_three_minus_the_sensitivity(sensitivity: float) -> None:
    found = said(outlook(noisy(100, 71)), sensitivity=sensitivity)
    assert found["stddev"].threshold[0] == pytest.approx(3 - sensitivity)


def test_the_other_methods_follow_the_sensitivity() -> None:
    about = outlook(with_last(noisy(100, 71), 130.0))
    timid, bold = said(about, sensitivity=0.0), said(about, sensitivity=2.0)
    for name in QUICK:
        rest = 1.0 if name == "ratio" else 0.0
        share = (bold[name].threshold[0] - rest) / (timid[name].threshold[0] - rest)
        assert share == pytest.approx(1 / 3), name
        assert bold[name].value[0] == timid[name].value[0]
    assert all(bold[name].confidence[0] > timid[name].confidence[0] for name in ("ecod", "ratio", "stddev"))


def test_a_dearer_day_is_never_less_abnormal() -> None:
    past = noisy(100, 71, spread=0.1)
    found = said(outlook(*[with_last(past, cost) for cost in (50.0, 100.0, 120.0, 150.0, 250.0, 900.0, 1e9)]))
    for name, one in found.items():
        assert (np.diff(one.confidence) >= 0).all(), name


def test_a_cost_where_there_was_none() -> None:
    found = said(outlook(with_last(np.zeros(71), 50.0)))
    assert all(np.isfinite(one.value).all() for one in found.values())
    assert found["ratio"].confidence[0] == 1.0


def test_confidence_is_half_at_the_threshold_and_whole_at_twice_that() -> None:
    found = held(np.array([0.0, 2.0, 4.0, 9.0, -3.0]), 4.0)
    assert found.confidence.tolist() == [0.0, 0.25, 0.5, 1.0, 0.0]
    assert held(np.array([1.0, 1.5, 2.0]), 1.5, rest=1.0).confidence.tolist() == [0.0, 0.5, 1.0]


@pytest.mark.skipif(importlib.util.find_spec("luminol") is not None, reason="luminol is installed")
def test_without_luminol_it_is_said_how_to_install_it() -> None:
    assert "pip install 'bdp-agent[luminol]'" in luminol.absent()
    assert Ensemble(CostSettings()).absent == {"luminol": luminol.absent()}
    with pytest.raises(MissingExtra, match="luminol is not installed"):
        Ensemble(CostSettings(detection_methods=("luminol",)))


@pytest.mark.skipif(importlib.util.find_spec("luminol") is None, reason="luminol is not installed")
def test_luminol_calls_a_dear_day_abnormal_and_a_usual_one_not() -> None:
    even = noisy(100, 71)
    with np.errstate(all="ignore"):
        found = said(outlook(with_last(even, 300.0), with_last(even, 101.0)), among=("luminol", "ratio"))["luminol"]
    assert found.confidence[0] >= 0.5 > found.confidence[1]
