"""`bdp query SQL`: look for yourself."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from bdp.cli import screen
from bdp.cli.api import connect
from bdp.cli.options import HomeOption, JsonOption


def query(
    sql: Annotated[str, typer.Argument(help="one SELECT over events, metrics, costs, changes (ClickHouse SQL)")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Run one read-only statement, such as the query under a piece of evidence.

    Example:

      bdp query "SELECT service, sum(weight) AS n FROM events GROUP BY service ORDER BY n DESC"
    """
    with connect(home) as api:
        rows = api.post("/v1/query", json={"sql": sql})
    if json:
        screen.print_json({"rows": rows})
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0] if rows else ("no rows",):
        table.add_column(screen.plain(name))
    for row in rows:
        table.add_row(*(screen.plain(value) for value in row.values()))
    screen.out.print(table)
