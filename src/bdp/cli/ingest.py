"""`bdp ingest`: files into the home, through a running server or by itself."""

from __future__ import annotations

from typing import Annotated

import typer

from bdp.cli import screen
from bdp.cli.api import Api, connect
from bdp.cli.options import HomeOption, JsonOption
from bdp.cli.reading import Files, FormatOption, PatternOption, ServiceOption, TimeFormatOption
from bdp.clock import SystemClock


def ingest(
    paths: Annotated[list[str], typer.Argument(help="files or folders with logs or events; - is standard input")],
    format: FormatOption = "",
    pattern: PatternOption = "",
    time_format: TimeFormatOption = "",
    service: ServiceOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take files in. Interrupted or repeated, it doubles nothing: parts that are in already are recognised.

    Examples:

      bdp ingest /var/log

      zcat old.gz | bdp ingest -
    """
    from bdp.intake.files import Wish
    from bdp.settings import load

    files = Files(paths, Wish(format, pattern, time_format, service), SystemClock().now(), load(home).intake)
    with connect(home) as api:
        counts = _send(api, files)
        if api.app:
            api.app.pipeline.drain()
        ledger = api.get("/v1/ledger")["total"]
    if json:
        screen.print_json({"records": counts, "ledger": ledger})
        return
    taken = screen.counted(counts["accepted"], "record")
    screen.out.print(f"Took in {taken}, refused {counts['refused']:,}, had {counts['repeated']:,} already.")
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
