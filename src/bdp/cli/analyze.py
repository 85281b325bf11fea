"""`bdp analyze`: the one-shot main job."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from bdp.cli import screen
from bdp.cli.labels import counted, label
from bdp.cli.options import HomeOption, JsonOption, KoreanOption, language_of
from bdp.cli.reading import Files, FormatOption, PatternOption, ServiceOption, TimeFormatOption
from bdp.clock import SystemClock
from bdp.model.analysis import IncidentReport
from bdp.model.noun import Language


def analyze(
    paths: Annotated[list[str], typer.Argument(help="files or folders with logs or events; - is standard input")],
    format: FormatOption = "",
    pattern: PatternOption = "",
    time_format: TimeFormatOption = "",
    service: ServiceOption = "",
    korean: KoreanOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Read files, find what is abnormal, explain it, print it. Leaves nothing behind unless --home is given.

    Examples:

      bdp analyze /var/log/auth.log

      bdp analyze kafka0/logs kafka1/logs kafka2/logs

      bdp analyze app.log --pattern '(?P<ts>\\S+) (?P<level>\\w+) (?P<message>.*)'

      bdp analyze events.ndjson --json | jq '.incidents[].title'
    """
    from bdp.intake.files import Wish
    from bdp.settings import ALONE, load

    wish = Wish(format, pattern, time_format, service)
    with tempfile.TemporaryDirectory(prefix="bdp-", ignore_cleanup_errors=True) as scratch:
        settings = load(home or Path(scratch), ALONE if home is None else None)
        files = Files(paths, wish, SystemClock().now(), settings.intake)
        batches = files.batches()
        from bdp.app import App  # only now: it takes a second, and what cannot be read is told at once

        with App(settings) as app:
            with screen.progress(files.size, "reading") as show:
                app.load(batches, lambda records: show(files.done, records))
            app.pipeline.finish()
            reports = app.explaining.explain_all()
            ledger = app.ledger()[0].as_dict()
            refused = app.books.dead_letters(1) if ledger["dead_lettered"] else []
    for letter in refused:
        what = screen.counted(ledger["dead_lettered"], "record")
        screen.err.print(f"refused {what}, the last: {screen.plain(letter.reason)}")
    language = language_of(korean)
    more = label("json_shows", language) if home is None else ""
    show_reports(reports, ledger, json=json, more=more, language=language)


def show_reports(
    reports: list[IncidentReport], ledger: dict[str, int], *, json: bool, more: str = "", language: Language = "en"
) -> None:
    """Print incidents, worst first, and the ledger."""
    if json:
        screen.print_json({"incidents": [as_json(report) for report in reports], "ledger": ledger})
        return
    for report in reports:
        screen.out.print(screen.report_panel(report, more=more, language=language))
    if not ledger["accepted"]:
        screen.out.print(label("no_records", language))
    elif not reports:
        records = counted(ledger["stored"], "record", language)
        screen.out.print(label("nothing_abnormal", language, records=records))
    screen.out.print(screen.ledger_line(ledger, language))


def as_json(report: IncidentReport) -> dict[str, Any]:
    """Return the incident as scripts read it; `analysis` is null while there is none."""
    incident = report.incident.model_dump(mode="json")
    analysis = report.analysis.model_dump(mode="json") if report.analysis else None
    evidence = analysis.pop("evidence") if analysis else []
    if analysis:
        analysis["confidence_detail"] = analysis.pop("confidence")
        analysis["grounding_detail"] = analysis.pop("grounding")
        analysis["confidence"] = analysis["confidence_detail"]["score"]
        analysis["grounding"] = analysis["grounding_detail"]["score"]
    told = {"title_ko": report.incident.title_ko, "subject": str(report.incident.subject), "key": incident["subject"]}
    return {**incident, **told, "analysis": analysis, "evidence": evidence}
