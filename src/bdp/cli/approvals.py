"""`bdp approvals`, `bdp approve ID`, `bdp reject ID`."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer
from rich.text import Text

from bdp.cli import screen
from bdp.cli.api import connect
from bdp.cli.options import HomeOption, JsonOption
from bdp.model.decision import Approval, ApprovalStatus

IdArgument = Annotated[str, typer.Argument(help="as 'bdp approvals' lists it")]
NoteOption = Annotated[str, typer.Option(help="kept with your answer")]
ByOption = Annotated[str | None, typer.Option(help="who answers (default: your user name)")]


def list_approvals(
    status: Annotated[ApprovalStatus | None, typer.Option(help="only these")] = ApprovalStatus.WAITING,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List what waits for a person: the exact plan, and how it would be undone.

    Example:

      bdp approvals --status timed_out
    """
    with connect(home) as api:
        rows = api.get("/v1/approvals", status=status and status.value)
    if json:
        screen.print_json({"approvals": rows})
        return
    for row in rows:
        _show(Approval.model_validate(row))
    if not rows:
        screen.out.print("Nothing waits for an answer.")


def approve(
    approval_id: IdArgument,
    note: NoteOption = "",
    by: ByOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Let a proposed action run. The first answer counts.

    Example:

      bdp approve 01KAEZ3V0Q9W2G4T5N6P7R8S9T --note "rolled back by hand as well"
    """
    _answer("approve", approval_id, note, by, home, json=json)


def reject(
    approval_id: IdArgument,
    note: NoteOption = "",
    by: ByOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Forbid a proposed action; the incident goes to a person.

    Example:

      bdp reject 01KAEZ3V0Q9W2G4T5N6P7R8S9T --note "the deploy is not to blame"
    """
    _answer("reject", approval_id, note, by, home, json=json)


def _answer(verb: str, approval_id: str, note: str, by: str | None, home: Any, *, json: bool) -> None:
    with connect(home) as api:
        told = api.post(f"/v1/approvals/{approval_id}/{verb}", json={"by": by or getpass.getuser(), "note": note})
        here = api.app is not None
    if json:
        screen.print_json(told)
        return
    answered = Approval.model_validate(told)
    screen.out.print(f"{answered.status.value} by {screen.plain(answered.decided_by)}")
    if here:
        screen.out.print("BDP is not running; the incident goes on when 'bdp serve' starts.")


def _show(approval: Approval) -> None:
    screen.out.print(Text.assemble((approval.approval_id, "bold"), f"  {approval.status.value}  until ",
                                   screen.when(approval.expires_at), " UTC"))  # fmt: skip
    screen.out.print(Text(f"  does:  {screen.plain(approval.plan)}"))
    screen.out.print(Text(f"  undo:  {screen.plain(approval.undo) or 'nothing to undo'}"))
    screen.out.print(Text(f"  why:   bdp incident {approval.incident_id}", "dim"))
