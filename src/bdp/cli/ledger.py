"""`bdp ledger` and `bdp dead-letters`: nothing is lost, and here is the account."""

from __future__ import annotations

from typing import Annotated

import typer
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


def dead_letters(
    limit: Annotated[int, typer.Option(help="most rows", min=1, max=1000)] = 20,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show records that could not be taken or processed, newest first, each with its reason.

    Example:

      bdp dead-letters --limit 100
    """
    with connect(home) as api:
        rows = api.get("/v1/dead-letters", limit=limit)
    if json:
        screen.print_json({"dead_letters": rows})
        return
    for row in rows:
        # The reason of a file's record says file and line itself.
        place = "  " if row["source"] == "file" else f"  {screen.plain(row['source'])} record {row['index'] + 1}: "
        screen.out.print(Text.assemble((row["cause"], "yellow"), place, screen.plain(row["reason"])))
        screen.out.print(Text(f"    {screen.plain(row['payload'][:160])}", "dim"))
    if not rows:
        screen.out.print("No dead letters: every record was taken and stored.")
