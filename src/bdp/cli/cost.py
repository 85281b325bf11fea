"""`bdp cost analyze`, `bdp cost forecast`, `bdp cost shadow`: of files, of the home, or of the server that runs."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from bdp.cli import screen
from bdp.cli.api import connect
from bdp.cli.bills import Bills, made_up
from bdp.cli.options import HomeOption, JsonOption, check_plot, existing, language_of
from bdp.clock import SystemClock
from bdp.errors import BadRequest

if TYPE_CHECKING:
    from bdp.app import App
    from bdp.flow.costs import CostQuery, Costs
    from bdp.model.cost_result import CostReport

verbs = typer.Typer(
    help="Find what is abnormal in daily costs, and say what comes next.", no_args_is_help=True, rich_markup_mode=None
)

PATH = "/v1/costs"
_AGO = re.compile(r"([0-9]{1,5})d")
_LETTERS = 200
_REASONS = 3
_ROW = re.compile(r"\brow [0-9]+\b")
Paths = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE", help="bills, or folders of them; none: what the home or the server holds"),
]
FormatOption = Annotated[str, typer.Option(help="format of the bills; by default it is told from their columns")]
AccountOption = Annotated[str, typer.Option(help="only this account, by id or name")]
ServiceOption = Annotated[str, typer.Option(help="only this service, as it is billed")]
CurrencyOption = Annotated[str, typer.Option(help="only this currency, such as USD")]
GenerateOption = Annotated[
    int | None, typer.Option(metavar="SEED", help="judge costs that this seed makes up, to see how it looks", min=0)
]
SinceOption = Annotated[str, typer.Option(help="first day to judge (UTC): 2026-05-01, or 30d for 30 days ago")]
UntilOption = Annotated[str, typer.Option(help="last day to judge (UTC)")]
KoreanOption = Annotated[bool, typer.Option("--korean", "--ko", help="in Korean")]


@verbs.callback()
def before() -> None:
    """Find what is abnormal in daily costs, and say what comes next."""


@verbs.command("analyze")
def analyze(
    paths: Paths = None,
    format: FormatOption = "",
    account: AccountOption = "",
    service: ServiceOption = "",
    currency: CurrencyOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
    show: Annotated[int, typer.Option(help="anomalies to show in full, the dearest first", min=0, max=1000)] = 5,
    plot: Annotated[Path | None, typer.Option(help="also draw the anomalies into this .svg", dir_okay=False)] = None,
    generate: GenerateOption = None,
    korean: KoreanOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Judge daily costs: what is abnormal, why, and the money in it.

    Costs are judged by account and service. Files (FOCUS, AWS CUR, Azure and OCI exports, Cost Explorer answers) leave
    nothing behind unless --home is given.

    Examples:

      bdp cost analyze focus.csv.gz

      bdp cost analyze cur/ --account 123456789012 --plot costs.svg

      bdp cost analyze --since 30d --korean

      bdp cost analyze --generate 7

      bdp cost analyze bill.csv --json | jq .anomalies[].impact
    """
    check_plot(plot)
    query = _asked(account, service, currency, since, until)
    source = _Source(paths, format, home, generate)
    report = source.report("report", query, lambda costs: costs.report(query))
    language = language_of(korean)
    if plot:
        from bdp.cli import cost_plot

        cost_plot.write(plot, report, language)
    if json:
        screen.print_json(as_json(report))
        return
    from bdp.cli.cost_report import report_view

    for part in report_view(report, language, screen.out.width, shown=show, files=bool(paths)):
        screen.out.print(part)


@verbs.command("forecast")
def forecast(
    paths: Paths = None,
    days: Annotated[int, typer.Option(help="days ahead (default: costs.forecast_days)", min=0, max=365)] = 0,
    format: FormatOption = "",
    account: AccountOption = "",
    service: ServiceOption = "",
    currency: CurrencyOption = "",
    generate: GenerateOption = None,
    korean: KoreanOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Say what costs will be, and whether budgets hold.

    Examples:

      bdp cost forecast --days 30

      bdp cost forecast focus.csv.gz --service "Amazon Simple Storage Service" --json
    """
    query = _asked(account, service, currency, "", "")
    source = _Source(paths, format, home, generate)
    report = source.report("forecast", query, lambda costs: costs.forecast(query, days), days=days)
    if json:
        screen.print_json(as_json(report))
        return
    from bdp.cli.cost_outlook import forecast_view

    for part in forecast_view(report, language_of(korean), screen.out.width):
        screen.out.print(part)


@verbs.command("shadow")
def shadow(
    paths: Paths = None,
    format: FormatOption = "",
    account: AccountOption = "",
    service: ServiceOption = "",
    currency: CurrencyOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
    generate: GenerateOption = None,
    korean: KoreanOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show what would change if the shadow decided.

    That are patterns with BDP_PATTERN_MODE=shadow, and the methods of costs.shadow_methods.

    Examples:

      BDP_PATTERN_MODE=shadow bdp cost shadow focus.csv.gz

      bdp cost shadow --since 30d
    """
    query = _asked(account, service, currency, since, until)
    report = _Source(paths, format, home, generate).report("report", query, lambda costs: costs.report(query))
    if json:
        screen.print_json(report.model_dump(mode="json", include={"start", "end", "shadow", "notes"}))
        return
    from bdp.cli.cost_shadow import shadow_view

    for part in shadow_view(report, language_of(korean)):
        screen.out.print(part)


def as_json(report: CostReport) -> dict[str, Any]:
    """Return the report as scripts read it: what is said of a day with account and service beside the figures."""
    told = report.model_dump(mode="json", exclude={"anomalies", "quiet"})
    flat = {name: [found.flat() for found in getattr(report, name)] for name in ("anomalies", "quiet")}
    return told | flat


def _asked(account: str, service: str, currency: str, since: str, until: str) -> CostQuery:
    """Return what was asked for.

    Raises:
        BadRequest: a day is none, or the last is before the first.
    """
    from bdp.flow.costs import CostQuery

    today = SystemClock().now().date()
    start, end = _day(since, today), _day(until, today)
    if start and end and end < start:
        raise BadRequest(f"The last day, {end}, is before the first, {start}.", "Turn --since and --until round.")
    return CostQuery(start=start, end=end, account=account, service=service, currency=currency.upper())


def _day(text: str, today: date) -> date | None:
    if not text:
        return None
    try:
        if found := _AGO.fullmatch(text):
            return today - timedelta(days=int(found[1]))
        return date.fromisoformat(text)
    except (ValueError, OverflowError):
        raise BadRequest(f"{screen.plain(text)!r} is not a day.", "Write 2026-05-01, or 30d for 30 days ago.") from None


class _Source(NamedTuple):
    """Where costs are from: files, a seed, or else the home or the server that runs."""

    paths: list[str] | None
    format: str
    home: Path | None
    seed: int | None = None

    def report(self, name: str, query: CostQuery, make: Callable[[Costs], CostReport], **more: int) -> CostReport:
        """Return what `make` makes of the costs, here or over the API's route `name`."""
        if self.paths and self.seed is not None:
            raise typer.BadParameter("--generate makes costs up: give no files then")
        found = self._loaded(make) if self.paths or self.seed is not None else self._asked(name, query, more)
        strange = [note.text for note in found.notes if note.kind == "unknown"]
        if strange:
            raise BadRequest(" ".join(strange), "Write names as the bills have them.")
        return found

    def _asked(self, name: str, query: CostQuery, more: dict[str, int]) -> CostReport:
        if self.format:
            raise BadRequest("A format belongs to files.", "Name the bills, or leave --format out.")
        from bdp.model.cost_result import CostReport

        asked = query.model_dump(mode="json", exclude_none=True) | more
        with connect(existing(self.home)) as api:
            told = api.get(f"{PATH}/{name}", **{key: value for key, value in asked.items() if value})
        return CostReport.model_validate(told)

    def _loaded(self, make: Callable[[Costs], CostReport]) -> CostReport:
        """Take costs into a home that is gone afterwards, unless one is named, and report of it."""
        from bdp.settings import ALONE, load

        now = SystemClock().now()
        with tempfile.TemporaryDirectory(prefix="bdp-", ignore_cleanup_errors=True) as scratch:
            settings = load(self.home or Path(scratch), ALONE if self.home is None else None)
            bills = Bills(self.paths or [], self.format, now, settings.intake)
            batches = bills.batches() if self.seed is None else made_up(self.seed, now, settings.intake)
            from bdp.app import App  # only now: it takes a second, and what cannot be read is told at once

            with App(settings) as app:
                with screen.progress(bills.size, "reading") as show:
                    app.load(batches, lambda records: show(bills.done, records))
                _complain(app, bills, alone=self.home is None)
                return bills.noted(make(app.costs))


def _complain(app: App, bills: Bills, *, alone: bool) -> None:
    """Say which lines were refused.

    Args:
        alone: the home holds nothing but what was read.

    Raises:
        BadRequest: nothing at all was read.
    """
    if not alone:
        return
    ledger = app.ledger()[0]
    if ledger.dead_lettered:
        reasons = {_ROW.sub("", letter.reason): letter.reason for letter in app.books.dead_letters(_LETTERS)}
        screen.err.print(f"refused {screen.counted(ledger.dead_lettered, 'line')}:")
        for reason in list(reasons.values())[:_REASONS]:
            screen.err.print(f"  {screen.plain(reason)}")
        if len(reasons) > _REASONS:
            screen.err.print(f"  … and {screen.counted(len(reasons) - _REASONS, 'more reason')}")
    if not ledger.stored:
        what = "No line could be read" if ledger.dead_lettered else "There are no lines"
        names = ", ".join(screen.plain(info.label) for info in bills.found[:_REASONS] if not info.problem)
        raise BadRequest(f"{what} in {names or 'these bills'}.", "Give an export that has costs in it.")
