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

from bdp.cli import labels
from bdp.cli.labels import label, word
from bdp.errors import BdpError
from bdp.model.analysis import ActionProposal, Analysis, Check, Claim, IncidentReport, Verdict
from bdp.model.evidence import Evidence
from bdp.model.incident import Incident, IncidentStatus
from bdp.model.noun import Language

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
_QUOTED = re.compile(r"`[^`]*`")
_FIGURE = re.compile(r"\d[\d,.:]*\d|\d")
_MARK = {Check.SUPPORTED: ("✓", "green"), Check.CONTRADICTED: ("✗", "red"), Check.UNSUPPORTED: ("?", "yellow")}


def plain(value: object) -> str:
    """Return text that cannot move the cursor, colour the screen or turn the writing direction."""
    return _CONTROL.sub("\ufffd", str(value)).replace("\n", " ")


def short(value: object, longest: int = 80) -> str:
    """Return a name that may come from anywhere, plain, and cut where it is very long."""
    text = plain(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"


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


def incident_table(incidents: Sequence[Incident], language: Language = "en") -> RenderableType:
    """Return one row an incident; two lines each where the terminal is narrow."""
    if out.width < _WIDE:
        return Group(*(line for found in incidents for line in _incident_lines(found, language)))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("incident", "severity", "status", "start", "events"):
        table.add_column(label(name, language), justify="right" if name == "events" else "left", no_wrap=True)
    table.add_column(label("title", language), overflow="fold")
    for found in incidents:
        table.add_row(
            found.incident_id,
            Text(word(found.severity.value, language), _SEVERITY[found.severity.value]),
            word(found.status.value, language),
            found.start_time.strftime("%Y-%m-%d %H:%M"),
            f"{found.events:,.0f}",
            _title(found, language),
        )
    return table


def _incident_lines(found: Incident, language: Language) -> list[Text]:
    severity = (word(found.severity.value, language), _SEVERITY[found.severity.value])
    events = labels.counted(found.events, "event", language)
    return [
        Text.assemble((found.incident_id, "bold"), "  ", severity, f"  {word(found.status.value, language)}"),
        Text(f"  {found.start_time:%Y-%m-%d %H:%M}  {events}  ") + _title(found, language),
    ]


def _title(found: Incident, language: Language) -> Text:
    return Text(plain(found.worded("title", language)) + (f" ({found.sightings}x)" if found.sightings > 1 else ""))


def report_panel(
    report: IncidentReport,
    *,
    full: bool = False,
    queries: bool = False,
    more: str = "",
    language: Language = "en",
) -> RenderableType:
    """Return an incident with its claims, evidence and proposed actions.

    Args:
        full: with the timeline and all evidence instead of what is cited.
        more: where the rest is to be seen; empty for `bdp incident ID`.
    """
    incident, analysis = report.incident, report.analysis
    style = _SEVERITY[incident.severity.value]
    parts: list[RenderableType] = [_facts(incident, language, explained=analysis is not None)]
    if analysis:
        rest = more or f"bdp incident {incident.incident_id}"
        parts += _analysis(analysis, language, full=full, queries=queries, more=rest)
    else:
        parts.append(Text("\n" + label("not_analysed", language, id=incident.incident_id), "dim"))
    if full:
        parts += _timeline(incident, language)
    severity = word(incident.severity.value, language).upper()
    title = Text.assemble((f" {severity} ", f"reverse {style}"), " ", plain(incident.worded("title", language)), " ")
    return Panel(Group(*parts), title=title, title_align="left", border_style=style, padding=(1, 2))


def _facts(incident: Incident, language: Language, *, explained: bool) -> Text:
    # Where no workflow runs, an incident stays "analysing" behind its analysis.
    quiet = explained and incident.status is IncidentStatus.ANALYSING
    status = "" if quiet else f", {word(incident.status.value, language)}"
    start, end = when(incident.start_time), when(incident.end_time or incident.last_seen)
    stretch = label("ended" if incident.end_time else "going_on", language, start=start, end=end)
    seen = "" if incident.sightings == 1 else label("seen", language, count=incident.sightings)
    return Text(f"{stretch}{seen}{status}\n{incident.incident_id}", "dim")


def _analysis(analysis: Analysis, language: Language, *, full: bool, queries: bool, more: str) -> list[RenderableType]:
    parts: list[RenderableType] = [_verdict(analysis, language), Text(plain(analysis.worded("root_cause", language)))]
    parts.append(_heading("claims", language))
    parts += [claim_line(claim, language) for claim in analysis.claims] or [Text(label("none", language), "dim")]
    parts += _evidence(analysis, language, full=full, queries=queries, more=more)
    if analysis.actions:
        parts.append(_heading("next", language))
        parts += [_action(action, language) for action in analysis.actions]
    return parts


def _heading(key: str, language: Language) -> Text:
    return Text(f"\n{label(key, language)}", "bold")


def _verdict(analysis: Analysis, language: Language) -> Text:
    grounding = analysis.grounding
    figures = {"confidence": f"{analysis.confidence.score:.2f}", "grounding": f"{grounding.score:.2f}"}
    trust = label("trust", language, **figures, supported=grounding.supported, checkable=grounding.checkable)
    verdict = word(analysis.verdict.value, language)
    return Text.assemble("\n", (verdict, f"bold {_VERDICT[analysis.verdict]}"), f"   {trust}\n")


def _action(action: ActionProposal, language: Language) -> RenderableType:
    described = plain(action.worded("description", language))
    return hanging(Text(f"{action.priority}."), Text(f"{label(action.type.value, language)}: {described}"))


def hanging(mark: Text, body: Text, indent: int = 1) -> Table:
    """Return text whose further lines start under its first word."""
    grid = Table.grid(padding=(0, 0, 0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(" " * indent) + mark, body)
    return grid


def claim_line(claim: Claim, language: Language = "en") -> RenderableType:
    """Return a claim with the mark of its check: holds, struck out, not supported, not checkable."""
    mark, colour = _MARK.get(claim.check, ("·", "dim")) if claim.check else ("·", "dim")
    body = "strike red" if claim.struck else ""
    said = plain(claim.worded("text", language))
    text = Text.assemble((said, body), (f"  [{', '.join(claim.evidence)}]", "dim"))
    if claim.check in {Check.CONTRADICTED, Check.UNSUPPORTED}:
        text.append(f"\n{label(claim.check.value, language)}: {plain(claim.reason)}", colour)
    return hanging(Text(mark, colour), text)


def _evidence(analysis: Analysis, language: Language, *, full: bool, queries: bool, more: str) -> list[RenderableType]:
    parts: list[RenderableType] = [_heading("evidence", language)]
    shown = [one for one in analysis.evidence if full or _says_more(one, analysis.claims, language)]
    for fact in shown:
        text = Text(plain(fact.worded("text", language)))
        if full:
            text.append("".join(f"\n  {plain(sample)}" for sample in fact.samples), "dim")
        if queries:
            text.append(f"\n  {plain(fact.query)}", "dim italic")
        parts.append(hanging(Text(f"{fact.id:<3}", "cyan"), text))
    hidden = len(analysis.evidence) - len(shown)
    if hidden:
        parts.append(Text(f"  {label('more', language, count=hidden, command=more)}", "dim"))
    return parts


def _says_more(fact: Evidence, claims: Sequence[Claim], language: Language) -> bool:
    """Return whether a fact that claims rest on has a name or a figure that none of them has."""
    said = " ".join(claim.worded("text", language) for claim in claims if fact.id in claim.evidence)
    return bool(said) and not _words(fact.worded("text", language)) <= _words(said)


def _words(text: str) -> set[str]:
    quoted = set(_QUOTED.findall(text))
    return quoted | set(_FIGURE.findall(_QUOTED.sub(" ", text)))


def _timeline(incident: Incident, language: Language) -> list[RenderableType]:
    rows: list[RenderableType] = [_heading("timeline", language)]
    rows += [hanging(Text(when(entry.at), "dim"), Text(plain(entry.text))) for entry in incident.timeline]
    return rows


def ledger_line(ledger: dict[str, int], language: Language = "en") -> RenderableType:
    """Return the ledger as one line that says whether it balances."""
    columns = {"accepted": "accepted", "stored": "stored", "dead": "dead_lettered", "dropped": "dropped"}
    figures = {name: f"{ledger[column]:,}" for name, column in (columns | {"flying": "in_flight"}).items()}
    text = Text(label("balance", language, **figures))
    if not ledger["in_flight"] and not ledger["dropped"]:
        text.append(f"  {label('nothing_lost', language)}", "green")
    return hanging(Text(label("ledger", language), "bold"), text, indent=0)
