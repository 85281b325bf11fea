"""`bdp shadow`: what the settings of `[shadow]` would have raised, next to what the live ones found."""

from __future__ import annotations

import json as jsons
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from bdp.cli import screen
from bdp.cli.api import connect
from bdp.cli.backtest import apart, table
from bdp.cli.options import HomeOption, JsonOption, ago
from bdp.clock import SystemClock


def shadow(
    since: Annotated[str, typer.Option(help="event time from here on: 24h, 7d, or 2026-05-01T12:00:00Z")] = "24h",
    differences: Annotated[int, typer.Option(help="differences to list, worst first", min=0, max=1000)] = 20,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show what settings to try, given as [shadow] in bdp.toml, find beside the live ones; nothing of it is raised.

    Examples:

      bdp shadow --since 24h

      bdp shadow --since 2026-05-01 --json
    """
    with connect(home) as api:
        told = api.get("/v1/shadow", since=ago(since, SystemClock().now()), differences=differences)
    if json:
        screen.print_json(told)
    else:
        for part in _shown(told):
            screen.out.print(part)


def _shown(told: Mapping[str, Any]) -> Iterator[RenderableType]:
    report = told["report"]
    if report is None:
        yield Text("Shadow detection is off. Give settings to try in bdp.toml: [shadow.series], then threshold = 0.4.")
        return
    tried = ", ".join(f"{room}.{name}={jsons.dumps(value)}" for room, name, value in _settings(told["settings"]))
    yield Text(f"shadow: {screen.plain(tried)}")
    yield from _head(told, report)
    if not report["found"]["kinds"]:
        yield Text("\nNeither found anything." if report["parts"] else "\nIt has seen no records yet.")
        return
    yield Text()
    yield table([report["found"]])
    yield from apart(report["found"])


def _settings(rooms: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    for room, values in rooms.items():
        for name, value in values.items():
            yield room, name, value


def _head(told: Mapping[str, Any], report: Mapping[str, Any]) -> Iterator[Text]:
    begun = f"; it runs since {screen.when(report['begun'])} UTC" if report["begun"] else ""
    yield Text(f"from {screen.when(report['start'])} UTC on{begun}", "dim")
    if report["start"] != told["since"]:
        yield Text("What was found earlier is forgotten: of each side the latest 1,000 findings are kept.", "yellow")
    if report["failures"]:
        times, reason = screen.counted(report["failures"], "time"), screen.plain(report["reason"])
        yield Text(f"The shadow failed {times}, what it would have found there is missing: {reason}", "yellow")
    if report["apart"]:
        lanes = screen.counted(report["apart"], "lane")
        yield Text(f"Not shown: {lanes} whose worker has other settings than this process.", "yellow")
