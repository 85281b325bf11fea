"""`bdp query SQL`: look for yourself."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from bdp.cli import screen
from bdp.cli.api import connect
from bdp.cli.options import HomeOption, JsonOption

_READABLE = 24
"""Columns on the screen in which a longer value can still be read."""


def query(
    sql: Annotated[str, typer.Argument(help="one SELECT over events, metrics, costs, changes (ClickHouse SQL)")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Run one read-only statement, such as the query under a piece of evidence.

    Where the columns do not fit side by side, each row stands one value a line. Nothing is cut either way.

    Example:

      bdp query "SELECT service, sum(weight) AS n FROM events GROUP BY service ORDER BY n DESC"
    """
    with connect(home) as api:
        rows = api.post("/v1/query", json={"sql": sql})
    if json:
        screen.print_json({"rows": rows})
        return
    if not rows:
        screen.out.print("no rows")
    elif _fits(rows):
        _print_table(rows)
    else:
        _print_one_by_one(rows)


def _fits(rows: list[dict[str, Any]]) -> bool:
    """Say whether each column has its width, or enough of it to be read over several lines."""
    needs = (
        max(cell_len(screen.plain(name)), *(cell_len(screen.plain(row[name])) for row in rows)) for name in rows[0]
    )
    gaps = 2 * (len(rows[0]) - 1)
    return sum(min(need, _READABLE) for need in needs) + gaps <= screen.out.width


def _print_table(rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0]:
        table.add_column(screen.plain(name), overflow="fold")
    for row in rows:
        table.add_row(*(screen.plain(value) for value in row.values()))
    screen.out.print(table)


def _print_one_by_one(rows: list[dict[str, Any]]) -> None:
    wide = max(cell_len(screen.plain(name)) for name in rows[0])
    for number, row in enumerate(rows, 1):
        screen.out.print(Text(f"row {number}", "dim"))
        for name, value in row.items():
            label = screen.plain(name)
            line = Text.assemble((label, "bold"), " " * (wide - cell_len(label) + 2), screen.plain(value))
            screen.out.print(line, soft_wrap=True)
