"""The report of costs as a person reads it: what was charged, what is abnormal in it, and what it rests on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bdp.cli import spark
from bdp.cli.cost_labels import STANDINGS, counted, label, word
from bdp.cli.cost_notes import heading, notes, nothing
from bdp.cli.cost_outlook import budgets, providers
from bdp.cli.cost_panel import anomaly_panel, one_line
from bdp.cli.money import figure, money, percent, share, stretch
from bdp.cli.screen import hanging, plain, short
from bdp.model.cost_result import CostKey, CostReport, CurrencyTotal, ServiceTotal, Standing, TrendDirection
from bdp.model.noun import Language

_WIDE: Final = 100
_SERVICES: Final = 15
_QUIET: Final = 10
_SPARK_NARROW, _SPARK_WIDE = 14, 30
_ARROWS: Final = {
    TrendDirection.INCREASING: ("↑", "red"),
    TrendDirection.DECREASING: ("↓", "green"),
    TrendDirection.STABLE: ("→", "dim"),
}
_INSTALL: Final = "pip install "


def report_view(
    report: CostReport, language: Language, width: int, *, shown: int = 5, files: bool = False
) -> Iterator[RenderableType]:
    """Yield the parts of the report.

    Args:
        shown: anomalies in full; the others in one line each.
        files: it was made of files that the user named.
    """
    if report.start is None or report.end is None:
        yield from nothing(report, language, files=files)
        yield from providers(report, language)
        return
    yield head(report, report.start, report.end, language)
    yield _verdict(report, language)
    yield Text()
    yield _totals(report, language)
    yield from _services(report, language, width)
    for found in report.anomalies[:shown]:
        yield Text()
        yield anomaly_panel(found, report.methods, language, width)
    yield from _more(report, language, shown)
    yield from _quiet(report, language)
    yield from _not_judged(report, language)
    yield from budgets(report, language)
    yield from providers(report, language)
    yield from notes(report, language)
    yield from _absent(report, language)


def head(report: CostReport, first: date, last: date, language: Language) -> Text:
    """Return which costs these are."""
    keys = [service.key for service in report.services]
    more = report.service_count > len(keys)
    accounts = counted(len({_account(key) for key in keys}), "account", language, more=more)
    services = counted(len({key.service_name for key in keys}), "service", language, more=more)
    parts = (accounts, services, counted(sum(total.lines for total in report.totals), "line", language))
    span = f"{label('costs', language)} {stretch(first, last, language)}"
    return Text.assemble((span, "bold"), f"  {', '.join(parts)}")


def _account(key: CostKey) -> tuple[str, str, str]:
    return key.provider_name, key.billing_account_id, key.account_id


def _verdict(report: CostReport, language: Language) -> Text:
    if report.anomalies:
        impact: dict[str, float] = defaultdict(float)
        for found in report.anomalies:
            impact[found.key.currency] += found.impact
        sums = ", ".join(money(amount, currency) for currency, amount in impact.items())
        many = counted(len(report.anomalies), "anomaly", language)
        return Text(f"{many}, {label('above', language, money=sums)}", "bold red")
    if not report.judged:
        return Text(label("nothing_judged", language), "yellow")
    return Text(label("nothing_abnormal", language, judged=counted(report.judged, "day", language)), "green")


def _totals(report: CostReport, language: Language) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(label("currency", language))
    for name in ("billed", "effective", "lines"):
        table.add_column(label(name, language), justify="right", no_wrap=True)
    for total in report.totals:
        figures = (figure(cost, total.currency) for cost in (total.billed_cost, total.effective_cost))
        table.add_row(Text(plain(total.currency), "bold"), *figures, f"{total.lines:,}")
        for row in _categories(total, language):
            table.add_row(*row)
    return table


def _categories(total: CurrencyTotal, language: Language) -> Iterator[tuple[Text, Text]]:
    """Yield what was charged by category; credits as what they are."""
    if set(total.by_category) <= {"Usage"}:
        return
    for name, cost in sorted(total.by_category.items(), key=lambda item: -item[1]):
        style = "green" if cost < 0 else "dim"
        said = word(plain(name), language) or label("unnamed", language)
        shown = label("credit_given", language, name=said) if cost < 0 else said
        yield Text(f"  {shown}", style), Text(figure(cost, total.currency), style)


def _services(report: CostReport, language: Language, width: int) -> Iterator[RenderableType]:
    if not report.services:
        return
    chosen = report.services[:_SERVICES]
    count = report.service_count or len(report.services)
    title = "dearest" if len(chosen) >= count else "dearest_of"
    yield heading(label(title, language, shown=len(chosen), count=f"{count:,}"))
    wide = width >= _WIDE
    days = min(_SPARK_WIDE if wide else _SPARK_NARROW, max(map(len, (one.costs for one in chosen)), default=1) or 1)
    accounts = len({_account(one.key) for one in report.services}) > 1
    table = _service_columns(language, counted(days, "day", language), wide=wide, accounts=accounts)
    marked, wholes = _marked(report), _wholes(report)
    for one in chosen:
        name = Text(short(one.key.service_name) or label("unnamed", language))
        account = Text(short(one.key.account), "dim")
        if accounts and not wide:
            name.append("\n").append_text(account)
        line = spark.spark(one.costs, marked[one.key], days)
        table.add_row(*_row(one, name, account if accounts and wide else None, line, wholes[one.key.currency]))
    yield table


def _service_columns(language: Language, latest: str, *, wide: bool, accounts: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(label("service", language), overflow="fold", min_width=14)
    if accounts and wide:
        table.add_column(label("account", language), overflow="fold", min_width=10)
    table.add_column(label("latest_days", language, days=latest), no_wrap=True)
    for name in ("cost", "share", "change"):
        table.add_column(label(name, language), justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    return table


def _row(one: ServiceTotal, name: Text, account: Text | None, line: Text, whole: float) -> list[Text]:
    rise = one.change_percent or 0
    judged = one.standing not in {Standing.TOO_YOUNG, Standing.NO_COST}
    change = Text(percent(one.change_percent), "red" if rise >= 50 else "green" if rise < 0 else "")
    arrow = Text(*_ARROWS[one.trend_direction]) if judged else Text()
    cost = Text(money(one.cost, one.key.currency), "green" if one.cost < 0 else "")
    return [name, *([account] if account is not None else []), line, cost, Text(share(one.cost, whole)), change, arrow]


def _wholes(report: CostReport) -> dict[str, float]:
    """Return what shares are of, by currency: of all services where all are told, else what was billed."""
    if report.service_count <= len(report.services):
        sums: dict[str, float] = defaultdict(float)
        for one in report.services:
            sums[one.key.currency] += one.cost
        return sums
    return defaultdict(float, {total.currency: total.billed_cost for total in report.totals})


def _marked(report: CostReport) -> dict[CostKey, set[int]]:
    """Return the places in `days` of the anomalous days, by what they are of."""
    places = {day: place for place, day in enumerate(report.days)}
    marked: dict[CostKey, set[int]] = defaultdict(set)
    for found in report.anomalies:
        first = found.spike_start_date or found.day
        marked[found.key] |= {place for day, place in places.items() if first <= day <= found.day}
    return marked


def _more(report: CostReport, language: Language, shown: int) -> Iterator[RenderableType]:
    rest = report.anomalies[shown:]
    if rest:
        yield heading(label("more_anomalies", language))
        yield from (one_line(found, language) for found in rest)
        yield Text(f" {label('in_full', language, count=len(report.anomalies))}", "dim")


def _quiet(report: CostReport, language: Language) -> Iterator[RenderableType]:
    if report.quiet:
        yield heading(label("quiet", language))
        yield from (one_line(found, language) for found in report.quiet[:_QUIET])
        if len(report.quiet) > _QUIET:
            yield Text(f" + {len(report.quiet) - _QUIET:,}", "dim")


def _not_judged(report: CostReport, language: Language) -> Iterator[RenderableType]:
    counts = [(name, count) for name, count in report.standings.items() if name != Standing.JUDGED and count]
    if not counts:
        return
    yield heading(label("not_judged", language))
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, count in counts:
        why = STANDINGS[name][language] if name in STANDINGS else plain(name).replace("_", " ")
        grid.add_row(counted(count, "day", language), Text(why, "dim"))
    yield grid


def _absent(report: CostReport, language: Language) -> Iterator[RenderableType]:
    if report.absent:
        yield heading(label("absent", language))
    for name, why in report.absent.items():
        _, found, extra = plain(why).partition(_INSTALL)
        said = label("install", language, command=_INSTALL + extra) if found else plain(why)
        yield hanging(Text(plain(name), "bold"), Text(said))
