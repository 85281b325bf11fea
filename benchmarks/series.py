"""Our detector on labelled cloud and server metrics; false alarms where nothing was wrong; what a point costs.

    python benchmarks/series.py [--quick] [--json] [--only accuracy|cost] [--detector NAME …]

Two parts. Accuracy, on the recorded data in the folder BDP_DATA names:

- msft: hourly production metrics with labelled points; all points count, the first hour too;
- smd, asd: each metric of a server (by the minute) or an application server (every 5 minutes) as a series of its own,
  38 and 19 to an entity. The part to train on and the part to test go through as one stream, which the detector learns
  from as it goes; only the second part counts. A metric is anomalous where the recorded interpretation names it, so an
  alarm on another metric of the same server in the same minute is false;
- nab, made: the files of the NAB corpus without a window, recorded ones and made ones, for false alarms only.

For each set all series, and those at even and at odd places in sorted order: what is chosen on one half is reported on
the other. `benchmarks/_ranges.py` and `benchmarks/_volume.py` tell the measures:

- F1, precision, recall of the detector's own alarms; delay and "in time" with 3 points for msft and 7 for the others;
- false/wk: alarms outside of all zones by week, in series that do have anomalies;
- by score: F1 of alarms raised where the score reaches one threshold, the best one for the set's even half;
- AP and VUS-PR of the scores, the mean over series with anomalies. No threshold has part in them;
- false alarms by series and week where nothing is labelled. Series that never change are counted apart, and so are the
  made ones: `real` is the sum of the other sets.

Cost: CPU of this process by point, for our bank of 1,000 and of 100,000 series in lockstep, and for detectors of river
and PyOD where these are installed; `benchmarks/_cost.py` tells how. The windowed Gaussian and a random score stand
beside ours in the first part. `--detector` also takes `package.module:function`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._corpora import Labelled, data_folder, machine_series, msft_series, nab_series
from benchmarks._cost import Row, bank_cost, others, ours
from benchmarks._detectors import Detector, Flags, Floats, choose, rising, short_name
from benchmarks._ranges import Tally, best_threshold, tally
from benchmarks._volume import average_precision, period, vus_pr

DELAYS = {"msft": 3, "smd": 7, "asd": 7, "nab": 7, "made": 7}
HALVES: dict[str, slice] = {"all": slice(None), "even": slice(0, None, 2), "odd": slice(1, None, 2)}
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Judged:
    """The part that counts of one series, and what was told of it; arrays of shape (n,)."""

    series: Labelled
    truth: Flags
    scores: Floats
    opened: Flags


def main() -> None:
    """Run the parts and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="without smd, and shorter timings")
    parser.add_argument("--json", action="store_true", help="print one JSON object and no tables")
    parser.add_argument("--only", choices=["accuracy", "cost"], help="one of the two parts")
    parser.add_argument("--seconds", type=float, help="CPU to spend on each bank in the cost part; default 20, quick 4")
    parser.add_argument("--detector", action="append", default=[], help="only this one; may be given again")
    arguments = parser.parse_args()
    figures: Figures = {}
    if arguments.only != "cost":
        sets = read_sets(quick=arguments.quick)
        figures["accuracy"] = accuracy(choose(arguments.detector), sets) if sets else {}
    if arguments.only != "accuracy":
        figures["cost"] = cost(arguments.seconds or (4 if arguments.quick else 20), 1_000 if arguments.quick else 4_000)
    if arguments.json:
        print(json.dumps(figures))
        return
    show_accuracy(figures.get("accuracy", {}))
    show_cost(figures.get("cost", []))


def read_sets(*, quick: bool) -> dict[str, list[Labelled]]:
    """Return the series of each data set that is there."""
    sets: dict[str, list[Labelled]] = {}
    if folder := data_folder("msft-cloud-monitoring"):
        sets["msft"] = msft_series(folder)
    if folder := data_folder("smd-asd"):
        sets |= {part: machine_series(folder, part) for part in (("asd",) if quick else ("smd", "asd"))}
    if folder := data_folder("nab"):
        calm_files = nab_series(folder)
        sets["nab"] = [series for series in calm_files if not series.name.startswith("artificial")]
        sets["made"] = [series for series in calm_files if series.name.startswith("artificial")]
    return sets


def accuracy(detectors: dict[str, Detector], sets: dict[str, list[Labelled]]) -> Figures:
    """Run each detector once over all series of all sets side by side, and judge what it told, set by set."""
    every = [series for members in sets.values() for series in members]
    figures: Figures = {}
    for name, detector in detectors.items():
        start = time.process_time()
        told = iter(detector([series.stream for series in every]))
        seconds = time.process_time() - start
        judged = {of: [scored(series, *next(told)) for series in members] for of, members in sets.items()}
        figures[name] = {of: judge(members, DELAYS[of]) for of, members in judged.items()}
        recorded = [one for of, members in judged.items() if of != "made" for one in members]
        figures[name]["real"] = {"all": {"calm": calm(recorded)}}
        figures[name]["cpu_s"] = round(seconds, 1)
    return figures


def scored(series: Labelled, scores: Floats, is_anomaly: Flags, opened: Flags) -> Judged:
    """Keep the part that counts. How long an alarm stays open has part in no measure here."""
    if not len(scores) == len(is_anomaly) == len(opened) == len(series.values):
        raise ValueError(f"a detector told of {len(scores)} points of {series.name}, which has {len(series.values)}")
    part = slice(series.scored_from, None)
    return Judged(series, series.truth[part], scores[part], opened[part])


def judge(members: list[Judged], delay: int) -> Figures:
    """Return the figures of one set by half."""
    even = [one for one in members[HALVES["even"]] if one.truth.any()]
    threshold = best_threshold([(one.truth, one.scores) for one in even], delay) if even else None
    ranked = {one.series.name: ranking(one) for one in members if one.truth.any()}
    return {half: half_figures(members[part], delay, threshold, ranked) for half, part in HALVES.items()}


def ranking(one: Judged) -> tuple[float, float]:
    """Return average precision and VUS-PR of one series, the longest window from its autocorrelation."""
    buffer = period(one.series.values[one.series.scored_from :])
    return average_precision(one.truth, one.scores), vus_pr(one.truth, one.scores, buffer)


def half_figures(
    members: Sequence[Judged], delay: int, threshold: float | None, ranked: dict[str, tuple[float, float]]
) -> Figures:
    """Return the figures of some series of one set."""
    ill = [one for one in members if one.truth.any()]
    figures: Figures = {"series": len(members), "ill": len(ill), "calm": calm(members)}
    if not ill or threshold is None:
        return figures
    own = sum((tally(one.truth, one.opened, delay) for one in ill), Tally())
    by_score = sum((tally(one.truth, rising(one.scores >= threshold), delay) for one in ill), Tally())
    return figures | {
        "segments": own.segments,
        "alarms": own.alarms,
        "f1": own.f1,
        "precision": own.precision,
        "recall": own.recall,
        "in_time": own.timely,
        "delay": own.delay,
        "false_by_week": (own.alarms - own.true_alarms) / sum(one.series.weeks for one in ill),
        "threshold": threshold,
        "f1_by_score": by_score.f1,
        "ap": float(np.mean([ranked[one.series.name][0] for one in ill])),
        "vus_pr": float(np.mean([ranked[one.series.name][1] for one in ill])),
    }


def calm(members: Sequence[Judged]) -> Figures:
    """Count the alarms on series in which nothing is labelled; those that never change are counted apart."""
    still = [one for one in members if not one.truth.any() and one.series.constant]
    moving = [one for one in members if not one.truth.any() and not one.series.constant]
    alarms = {one.series.name: int(one.opened.sum()) for one in moving}
    weeks = sum(one.series.weeks for one in moving)
    return {
        "series": len(moving),
        "weeks": weeks,
        "alarms": sum(alarms.values()),
        "by_series_week": sum(alarms.values()) / weeks if weeks else None,
        "by_series": alarms,
        "constant": len(still),
        "constant_alarms": sum(int(one.opened.sum()) for one in still),
    }


def cost(seconds: float, points: int) -> list[Row]:
    """Measure ours for so many seconds each, then the others on one series of so many points."""
    rows = [bank_cost(ours, series, seconds) for series in (1_000, 100_000)]
    rows += others(points)
    mine = float(rows[1]["us_by_point"])
    return [row | {"times_ours": float(row["us_by_point"]) / mine} if "us_by_point" in row else row for row in rows]


def show_accuracy(figures: Figures) -> None:
    """Print both tables."""
    if not figures:
        return
    rows = [
        (short_name(name), of, half, row)
        for name, sets in figures.items()
        for of, halves in sets.items()
        if of != "cpu_s"
        for half, row in halves.items()
    ]
    print(f"{'detector':<20}{'set':<6}{'half':<6}{'series':>7}{'segm.':>7}{'alarms':>8}{'F1':>7}{'prec.':>7}{'recall':>8}"
          f"{'in time':>9}{'delay':>7}{'false/wk':>10}{'by score':>10}{'AP':>7}{'VUS-PR':>8}")  # fmt: skip
    for name, of, half, row in rows:
        if "f1" in row:
            delay = "" if row["delay"] is None else f"{row['delay']:g}"
            print(f"{name:<20}{of:<6}{half:<6}{row['ill']:>7}{row['segments']:>7}{row['alarms']:>8}{row['f1']:>7.3f}"
                  f"{row['precision']:>7.3f}{row['recall']:>8.3f}{row['in_time']:>9.3f}{delay:>7}"
                  f"{row['false_by_week']:>10.2f}{row['f1_by_score']:>10.3f}{row['ap']:>7.3f}"
                  f"{row['vus_pr']:>8.3f}")  # fmt: skip
    print(f"\n{'nothing labelled':<20}{'set':<6}{'half':<6}{'series':>7}{'weeks':>8}{'alarms':>8}"
          f"{'by series & week':>18}{'most on one':>13}{'constant':>10}{'alarms':>8}")  # fmt: skip
    for name, of, half, row in rows:
        one = row["calm"]
        if one["series"]:
            print(f"{name:<20}{of:<6}{half:<6}{one['series']:>7}{one['weeks']:>8.1f}{one['alarms']:>8}"
                  f"{one['by_series_week']:>18.2f}{max(one['by_series'].values()):>13}{one['constant']:>10}"
                  f"{one['constant_alarms']:>8}")  # fmt: skip


def show_cost(rows: Sequence[Row]) -> None:
    """Print what a point costs, and who was not there."""
    if rows:
        print(f"\n{'CPU by point':<36}{'µs':>9}{'times ours':>12}{'first calls':>13}{'calls':>7}{'longest, s':>12}"
              f"{'KiB a series':>14}")  # fmt: skip
    for row in rows:
        if "absent" in row:
            print(f"{row['detector']:<36} {row['absent']}")
            continue
        line = f"{row['detector']:<36}{row['us_by_point']:>9.2f}{row['times_ours']:>12.1f}"
        if "calls" in row:
            line += f"{row['us_young']:>13.2f}{row['calls']:>7.0f}{row['longest_call_s']:>12.3f}"
            line += f"{row['kib_by_series']:>14.2f}"
        print(line)


if __name__ == "__main__":
    main()
