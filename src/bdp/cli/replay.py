"""`bdp replay`: dumps, spilled segments, archives, dead letters or a time range once more through the pipeline."""

from __future__ import annotations

import getpass
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from bdp.cli import dlq, screen
from bdp.cli.api import Api, connect
from bdp.cli.options import HomeOption, JsonOption, instant
from bdp.errors import BadRequest, Retry
from bdp.model.batch import Cause, RecordKind

if TYPE_CHECKING:
    from bdp.flow.shelf import Piece, Shelf

_LOOK_SECONDS = 0.2
_SHOWN = 10
_COUNTS = ("read", "new", "known", "refused")


def replay(
    paths: Annotated[
        list[str] | None, typer.Argument(help="dumps (NDJSON or JSON, also .gz and .zst) and segments, or folders")
    ] = None,
    archive: Annotated[Path | None, typer.Option(help="folder of archived segments", show_default=False)] = None,
    dead_letters: Annotated[bool, typer.Option("--dead-letters", help="the dead letters")] = False,
    cause: Annotated[Cause | None, typer.Option(help="with --dead-letters: only this cause")] = None,
    source: Annotated[str | None, typer.Option(help="with --dead-letters: only this way in")] = None,
    start: Annotated[str, typer.Option("--from", help="show the store's events from here to detection again")] = "",
    end: Annotated[str, typer.Option("--to", help="with --from: until here (default: now)")] = "",
    service: Annotated[str, typer.Option(help="with --from: only this service")] = "",
    kind: Annotated[
        RecordKind | None, typer.Option(help="what a dump holds; by default it is told from its first record")
    ] = None,
    rate: Annotated[float, typer.Option(help="most records a second; 0: as fast as it goes", min=0)] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only read, check and count; nothing changes")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Push records through the pipeline again. What the store has is left out: replaying twice changes nothing.

    Examples:

      bdp replay dump.ndjson.gz --dry-run

      bdp replay --archive /mnt/archive --rate 20000

      bdp replay --dead-letters --cause clock

      bdp replay --from 2026-05-01T00:00:00Z --to 2026-05-02T00:00:00Z --service checkout
    """
    ways = {"files": bool(paths), "--archive": archive is not None, "--dead-letters": dead_letters, "--from": start}
    _check({name for name, said in ways.items() if said}, rate)
    if start:
        question = {"from": instant(start), "to": instant(end) if end else None, "service": service}
        _range(home, {**question, "rate": rate, "dry_run": dry_run}, json=json)
    elif dead_letters:
        _letters(home, cause, source, dry_run=dry_run, json=json)
    else:
        _files(home, paths or [str(archive)], kind, rate, archive=archive is not None, dry_run=dry_run, json=json)


def _check(ways: set[str], rate: float) -> None:
    """Refuse a choice that says nothing, or several things, and a rate that is none."""
    if not ways:
        raise BadRequest("Say what to replay.", "Give files, or --archive DIR, or --dead-letters, or --from TIME.")
    if len(ways) > 1:
        raise BadRequest(f"Too much was given: {' and '.join(sorted(ways))}.", "Replay one of them at a time.")
    if not math.isfinite(rate):
        raise BadRequest(f"{rate} is no rate.", "Give --rate a number, or 0 for as fast as it goes.")


def _files(
    home: Path | None,
    paths: list[str],
    kind: RecordKind | None,
    rate: float,
    *,
    archive: bool,
    dry_run: bool,
    json: bool,
) -> None:
    from bdp.clock import SystemClock
    from bdp.flow.replay import Pace
    from bdp.flow.shelf import Shelf
    from bdp.settings import load

    clock, settings = SystemClock(), load(home).intake
    records = min(settings.batch_records, max(1, int(rate))) if rate else 0
    shelf = Shelf(paths, now=clock.now(), settings=settings, archive=archive, kind=kind, records=records)
    with connect(home) as api:
        told = _push(api, shelf, Pace(rate, clock, time.sleep), dry_run=dry_run)
        if api.app and not dry_run:
            api.app.pipeline.drain()
        ledger = api.get("/v1/ledger")["total"]
    if json:
        screen.print_json({"records": told, "dry_run": dry_run, "ledger": ledger})
        return
    _print(told, dry_run=dry_run)
    screen.out.print(screen.ledger_line(ledger))


def _push(api: Api, shelf: Shelf, pace: Any, *, dry_run: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"files": len(shelf.files), **dict.fromkeys(_COUNTS, 0), "reasons": []}
    with screen.progress(shelf.size, "checking" if dry_run else "replaying") as show:
        for piece in shelf.pieces(dry_run=dry_run):
            _one(api, piece, told, pace)
            show(piece.done, told["read"])
    return told


def _one(api: Api, piece: Piece, told: dict[str, Any], pace: Any) -> None:
    import msgspec

    reasons = list(piece.reasons)
    told["read"] += len(reasons)
    told["refused"] += len(reasons)
    if piece.chunk is not None:
        pace.take(piece.chunk.batch.count)
        answer = api.post("/v1/replay", content=msgspec.msgpack.encode(piece.chunk))
        for name in _COUNTS:
            told[name] += answer[name]
        reasons += answer["reasons"]
        if api.app and not piece.chunk.dry_run:
            api.app.pipeline.step()
    told["reasons"] = (told["reasons"] + reasons)[:_SHOWN]


def _letters(home: Path | None, cause: Cause | None, source: str | None, *, dry_run: bool, json: bool) -> None:
    by = {"by": getpass.getuser()}
    choice = {**by, "cause": cause and cause.value, "source": source} if cause or source else {**by, "all": True}
    with connect(home) as api:
        rows = api.get("/v1/dead-letters/counts")
        total = sum(row["count"] for row in rows if cause in (None, row["cause"]) and source in (None, row["source"]))
        with screen.progress(total, "retrying") as show:
            told = dlq.retry_all(api, choice, dry_run=dry_run, show=lambda done: show(done, done))
        if api.app and not dry_run:
            api.app.pipeline.drain()
    if json:
        screen.print_json({"letters": told, "dry_run": dry_run})
        return
    dlq.print_retried(told, dry_run=dry_run)


def _range(home: Path | None, question: dict[str, Any], *, json: bool) -> None:
    given = {name: value for name, value in question.items() if value is not None}
    with connect(home) as api:
        told = api.post("/v1/replay/range", json={**given, "by": getpass.getuser()})
        told = _watched(api, told)
    if told["state"] == "failed":
        raise Retry(f"The range was not read to its end: {told['reason']}", "Run it again: nothing is raised twice.")
    if json:
        screen.print_json({"range": told, "dry_run": question["dry_run"]})
        return
    span = f"{screen.when(told['start'])} to {screen.when(told['end'])} UTC"
    screen.out.print(f"Looked at {screen.counted(told['read'], 'abnormal event')} for {span}.")
    found = screen.counted(told["anomalies"], "burst")
    if question["dry_run"]:
        screen.out.print(f"{found} would be raised; nothing was changed.")
        return
    screen.out.print(f"{found}; {screen.counted(told['opened'], 'new incident')}, the others were known.")
    if told["opened"]:
        screen.out.print("See them: bdp incidents")


def _watched(api: Api, told: dict[str, Any]) -> dict[str, Any]:
    """Show progress until the review is over; Ctrl-C stops it there as well."""
    try:
        with screen.progress(None, "reviewing") as show:
            while told["state"] == "running":
                time.sleep(_LOOK_SECONDS)
                told = api.get("/v1/replay/range")
                show(told["read"], told["read"])
    except KeyboardInterrupt:
        api.post("/v1/replay/range/stop")
        raise
    return told


def _print(told: dict[str, Any], *, dry_run: bool) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("files", "read", "would be new" if dry_run else "new", "known already", "refused"):
        table.add_column(name, justify="right")
    table.add_row(*(f"{told[name]:,}" for name in ("files", *_COUNTS)))
    screen.out.print(table)
    for reason in told["reasons"]:
        screen.out.print(f"  refused: {screen.plain(reason)}", soft_wrap=True)
    if told["refused"]:
        screen.out.print("Refused records stay in their files: mend them there, and replay the files again.")
    if dry_run:
        screen.out.print("Nothing was changed. The same without --dry-run takes in what is new.")
