"""It runs where there is no room for SciPy, so it loads none of the large libraries."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[4]
HEAVY: Final = ("scipy", "pandas", "sklearn", "pyod", "statsmodels", "matplotlib", "numba")
RUN: Final = """
import json, sys
from datetime import UTC, date, datetime
import numpy as np
from bdp.detect.cost.daily import Calendar, DailyCosts
from bdp.detect.cost.ensemble import Ensemble
from bdp.detect.cost.results import Results
from bdp.detect.cost.settings import Budget, CostSettings
from bdp.detect.cost.walk import Walk
from bdp.detect.cost.whole import forecasts_of
from bdp.model.cost_result import CostKey

costs = 100 * np.exp(np.random.default_rng(1).normal(0, 0.04, (2, 90)))
costs[0, 80] = 400
daily = DailyCosts([CostKey(service_name="a"), CostKey(service_name="b")], Calendar(date(2026, 1, 5), 90), costs)
settings = CostSettings(budgets=(Budget(name="all", amount=100.0),))
walk = Walk(daily, settings, Ensemble(settings))
results = Results(walk, settings, datetime(2026, 6, 1, tzinfo=UTC))
for day in walk.walk(0, 89):
    results.add(day)
forecasts, budgets = forecasts_of(daily, walk.learnt, walk.running, settings)
print(json.dumps([len(results.anomalies()), len(forecasts), len(budgets), sorted(sys.modules)]))
"""


def test_no_large_library_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True, cwd=ROOT)
    anomalies, forecasts, budgets, modules = json.loads(done.stdout)
    assert (anomalies, forecasts, budgets) == (1, 3, 1)
    assert not [name for name in modules if name.partition(".")[0] in HEAVY]
