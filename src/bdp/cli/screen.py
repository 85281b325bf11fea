"""What people see in a terminal. Telemetry is hostile text: it never reaches the terminal with control characters."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from bdp.errors import BdpError
from bdp.model.analysis import Analysis, Check, Claim, IncidentReport, Verdict
from bdp.model.incident import Incident

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SEVERITY = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}
_VERDICT = {Verdict.CONFIRMED: "green", Verdict.LIKELY: "yellow", Verdict.INCONCLUSIVE: "magenta"}
_MARK = {Check.SUPPORTED: ("✓", "green"), Check.CONTRADICTED: ("✗", "red"), Check.UNSUPPORTED: ("?", "yellow")}


def plain(value: object) -> str:
    """Return text that cannot move the cursor, colour the screen or turn the writing direction."""
    return _CONTROL.sub("\ufffd", str(value)).replace("\n", " ")


def when(at: datetime | str) -> str:
    """Return a time as people read it: UTC, to the second."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def print_json(value: object) -> None:
    """Print one JSON object on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def complain(error: BdpError) -> None:
    """Say on standard error what happened and what to do next."""
    err.print(Text.assemble(("error: ", "bold red"), plain(error.what)))
    if error.next_step:
        err.print(Text.assemble(("next:  ", "bold"), plain(error.next_step)))


@contextmanager
def progress(total: int | None, what: str) -> Iterator[Any]:
    """Show a bar with a rate on standard error; yields `(done, records) -> None`.

    Args:
        total: bytes expected; None where nobody knows.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[records]:,} records"),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=False, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total, records=0, rate=0.0)

        def update(done: int, records: int) -> None:
            elapsed = bar.tasks[0].elapsed or 0.0
            bar.update(task, completed=done, records=records, rate=records / elapsed if elapsed > 0.2 else 0.0)

        yield update
        bar.update(task, completed=total)


def incident_table(incidents: Sequence[Incident]) -> Table:
    """Return one row an incident."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("incident", "severity", "status", "start (UTC)", "events"):
        table.add_column(name, justify="right" if name == "events" else "left", no_wrap=True)
    table.add_column("title", overflow="fold")
    for found in incidents:
        table.add_row(
            found.incident_id,
            Text(found.severity.value, _SEVERITY[found.severity.value]),
            found.status.value.replace("_", " "),
            found.start_time.strftime("%m-%d %H:%M"),
            f"{found.events:,.0f}",
            Text(plain(found.title) + (f" ({found.sightings}x)" if found.sightings > 1 else "")),
        )
    return table


def report_panel(report: IncidentReport, *, full: bool = False, queries: bool = False) -> RenderableType:
    """Return an incident with its claims, evidence and proposed actions."""
    incident, analysis = report.incident, report.analysis
    style = _SEVERITY[incident.severity.value]
    parts: list[RenderableType] = [_facts(incident)]
    parts += _analysis(analysis, full=full, queries=queries) if analysis else [Text("not analysed yet", "dim")]
    if full:
        parts += _timeline(incident)
    title = Text.assemble((f" {incident.severity.value.upper()} ", f"reverse {style}"), " ", plain(incident.title), " ")
    return Panel(Group(*parts), title=title, title_align="left", border_style=style, padding=(1, 2))


def _facts(incident: Incident) -> Text:
    end = when(incident.end_time) if incident.end_time else f"still going at {when(incident.last_seen)}"
    seen = "" if incident.sightings == 1 else f", seen {incident.sightings} times"
    return Text(
        f"{when(incident.start_time)} to {end} UTC{seen}, {incident.status.value.replace('_', ' ')}\n"
        f"{incident.incident_id}",
        "dim",
    )


def _analysis(analysis: Analysis, *, full: bool, queries: bool) -> list[RenderableType]:
    verdict = Text.assemble(
        "\n",
        (analysis.verdict.value, f"bold {_VERDICT[analysis.verdict]}"),
        f"   confidence {analysis.confidence.score:.2f}   grounding {analysis.grounding.score:.2f}"
        f" ({analysis.grounding.supported} of {analysis.grounding.checkable} checkable claims hold)\n",
    )
    parts: list[RenderableType] = [verdict, Text(plain(analysis.root_cause)), Text("\nClaims", "bold")]
    parts += [_claim(claim) for claim in analysis.claims] or [Text("none", "dim")]
    parts += _evidence(analysis, full=full, queries=queries)
    if analysis.actions:
        parts.append(Text("\nProposed next", "bold"))
        parts += [
            Text(f"  {action.priority}. {action.type.value}: {plain(action.description)}")
            for action in analysis.actions
        ]
    return parts


def _claim(claim: Claim) -> Text:
    mark, colour = _MARK.get(claim.check, ("·", "dim")) if claim.check else ("·", "dim")
    body = "strike red" if claim.struck else ""
    text = Text.assemble(
        "  ", (mark, colour), " ", (plain(claim.text), body), (f"  [{', '.join(claim.evidence)}]", "dim")
    )
    if claim.check in {Check.CONTRADICTED, Check.UNSUPPORTED}:
        text.append(f"\n      {claim.check.value}: {plain(claim.reason)}", colour)
    return text


def _evidence(analysis: Analysis, *, full: bool, queries: bool) -> list[RenderableType]:
    parts: list[RenderableType] = [Text("\nEvidence", "bold")]
    cited = {name for claim in analysis.claims for name in claim.evidence}
    shown = [fact for fact in analysis.evidence if full or fact.id in cited]
    for fact in shown:
        parts.append(Text.assemble("  ", (f"{fact.id:<4}", "cyan"), plain(fact.text)))
        if full:
            parts += [Text(f"        {plain(sample)}", "dim") for sample in fact.samples]
        if queries:
            parts.append(Text(f"        {plain(fact.query)}", "dim italic"))
    hidden = len(analysis.evidence) - len(shown)
    if hidden:
        parts.append(Text(f"  and {hidden} more: bdp incident {analysis.incident_id}", "dim"))
    return parts


def _timeline(incident: Incident) -> list[RenderableType]:
    rows = [Text("\nTimeline", "bold")]
    rows += [Text.assemble("  ", (when(entry.at), "dim"), f"  {plain(entry.text)}") for entry in incident.timeline]
    return list(rows)


def ledger_line(ledger: dict[str, int]) -> Text:
    """Return the ledger as one line that says whether it balances."""
    accepted, flying = ledger["accepted"], ledger["in_flight"]
    text = Text.assemble(
        ("Ledger  ", "bold"),
        f"accepted {accepted:,} = stored {ledger['stored']:,} + dead letters {ledger['dead_lettered']:,}"
        f" + dropped {ledger['dropped']:,} + in flight {flying:,}",
    )
    text.append("   nothing lost" if not flying and not ledger["dropped"] else "", "green")
    return text
