"""`bdp notify test [CHANNEL]`: try the ways to people."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from bdp.cli import screen
from bdp.cli.api import connect
from bdp.cli.options import HomeOption, JsonOption

verbs = typer.Typer(name="notify", help="Try the ways to people.", no_args_is_help=True)


@verbs.callback()
def before() -> None:
    """Keep `test` a verb of its own: an app with one command would have none."""


@verbs.command("test")
def try_out(
    channel: Annotated[str, typer.Argument(help="name of one channel (default: each of the settings)")] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Send a test message, and say in plain words what happened; ends with 5 if a channel was not reached.

    Example:

      bdp notify test slack
    """
    with connect(home) as api:
        tested = api.post("/v1/notify/test", params={"channel": channel})
    if json:
        screen.print_json({"channels": tested})
    for one in [] if json else tested:
        sign, style = ("✓", "green") if one["reached"] else ("✗", "red")
        name, says = screen.plain(one["channel"]), screen.plain(one["says"])
        screen.out.print(Text.assemble((f"{sign} {name}", style), f"  {says}  ({one['seconds']:.2f} s)"))
    if not all(one["reached"] for one in tested):
        raise typer.Exit(5)
