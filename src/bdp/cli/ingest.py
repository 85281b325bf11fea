"""`bdp ingest`: files into the home, through a running server or by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from bdp.cli import screen
from bdp.cli.api import Api, connect
from bdp.cli.options import HomeOption, JsonOption
from bdp.cli.reading import Files, FormatOption, PatternOption, ServiceOption, TimeFormatOption
from bdp.clock import SystemClock

if TYPE_CHECKING:
    from bdp.intake.bills.files import Took


def ingest(
    paths: Annotated[
        list[str], typer.Argument(help="files or folders with logs, events or bills; - is standard input")
    ],
    format: FormatOption = "",
    pattern: PatternOption = "",
    time_format: TimeFormatOption = "",
    service: ServiceOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take files in. Interrupted or repeated, it doubles nothing: parts that are in already are recognised.

    Bills of clouds (FOCUS, AWS, Azure, OCI, Cost Explorer, plain tables) become cost lines. What they say of an
    account's day takes the place of what was said of it before; so give all files of a day in one call.

    Examples:

      bdp ingest /var/log

      bdp ingest bills/2026-03/

      zcat old.gz | bdp ingest -
    """
    from bdp.ids import Ids
    from bdp.intake.bills.files import BillReading, delivery_at
    from bdp.intake.files import Wish
    from bdp.settings import load

    now, settings = SystemClock().now(), load(home).intake
    bills = BillReading(delivery_at(now, Ids()), now, settings)
    files = Files(paths, Wish(format, pattern, time_format, service), now, settings, bills)
    with connect(home) as api:
        counts = _send(api, files)
        if api.app:
            api.app.pipeline.drain()
            api.app.cost_watch.poll(at_once=True)
        ledger = api.get("/v1/ledger")["total"]
    counts["repeated"] += bills.took.repeated
    if json:
        screen.print_json({"records": counts, "ledger": ledger} | _as_json(bills.took))
        return
    taken = screen.counted(counts["accepted"], "record")
    screen.out.print(f"Took in {taken}, refused {counts['refused']:,}, had {counts['repeated']:,} already.")
    if bills.took.first and bills.took.last:
        screen.out.print(screen.plain(_told(bills.took)))
    for one in bills.took.remarks:
        screen.out.print(screen.hanging(Text("!", "yellow"), Text(screen.plain(one.text))))
    screen.out.print(screen.ledger_line(ledger))
    if counts["refused"]:
        screen.out.print("See what was refused and why: bdp dead-letters")


def _send(api: Api, files: Files) -> dict[str, int]:
    import msgspec

    counts = {"accepted": 0, "refused": 0, "repeated": 0}
    with screen.progress(files.size, "reading") as show:
        for batch in files.batches():
            receipt = api.post("/v1/batches", content=msgspec.msgpack.encode(batch))
            if receipt["repeated"]:
                counts["repeated"] += receipt["accepted"]
            else:
                counts["accepted"] += receipt["accepted"]
                counts["refused"] += receipt["refused"]
            if api.app:
                api.app.pipeline.step()
            show(files.done, sum(counts.values()))
    return counts


def _told(took: Took) -> str:
    lines, files = screen.counted(took.lines, "cost line"), screen.counted(len(took.files), "bill")
    billed = ", ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(took.billed.items()))
    return f"Of it {lines} of {files}, {took.first:%Y-%m-%d} to {took.last:%Y-%m-%d}: {billed} billed."


def _as_json(took: Took) -> dict[str, Any]:
    if took.first is None or took.last is None:
        return {}
    days = {"first_day": f"{took.first:%Y-%m-%d}", "last_day": f"{took.last:%Y-%m-%d}"}
    alike = [
        {"files": one.files, "share": round(one.share, 4), "text": one.text, "text_ko": one.text_ko}
        for one in took.alike
    ]
    notes = [{"kind": one.kind, "text": one.text, "text_ko": one.text_ko} for one in took.remarks]
    told = ({"alike": alike} if alike else {}) | ({"notes": notes} if notes else {})
    return {"bills": {"files": len(took.files), "lines": took.lines, **days, "billed": took.billed, **told}}
