"""`bdp dlq`: the dead letters, and what to do about them."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from bdp.cli import screen
from bdp.cli.api import Api, connect
from bdp.cli.options import HomeOption, JsonOption
from bdp.errors import BadRequest
from bdp.model.batch import Cause

_SHOWN = 100

CauseOption = Annotated[Cause | None, typer.Option(help="only letters with this cause")]
SourceOption = Annotated[str | None, typer.Option(help="only letters of this way in, as 'bdp dlq list' shows it")]
IdsOption = Annotated[list[str] | None, typer.Option("--id", help="this letter; may be given several times")]
AllOption = Annotated[bool, typer.Option("--all", help="every letter")]
YesOption = Annotated[bool, typer.Option("--yes", help="do not ask before all or many letters are touched")]
LimitOption = Annotated[int, typer.Option(help="most letters shown", min=1, max=1000)]

verbs = typer.Typer(
    help="Dead letters: records that could not be taken or processed, each whole and with its reason.\n\nExample:\n\n"
    "  bdp dlq list --cause clock",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@verbs.command("list")
def list_letters(
    cause: CauseOption = None,
    source: SourceOption = None,
    limit: LimitOption = 20,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List dead letters: how many there are by cause, what that means, and the newest ones.

    Example:

      bdp dlq list --cause schema --limit 100
    """
    with connect(home) as api:
        counts = [row for row in api.get("/v1/dead-letters/counts") if _fits(row, cause, source)]
        rows = api.get("/v1/dead-letters", limit=limit, cause=cause and cause.value, source=source)
    if json:
        screen.print_json({"counts": counts, "dead_letters": rows})
        return
    if not rows:
        nothing = "No dead letters fit." if cause or source else "No dead letters."
        screen.out.print(nothing)
        return
    _print_counts(counts)
    screen.out.print()
    for row in rows:
        _print_line(row)
    screen.out.print()
    screen.out.print("One of them whole: bdp dlq show ID    again: bdp dlq retry    let go: bdp dlq discard")


@verbs.command("show")
def show(
    letter_id: Annotated[str, typer.Argument(help="as 'bdp dlq list' shows it")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show one dead letter: the whole record, its errors, and whether a retry can help.

    Example:

      bdp dlq show 17
    """
    from urllib.parse import quote

    with connect(home) as api:
        row = api.get(f"/v1/dead-letters/{quote(letter_id, safe='')}")
    if json:
        screen.print_json(row)
        return
    for name, text in _facts(row):
        screen.out.print(Text.assemble((f"{name:<10} ", "bold"), screen.plain(text)), soft_wrap=True)
    screen.out.print()
    screen.out.print(Text(_escaped(row["payload"])), soft_wrap=True)


@verbs.command("retry")
def retry(
    ids: IdsOption = None,
    cause: CauseOption = None,
    source: SourceOption = None,
    all: AllOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would pass now")] = False,
    yes: YesOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Push letters through the edge again; what passes now goes on to the store, the rest stays with the new reason.

    Examples:

      bdp dlq retry --id 17

      bdp dlq retry --cause clock --yes
    """
    choice = _choice(ids, cause, source, all=all)
    with connect(home) as api:
        if not dry_run:
            _confirm(api, choice, "Retry", yes=yes or json)
        told = retry_all(api, choice, dry_run=dry_run)
        if api.app:
            api.app.pipeline.drain()
    if json:
        screen.print_json(told)
        return
    print_retried(told, dry_run=dry_run)


@verbs.command("discard")
def discard(
    ids: IdsOption = None,
    cause: CauseOption = None,
    source: SourceOption = None,
    all: AllOption = False,
    yes: YesOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Let letters go for good. The ledger counts them as dropped.

    Example:

      bdp dlq discard --source http --cause schema
    """
    choice = _choice(ids, cause, source, all=all)
    with connect(home) as api:
        _confirm(api, choice, "Discard for good", yes=yes)
        told = api.post("/v1/dead-letters/discard", json=choice)
    if json:
        screen.print_json(told)
        return
    screen.out.print(f"Discarded {screen.counted(told['discarded'], 'letter')}; the ledger counts them as dropped.")


def dead_letters(
    cause: CauseOption = None,
    source: SourceOption = None,
    limit: LimitOption = 20,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """The same as 'bdp dlq list'.

    Example:

      bdp dead-letters --limit 100
    """
    list_letters(cause, source, limit, home, json)


def retry_all(api: Api, choice: dict[str, Any], *, dry_run: bool, show: Any = None) -> dict[str, Any]:
    """Retry a choice page by page; return the sums, and the first failures.

    Args:
        show: told (letters so far) after each page.
    """
    sums: dict[str, Any] = {"asked": 0, "delivered": 0, "failed": 0, "never": 0, "failures": []}
    for told in _pages(api, {**choice, "dry_run": dry_run}):
        for name in ("asked", "delivered", "failed", "never"):
            sums[name] += told[name]
        sums["failures"] = (sums["failures"] + told["failures"])[:_SHOWN]
        if show is not None:
            show(sums["asked"])
    return sums


def print_retried(told: dict[str, Any], *, dry_run: bool) -> None:
    """Print what a retry came to, for people."""
    if not told["asked"]:
        screen.out.print("No dead letters fit.")
        return
    verb = "would go through" if dry_run else "delivered"
    screen.out.print(
        f"{screen.counted(told['asked'], 'letter')}: {told['delivered']:,} {verb}, {told['failed']:,} failed again,"
        f" {told['never']:,} cannot be retried."
    )
    for failure in told["failures"][:10]:
        screen.out.print(f"  {screen.plain(failure['letter_id'])}  {screen.plain(failure['reason'])}", soft_wrap=True)
    if told["failed"] + told["never"]:
        screen.out.print("What stays: bdp dlq list")


def _pages(api: Api, choice: dict[str, Any]) -> Iterator[dict[str, Any]]:
    before = ""
    while True:
        # Ids are one page; a filter goes on behind the last letter, so that none is tried twice.
        told = api.post("/v1/dead-letters/retry", json={**choice, "before": before})
        yield told
        before = told["next"]
        if not before:
            return


def _choice(ids: list[str] | None, cause: Cause | None, source: str | None, *, all: bool) -> dict[str, Any]:
    ways = {"--id": bool(ids), "--cause/--source": bool(cause or source), "--all": all}
    given = [name for name, said in ways.items() if said]
    if not given:
        raise BadRequest("Say which letters.", "Give --id, or --cause and/or --source, or --all.")
    if len(given) > 1:
        raise BadRequest(f"Too much was given: {' and '.join(given)}.", "Say which letters in one of these ways.")
    choice: dict[str, Any] = {"by": getpass.getuser()}
    if ids:
        return {**choice, "ids": ids}
    if all:
        return {**choice, "all": True}
    return {**choice, "cause": cause and cause.value, "source": source}


def _confirm(api: Api, choice: dict[str, Any], verb: str, *, yes: bool) -> None:
    """Ask before more than the letters that were named one by one are touched."""
    if yes or "ids" in choice:
        return
    rows = [row for row in api.get("/v1/dead-letters/counts") if _fits(row, choice.get("cause"), choice.get("source"))]
    count = sum(row["count"] for row in rows)
    if count and not typer.confirm(f"{verb} {screen.counted(count, 'dead letter')}?", err=True):
        raise typer.Exit(0)


def _fits(row: dict[str, Any], cause: str | None, source: str | None) -> bool:
    return (cause is None or row["cause"] == cause) and (source is None or row["source"] == source)


def _print_counts(counts: list[dict[str, Any]]) -> None:
    """Print how many there are, and then what each cause means, once."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("cause", "source"):
        table.add_column(name, no_wrap=True)
    table.add_column("letters", justify="right")
    for row in counts:
        table.add_row(Text(row["cause"], "yellow"), screen.plain(row["source"]), f"{row['count']:,}")
    screen.out.print(table)
    screen.out.print()
    for cause, words in {row["cause"]: f"{row['meaning']}: {row['advice']}" for row in counts}.items():
        screen.out.print(screen.hanging(Text(cause, "yellow"), Text(words), indent=0))


def _print_line(row: dict[str, Any]) -> None:
    # The reason of a file's record says file and line itself.
    place = "  " if row["source"] == "file" else f"  {screen.plain(row['source'])} record {row['index'] + 1}: "
    head = (screen.plain(row["letter_id"]), "bold"), "  ", (row["cause"], "yellow")
    screen.out.print(Text.assemble(*head, place, screen.plain(row["reason"])))
    screen.out.print(Text(f"    {screen.plain(row['payload'][:160])}", "dim"))


def _facts(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "letter", f"{row['letter_id']}  {row['cause']}  ({row['kind']})"
    yield "came", f"{screen.when(row['first_seen'])} UTC by {row['source']}, record {row['index'] + 1}"
    yield "error", row["reason"]
    if row["last_seen"]:
        yield "since", f"{screen.when(row['last_seen'])} UTC: {row['last_reason']}"
    yield "attempts", str(row["attempts"])
    due = row["next_attempt"]
    yield "next", f"by itself at {screen.when(due)} UTC" if due else "only when you ask: bdp dlq retry --id ID"
    yield "advice", row["advice"]


def _escaped(payload: str) -> str:
    """Return a record for a terminal: nothing is left out, and nothing in it can act."""
    return "".join(
        character if character == "\n" or screen.plain(character) == character else _code(character)
        for character in payload
    )


def _code(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
