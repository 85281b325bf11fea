"""`bdp compare`: how far two judges agree on the same input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bdp.cli import screen
from bdp.cli.backtest import (
    NAMES,
    FileOption,
    FromOption,
    LeadOption,
    RateOption,
    ServiceOption,
    SetOption,
    ToOption,
    asked,
    head,
    run,
)
from bdp.cli.options import HomeOption, JsonOption

_COLUMNS = ("inputs", "same type", "risk diff", "p95", "chars first", "second", "only first", "second")


def compare(
    start: FromOption,
    end: ToOption = "",
    settings: FileOption = None,
    set_: SetOption = None,
    service: ServiceOption = "",
    lead_hours: LeadOption = None,
    rate: RateOption = 0,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Compare the insights of a range with what the rules say today; with settings, today's rules with those.

    Examples:

      bdp compare --from 2026-05-01 --to 2026-05-08

      bdp compare --from 2026-05-01 --set fabric.latency_ratio=3 --json
    """
    question = asked(start, end, settings, set_, service, lead_hours, rate)
    told = run(home, {**question, "differences": 0})
    agreement = told["answer"]["agreement"][-1]
    if json:
        screen.print_json({name: value for name, value in told.items() if name != "answer"} | {"agreement": agreement})
    else:
        for part in _shown(told, agreement):
            screen.out.print(part)


def _shown(told: Mapping[str, Any], agreement: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield from head(told)
    first, second = NAMES[agreement["first"]], NAMES[agreement["second"]]
    total = agreement["total"]
    if not (total["inputs"] or total["only_first"] or total["only_second"]):
        yield Text("\nNeither has an insight in this range.")
        return
    yield Text(f"\nfirst: {first}; second: {second}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("prediction type", overflow="fold")
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for row in agreement["types"]:
        table.add_row(row["prediction_type"].replace("_", " "), *_figures(row))
    table.add_row("all", *_figures(total), style="bold")
    yield table
    if total["near"]:
        near = screen.counted(total["near"], "input")
        yield Text(f"{near} of these were paired with a sample at most five minutes apart.", "dim")


def _figures(row: Mapping[str, Any]) -> Iterator[str]:
    yield f"{row['inputs']:,}"
    yield _said(row["type_percent"], ".1f", " %")
    yield _said(row["risk_mean"], "+.1f")
    yield _said(row["risk_p95"], "d")
    yield _said(row["length_first"], ".0f")
    yield _said(row["length_second"], ".0f")
    yield f"{row['only_first']:,}"
    yield f"{row['only_second']:,}"


def _said(value: float | None, form: str, unit: str = "") -> str:
    return "-" if value is None else f"{value:{form}}{unit}"
