"""`bdp audit`: who decided what, and the proof that nobody has changed the log since."""

from __future__ import annotations

import json as texts
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from bdp.cli import screen
from bdp.cli.api import connect
from bdp.cli.options import HomeOption, JsonOption, KoreanOption, ago, language_of
from bdp.clock import SystemClock
from bdp.errors import Refuse
from bdp.model.decision import ChainCheck, ChainHead, KeptEntry
from bdp.model.noun import Language

verbs = typer.Typer(
    help="Show who decided what, and prove that nobody has changed the log since.",
    rich_markup_mode=None,
    invoke_without_command=True,
)
_SHOWN_DETAIL = 300
_WORDS: dict[str, dict[Language, str]] = {
    "nothing": {"en": "Nothing was decided yet.", "ko": "아직 기록된 결정이 없습니다."},
    "whole": {
        "en": "{count} entries, each as it was written. Head: {head}",
        "ko": "{count}건 모두 기록된 그대로입니다. 체인 끝: {head}",
    },
    "keep": {
        "en": "Keep the head elsewhere; 'bdp audit verify --head {head}' holds the log against it.",
        "ko": "체인 끝을 다른 곳에 보관하세요. 나중에 'bdp audit verify --head {head}'로 대조할 수 있습니다.",
    },
}


@verbs.callback()
def list_entries(
    context: typer.Context,
    object: Annotated[str | None, typer.Option(help="only what was done to this id")] = None,
    since: Annotated[str | None, typer.Option(help="only from then on: 2h, 3d or a time")] = None,
    limit: Annotated[int, typer.Option(help="most entries", min=1, max=1000)] = 50,
    korean: KoreanOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show who decided what, newest first; `verify` proves that nobody has changed it since.

    Example:

      bdp audit --since 7d
    """
    if context.invoked_subcommand is not None:
        return
    start = ago(since, SystemClock().now()) if since else None
    with connect(home) as api:
        rows = api.get("/v1/audit", object=object, since=start, limit=limit)
    if json:
        screen.print_json({"entries": rows})
    elif rows:
        screen.out.print(Group(*(_line(KeptEntry.model_validate(row)) for row in rows)))
    else:
        screen.out.print(_WORDS["nothing"][language_of(korean)])


@verbs.command()
def verify(
    head: Annotated[str, typer.Option(help="NUMBER:HASH, as 'bdp audit head' printed it once")] = "",
    korean: KoreanOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Look at every entry of the log; name the first that is not as it was written, and end with an error.

    Example:

      bdp audit verify --head 1204:9f2c…
    """
    with connect(home) as api:
        told = api.get("/v1/audit/verify", head=head or None)
    check = ChainCheck.model_validate(told)
    if json:
        screen.print_json(told)
    if not check.whole:
        raise Refuse(
            f"The audit log is broken at entry {check.broken_at}: {screen.plain(check.why)}.",
            f"The {max(0, check.entries)} entries before it are as they were written; hold it against a backup.",
        )
    if not json:
        language, place = language_of(korean), _place(check.head)
        screen.out.print(_WORDS["whole"][language].format(count=f"{check.entries:,}", head=place))
        if not head:
            screen.out.print(Text(_WORDS["keep"][language].format(head="NUMBER:HASH"), "dim"))


@verbs.command()
def head(home: HomeOption = None, json: JsonOption = False) -> None:
    """Print the latest entry's place. Kept elsewhere, it proves later that nothing before it was changed or cut off.

    Example:

      bdp audit head
    """
    with connect(home) as api:
        told = api.get("/v1/audit/head")
    if json:
        screen.print_json(told)
    else:
        # Not wrapped: it is to be copied.
        screen.out.print(_place(ChainHead.model_validate(told)), soft_wrap=True)


def _place(found: ChainHead) -> str:
    return f"{found.number}:{found.hash}"


def _line(kept: KeptEntry) -> Any:
    entry = kept.entry
    what = Text.assemble(
        (screen.when(entry.at), "dim"),
        f"  {screen.plain(entry.actor)}  ",
        (screen.plain(entry.action), "bold"),
        f"  {screen.plain(entry.object)}",
    )
    detail = screen.plain(texts.dumps(entry.detail, ensure_ascii=False)) if entry.detail else ""
    if detail:
        what.append(f"\n{detail[:_SHOWN_DETAIL]}{' …' if len(detail) > _SHOWN_DETAIL else ''}", "dim")
    return screen.hanging(Text(f"{kept.number:>4}", "cyan"), what, indent=0)
