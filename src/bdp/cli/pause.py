"""`bdp pause`, `bdp resume`, `bdp paused`: the kill switch.

It goes through the server where one runs, so that it is thrown where that looks. A server that does not answer does not
keep anybody from it: then, and where none runs, it is written straight into the state database, which every decision
reads.
"""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from bdp.cli import screen
from bdp.cli.api import Api, connect
from bdp.cli.options import HomeOption, JsonOption
from bdp.clock import SystemClock
from bdp.errors import BadRequest, Retry
from bdp.home import Home

if TYPE_CHECKING:
    from bdp.decide.pause import Switch

PATH = "/v1/pause"
_PATIENCE_SECONDS = 10.0
_SHOWN = 5

ByOption = Annotated[str | None, typer.Option(help="who decides (default: your user name)")]


def pause(
    reason: Annotated[str, typer.Option(help="why, shown wherever something is stopped by it")] = "",
    for_: Annotated[str, typer.Option("--for", help="such as 90s, 30m, 2h; empty: until somebody resumes")] = "",
    by: ByOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Stop everything that changes a system, from the next decision on. Telling people and reading go on.

    Examples:

      bdp pause --reason "network work" --for 2h

      bdp resume
    """
    who, until = by or getpass.getuser(), _end(for_)
    given = {"by": who, "reason": reason, "until": until and until.isoformat()}
    told = _through(home, lambda api: api.put(PATH, json=given), lambda switch: switch.pause(who, reason, until))
    _show(told, json)


def resume(by: ByOption = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """Let BDP act again. What was stopped meanwhile stays as it ended.

    Example:

      bdp resume
    """
    who = by or getpass.getuser()
    told = _through(
        home,
        lambda api: api.delete(PATH, params={"by": who}),
        lambda switch: switch.resume(who),
    )
    _show(told, json)


def paused(home: HomeOption = None, json: JsonOption = False) -> None:
    """Say whether BDP is paused, and who paused and resumed it lately.

    Example:

      bdp paused --json
    """
    told = _through(home, lambda api: api.get(PATH), lambda switch: None)
    _show(told, json)
    if not json:
        for found in told["history"][:_SHOWN]:
            said = found["body"].get("pause")
            words = f"paused: {said['reason'] or 'no reason given'}" if said else "resumed"
            screen.out.print(Text(screen.plain(f"  {screen.when(found['at'])}  {found['by']}  {words}"), "dim"))


def _end(length: str) -> datetime | None:
    from bdp.decide.hours import seconds_of

    if not length:
        return None
    try:
        return SystemClock().now() + timedelta(seconds=seconds_of(length))
    except (ValueError, OverflowError):
        raise BadRequest(f"{length!r} is not a length of time.", "Write it as 90s, 30m, 2h or 7d.") from None


def _through(home: Path | None, ask: Callable[[Api], Any], do: Callable[[Switch], object]) -> dict[str, Any]:
    """Return what holds afterwards, asked of the server or of the state database itself."""
    from bdp.settings import load

    if Home(load(home).home).serving:
        try:
            with connect(home, seconds=_PATIENCE_SECONDS) as api:
                told: dict[str, Any] = ask(api)
                return told
        except Retry as error:
            screen.err.print(Text(screen.plain(f"{error.what} It goes into the state database instead."), "yellow"))
    with _switch(home) as switch:
        do(switch)
        found = switch.now()
        history = [version.model_dump(mode="json") for version in switch.history()]
        return {"paused": found is not None, "pause": found and found.model_dump(mode="json"), "history": history}


@contextlib.contextmanager
def _switch(home: Path | None) -> Iterator[Switch]:
    from bdp.decide.pause import Switch
    from bdp.settings import load
    from bdp.store.state import open_state

    settings = load(home)
    Home(settings.home).prepare()
    with contextlib.closing(open_state(settings.state_url)) as state:
        yield Switch(state.policies, SystemClock())


def _show(told: dict[str, Any], json: bool) -> None:
    if json:
        screen.print_json(told)
        return
    found = told["pause"]
    if found is None:
        screen.out.print("Not paused: BDP acts where the policy and people let it.")
        return
    until = f"until {screen.when(found['until'])} UTC" if found["until"] else "until 'bdp resume'"
    why = f" ({found['reason']})" if found["reason"] else ""
    line = f"{found['by']} at {screen.when(found['at'])} UTC, {until}{why}"
    screen.out.print(Text.assemble(("PAUSED ", "bold red"), "by ", screen.plain(line)))
    screen.out.print("Nothing that changes a system runs; telling people and reading go on.")
