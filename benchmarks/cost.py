"""Planted anomalies in daily costs: our methods, the ensemble, and two rivals in the same run; and the speed.

    python benchmarks/cost.py [--quick] [--json] [--only accuracy|speed]

Accuracy. `benchmarks/_bills.py` tells what is planted. Settings of ours and thresholds of the rivals were chosen on
made fleets of the seeds 1 to 3 and on every other recorded series; what is reported comes from other seeds (11 to 14)
and the other recorded series, which have no part in that. Recorded are use and prices by the day from the folder
BDP_DATA names: what was odd in them by itself and has no label counts as a false alarm, so their precision is a lower
bound.

- days: each day of each series by itself, judged as of that day with nothing known of later ones. Precision, recall,
  F1, and the share of the money above usual that lies on days that were called abnormal.
- in hindsight: the days that the report tells as abnormal in the end; a ramp is dated back to where it began.
- events: a planted anomaly is found if one of its days is called abnormal; alarms on other days, those in a row as one,
  are false. `first`: found on its first day. `money`: of the events that were found.

A day counts only from the 36th on, and only where it is more than the least impact (1.00) above what was expected.

The rivals see each day with the same care for the money: PyOD's IsolationForest by series, of cost, change to the day
before and ratio to the same weekday a week ago, fitted on all days of the series at once (later ones too, which helps
it); and a seasonal-naive rule: the difference to the same weekday of the week before, in median absolute deviations.

Speed. 1,000 accounts x 200 services x 90 days in the store: reading daily costs and judging the newest day.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bdp.detect.cost.daily import Calendar, DailyCosts
from bdp.detect.cost.ensemble import Ensemble
from bdp.detect.cost.results import Results
from bdp.detect.cost.settings import WEIGHTS, CostSettings
from bdp.detect.cost.walk import Walk
from bdp.model.cost_result import CostKey
from benchmarks._bills import FIRST_JUDGED, KINDS, Flags, Fleet, Floats, made, recorded
from benchmarks._corpora import data_folder

CHOSEN_ON: Final = (1, 2, 3)
REPORTED: Final = (11, 12, 13, 14)
RECORDED: Final = tuple(range(3, 15))
"""Twelve times the same few series, planted differently."""
LEAST: Final = 1.0
Figures = dict[str, Any]
Scores = Callable[[Fleet], Floats]


@dataclass(frozen=True)
class Alarms:
    """Which days one way of looking called abnormal; shape (series, days)."""

    on_the_day: Flags
    in_hindsight: Flags


def main() -> None:
    """Run the parts and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small fleet, and a tenth of the accounts")
    parser.add_argument("--json", action="store_true", help="print one JSON object and no tables")
    parser.add_argument("--only", choices=["accuracy", "speed"], help="one of the two parts")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    figures: Figures = {}
    if arguments.only != "speed":
        figures["accuracy"] = accuracy(quick=arguments.quick)
    if arguments.only != "accuracy":
        figures["speed"] = speed(100 if arguments.quick else 1_000)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, tables in figures.get("accuracy", {}).items():
        show(name, tables)
    for name, value in figures.get("speed", {}).items():
        print(f"{name:34} {value}")


def accuracy(*, quick: bool) -> Figures:
    """Return the figures of each way of looking on each set."""
    accounts = 8 if quick else 25
    sets = {"made": [made(seed, accounts) for seed in (REPORTED[:1] if quick else REPORTED)]}
    chosen_on = [made(seed, accounts) for seed in (CHOSEN_ON[:1] if quick else CHOSEN_ON)]
    if data_folder("nab") and (folder := data_folder("")):
        sets["recorded"] = [recorded(folder, seed, slice(1, None, 2)) for seed in RECORDED]
    ways = dict(_ours())
    for name, scores in (("IsolationForest (PyOD)", isolation_forest), ("seasonal-naive", seasonal_naive)):
        threshold = best_threshold(scores, chosen_on) if scores is not isolation_forest or _pyod() else None
        if threshold is not None:
            ways[name] = _by_scores(scores, threshold)
    return {name: {way: judged(fleets, look) for way, look in ways.items()} for name, fleets in sets.items()}


def judged(fleets: list[Fleet], look: Callable[[Fleet], Alarms]) -> Figures:
    """Return the figures of one way of looking over several fleets."""
    counts = [Counts.of(fleet, look(fleet)) for fleet in fleets]
    return sum(counts[1:], start=counts[0]).figures()


@dataclass
class Counts:
    """What figures are made of; sums over fleets."""

    days: Floats
    hindsight: Floats
    events: Floats
    kinds: dict[str, Floats]

    def __add__(self, other: Counts) -> Counts:
        kinds = {kind: self.kinds[kind] + other.kinds[kind] for kind in KINDS}
        return Counts(self.days + other.days, self.hindsight + other.hindsight, self.events + other.events, kinds)

    @classmethod
    def of(cls, fleet: Fleet, alarms: Alarms) -> Counts:
        """Count what one fleet's alarms are worth."""
        truth, money = fleet.truth()
        scored = fleet.scored & ~np.isnan(fleet.costs)
        scored[:, :FIRST_JUDGED] = False
        kinds = {kind: np.zeros(5) for kind in KINDS}
        found = alarms.on_the_day & scored
        for event in fleet.events:
            days = slice(event.first, event.last + 1)
            hit = found[event.series, days]
            worth = float(event.money.sum())
            told = float((event.money * alarms.in_hindsight[event.series, days]).sum())
            kinds[event.kind] += np.array([hit.any(), 1, hit[0], told, worth])
        false = found & ~truth
        rows = false.copy()
        rows[:, 1:] &= ~false[:, :-1]
        sums = sum(kinds.values(), start=np.zeros(5))
        caught = sum(event.money.sum() for event in fleet.events if _is_hit(found, event))
        events = np.array([sums[0], sums[1], sums[2], float(rows.sum()), float(caught), sums[4]])
        later = alarms.in_hindsight & scored
        return cls(
            _by_day(found, truth & scored, scored, money), _by_day(later, truth & scored, scored, money), events, kinds
        )

    def figures(self) -> Figures:
        """Return shares."""
        hits, every, first, false, caught, worth = self.events.tolist()
        return {
            "days": _shares(self.days),
            "in hindsight": _shares(self.hindsight),
            "events": {
                "precision": hits / max(1.0, hits + false),
                "recall": hits / every,
                "f1": 2 * hits / (hits + false + every),
                "money": caught / worth,
                "first": first / every,
            },
            "by kind": {
                kind: {
                    "found": one[0] / one[1],
                    "first": one[2] / one[1],
                    "money": one[3] / one[4],
                    "events": int(one[1]),
                }
                for kind, one in self.kinds.items()
                if one[1]
            },
        }


def show(name: str, tables: Figures) -> None:
    """Print the figures of one set."""
    print(f"\n{name}: as of each day | in hindsight | events")
    print(f"{'':28} {'P':>5} {'R':>5} {'F1':>5} {'money':>6} | {'P':>5} {'R':>5} {'F1':>5} {'money':>6} |"
          f" {'P':>5} {'R':>5} {'F1':>5} {'money':>6} {'first':>6}")  # fmt: skip
    for way, one in tables.items():
        parts = [" ".join(f"{one[part][key]:{5 + (key in ('money', 'first'))}.3f}" for key in keys)
                 for part, keys in _COLUMNS.items()]  # fmt: skip
        print(f"{way:28} {' | '.join(parts)}")
    print("ensemble by kind: found, on its first day, money in hindsight")
    for kind, one in tables["ensemble"]["by kind"].items():
        print(f"  {kind:12} {one['found']:5.2f} {one['first']:5.2f} {one['money']:5.2f}   of {one['events']}")


_COLUMNS: Final = {
    "days": ("precision", "recall", "f1", "money"),
    "in hindsight": ("precision", "recall", "f1", "money"),
    "events": ("precision", "recall", "f1", "money", "first"),
}


def _ours() -> Iterator[tuple[str, Callable[[Fleet], Alarms]]]:
    settings = CostSettings(least_impact=LEAST)
    for name in WEIGHTS:
        if name == "luminol" and "luminol" in Ensemble(settings).absent:
            continue
        alone = settings.model_copy(update={"detection_methods": (name,)})
        yield f"{name} alone", partial(_walked, settings=alone)
    plain = settings.model_copy(update={"pattern_recognition": False})
    yield "ensemble without patterns", partial(_walked, settings=plain)
    yield "ensemble", partial(_walked, settings=settings)


def _walked(fleet: Fleet, settings: CostSettings) -> Alarms:
    keys = [CostKey(account_id=a, service_name=s) for a, s in zip(fleet.accounts, fleet.services, strict=True)]
    daily = DailyCosts(keys, Calendar(fleet.first_day, fleet.costs.shape[1]), fleet.costs)
    walk = Walk(daily, settings, Ensemble(settings))
    results = Results(walk, settings, datetime(2026, 1, 1, tzinfo=UTC))
    found = np.zeros(fleet.costs.shape, np.bool_)
    for day in walk.walk(7, fleet.costs.shape[1] - 1):
        results.add(day)
        found[day.rows[day.anomalous], day.place] = True
    later = np.zeros_like(found)
    for (row, _), spike in results.spikes.items():
        later[row, spike.start : spike.last + 1] = True
    return Alarms(found, later & ~np.isnan(fleet.costs))


def isolation_forest(fleet: Fleet) -> Floats:
    """Return PyOD's outlier score of each day, fitted by series on all of its days."""
    forest: Any = importlib.import_module("pyod.models.iforest").IForest
    scores = np.full(fleet.costs.shape, -np.inf)
    for row, costs in enumerate(fleet.costs):
        known = np.flatnonzero(~np.isnan(costs))
        values = costs[known]
        before, week = np.concatenate([values[:1], values[:-1]]), np.concatenate([values[:7], values[:-7]])
        features = np.column_stack([values, values - before, values / np.maximum(week, 1e-9)])
        model = forest(n_estimators=50, random_state=0).fit(features)
        scores[row, known] = model.decision_scores_
    return scores


def seasonal_naive(fleet: Fleet) -> Floats:
    """Return each day's difference to the week before, in median absolute deviations of the 56 days before."""
    costs = fleet.costs
    differences = np.full(costs.shape, np.nan)
    differences[:, 7:] = costs[:, 7:] - costs[:, :-7]
    scores = np.full(costs.shape, -np.inf)
    for day in range(14, costs.shape[1]):
        past = differences[:, max(7, day - 56) : day]
        center = np.nanmedian(past, axis=1)
        spread = 1.4826 * np.nanmedian(np.abs(past - center[:, None]), axis=1)
        scores[:, day] = (differences[:, day] - center) / np.maximum(
            spread, 0.02 * np.nanmean(costs[:, :day], axis=1) + 1e-9
        )
    found: Floats = np.nan_to_num(scores, nan=-np.inf)
    return found


def best_threshold(scores: Scores, fleets: list[Fleet]) -> float:
    """Return the threshold with the best F1 by days."""
    told = [(fleet, scores(fleet)) for fleet in fleets]
    every = np.concatenate([one[np.isfinite(one)] for _, one in told])
    candidates = np.quantile(every, np.linspace(0.9, 0.9995, 60))

    def f1(threshold: float) -> float:
        counts = [Counts.of(fleet, _alarms(fleet, one, threshold)).days for fleet, one in told]
        return float(_shares(sum(counts, start=np.zeros(5)))["f1"])

    return float(max(candidates, key=f1))


def _by_scores(scores: Scores, threshold: float) -> Callable[[Fleet], Alarms]:
    return lambda fleet: _alarms(fleet, scores(fleet), threshold)


def _alarms(fleet: Fleet, scores: Floats, threshold: float) -> Alarms:
    """Return the days over a threshold that are dearer than the two weeks before by the least impact."""
    usual = np.full(fleet.costs.shape, np.inf)
    for day in range(14, fleet.costs.shape[1]):
        usual[:, day] = np.nanmedian(fleet.costs[:, day - 14 : day], axis=1)
    found = (scores >= threshold) & (fleet.costs - usual >= LEAST)
    return Alarms(found, found)


def _pyod() -> bool:
    try:
        importlib.import_module("pyod")
    except ImportError:
        print("PyOD is not installed: IsolationForest is left out.", file=sys.stderr)
        return False
    return True


def _is_hit(found: Flags, event: Any) -> bool:
    return bool(found[event.series, event.first : event.last + 1].any())


def _by_day(found: Flags, truth: Flags, scored: Flags, money: Floats) -> Floats:
    """Return true and false alarms, misses, money found and money in all."""
    worth = np.where(scored, money, 0.0)
    right = found & truth
    counts = [right.sum(), (found & ~truth).sum(), (truth & ~found).sum(), worth[right].sum(), worth[truth].sum()]
    return np.array(counts, np.float64)


def _shares(counts: Floats) -> Figures:
    right, wrong, missed, found, worth = counts.tolist()
    return {
        "precision": right / max(1.0, right + wrong),
        "recall": right / max(1.0, right + missed),
        "f1": 2 * right / max(1.0, 2 * right + wrong + missed),
        "money": found / max(1e-9, worth),
    }


def speed(accounts: int) -> Figures:
    """Read and judge the newest day of many accounts in the embedded store; beside it, sort the same figures once."""
    from bdp.flow.daily_costs import CostQuery, daily_costs
    from bdp.store.clickhouse import open_store

    with tempfile.TemporaryDirectory(prefix="bdp-bench-") as folder:
        store = open_store(path=Path(folder) / "store")
        _fill(store, accounts)
        settings = CostSettings()
        begin, used = time.perf_counter(), time.process_time()
        daily = daily_costs(store, CostQuery(), date(2026, 1, 1), date(2026, 3, 31), "billed_cost")
        read, read_cpu = time.perf_counter() - begin, time.process_time() - used
        walk = Walk(daily, settings, Ensemble(settings))
        results = Results(walk, settings, datetime(2026, 4, 1, tzinfo=UTC))
        results.add(walk.judge(len(daily.days) - 1))
        found = results.anomalies()
        wall, cpu = time.perf_counter() - begin, time.process_time() - used
        store.close()
    used = time.process_time()
    np.sort(daily.costs, axis=1)
    return {
        "series": len(daily.keys),
        "days": len(daily.days),
        "anomalies": len(found),
        "seconds to read": round(read, 2),
        "seconds in all (aim 10)": round(wall, 2),
        "CPU seconds to read": round(read_cpu, 2),
        "CPU seconds in all": round(cpu, 2),
        "CPU by that of sorting it once": round(cpu / max(1e-9, time.process_time() - used), 1),
        "most memory, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


def _fill(store: Any, accounts: int) -> None:
    """Make 90 days of 200 services by account inside the store: nothing but the reading is to be measured."""
    for begin in range(0, accounts, 100):
        size = min(100, accounts - begin)
        store._writer.command(
            "INSERT INTO costs (charge_period_start, charge_period_end, provider_name, billing_account_id, "
            "sub_account_id, sub_account_name, service_name, charge_category, billed_cost, effective_cost, "
            "billing_currency, statement, stated_at) SELECT toDateTime('2026-01-01 00:00:00', 'UTC') + 86400 * (number "
            "% 90) AS start, start + 86400, 'AWS', 'payer', leftPad(toString(intDiv(number, 18000) + "
            f"{begin}), 12, '0'), concat('account-', toString(intDiv(number, 18000) + {begin})), concat('service-', "
            "toString(intDiv(number, 90) % 200)), 'Usage', exp(3 * (cityHash64(intDiv(number, 90)) % 1000) / 1000) * "
            "(1 + 0.1 * (cityHash64(number) % 1000) / 1000) * if(number % 90 = 89 AND "
            "cityHash64(number, 7) % 2000 = 0, 5, 1), 0, 'USD', "
            f"'delivery', toDateTime64('2026-04-01 00:00:00', 3, 'UTC') FROM numbers({size * 18_000})"
        )


if __name__ == "__main__":
    main()
