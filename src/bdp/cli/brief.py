"""`bdp brief`: the day's briefing."""

from __future__ import annotations

from typing import Annotated

import typer

from bdp.cli import screen
from bdp.cli.api import connect
from bdp.cli.options import HomeOption, JsonOption, KoreanOption, language_of


def brief(
    day: Annotated[str, typer.Option(help="YYYY-MM-DD; by default the latest day with events")] = "",
    korean: KoreanOption = False,
    raw: Annotated[bool, typer.Option("--markdown", help="print the markdown as it is")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write the day's briefing from the database: top issues, trends, what was done, what waits.

    Example:

      bdp brief --day 2026-11-20 --markdown > briefing.md
    """
    with connect(home) as api:
        text = api.get("/v1/briefing", day=day, language=language_of(korean))
    if json:
        screen.print_json({"markdown": text})
    elif raw or not screen.out.is_terminal:
        typer.echo(text)
    else:
        from rich.markdown import Markdown

        screen.out.print(Markdown(text))
