"""`bdp ledger`: nothing is lost, and here is the account."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from bdp.cli import lanes, screen
from bdp.cli.api import connect
from bdp.cli.options import HomeOption, JsonOption
from bdp.clock import SystemClock

_COLUMNS = ("accepted", "stored", "dead_lettered", "dropped", "in_flight")


def ledger(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show the account of every record taken in: accepted = stored + dead letters + dropped + in flight.

    Where processes share a stream, also who has which partition of it.

    Example:

      bdp ledger --json | jq .total.in_flight
    """
    with connect(home) as api:
        told = api.get("/v1/ledger")
        told["lanes"] = api.get("/v1/lanes")
    if json:
        screen.print_json(told)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("source")
    for name in _COLUMNS:
        table.add_column(name.replace("_", " "), justify="right")
    for source, row in told["sources"].items():
        table.add_row(screen.plain(source), *(f"{row[name]:,}" for name in _COLUMNS))
    table.add_row(Text("all", "bold"), *(f"{told['total'][name]:,}" for name in _COLUMNS))
    screen.out.print(table)
    _show_drops(told["drops"])
    _show_sinks(told["sinks"])
    if told["lanes"]:
        screen.out.print()
        screen.out.print(lanes.table(told["lanes"], SystemClock().now()))


_REASONS = {
    "sampled": "sampled: the sampling policy let them go",
    "disk_full": "disk full: no sink had room",
    "letters_full": "too many dead letters: the oldest went",
    "discarded": "discarded: somebody let these dead letters go",
    "damaged": "damaged: the disk lost them while they waited",
}


def _show_drops(drops: list[dict[str, Any]]) -> None:
    if not drops:
        return
    table = Table(box=None, pad_edge=False, header_style="bold", title="dropped, each counted", title_justify="left")
    for name in ("source", "class", "why"):
        table.add_column(name)
    table.add_column("records", justify="right")
    for drop in drops:
        why = _REASONS.get(drop["reason"], drop["reason"])
        table.add_row(screen.plain(drop["source"]), drop["priority"], why, f"{drop['count']:,}")
    screen.out.print()
    screen.out.print(table)


def _show_sinks(sinks: list[dict[str, Any]]) -> None:
    """Show the delivery chain where something is not as usual, and below it why: those are long sentences."""
    if not any(sink["state"] != "closed" or sink["waiting"] != 0 or sink["takes_from"] != "normal" for sink in sinks):
        return
    table = Table(box=None, pad_edge=False, header_style="bold", title="delivery chain", title_justify="left")
    for name in ("sink", "state"):
        table.add_column(name)
    table.add_column("waiting", justify="right")
    reasons: dict[str, str] = {}
    for sink in sinks:
        state = {"closed": "in use", "open": "away", "probing": "being tried"}[sink["state"]]
        why = (
            sink["reason"] if sink["takes_from"] == "normal" else f"disk short: takes {sink['takes_from'] or 'nothing'}"
        )
        table.add_row(sink["name"], state, "unknown" if sink["waiting"] is None else f"{sink['waiting']:,}")
        reasons |= {sink["name"]: screen.plain(why)} if why else {}
    screen.out.print()
    screen.out.print(table)
    for name, why in reasons.items():
        screen.out.print(screen.hanging(Text(name), Text(why, "dim"), indent=0))
