"""What costs will be: forecasts with their intervals, budgets, and what the provider itself says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bdp.cli import screen, spark
from bdp.cli.cost_labels import counted, label
from bdp.cli.cost_notes import notes, nothing
from bdp.cli.cost_panel import paragraphs
from bdp.cli.money import figure, money, stretch
from bdp.cli.screen import hanging, plain, short
from bdp.model.cost_result import (
    BudgetOutlook,
    CostForecast,
    CostReport,
    CostResult,
    ProviderAnomaly,
    ProviderForecast,
    ProviderView,
    ServiceTotal,
)
from bdp.model.noun import Language

_PAST: Final = 30
_HEIGHT: Final = 8
_BAR: Final = 20
_THEIRS: Final = 10
_SPARK: Final = 15
_GAP: Final = 2
_NAME: Final = 20
"""Cells that a name is to have, before anything else gives way."""
_LEAST_NAME: Final = 8


def forecast_view(report: CostReport, language: Language, width: int) -> Iterator[RenderableType]:
    """Yield the parts of a forecast: the whole as a chart, the dearest as a table, budgets, the provider's own."""
    known = [one for one in report.forecasts if one.days]
    if report.start is None and report.notes:
        yield from nothing(report, language, files=False)
    elif not known:
        yield Text(label("no_forecast", language), "yellow")
    for whole in (one for one in known if _is_whole(one)):
        yield from _whole(whole, report, language, width)
    parts = [one for one in known if not _is_whole(one)]
    if parts:
        yield Text(f"\n{label('dearest', language)}", "bold")
        yield from _table(parts, language, width)
    yield from budgets(report, language)
    yield from providers(report, language)
    if report.start is not None:
        yield from notes(report, language)


def budgets(report: CostReport, language: Language) -> Iterator[RenderableType]:
    """Yield how each budget stands, and when it will be used up."""
    if report.budgets:
        yield Text(f"\n{label('budgets', language)}", "bold")
    for one in report.budgets:
        yield hanging(_bar(one), _budget(one, language))


def providers(report: CostReport, language: Language) -> Iterator[RenderableType]:
    """Yield what providers forecast and find, beside what is said here."""
    if report.providers:
        yield Text(f"\n{label('providers', language)}", "bold")
    for view in report.providers:
        yield hanging(Text(plain(view.name), "bold"), _view(view, report, language))


def _is_whole(one: CostForecast) -> bool:
    return not one.account and not one.service_name


def _whole(one: CostForecast, report: CostReport, language: Language, width: int) -> Iterator[RenderableType]:
    title = f"{label('forecast', language)} {stretch(one.days[0].day, one.days[-1].day, language)}"
    days = counted(len(one.days), "day", language)
    interval = label("from_to", language, low=figure(one.low, one.currency), high=money(one.high, one.currency))
    yield Text.assemble((title, "bold"), f"  {days}")
    total = Text.assemble((money(one.total, one.currency), "bold"), f"  {interval}  ")
    yield total.append(label("interval", language, level=f"{one.level:.0%}"), "dim")
    if note := one.worded("note", language):
        yield Text(plain(note), "yellow")
    yield Text()
    past = _past(report, one)
    ahead = [spark.Day(day.day, day.cost, low=day.low, high=day.high) for day in one.days]
    yield from spark.chart([*past, *ahead], width, _HEIGHT)
    legend = "forecast_legend" if past else "future_legend"
    yield Text(label(legend, language, level=f"{one.level:.0%}"), "dim")
    if one.method:
        yield Text(plain(one.method), "dim")


def _past(report: CostReport, one: CostForecast) -> list[spark.Day]:
    """Return the days before, where the report tells the costs of all that the forecast is of."""
    services = [service for service in report.services if service.key.currency == one.currency]
    if report.service_count > len(report.services) or not services:
        return []
    sums = [_sum(services, place) for place in range(len(report.days))]
    days = [spark.Day(at, cost) for at, cost in zip(report.days, sums, strict=True) if at < one.days[0].day]
    return days[-_PAST:]


def _sum(services: Sequence[ServiceTotal], place: int) -> float | None:
    costs = [one.costs[place] for one in services if place < len(one.costs)]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None


def _table(parts: Sequence[CostForecast], language: Language, width: int) -> Iterator[RenderableType]:
    """Yield what each part will cost. What is too narrow for all of it is taken from names and lines, never figures."""
    names = [", ".join(filter(None, (short(one.service_name), short(one.account)))) for one in parts]
    totals = [money(one.total, one.currency) for one in parts]
    level = f"{parts[0].level:.0%}"
    heads = label("what", language), label("total", language), label("interval", language, level=level)
    lines, intervals, room = _fitting(parts, (heads[1], *totals), heads[2], language, width)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(heads[0], no_wrap=True, overflow="ellipsis", max_width=room)
    if lines:
        table.add_column("", no_wrap=True)
    table.add_column(heads[1], justify="right", overflow="fold")
    table.add_column(heads[2], justify="right", overflow="fold")
    for one, name, total, interval in zip(parts, names, totals, intervals, strict=True):
        line = [spark.spark([day.cost for day in one.days], width=_SPARK)] if lines else []
        table.add_row(Text(name), *line, total, interval)
    yield table
    for one, name in zip(parts, names, strict=True):
        if note := one.worded("note", language):
            yield hanging(Text("!", "yellow"), Text(f"{name}: {plain(note)}", "yellow"))


def _fitting(
    parts: Sequence[CostForecast], totals: Sequence[str], head: str, language: Language, width: int
) -> tuple[bool, list[str], int]:
    """Return whether there is room for lines of blocks, the intervals in one line or two, and what names get of it."""
    bounds = [(figure(one.low, one.currency), figure(one.high, one.currency)) for one in parts]
    one_line = [label("from_to", language, low=low, high=high) for low, high in bounds]
    two_lines = [label("from_to", language, low=low, high=f"\n{high}").replace(" \n", "\n") for low, high in bounds]
    room = 0
    for lines, intervals in ((True, one_line), (True, two_lines), (False, one_line), (False, two_lines)):
        blocks = min(_SPARK, max(len(one.days) for one in parts)) + _GAP if lines else 0
        room = width - blocks - _widest(totals) - _widest((head, *intervals)) - 2 * _GAP
        if room >= _NAME:
            return lines, intervals, room
    return False, two_lines, max(room, _LEAST_NAME)


def _widest(texts: Sequence[str]) -> int:
    return max(cell_len(line) for text in texts for line in text.split("\n"))


def _bar(one: BudgetOutlook) -> Text:
    """Return what was spent, and what is expected on top, against the budget."""
    spent = min(_BAR, max(0, round(one.spent / one.amount * _BAR)))
    ahead = min(_BAR, max(spent, round(one.expected / one.amount * _BAR)))
    colour = _colour(one)
    return Text.assemble(("█" * spent, colour), ("▒" * (ahead - spent), colour), ("░" * (_BAR - ahead), "dim"))


def _colour(one: BudgetOutlook) -> str:
    return "red" if one.overrun_day else "yellow" if one.overrun_earliest else "green"


def _budget(one: BudgetOutlook, language: Language) -> Text:
    spent, amount = figure(one.spent, one.currency), money(one.amount, one.currency)
    text = Text.assemble((plain(one.name), "bold"), "  ")
    text.append(label("of_budget", language, spent=spent, amount=amount, day=one.as_of))
    low, high = figure(one.low, one.currency), figure(one.high, one.currency)
    expected = label("at_end", language, expected=figure(one.expected, one.currency), low=low, high=high)
    text.append(f"\n{expected}\n")
    parts = [label("overrun", language, day=one.overrun_day)] if one.overrun_day else []
    if one.overrun_earliest and one.overrun_earliest != one.overrun_day:
        parts.append(label("overrun_soon", language, day=one.overrun_earliest))
    parts.append(label("overrun_chance", language, chance=f"{one.probability:.0%}"))
    text.append(", ".join(parts if one.overrun_earliest else [label("holds", language), *parts]), _colour(one))
    if said := one.worded("text", language):
        text.append("\n").append_text(paragraphs(said))
    return text


def _view(view: ProviderView, report: CostReport, language: Language) -> Text:
    text = Text.assemble((label("asked_at", language, at=screen.when(view.asked_at)), "dim"))
    if view.problem:
        text.append(f"\n{label('provider_problem', language, problem=plain(view.problem))}", "yellow")
    if view.forecast:
        theirs = view.forecast
        said = money(theirs.total, theirs.currency)
        text.append(f"\n{label('their_forecast', language)} {stretch(theirs.start, theirs.end, language)}: {said}")
        text.append(_ours(theirs, report, language), "dim")
    text.append(f"\n{label('their_anomalies', language)}: ")
    text.append("" if view.anomalies else label("none", language))
    for found in view.anomalies[:_THEIRS]:
        text.append("\n  ").append_text(_their(found, report, language))
    if len(view.anomalies) > _THEIRS:
        text.append(f"\n  + {len(view.anomalies) - _THEIRS:,}")
    return text


def _ours(theirs: ProviderForecast, report: CostReport, language: Language) -> str:
    """Return what is forecast here for the same days, as far as they are forecast."""
    wholes = [one for one in report.forecasts if _is_whole(one) and one.currency == theirs.currency]
    days = [day for one in wholes[:1] for day in one.days if theirs.start <= day.day <= theirs.end]
    if not days:
        return ""
    span = stretch(days[0].day, days[-1].day, language)
    return f"\n{label('our_forecast', language)} {span}: {money(sum(day.cost for day in days), theirs.currency)}"


def _their(found: ProviderAnomaly, report: CostReport, language: Language) -> Text:
    days = stretch(found.start, found.end or found.start, language)
    text = Text(f"{days}  {short(found.service_name)}  {money(found.impact, found.currency)}  ")
    same = any(_is_same(found, ours) for ours in report.anomalies)
    text.append(label("also_ours" if same else "not_ours", language), "green" if same else "yellow")
    if found.root_causes:
        text.append(f"\n    {'; '.join(map(plain, found.root_causes[:3]))}", "dim")
    return text


def _is_same(theirs: ProviderAnomaly, ours: CostResult) -> bool:
    """Return whether both are of the same service and account, and of days that meet."""
    first, last = ours.spike_start_date or ours.day, ours.day
    account = not theirs.account_id or theirs.account_id in {ours.key.account_id, ours.key.billing_account_id}
    return (
        account
        and theirs.service_name.casefold() == ours.service_name.casefold()
        and theirs.start <= last
        and first <= (theirs.end or last)
    )
