"""`bdp investigate`: everything around one incident, frozen in a folder or of the running product."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from bdp.cli import screen
from bdp.cli.analyze import as_json
from bdp.cli.labels import label
from bdp.cli.options import HomeOption, JsonOption, KoreanOption, language_of
from bdp.model.analysis import Analysis, IncidentReport
from bdp.model.noun import Language


def investigate(
    what: Annotated[str, typer.Argument(help="a folder with a frozen incident, or an incident's id")],
    korean: KoreanOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Find what failed first, which change is to blame or none, who suffers, and what helps. Needs no model.

    A folder holds any of events|logs.ndjson, metrics.csv, traces.json, alert.json, commits.json, deploys.json,
    flags.json, also one level down.

    Examples:

      bdp investigate incidents/2026-05-01-checkout

      bdp investigate 01KAEZ3V0Q9W2G4T5N6P7R8S9T --json
    """
    found = _of_folder(Path(what), home) if Path(what).is_dir() else _live(what, home)
    report, seconds = found
    if json:
        screen.print_json(told(report, seconds))
        return
    language = language_of(korean)
    screen.out.print(screen.report_panel(report, more=label("json_shows", language), language=language))
    if report.analysis:
        screen.out.print(_tested(report.analysis, language))
        screen.out.print(Text(label("seconds", language, seconds=f"{seconds:.1f}"), "dim"))


def _of_folder(folder: Path, home: Path | None) -> tuple[IncidentReport, float]:
    from bdp.clock import SystemClock
    from bdp.flow.investigating import investigate_folder
    from bdp.settings import load
    from bdp.store.clickhouse import StoreSettings, open_store

    store = open_store(StoreSettings())
    try:
        found = investigate_folder(folder, store, load(home).explain, SystemClock())
    finally:
        store.close()
    for name, count in (found.frozen.refused if found.frozen else {}).items():
        screen.err.print(f"{screen.plain(name)}: {screen.counted(count, 'record')} could not be read")
    return IncidentReport(incident=found.incident, analysis=found.analysis), found.seconds


def _live(incident_id: str, home: Path | None) -> tuple[IncidentReport, float]:
    from bdp.cli.api import connect

    with connect(home) as api:
        answer = api.post(f"/v1/incidents/{incident_id}/investigation")
    return IncidentReport.model_validate(answer["report"]), float(answer["seconds"])


def told(report: IncidentReport, seconds: float) -> dict[str, Any]:
    """Return the investigation as scripts read it."""
    shown = as_json(report)
    analysis = shown["analysis"] or {}
    return {
        **{key: analysis.get(key) for key in ("verdict", "first_failing_service", "blast_radius", "remediation")},
        "culprit_change": analysis.get("culprit_change") or "none",
        "mechanism": analysis.get("mechanism"),
        **{key: analysis.get(key) for key in ("root_cause", "root_cause_ko", "summary", "summary_ko")},
        "confidence": analysis.get("confidence_detail"),
        "grounding": analysis.get("grounding_detail"),
        "claims": analysis.get("claims"),
        "hypotheses": analysis.get("hypotheses"),
        "actions": analysis.get("actions"),
        "evidence": shown["evidence"],
        "seconds": round(seconds, 3),
        "tokens": 0,
        "usd": 0.0,
    }


def _tested(analysis: Analysis, language: Language) -> Table:
    """Return what was held against the evidence, and what speaks against it."""
    table = Table(
        box=None, pad_edge=False, header_style="bold", title=label("tested", language), title_justify="left",
        title_style="bold",
    )  # fmt: skip
    table.add_column(label("score", language), justify="right")
    table.add_column(label("hypothesis", language), overflow="fold", ratio=3)
    table.add_column(label("against", language), overflow="fold", ratio=2)
    for one in analysis.hypotheses[:8]:
        said = (screen.plain(one.worded(field, language)) for field in ("statement", "refutation"))
        table.add_row(f"{one.score:.2f}", *said)
    return table
