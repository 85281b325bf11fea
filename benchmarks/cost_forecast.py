"""How often costs stay within the forecast interval: of single services, and of everything together.

Made fleets without planted anomalies (see `_bills.py`), forecast 30 days ahead from day 120 on. Beside it the mean
error of the sum of the 30 days, and that of a rule in the same run: the last four weeks again.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bdp.detect.cost.daily import Calendar, DailyCosts
from bdp.detect.cost.ensemble import Ensemble
from bdp.detect.cost.forecast import ahead, forecast
from bdp.detect.cost.settings import CostSettings
from bdp.detect.cost.walk import Walk
from bdp.model.cost_result import CostKey
from benchmarks._bills import Fleet, Floats, made

SEEDS: Final = tuple(range(31, 41))
KNOWN: Final = 120
AHEAD: Final = 30
LEAST: Final = 0.5
"""Sum of the 30 days, in the currency, below which an error in percent says nothing."""


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two small fleets")
    parser.add_argument("--json", action="store_true", help="print one JSON object and no table")
    arguments = parser.parse_args()
    settings = CostSettings()
    fleets = [
        made(seed, 8 if arguments.quick else 25, planted=False) for seed in SEEDS[: 2 if arguments.quick else None]
    ]
    figures = {
        "each service": shares([_held(fleet, fleet.costs, settings) for fleet in fleets]),
        "each account": shares([_held(fleet, _by_account(fleet), settings) for fleet in fleets]),
    }
    if arguments.json:
        print(json.dumps(figures))
        return
    for what, shown in figures.items():
        print(what)
        for name, value in shown.items():
            print(f"  {name:52} {value:.3f}")


def shares(parts: list[dict[str, list[float]]]) -> dict[str, float]:
    """Return the mean of each figure over all series."""
    return {name: float(np.mean([one for part in parts for one in part[name]])) for name in parts[0]}


def _held(fleet: Fleet, costs: Floats, settings: CostSettings) -> dict[str, list[float]]:
    """Return, by series, what stayed within its interval, and how far off sums were."""
    known = DailyCosts(
        [CostKey(service_name=str(row)) for row in range(len(costs))],
        Calendar(fleet.first_day, KNOWN),
        costs[:, :KNOWN],
    )
    walk = Walk(known, settings, Ensemble(settings))
    for _ in walk.walk(7, KNOWN - 1):
        pass
    one = ahead(known, walk.learnt, walk.running.astype(np.float64), AHEAD)
    found: dict[str, list[float]] = {
        name: []
        for name in (
            "days within the interval",
            "sums of 30 days within it",
            "error of the sum",
            "error of the last weeks",
        )
    }
    for row, came in enumerate(costs[:, KNOWN : KNOWN + AHEAD]):
        if came.sum() < LEAST or np.isnan(costs[row, :KNOWN]).any():
            continue
        told: Any = forecast(one, row, fleet.days[KNOWN], settings.forecast_level)
        found["days within the interval"].append(
            float(np.mean([day.low <= cost <= day.high for day, cost in zip(told.days, came, strict=True)]))
        )
        found["sums of 30 days within it"].append(float(told.low <= came.sum() <= told.high))
        again = costs[row, KNOWN - 28 : KNOWN].mean() * AHEAD
        for name, guess in (("error of the sum", told.total), ("error of the last weeks", again)):
            found[name].append(abs(guess - float(came.sum())) / float(came.sum()))
    return found


def _by_account(fleet: Fleet) -> Floats:
    names = np.array(fleet.accounts)
    return np.stack([np.nansum(fleet.costs[names == name], axis=0) for name in dict.fromkeys(fleet.accounts)])


if __name__ == "__main__":
    main()
