"""`bdp ledger`: nothing is lost, and here is the account."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from bdp.cli import screen
from bdp.cli.api import connect
from bdp.cli.options import HomeOption, JsonOption

_COLUMNS = ("accepted", "stored", "dead_lettered", "dropped", "in_flight")


def ledger(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show the account of every record taken in: accepted = stored + dead letters + dropped + in flight.

    Example:

      bdp ledger --json | jq .total.in_flight
    """
    with connect(home) as api:
        told = api.get("/v1/ledger")
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


_REASONS = {
    "sampled": "sampled: the sampling policy let them go",
    "disk_full": "disk full: no sink had room",
    "letters_full": "too many dead letters: the oldest went",
    "discarded": "discarded: somebody let these dead letters go",
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
    """Show the delivery chain where something is not as usual."""
    if not any(sink["state"] != "closed" or sink["waiting"] or sink["takes_from"] != "normal" for sink in sinks):
        return
    table = Table(box=None, pad_edge=False, header_style="bold", title="delivery chain", title_justify="left")
    for name in ("sink", "state"):
        table.add_column(name)
    table.add_column("waiting", justify="right")
    table.add_column("why")
    for sink in sinks:
        state = {"closed": "in use", "open": "away", "probing": "being tried"}[sink["state"]]
        why = (
            sink["reason"] if sink["takes_from"] == "normal" else f"disk short: takes {sink['takes_from'] or 'nothing'}"
        )
        table.add_row(sink["name"], state, f"{sink['waiting']:,}", screen.plain(why))
    screen.out.print()
    screen.out.print(table)
