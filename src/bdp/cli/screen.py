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
from bdp.model.incident import Incident, IncidentStatus

# No markup, no emoji codes: what we print may hold brackets and colons of its own.
out = Console(highlight=False, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_WIDE = 100
"""Columns from which a table of incidents is easy to read."""
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


def style_of(severity: str) -> str:
    """Return how a severity is coloured."""
    return _SEVERITY[severity]


def print_json(value: object) -> None:
    """Print one JSON object on standard output; control characters stay escaped in it."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")
    sys.stdout.flush()


def counted(number: float, what: str) -> str:
    """Return a number with its noun: `1 record`, `2,000 records`."""
    return f"{number:,.0f} {what}" + ("" if number == 1 else "s")


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


def incident_table(incidents: Sequence[Incident]) -> RenderableType:
    """Return one row an incident; two lines each where the terminal is narrow."""
    if out.width < _WIDE:
        return Group(*(line for found in incidents for line in _incident_lines(found)))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("incident", "severity", "status", "start (UTC)", "events"):
        table.add_column(name, justify="right" if name == "events" else "left", no_wrap=True)
    table.add_column("title", overflow="fold")
    for found in incidents:
        table.add_row(
            found.incident_id,
            Text(found.severity.value, _SEVERITY[found.severity.value]),
            found.status.value.replace("_", " "),
            found.start_time.strftime("%Y-%m-%d %H:%M"),
            f"{found.events:,.0f}",
            _title(found),
        )
    return table


def _incident_lines(found: Incident) -> list[Text]:
    style, status = _SEVERITY[found.severity.value], found.status.value.replace("_", " ")
    return [
        Text.assemble((found.incident_id, "bold"), "  ", (found.severity.value, style), f"  {status}"),
        Text(f"  {found.start_time:%Y-%m-%d %H:%M}  {counted(found.events, 'event')}  ") + _title(found),
    ]


def _title(found: Incident) -> Text:
    return Text(plain(found.title) + (f" ({found.sightings}x)" if found.sightings > 1 else ""))


def report_panel(
    report: IncidentReport, *, full: bool = False, queries: bool = False, more: str = ""
) -> RenderableType:
    """Return an incident with its claims, evidence and proposed actions.

    Args:
        full: with the timeline and all evidence instead of what is cited.
        more: where the rest is to be seen; empty for `bdp incident ID`.
    """
    incident, analysis = report.incident, report.analysis
    style = _SEVERITY[incident.severity.value]
    parts: list[RenderableType] = [_facts(incident, explained=analysis is not None)]
    if analysis:
        parts += _analysis(analysis, full=full, queries=queries, more=more or f"bdp incident {incident.incident_id}")
    else:
        parts.append(Text(f"\nNot analysed yet: bdp incident {incident.incident_id} --again", "dim"))
    if full:
        parts += _timeline(incident)
    title = Text.assemble((f" {incident.severity.value.upper()} ", f"reverse {style}"), " ", plain(incident.title), " ")
    return Panel(Group(*parts), title=title, title_align="left", border_style=style, padding=(1, 2))


def _facts(incident: Incident, *, explained: bool) -> Text:
    # Where no workflow runs, an incident stays "analysing" behind its analysis.
    status = "" if explained and incident.status is IncidentStatus.ANALYSING else f", {incident.status.value}"
    end = when(incident.end_time) if incident.end_time else f"still going at {when(incident.last_seen)}"
    seen = "" if incident.sightings == 1 else f", seen {incident.sightings} times"
    return Text(
        f"{when(incident.start_time)} to {end} UTC{seen}{status.replace('_', ' ')}\n{incident.incident_id}",
        "dim",
    )


def _analysis(analysis: Analysis, *, full: bool, queries: bool, more: str) -> list[RenderableType]:
    verdict = Text.assemble(
        "\n",
        (analysis.verdict.value, f"bold {_VERDICT[analysis.verdict]}"),
        f"   confidence {analysis.confidence.score:.2f}   grounding {analysis.grounding.score:.2f}"
        f" ({analysis.grounding.supported} of {analysis.grounding.checkable} checkable claims hold)\n",
    )
    parts: list[RenderableType] = [verdict, Text(plain(analysis.root_cause)), Text("\nClaims", "bold")]
    parts += [claim_line(claim) for claim in analysis.claims] or [Text("none", "dim")]
    parts += _evidence(analysis, full=full, queries=queries, more=more)
    if analysis.actions:
        parts.append(Text("\nProposed next", "bold"))
        parts += [
            hanging(Text(f"{action.priority}."), Text(f"{action.type.value}: {plain(action.description)}"))
            for action in analysis.actions
        ]
    return parts


def hanging(mark: Text, body: Text, indent: int = 1) -> Table:
    """Return text whose further lines start under its first word."""
    grid = Table.grid(padding=(0, 0, 0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(" " * indent) + mark, body)
    return grid


def claim_line(claim: Claim) -> RenderableType:
    """Return a claim with the mark of its check: holds, struck out, not supported, not checkable."""
    mark, colour = _MARK.get(claim.check, ("·", "dim")) if claim.check else ("·", "dim")
    body = "strike red" if claim.struck else ""
    text = Text.assemble((plain(claim.text), body), (f"  [{', '.join(claim.evidence)}]", "dim"))
    if claim.check in {Check.CONTRADICTED, Check.UNSUPPORTED}:
        text.append(f"\n{claim.check.value}: {plain(claim.reason)}", colour)
    return hanging(Text(mark, colour), text)


def _evidence(analysis: Analysis, *, full: bool, queries: bool, more: str) -> list[RenderableType]:
    parts: list[RenderableType] = [Text("\nEvidence", "bold")]
    cited = {name for claim in analysis.claims for name in claim.evidence}
    shown = [fact for fact in analysis.evidence if full or fact.id in cited]
    for fact in shown:
        text = Text(plain(fact.text))
        if full:
            text.append("".join(f"\n  {plain(sample)}" for sample in fact.samples), "dim")
        if queries:
            text.append(f"\n  {plain(fact.query)}", "dim italic")
        parts.append(hanging(Text(f"{fact.id:<3}", "cyan"), text))
    hidden = len(analysis.evidence) - len(shown)
    if hidden:
        parts.append(Text(f"  and {hidden} more: {more}", "dim"))
    return parts


def _timeline(incident: Incident) -> list[RenderableType]:
    rows: list[RenderableType] = [Text("\nTimeline", "bold")]
    rows += [hanging(Text(when(entry.at), "dim"), Text(plain(entry.text))) for entry in incident.timeline]
    return rows


def ledger_line(ledger: dict[str, int]) -> RenderableType:
    """Return the ledger as one line that says whether it balances."""
    accepted, flying = ledger["accepted"], ledger["in_flight"]
    text = Text(
        f"accepted {accepted:,} = stored {ledger['stored']:,} + dead letters {ledger['dead_lettered']:,}"
        f" + dropped {ledger['dropped']:,} + in flight {flying:,}",
    )
    if not flying and not ledger["dropped"]:
        text.append("  nothing lost", "green")
    return hanging(Text("Ledger", "bold"), text, indent=0)
