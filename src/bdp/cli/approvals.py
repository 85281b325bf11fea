"""`bdp approvals`, `bdp approve ID`, `bdp reject ID`."""

from __future__ import annotations

import getpass
from typing import Annotated, Any, Final

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bdp.cli import screen
from bdp.cli.api import connect
from bdp.cli.identifier import piece
from bdp.cli.options import HomeOption, JsonOption, KoreanOption, language_of
from bdp.model.decision import Approval, ApprovalStatus
from bdp.model.noun import Language
from bdp.notify.question import Part, outcome, parts_of, word

IdArgument = Annotated[str, typer.Argument(help="as 'bdp approvals' lists it, or its first 6 characters or more")]
NoteOption = Annotated[str, typer.Option(help="kept with your answer")]
ByOption = Annotated[str | None, typer.Option(help="who answers (default: your user name)")]

_WORDS: Final[dict[str, dict[Language, str]]] = {
    "nothing": {"en": "Nothing waits for an answer.", "ko": "대기 중인 승인 요청이 없습니다."},
    "none": {"en": "There is no such question.", "ko": "해당하는 승인 요청이 없습니다."},
    "more": {
        "en": "{given} of {needed} approvals are there; somebody else has to approve as well.",
        "ko": "승인 {given}/{needed}건입니다. 다른 사람의 승인이 더 필요합니다.",
    },
    "later": {
        "en": "BDP is not running; the incident goes on when 'bdp serve' starts.",
        "ko": "BDP가 실행 중이 아닙니다. 'bdp serve'를 시작하면 인시던트 처리가 이어집니다.",
    },
}


def list_approvals(
    approval_id: Annotated[str | None, typer.Argument(help="only this one; its first 6 characters will do")] = None,
    status: Annotated[ApprovalStatus | None, typer.Option(help="only these")] = ApprovalStatus.WAITING,
    limit: Annotated[int, typer.Option(help="most of them", min=1, max=1000)] = 20,
    korean: KoreanOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show what waits for a person: what exactly would be sent, why, on what evidence, and how it would be undone.

    Examples:

      bdp approvals --status timed_out

      bdp approvals 01KAEZ3V --ko
    """
    with connect(home) as api:
        if approval_id is None:
            rows = api.get("/v1/approvals", status=status and status.value, limit=limit)
        else:
            rows = [api.get(f"/v1/approvals/{_piece(approval_id)}")]
    language = language_of(korean)
    if json:
        screen.print_json({"approvals": rows})
    elif rows:
        screen.out.print(Group(*(_shown(Approval.model_validate(row), language) for row in rows)))
    else:
        screen.out.print(_WORDS["nothing" if status is ApprovalStatus.WAITING else "none"][language])


def approve(
    approval_id: IdArgument,
    note: NoteOption = "",
    by: ByOption = None,
    korean: KoreanOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Let a proposed action run, as far as you are concerned; it may need more people than you.

    Example:

      bdp approve 01KAEZ3V0Q9W2G4T5N6P7R8S9T --note "rolled back by hand as well"
    """
    _answer("approve", approval_id, {"note": note, "by": by}, language_of(korean), home, json=json)


def reject(
    approval_id: IdArgument,
    note: NoteOption = "",
    by: ByOption = None,
    korean: KoreanOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Forbid a proposed action; one person is enough.

    Example:

      bdp reject 01KAEZ3V0Q9W2G4T5N6P7R8S9T --note "the deploy is not to blame"
    """
    _answer("reject", approval_id, {"note": note, "by": by}, language_of(korean), home, json=json)


def _piece(approval_id: str) -> str:
    return piece(approval_id, "approval", "bdp approvals")


def _answer(
    verb: str, approval_id: str, said: dict[str, str | None], language: Language, home: Any, *, json: bool
) -> None:
    told = {"note": said["note"], "by": said["by"] or getpass.getuser(), "via": "cli"}
    question = _piece(approval_id)
    with connect(home) as api:
        answered = api.post(f"/v1/approvals/{question}/{verb}", json=told)
        here = api.app is not None
    if json:
        screen.print_json(answered)
        return
    approval = Approval.model_validate(answered)
    if approval.status is ApprovalStatus.WAITING:
        screen.out.print(_WORDS["more"][language].format(given=approval.approvals, needed=approval.needed))
        return
    screen.out.print(screen.plain(outcome(approval, language)))
    if here:
        screen.out.print(_WORDS["later"][language])


def _shown(approval: Approval, language: Language) -> RenderableType:
    waits = approval.status is ApprovalStatus.WAITING
    state = word("waiting", language) if waits else outcome(approval, language)
    what = f"{approval.action.type.value}: {approval.action.worded('description', language)}"
    head = Text.assemble((approval.approval_id, "bold"), f"  {screen.plain(state)}\n", (screen.plain(what), "bold"))
    grid = Table.grid(padding=(0, 1, 0, 2))
    grid.add_column(no_wrap=True, style="cyan")
    grid.add_column(overflow="fold")
    for part in parts_of(approval, language):
        grid.add_row(part.label, _lines(part))
    if waits:
        grid.add_row("", Text(f"bdp approve {approval.approval_id}\nbdp reject {approval.approval_id}", "green"))
    grid.add_row("", Text(f"bdp incident {screen.plain(approval.incident_id)}", "dim"))
    return Group(head, grid, Text())


def _lines(part: Part) -> Text:
    return Text("\n".join(screen.plain(line) for line in part.text.split("\n")), "yellow" if part.exact else "")
