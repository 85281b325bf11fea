"""`bdp demo`: see it work, on a seeded day of a small company and on real logs."""

from __future__ import annotations

import shlex
import shutil
import time
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from bdp.cli import screen
from bdp.cli.reading import Files
from bdp.cli.serve import serve
from bdp.errors import HomeInUse, NotPossible
from bdp.home import Home
from bdp.model.analysis import IncidentReport
from bdp.model.batch import Batch, RecordKind
from bdp.model.incident import IncidentStatus

if TYPE_CHECKING:
    from bdp.app import App
    from bdp.demo import Planted

_MARK = "made-by-bdp-demo"
_SHOWN = 2
_QUERY = "SELECT service, sum(weight) AS n FROM events GROUP BY service ORDER BY n DESC"
_PATIENCE_SECONDS = 30
_AUTO_SECONDS = 5.0
_SETTLED = frozenset({IncidentStatus.RESOLVED, IncidentStatus.ESCALATED, IncidentStatus.AWAITING_APPROVAL})
_OVERRIDES: dict[str, Any] = {
    "notify": {"channels": [{"kind": "file"}]},
    "workflows": {"verify_after_seconds": 0, "engine": {"look_seconds": 0.1, "url": ""}},
}


def demo(
    once: Annotated[bool, typer.Option("--once", help="end after the play instead of serving the result")] = False,
    seed: Annotated[int, typer.Option(help="another seed, another day")] = 7,
    home: Annotated[Path | None, typer.Option(help="where to play (default: 'demo' beside the usual home)")] = None,
    live: Annotated[bool, typer.Option("--live", help="faults in a shop that runs now")] = False,
    auto: Annotated[bool, typer.Option("--auto", help="with --live: approve by itself, after a few seconds")] = False,
    port: Annotated[int, typer.Option(help="with --live: port of the API; 0 takes a free one", min=0, max=65535)] = 0,
) -> None:
    """Play a day of a small company with planted faults, next to real logs of Kafka brokers and a web server.

    What you see is what your own data would give: nothing in the product knows the demo's names. Played again, it
    starts from an empty home.

    With --live the shop runs now: approve in a second terminal what BDP asks, and see the act, the check, the undo.

    Examples:

      bdp demo --once

      bdp demo --live
    """
    if live:
        _play_live(_fresh(home), seed, port, auto=auto)
        return
    from bdp.app import App
    from bdp.settings import ALONE, load

    where = _fresh(home)
    with App(load(where, ALONE | _OVERRIDES)) as app:
        day = app.clock.now().date() - timedelta(days=1)
        _play_company(app, seed, day)
        _play_real_logs(app)
        app.pipeline.finish()
        app.cost_watch.review()
        reports = _work(app)
        _show(app, reports, day)
    if not once:
        serve(home=where)


def _play_live(where: Path, seed: int, port: int, *, auto: bool) -> None:
    from bdp.cli.demo_live import Play, play_live

    play_live(where, Play(seed=seed, port=port, auto=_AUTO_SECONDS if auto else None))


def _fresh(home: Path | None) -> Path:
    """Return an empty home; only a home that the demo made is ever emptied."""
    from bdp.settings import load

    where = home or load().home / "demo"
    if Home(where).locked:
        raise HomeInUse(f"A demo is running in {where}.", "Stop it, or give another --home.")
    if where.exists() and any(where.iterdir()):
        if not (where / _MARK).exists():
            raise NotPossible(f"{where} holds something that the demo did not make.", "Give an empty folder as --home.")
        _empty(where)
    where.mkdir(parents=True, exist_ok=True, mode=0o700)
    (where / _MARK).touch()
    return where


def _empty(where: Path) -> None:
    """Delete all but the mark, so that whoever is interrupted here can begin again."""
    for path in where.iterdir():
        if path.name == _MARK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _play_company(app: App, seed: int, day: date) -> None:
    from bdp import demo as company

    screen.err.print(f"A day of Hanok Market, {day}: events, fabric metrics, the cloud bill, changes.")
    chunks = list(company.company_day(seed, day))
    total = 0
    with screen.progress(len(chunks), "playing   ") as show:
        for number, (kind, rows) in enumerate(chunks, 1):
            app.load([_batch(app, kind, rows)])
            total += len(rows)
            show(number, total)


def _batch(app: App, kind: RecordKind, rows: list[dict[str, object]]) -> Batch:
    import msgspec

    from bdp.intake.records import decode

    now, body = app.clock.now(), msgspec.json.Encoder().encode_lines(rows)
    return decode(
        kind, body, source="demo", batch_id=app.ids.new(now), now=now, ids=app.ids, settings=app.settings.intake
    )


def _play_real_logs(app: App) -> None:
    from bdp import demo as company
    from bdp.intake.files import Wish

    screen.err.print("Real logs: three Kafka brokers (2016-12-19) and an Apache server (2015-05).")
    files = Files([str(path) for path in company.real_logs()], Wish(), app.clock.now(), app.settings.intake)
    with screen.progress(files.size, "reading   ") as show:
        app.load(files.batches(), lambda records: show(files.done, records))


def _work(app: App) -> list[IncidentReport]:
    """Let the workflows explain, decide and act; return the incidents once all rest."""
    incidents = app.state.incidents
    total = len(incidents.list())
    app.start()
    with screen.progress(total, "explaining") as show:
        for _ in range(_PATIENCE_SECONDS * 10):
            found = incidents.list()
            settled = sum(incident.status in _SETTLED for incident in found)
            show(settled, settled)
            if settled == len(found):
                break
            time.sleep(0.1)
    return app.explaining.reports()


def _show(app: App, reports: list[IncidentReport], day: date) -> None:
    for report in sorted(reports, key=_confidence, reverse=True)[:_SHOWN]:
        screen.out.print(screen.report_panel(report))
    screen.out.print(Text(f"\nAll {len(reports)} incidents", "bold"))
    screen.out.print(screen.incident_table([report.incident for report in reports]))
    screen.out.print(Text("\nWhat was planted in the day's events and metrics", "bold"))
    screen.out.print(_planted(reports, day))
    screen.out.print()
    screen.out.print(screen.ledger_line(app.ledger()[0].as_dict()))
    _say_next(app, reports, day)


def _confidence(report: IncidentReport) -> float:
    return report.analysis.confidence.score if report.analysis else 0.0


def _planted(reports: list[IncidentReport], day: date) -> Table:
    from bdp import demo as company

    table = Table(box=None, pad_edge=False, show_header=False)
    for planted in company.PLANTED:
        if planted.error_codes or planted.kinds == (RecordKind.METRICS,) or RecordKind.COSTS in planted.kinds:
            table.add_row(*_row(planted, _found(planted, reports, day)))
    return table


def _row(planted: Planted, found: IncidentReport | None) -> tuple[Text, str, str]:
    if found is None or found.analysis is None:
        return Text("missed", "red"), planted.name, planted.answer
    said = f"{found.analysis.verdict.value}: {screen.plain(found.analysis.summary)}"
    return Text("found", "green"), planted.name, said


def _found(planted: Planted, reports: list[IncidentReport], day: date) -> IncidentReport | None:
    start, end = planted.window(day)
    about = [
        report
        for report in reports
        if report.incident.subject.service == planted.service
        and report.incident.subject.error_code in (planted.error_codes or ("",))
        and start <= report.incident.last_seen
        and report.incident.start_time < end
    ]
    return max(about, key=lambda report: report.incident.events, default=None)


def _say_next(app: App, reports: list[IncidentReport], day: date) -> None:
    where = shlex.quote(str(app.home.path))
    screen.out.print(Text("\nTry next", "bold"))
    for told in (
        f"bdp incident {reports[0].incident.incident_id} --queries --home {where}" if reports else "",
        f"bdp insights --home {where}",
        f"bdp cost analyze --home {where}",
        f"bdp brief --day {day} --home {where}",
        f"bdp query '{_QUERY}' --home {where}",
        "bdp analyze YOUR.log          (your own logs: syslog, sshd, Apache, nginx, Kafka, NDJSON, any pattern)",
        "bdp serve                     (take events in over HTTP, all day)",
    ):
        if told:
            screen.out.print(f"  .venv/bin/{told}", markup=False, soft_wrap=True)
