"""`bdp compare`: how far two judges agree on the same input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bdp.cli import screen
from bdp.cli.api import connect
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
from bdp.cli.options import HomeOption, JsonOption, instant
from bdp.errors import BadRequest

_WIDE: Final = 100
_DECIDED: Final = {"ai": "by a model", "cached": "by a remembered answer", "rules": "by rules"}
_COLUMNS = ("inputs", "same type", "risk diff", "p95", "chars first", "second", "only first", "second")


def compare(
    start: FromOption,
    end: ToOption = "",
    settings: FileOption = None,
    set_: SetOption = None,
    service: ServiceOption = "",
    lead_hours: LeadOption = None,
    rate: RateOption = 0,
    ai: Annotated[bool, typer.Option("--ai", help="hold models against rules, by what was kept of both")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Compare the insights of a range with what the rules say today; with settings, today's rules with those.

    With --ai, what models said is held against what the rules said of the same samples; nothing is asked again.

    Examples:

      bdp compare --from 2026-05-01 --to 2026-05-08

      bdp compare --from 2026-05-01 --set fabric.latency_ratio=3 --json

      bdp compare --from 2026-05-01 --ai
    """
    if ai:
        _compare_ai(start, end, service, home, settings is not None or bool(set_), json)
        return
    question = asked(start, end, settings, set_, service, lead_hours, rate)
    told = run(home, {**question, "differences": 0})
    agreement = told["answer"]["agreement"][-1]
    if json:
        screen.print_json({name: value for name, value in told.items() if name != "answer"} | {"agreement": agreement})
    else:
        for part in _shown(told, agreement):
            screen.out.print(part)


def _compare_ai(start: str, end: str, service: str, home: Path | None, tries: bool, json: bool) -> None:
    if tries:
        raise BadRequest(
            "--ai compares what was kept; there are no settings to try.", "Leave --settings and --set out."
        )
    wanted = {"from": instant(start), "to": instant(end) if end else None, "related_entity": service or None}
    with connect(home) as api:
        told = api.get("/v1/comparisons/insights", **wanted)
    if json:
        screen.print_json(told)
    else:
        for part in _concord(told):
            screen.out.print(part)


def _concord(told: Mapping[str, Any]) -> Iterator[RenderableType]:
    sources = told["sources"]
    count = sum(sources.values())
    if not count:
        yield Text("No insight in this range.")
        return
    said = ", ".join(f"{number:,} {_DECIDED[name]}" for name, number in sources.items() if number)
    yield Text(f"{screen.counted(count, 'insight')}: {said}.")
    if told["calm"]:
        yield Text(f"In {told['calm']:,} of them a model saw nothing wrong.")
    asked_about, share = told["inquiries"], told["fallback_percent"]
    if share is not None:
        reasons = ", ".join(
            f"{screen.plain(name)} {number:,}" for name, number in sorted(asked_about["reasons"].items())
        )
        closed = screen.counted(sum(asked_about["sources"].values()), "question")
        yield Text(f"{closed} closed since then, {share:.1f} % left to the rules{f' ({reasons})' if reasons else ''}.")
    if not told["comparison"]["total"]["inputs"]:
        yield Text("\nOf no insight both are known: no model was asked, or none answered.")
        return
    yield from _compared(told["comparison"], "rules", "model")


def _shown(told: Mapping[str, Any], agreement: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield from head(told)
    total = agreement["total"]
    if not (total["inputs"] or total["only_first"] or total["only_second"]):
        yield Text("\nNeither has an insight in this range.")
        return
    yield from _compared(agreement, NAMES[agreement["first"]], NAMES[agreement["second"]])


def _compared(agreement: Mapping[str, Any], first: str, second: str) -> Iterator[RenderableType]:
    yield Text(f"\nfirst: {first}; second: {second}")
    rows = [
        *((row["prediction_type"].replace("_", " "), row) for row in agreement["types"]),
        ("all", agreement["total"]),
    ]
    if screen.out.width < _WIDE:
        yield Group(*(_lines(name, row) for name, row in rows))
    else:
        yield _table(rows)
    if near := agreement["total"]["near"]:
        yield Text(
            f"{screen.counted(near, 'input')} of these were paired with a sample at most five minutes apart.", "dim"
        )


def _table(rows: Sequence[tuple[str, Mapping[str, Any]]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("prediction type", overflow="fold")
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for name, row in rows:
        table.add_row(name, *_figures(row), style="bold" if name == "all" else "")
    return table


def _lines(name: str, row: Mapping[str, Any]) -> RenderableType:
    """Return one row as lines, for a narrow terminal."""
    inputs, same, risk, p95, length, other, only_first, only_second = _figures(row)
    both = f"{inputs} inputs, same type {same}, risk {risk} on average, {p95} at most in 95 %; "
    both += f"characters {length} and {other}; " if row["inputs"] else ""
    said = both if row["inputs"] else "no input that both speak of; "
    body = Text(f"{said}only first {only_first}, only second {only_second}")
    return Group(Text(name, "bold"), screen.hanging(Text(""), body, indent=1))


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
