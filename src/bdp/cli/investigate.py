"""`bdp investigate`: everything around one incident, frozen in a folder or of the running product."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from bdp.cli import screen
from bdp.cli.analyze import as_json
from bdp.cli.identifier import piece
from bdp.cli.labels import label
from bdp.cli.options import HomeOption, JsonOption, KoreanOption, language_of
from bdp.errors import NotFound
from bdp.model.analysis import Analysis, IncidentReport
from bdp.model.noun import Language

if TYPE_CHECKING:
    from bdp.explain.agents.reply import Reply
    from bdp.flow.investigating import Investigated
    from bdp.ports import Store
    from bdp.settings import Settings


def investigate(
    what: Annotated[str, typer.Argument(help="a folder with a frozen incident, or an incident's id")],
    korean: KoreanOption = False,
    ai: Annotated[bool, typer.Option("--ai", help="also ask the model that is set up, if one is")] = False,
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
    if not Path(what).is_dir() and ("/" in what or Path(what).exists()):
        raise NotFound(f"There is no folder {what}.", "Give the folder that holds logs, metrics, alert.json and so on.")
    report, seconds, reply = _of_folder(Path(what), home, ai=ai) if Path(what).is_dir() else _live(what, home, ai=ai)
    if json:
        screen.print_json(told(report, seconds, reply))
        return
    language = language_of(korean)
    screen.out.print(screen.report_panel(report, more=label("json_shows", language), language=language))
    if report.analysis:
        screen.out.print(_tested(report.analysis, language))
        screen.out.print(Text(_cost(seconds, reply, language), "dim"))


Found = tuple[IncidentReport, float, "Reply | None"]


def _of_folder(folder: Path, home: Path | None, *, ai: bool) -> Found:
    from bdp.clock import SystemClock
    from bdp.flow.investigating import investigate_folder
    from bdp.settings import load
    from bdp.store.clickhouse import StoreSettings, open_store

    settings, reply = load(home), None
    with closing(open_store(StoreSettings())) as store:
        found = investigate_folder(folder, store, settings.explain, SystemClock())
        if ai:
            reply = _asked(found, store, settings)
    for name, count in (found.frozen.refused if found.frozen else {}).items():
        screen.err.print(f"{screen.plain(name)}: {screen.counted(count, 'record')} could not be read")
    analysis = reply.analysis if reply and reply.analysis else found.analysis
    return IncidentReport(incident=found.incident, analysis=analysis), found.seconds, reply


def _asked(found: Investigated, store: Store, settings: Settings) -> Reply:
    """Ask the model of the settings; what it costs is booked in the account of the home folder."""
    from bdp.clock import SystemClock
    from bdp.flow.asking import Asking
    from bdp.home import Home
    from bdp.ids import Ids
    from bdp.llm.gateway import open_gateway
    from bdp.store.state import open_state

    clock, home = SystemClock(), Home(settings.home)
    home.prepare()
    with (
        closing(open_state(settings.state_url)) as state,
        closing(open_gateway(settings.llm, state.spending, home.path, clock, Ids())) as model,
    ):
        asking = Asking(store, state.incidents, model, clock, settings.agents, settings.explain)
        return asking.look_again(found.incident, found.analysis)


def _live(incident_id: str, home: Path | None, *, ai: bool) -> Found:
    from bdp.cli.api import connect
    from bdp.explain.agents.reply import Reply

    incident = piece(incident_id, "incident", "bdp incidents")
    with connect(home) as api:
        answer = api.post(f"/v1/incidents/{incident}/investigation", params={"ai": ai})
    reply = Reply.model_validate(answer["reply"]) if answer.get("reply") else None
    return IncidentReport.model_validate(answer["report"]), float(answer["seconds"]), reply


def _cost(seconds: float, reply: Reply | None, language: Language) -> str:
    if reply is None:
        return label("seconds", language, seconds=f"{seconds:.1f}")
    price = reply.price
    cost = f"{price.tokens_in + price.tokens_out:,} tokens, ${price.usd:.4f}"
    return " ".join(
        filter(None, [f"{seconds + price.seconds:.1f} s, {price.model or reply.source}, {cost}.", reply.told])
    )


def told(report: IncidentReport, seconds: float, reply: Reply | None = None) -> dict[str, Any]:
    """Return the investigation as scripts read it."""
    price = reply.price if reply else None
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
        "source": reply.source if reply else "rules",
        "seconds": round(seconds + (price.seconds if price else 0.0), 3),
        "tokens": price.tokens_in + price.tokens_out if price else 0,
        "usd": price.usd if price else 0.0,
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
