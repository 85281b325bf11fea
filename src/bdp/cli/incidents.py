"""`bdp incidents` and `bdp incident ID`."""

from __future__ import annotations

from typing import Annotated

import typer

from bdp.cli import screen
from bdp.cli.analyze import as_json
from bdp.cli.api import connect
from bdp.cli.identifier import piece
from bdp.cli.labels import label
from bdp.cli.options import HomeOption, JsonOption, KoreanOption, language_of
from bdp.model.analysis import IncidentReport
from bdp.model.incident import Incident, IncidentStatus


def list_incidents(
    status: Annotated[IncidentStatus | None, typer.Option(help="only these")] = None,
    limit: Annotated[int, typer.Option(help="most rows", min=1, max=1000)] = 50,
    korean: KoreanOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List incidents, newest first.

    Example:

      bdp incidents --status awaiting_approval
    """
    with connect(home) as api:
        rows = api.get("/v1/incidents", status=status and status.value, limit=limit)
    if json:
        screen.print_json({"incidents": rows})
    elif rows:
        found = [Incident.model_validate(row) for row in rows]
        screen.out.print(screen.incident_table(found, language_of(korean)))
    else:
        screen.out.print(label("no_incidents", language_of(korean)))


def show(
    incident_id: Annotated[str, typer.Argument(help="as 'bdp incidents' lists it")],
    again: Annotated[bool, typer.Option("--again", help="explain it again from what the store holds now")] = False,
    queries: Annotated[bool, typer.Option("--queries", help="show the SQL under each piece of evidence")] = False,
    korean: KoreanOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show one incident: claims, evidence, timeline.

    Example:

      bdp incident 01KAEZ3V0Q9W2G4T5N6P7R8S9T --ko
    """
    path = f"/v1/incidents/{piece(incident_id, 'incident', 'bdp incidents')}"
    with connect(home) as api:
        told = api.post(f"{path}/analysis") if again else api.get(path)
    report = IncidentReport.model_validate(told)
    if json:
        screen.print_json(as_json(report))
    else:
        screen.out.print(screen.report_panel(report, full=True, queries=queries, language=language_of(korean)))
