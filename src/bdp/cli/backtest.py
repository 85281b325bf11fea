"""`bdp backtest`: what other settings would have raised, next to what was raised."""

from __future__ import annotations

import math
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bdp.cli import screen
from bdp.cli.api import Api, connect
from bdp.cli.options import HomeOption, JsonOption, instant
from bdp.errors import BadRequest

_LOOK_SECONDS: Final = 0.2
_SHOWN_CHARS: Final = 300
_RECORDS: Final = {"changes": "change", "events": "abnormal event", "metrics": "metric point"}
NAMES: Final = {name: name for name in ("present", "other", "live", "shadow")} | {"was": "was raised"}

FromOption = Annotated[str, typer.Option("--from", help="first instant: 2026-05-01T12:00:00Z, or 2026-05-01")]
ToOption = Annotated[str, typer.Option("--to", help="first instant behind it (default: now)")]
FileOption = Annotated[
    Path | None, typer.Option("--settings", help="settings to try: a file like bdp.toml, put over the present ones")
]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="one setting to try, such as series.threshold=0.6")]
ServiceOption = Annotated[str, typer.Option(help="only this service's events and this entity's metrics")]
LeadOption = Annotated[float | None, typer.Option(help="hours of metrics read before, to know what is usual", min=0)]
RateOption = Annotated[float, typer.Option(help="most records a second; 0: as fast as it goes", min=0)]


def backtest(
    start: FromOption,
    end: ToOption = "",
    settings: FileOption = None,
    set_: SetOption = None,
    service: ServiceOption = "",
    lead_hours: LeadOption = None,
    rate: RateOption = 0,
    differences: Annotated[int, typer.Option(help="differences to list, worst first", min=0, max=1000)] = 20,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show stored metrics, changes and events to detection again, under other settings; nothing is raised or kept.

    Examples:

      bdp backtest --from 2026-05-01 --to 2026-05-08 --set series.threshold=0.6

      bdp backtest --from 2026-05-01 --settings candidate.toml --service checkout --json
    """
    question = asked(start, end, settings, set_, service, lead_hours, rate)
    told = run(home, {**question, "differences": differences})
    if json:
        screen.print_json({name: value for name, value in told.items() if name != "answer"} | _found(told))
    else:
        for part in _shown(told):
            screen.out.print(part)


def asked(
    start: str, end: str, file: Path | None, words: list[str] | None, service: str, lead: float | None, rate: float
) -> dict[str, Any]:
    """Return the question for the API.

    Raises:
        BadRequest: a time, a number, the file or a setting cannot be read.
    """
    if not (math.isfinite(rate) and math.isfinite(lead or 0)):
        raise BadRequest("--rate and --lead-hours take numbers.", "Leave them out for what is usual.")
    given = {"from": instant(start), "to": instant(end) if end else None, "lead_hours": lead}
    question = {name: value for name, value in given.items() if value is not None}
    return {**question, "service": service, "rate": rate, "settings": _settings(file, words or [])}


def run(home: Path | None, question: Mapping[str, Any]) -> dict[str, Any]:
    """Run a backtest to its end, with its progress on standard error, and return what the API tells of it.

    Raises:
        BadRequest: it did not come to its end.
    """
    with connect(home) as api:
        begun = api.post("/v1/backtests", json=dict(question))
        told = {**_watched(api, begun), "ignored": begun["ignored"]}
    if told["state"] != "done":
        raise BadRequest(f"The backtest did not come to its end: {told['reason'] or told['state']}")
    return told


def head(told: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Return what was read, and what of the settings does not count here."""
    read: dict[str, int] = told["read"]
    kinds = ", ".join(screen.counted(count, _RECORDS[kind]) for kind, count in sorted(read.items()))
    seconds = told["seconds"]
    rate = f", {sum(read.values()) / seconds:,.0f} a second" if seconds > 0 and read else ""
    yield Text(f"{screen.when(told['start'])} to {screen.when(told['end'])} UTC")
    yield Text(f"Read {kinds or 'nothing'}, with what came before the range, in {seconds:,.1f} s{rate}.", "dim")
    if told["ignored"]:
        rooms = screen.plain(", ".join(told["ignored"]))
        yield Text(f"Not looked at: the settings of {rooms}. Only detect, series and fabric count here.", "yellow")


def _settings(file: Path | None, words: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if file is not None:
        try:
            found = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadRequest(f"{file} cannot be read: {error}.", "Give a TOML file such as bdp.toml.") from error
    for word in words:
        _put(found, word)
    return found


def _put(found: dict[str, Any], word: str) -> None:
    """Put one `key=value` over what is there; a value that is no TOML is a text."""
    key, sign, value = word.partition("=")
    names = key.strip().split(".")
    if not sign or len(names) < 2 or not all(names):
        raise BadRequest(f"{word!r} is no setting.", "Write it as room.name=value, such as series.threshold=0.6.")
    for name in names[:-1]:
        inner = found.setdefault(name, {})
        if not isinstance(inner, dict):
            raise BadRequest(f"{word!r} does not fit: {name} has a value already.", "Give it once.")
        found = inner
    try:
        found[names[-1]] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        found[names[-1]] = value


def _watched(api: Api, told: dict[str, Any]) -> dict[str, Any]:
    """Show progress until it is over; Ctrl-C stops it there as well."""
    try:
        while told["state"] == "running" and not told["total"]:
            time.sleep(_LOOK_SECONDS)
            told = api.get("/v1/backtests")
        with screen.progress(told["total"] or None, "backtesting") as show:
            while told["state"] == "running":
                time.sleep(_LOOK_SECONDS)
                told = api.get("/v1/backtests")
                done = sum(told["read"].values())
                show(done, done)
    except KeyboardInterrupt:
        api.post("/v1/backtests/stop")
        raise
    return told


def _found(told: Mapping[str, Any]) -> dict[str, Any]:
    answer = told["answer"]
    return {"found": answer["found"], "timeless": answer["timeless"]}


def _shown(told: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield from head(told)
    found = told["answer"]["found"]
    if not any(pair["kinds"] for pair in found):
        yield Text("\nNothing was raised then, and nothing is raised by the settings.")
        return
    yield Text()
    yield table(found)
    if told["answer"]["timeless"]:
        more = screen.counted(told["answer"]["timeless"], "more sighting")
        yield Text(f"{more} of incidents, behind the first 50 of each, have no time of their own: not compared.", "dim")
    if len(found) > 1:
        yield _then(found[0])
    yield from apart(found[-1])


def table(found: list[dict[str, Any]]) -> Table:
    """Return counts by kind: of each source, and of the last two held against each other."""
    last = found[-1]
    sources = [found[0]["first"], *(pair["second"] for pair in found)]
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("kind", no_wrap=True)
    names = [*(NAMES[source] for source in sources), "both"]
    for name in [*names, f"only {NAMES[last['first']]}", f"only {NAMES[last['second']]}"]:
        shown.add_column(name, justify="right")
    for kind in dict.fromkeys(tally["kind"] for pair in found for tally in pair["kinds"]):
        counts = [_of(found[0], kind, "first"), *(_of(pair, kind, "second") for pair in found)]
        alone = [_of(last, kind, name) for name in ("both", "only_first", "only_second")]
        shown.add_row(kind, *(f"{count:,}" for count in (*counts, *alone)))
    return shown


def _of(pair: Mapping[str, Any], kind: str, name: str) -> int:
    return next((tally[name] for tally in pair["kinds"] if tally["kind"] == kind), 0)


def _then(pair: Mapping[str, Any]) -> Text:
    """Return how well the present settings find again what was raised: how far the rest can be trusted."""
    both, gone, new = (sum(tally[name] for tally in pair["kinds"]) for name in ("both", "only_first", "only_second"))
    return Text(f"Of {both + gone:,} that were raised then, the present settings raise {both:,}, and {new:,} others.")


def apart(pair: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Return what only one of two sources says, worst first."""
    if not pair["worst"]:
        count = sum(tally["only_first"] + tally["only_second"] for tally in pair["kinds"])
        yield Text("\nNo differences." if not count else f"\n{screen.counted(count, 'difference')}: see --differences.")
        return
    yield Text("\nWhat only one of the two says, worst first", "bold")
    for difference in pair["worst"]:
        yield _difference(difference)
    if pair["more"]:
        yield Text(f"and {pair['more']:,} more: --differences, or a shorter range", "dim")


def _difference(difference: Mapping[str, Any]) -> RenderableType:
    found = difference["finding"]
    severity = found["severity"]
    risk = severity if found["risk"] is None else f"{found['risk']} {severity}"
    kind = found["kind"] if found["kind"] != "fabric" else f"fabric, {found['prediction_type'].replace('_', ' ')}"
    text = screen.plain(found["text"])
    body = Text.assemble(
        f"{screen.when(found['start'])}  {kind}  ",
        (screen.plain(found["shown"]), "bold"),
        "  ",
        (risk, screen.style_of(severity)),
        ("\n" + (text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"), "dim"),
    )
    return screen.hanging(Text(f"only {NAMES[difference['only']]}", "cyan"), body)
