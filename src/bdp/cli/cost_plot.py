"""Costs as an SVG drawing: one chart for each anomaly, or one of all costs of each currency."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from bdp.cli.chart import Curve, Drawing, Mark, stack
from bdp.cli.cost_labels import label
from bdp.cli.cost_panel import chart_days, who
from bdp.cli.money import money, percent, stretch
from bdp.errors import BadRequest
from bdp.model.cost_result import CostReport, CostResult
from bdp.model.noun import Language

_MOST: Final = 20


def write(plot: Path, report: CostReport, language: Language) -> None:
    """Draw the dearest anomalies, or what all services cost where there are none.

    Raises:
        BadRequest: the file cannot be written.
    """
    drawings = [_of_anomaly(found, language) for found in report.anomalies[:_MOST]] or list(_of_all(report, language))
    first, last = report.start, report.end
    title = label("costs", language) + (f" {stretch(first, last, language)}" if first and last else "")
    try:
        with plot.open("w", encoding="utf-8") as file:
            file.writelines(stack(title, drawings or [(title, _curve([], []), [])], language))
    except OSError as error:
        raise BadRequest(f"{plot} cannot be written: {error.strerror}.", "Name another file.") from None


def _of_anomaly(found: CostResult, language: Language) -> Drawing:
    days = [day for day in chart_days(found, len(found.timestamps)) if day.cost is not None]
    first = found.spike_start_date or found.day
    curve = _curve([day.at for day in days], [day.cost or 0.0 for day in days])
    # From the day before: over one day there would be nothing to see.
    known = np.array([first - timedelta(days=1) <= day.at <= found.day for day in days], dtype=bool)
    curve.low[known], curve.high[known] = found.expected_cost, found.expected_high
    currency = found.key.currency
    peak = max((day for day in days if day.marked), key=lambda day: day.cost or 0.0, default=None)
    text = f"{found.day}: {money(found.current_cost, currency)}, {percent(found.change_percent)}"
    height = peak.cost if peak and peak.cost is not None else found.current_cost
    mark = Mark(_seconds(first), _seconds(found.day), _seconds(peak.at if peak else found.day), height, text)
    return f"{who(found, language)} ({currency})", curve, [mark]


def _of_all(report: CostReport, language: Language) -> Iterator[Drawing]:
    for total in report.totals:
        sums: dict[date, float] = {}
        for one in report.services:
            for at, cost in zip(report.days, one.costs, strict=False):
                if cost is not None and one.key.currency == total.currency:
                    sums[at] = sums.get(at, 0.0) + cost
        days = sorted(sums)
        yield f"{label('costs', language)} ({total.currency})", _curve(days, [sums[day] for day in days]), []


def _curve(days: Sequence[date], costs: Sequence[float]) -> Curve:
    unknown = np.full(len(days), np.nan)
    ts = np.array([_seconds(day) for day in days], dtype=np.float64)
    return Curve(ts, np.array(costs, dtype=np.float64), unknown, unknown.copy(), base=0.0)


def _seconds(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
