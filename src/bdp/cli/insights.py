"""`bdp insights` and `bdp insight ID`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bdp.cli import screen
from bdp.cli.api import connect
from bdp.cli.options import HomeOption, JsonOption, ago
from bdp.clock import SystemClock
from bdp.model.insight import AlertState, InsightSource, PredictionType, severity_of

_WIDE = 100
_TOLD: Final[dict[AlertState, str]] = {
    AlertState.DUE: "to be told: waits for a decision, or for the next summary",
    AlertState.TOLD: "told",
    AlertState.DUPLICATE: "not told at once: the same was told minutes before; in the hourly digest",
    AlertState.OLD: "not told at once: its event was long over when it was found; in the hourly digest",
    AlertState.BELOW: "not told at once: not critical; in the hourly digest",
    AlertState.UNREACHABLE: "nobody could be reached; in the hourly digest",
    AlertState.NONE: "nobody is told: for information only",
}


def list_insights(
    min_risk: Annotated[
        int, typer.Option(help="risk from here on; 80 is critical, 60 high, 40 medium", min=0, max=100)
    ] = 0,
    type: Annotated[PredictionType | None, typer.Option(help="only this prediction")] = None,
    stream: Annotated[str, typer.Option(help="only this stream or port")] = "",
    source: Annotated[InsightSource | None, typer.Option(help="only by this source")] = None,
    since: Annotated[str, typer.Option(help="event time from here on: 2h, 3d, or 2026-05-01T12:00:00Z")] = "",
    limit: Annotated[int, typer.Option(help="most rows", min=1, max=1000)] = 20,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List what was found about the fabric, newest first.

    Examples:

      bdp insights --min-risk 80 --since 2h

      bdp insights --type latency_spike --stream leaf1/port3 --json
    """
    wanted: dict[str, Any] = {"min_risk": min_risk or None, "prediction_type": type and type.value}
    wanted |= {"related_entity": stream or None, "source": source and source.value}
    wanted |= {"since": ago(since, SystemClock().now()) if since else None}
    with connect(home) as api:
        page = api.get("/v1/insights", limit=limit, **wanted)
    rows = page["insights"]
    if json:
        screen.print_json(page)
    elif rows:
        screen.out.print(_table(rows))
        more = "    there are more: --limit, --min-risk, --since" if page["next"] else ""
        screen.out.print(f"\nOne whole, with what to do: bdp insight ID{more}")
    elif any(value is not None for value in wanted.values()):
        screen.out.print("No insights fit. See all: bdp insights")
    else:
        screen.out.print(
            "No insights. Send fabric samples with POST /metrics; normal traffic raises none, and each is kept 30 days."
        )


def show(
    entity_id: Annotated[str, typer.Argument(help="as 'bdp insights' lists it")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show one insight: what was found, what to do, and whether people were told.

    Example:

      bdp insight alert_leaf1/port3_1777636800
    """
    with connect(home) as api:
        row = api.get(f"/v1/insights/{quote(entity_id, safe='')}")
    if json:
        screen.print_json(row)
    else:
        screen.out.print(_panel(row))


def _table(rows: list[dict[str, Any]]) -> RenderableType:
    if screen.out.width < _WIDE:
        return Group(*(line for row in rows for line in _lines(row)))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("risk", justify="right", no_wrap=True)
    for name in ("", "time (UTC)", "type"):
        table.add_column(name, no_wrap=True)
    table.add_column("stream", overflow="fold", max_width=32)
    table.add_column("what", overflow="fold")
    for row in rows:
        risk, word = _risk(row)
        stream = screen.plain(row["related_entity"])
        table.add_row(risk, word, screen.when(row["timestamp"]), _kind(row["prediction_type"]), stream, _what(row))
    return table


def _lines(row: dict[str, Any]) -> Iterator[RenderableType]:
    risk, word = _risk(row)
    stream = screen.plain(row["related_entity"])
    yield Text.assemble(risk, " ", word, f"  {_kind(row['prediction_type'])}  ", (stream, "bold"))
    yield screen.hanging(Text(screen.when(row["timestamp"]), "dim"), _what(row), indent=2)


def _what(row: dict[str, Any]) -> Text:
    said = _said_by(row)
    told = (f"\n{said}", "dim") if said else ""
    return Text.assemble(screen.plain(row["explanation"]), told, "\n", (screen.plain(row["entity_id"]), "dim"))


def _said_by(row: dict[str, Any]) -> str:
    """Return who decided, and in a few words what the other says; nothing where the rules alone spoke."""
    beside = row["beside"]
    if beside is None:
        return "" if row["source"] == InsightSource.RULES else f"by {row['source']}"
    return f"by {row['source']}; {beside['source']}: {_opinion(beside)}"


def _opinion(said: dict[str, Any]) -> str:
    kind = _kind(said["prediction_type"]) if said["prediction_type"] else "nothing wrong"
    return f"{kind}, risk {said['risk_score']}, confidence {said['confidence']:.2f}"


def _panel(row: dict[str, Any]) -> RenderableType:
    risk, word = _risk(row)
    style = str(word.style)
    advice = (
        screen.hanging(Text(f"{number}."), Text(screen.plain(text)))
        for number, text in enumerate(row["recommendations"], 1)
    )
    parts: list[RenderableType] = [
        Text(f"{screen.when(row['timestamp'])} UTC\n{screen.plain(row['entity_id'])}\n", "dim"),
        Text(screen.plain(row["explanation"])),
        Text("\nDo next", "bold"),
        *advice,
        Text(),
        screen.hanging(Text("By", "bold"), Text(_by(row)), indent=0),
        *_beside(row["beside"]),
        screen.hanging(Text("Alert", "bold"), Text(_standing(row["alert"])), indent=0),
    ]
    where = screen.plain(row["related_entity"])
    title = Text.assemble(
        (f" {risk} {word.plain.upper()} ", f"reverse {style}"), f" {_kind(row['prediction_type'])} at {where} "
    )
    return Panel(Group(*parts), title=title, title_align="left", border_style=style, padding=(1, 2))


def _beside(said: dict[str, Any] | None) -> Iterator[RenderableType]:
    """Return what the other source says."""
    if said is not None:
        model = screen.plain(said["model_used"])
        who = "Rules say" if said["source"] == InsightSource.RULES else f"{model} says"
        told = f"{_opinion(said)}. {screen.plain(said['explanation'])}"
        yield screen.hanging(Text(who, "bold"), Text(told), indent=0)


def _by(row: dict[str, Any]) -> str:
    model = screen.plain(row["model_used"])
    named = "" if model == row["source"] else f" ({model})"
    return f"{row['source']}{named}, confidence {row['confidence']:.2f}"


def _standing(alert: dict[str, Any]) -> str:
    state = AlertState(alert["state"])
    if state is not AlertState.TOLD:
        return _TOLD[state]
    if not alert["told_at"]:
        return "on its way to the channels"
    together = ", in a summary" if alert["message"].startswith("summary:") else ""
    seconds = datetime.fromisoformat(alert["told_at"]) - datetime.fromisoformat(alert["detected_at"])
    return f"told at {screen.when(alert['told_at'])} UTC, {seconds.total_seconds():,.0f} s after detection{together}"


def _risk(row: dict[str, Any]) -> tuple[Text, Text]:
    severity = severity_of(row["risk_score"])
    style = screen.style_of(severity)
    return Text(str(row["risk_score"]), style), Text(severity.value, style)


def _kind(name: str) -> str:
    return screen.plain(name).replace("_", " ")
