"""`bdp ack INCIDENT`: take an incident on."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from bdp.cli import screen
from bdp.cli.api import connect
from bdp.cli.identifier import piece
from bdp.cli.options import HomeOption, JsonOption


def ack(
    incident_id: Annotated[str, typer.Argument(help="as 'bdp incidents' lists it")],
    by: Annotated[str | None, typer.Option(help="who takes it on (default: your user name)")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take an incident on: nobody else is told of it again.

    Example:

      bdp ack 01KAEZ3V0Q9W2G4T5N6P7R8S9T --by mina
    """
    incident = piece(incident_id, "incident", "bdp incidents")
    with connect(home) as api:
        taken = api.post(f"/v1/incidents/{incident}/acknowledge", json={"by": by or getpass.getuser()})
    if json:
        screen.print_json(taken)
        return
    screen.out.print(f"{screen.plain(taken['by'])} has taken it on.")
