"""One anomaly of costs, in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bdp.cli import labels, screen, spark
from bdp.cli.cost_labels import counted, label, word
from bdp.cli.money import figure, money, percent, stretch
from bdp.cli.screen import hanging, plain, short
from bdp.model.cost_result import CostResult, Driver, PatternContext
from bdp.model.noun import Language

_BORDER = 6
"""Columns that the panel's frame and padding take."""
_DAYS, _DAYS_WIDE = 30, 45
"""Of the chart: with two columns each they fit."""
_WIDE = 100
_MOST_DRIVERS = 6
_HALF = 0.5


def anomaly_panel(
    found: CostResult, weights: Mapping[str, float], language: Language, width: int
) -> RenderableType:  # fmt: skip
    """Return what is said of one account and service, with the chart that shows it."""
    style = screen.style_of(found.severity.value) if found.severity else "cyan"
    parts: list[RenderableType] = [_span(found, language), _figures(found, language), Text()]
    parts += _chart(found, language, width - _BORDER)
    parts += _section("analysis", language, [paragraphs(found.worded("analysis", language))])
    if found.note:
        parts.append(Text(plain(found.worded("note", language)), "yellow"))
    parts += _section("drivers", language, _drivers(found, language, against=False))
    parts += _section("against", language, _drivers(found, language, against=True))
    parts += _section("changes", language, _changes(found, language))
    parts += _section("methods", language, _methods(found, weights, language))
    parts += _section("patterns", language, [_pattern(one, language) for one in found.pattern_contexts])
    return Panel(Group(*parts), title=_title(found, language, style), title_align="left", border_style=style,
                 padding=(1, 2))  # fmt: skip


def one_line(found: CostResult, language: Language) -> RenderableType:
    """Return an anomaly in one line: when, whose, what it costs, and why it is not told where it is not."""
    style = screen.style_of(found.severity.value) if found.severity else "dim"
    body = Text.assemble((who(found, language), "bold"), f"  {money(found.current_cost, found.key.currency)}")
    body.append(f"  {percent(found.change_percent)}", style)
    if found.impact > 0:
        body.append(f"  {label('impact', language)} {money(found.impact, found.key.currency)}")
    if why := found.worded("note", language):
        body.append(f"  {plain(why)}", "dim")
    return hanging(Text(str(found.day), style), body)


def who(found: CostResult, language: Language) -> str:
    """Return service and account, by name and id."""
    service = short(found.service_name) or label("unnamed", language)
    account = short(found.key.account)
    named = found.key.account_name and found.account_id and found.account_id != found.key.account_name
    whose = f"{account} {short(found.account_id)}" if named else account
    return f"{service}, {whose}" if whose else service


def paragraphs(text: str) -> Text:
    """Return a text of more than one line, with no other control characters."""
    return Text("\n".join(plain(line) for line in text.strip("\n").split("\n")))


def _title(found: CostResult, language: Language, style: str) -> Text:
    text = Text()
    if found.severity:
        text.append(f" {labels.word(found.severity.value, language).upper()} ", f"reverse {style}")
    return text.append(f" {who(found, language)} ")


def _span(found: CostResult, language: Language) -> Text:
    first = found.spike_start_date or found.day
    days = counted(max(1, found.spike_duration_days), "day", language)
    if first == found.day:
        return Text(f"{found.day}", "dim")
    return Text(label("since", language, days=stretch(first, found.day, language), count=days), "dim")


def _figures(found: CostResult, language: Language) -> Table:
    currency = found.key.currency
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    cost = Text(money(found.current_cost, currency), "bold")
    cost.append(f"  {percent(found.change_percent)}", "red" if (found.change_percent or 0) > 0 else "green")
    grid.add_row(label("cost_of", language, day=found.day), cost)
    usual, most = money(found.expected_cost, currency), money(found.expected_high, currency)
    grid.add_row(label("expected", language), label("at_most", language, money=usual, most=most))
    grid.add_row(label("average", language), money(found.historical_average, currency))
    so_far = label("impact_so_far", language, money=money(found.impact, currency))
    grid.add_row(label("impact", language), Text(so_far, "bold"))
    grid.add_row(label("confidence", language), _confidence(found, language))
    return grid


def _confidence(found: CostResult, language: Language) -> str:
    score, raw = f"{found.confidence_score:.2f}", f"{found.raw_confidence_score:.2f}"
    return score if score == raw else label("before_patterns", language, score=score, raw=raw)


def _chart(found: CostResult, language: Language, width: int) -> Iterator[RenderableType]:
    days = chart_days(found, _DAYS_WIDE if width + _BORDER >= _WIDE else _DAYS)
    if not any(day.cost for day in days):
        return
    yield from spark.chart(days, width, level=found.expected_cost)
    gap = label("gap", language) if any(day.cost is None for day in days) else ""
    credit = label("credit", language) if any((day.cost or 0) < 0 for day in days) else ""
    yield Text(label("legend", language, gap=gap, credit=credit), "dim")


def chart_days(found: CostResult, most: int) -> list[spark.Day]:
    """Return the last days of its history, those in question marked."""
    first = found.spike_start_date or found.day
    pairs = list(zip(found.timestamps, found.historical_costs, strict=False))[-most:]
    return [spark.Day(at, cost, marked=first <= at <= found.day and cost is not None) for at, cost in pairs]


def _section(key: str, language: Language, parts: Sequence[RenderableType]) -> Iterator[RenderableType]:
    shown = [part for part in parts if not isinstance(part, Text) or part.plain]
    if shown:
        yield Text(f"\n{label(key, language)}", "bold")
        yield from shown


def _drivers(found: CostResult, language: Language, *, against: bool) -> list[RenderableType]:
    chosen = [driver for driver in found.drivers if (driver.share < 0) == against][:_MOST_DRIVERS]
    return [_driver(driver, found.key.currency, language) for driver in chosen]


def _driver(driver: Driver, currency: str, language: Language) -> RenderableType:
    name = short(driver.name) or label("unnamed", language)
    text = Text.assemble((name, "bold"), (f"  {word(plain(driver.dimension), language)}", "dim"), "  ")
    text.append(f"{'+' if driver.change > 0 else ''}{figure(driver.change, currency)}")
    text.append(f"  {label('of_change', language, share=f'{driver.share:.0%}')}")
    was = label("was", language, cost=figure(driver.cost, currency), usual=figure(driver.usual, currency))
    text.append(*((f"  ({label('new', language)})", "magenta") if driver.is_new else (f"  ({was})", "dim")))
    return hanging(Text("+" if driver.share >= 0 else "-", "red" if driver.share >= 0 else "green"), text)


def _changes(found: CostResult, language: Language) -> list[RenderableType]:
    return [
        hanging(
            Text(f"{change.at:%Y-%m-%d %H:%M}", "dim"),
            Text.assemble(
                (" ".join(filter(None, (plain(change.kind), plain(change.ref)))), "bold"),
                f" {plain(change.service)}: {plain(change.summary)}",
                (f"\n{plain(change.worded('why', language))}", "dim") if change.why else "",
            ),
        )
        for change in found.changes
    ]


def _methods(found: CostResult, weights: Mapping[str, float], language: Language) -> list[RenderableType]:
    if not found.detection_results:
        return []
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    table.add_column(label("method", language), no_wrap=True)
    table.add_column(label("weight", language), no_wrap=True, justify="right")
    table.add_column(label("confidence", language), no_wrap=True)
    table.add_column(label("says", language), overflow="fold", ratio=1)
    for name, said in found.detection_results.items():
        mark = ("✓ ", "red") if said.is_anomaly else ("· ", "dim")
        weight = f"{weights[name]:.2f}" if name in weights else label("recorded_only", language)
        bar = _bar(said.confidence, said.is_anomaly)
        table.add_row(Text.assemble(mark, plain(name)), weight, bar, plain(said.worded("explanation", language)))
    return [table]


def _bar(confidence: float, is_anomaly: bool) -> Text:
    full = round(confidence * 5)
    colour = "red" if is_anomaly else "cyan"
    return Text.assemble(("█" * full, colour), ("░" * (5 - full), "dim"), f" {confidence:.2f}")


def _adjustment(one: PatternContext, language: Language) -> str:
    return f"{one.adjustment:+.2f}" if one.adjustment else label("no_effect", language)


def _pattern(one: PatternContext, language: Language) -> RenderableType:
    text = Text.assemble((word(plain(one.pattern), language), "bold"), f"  {_adjustment(one, language)}")
    if not one.applied:
        text.append(f"  {label('recorded_only', language)}", "magenta")
    text.append(f"  {plain(one.worded('explanation', language))}")
    return hanging(Text("·", "dim"), text)
