"""`bdp doctor`, `bdp token`, `bdp version`."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from bdp import __version__
from bdp.cli import screen
from bdp.cli.api import connect
from bdp.cli.options import HomeOption, JsonOption
from bdp.errors import BdpError
from bdp.home import Home

if TYPE_CHECKING:
    from bdp.settings import Settings

_LEAST_FREE_GIB = 1.0


def version(json: JsonOption = False) -> None:
    """Print the version."""
    if json:
        screen.print_json({"version": __version__})
    else:
        typer.echo(__version__)


def token(home: HomeOption = None, json: JsonOption = False) -> None:
    """Print the token that the HTTP API asks for.

    Example:

      curl -H "Authorization: Bearer $(bdp token)" localhost:8700/v1/ledger
    """
    where = Home(_load(home).home)
    where.prepare()
    if json:
        screen.print_json({"token": where.token})
    else:
        typer.echo(where.token)


def doctor(home: HomeOption = None, json: JsonOption = False) -> None:
    """Say what is wrong, if anything, and how to mend it. Ends with 4 if something is.

    Example:

      bdp doctor --json
    """
    results = list(_results(home))
    if json:
        screen.print_json({"checks": [{"name": name, "ok": ok, "text": text} for name, ok, text in results]})
    else:
        for name, ok, text in results:
            mark = ("ok  ", "green") if ok else ("BAD ", "bold red")
            screen.out.print(Text.assemble(mark, (f"{name:<10}", "bold"), screen.plain(text)))
    if not all(ok for _, ok, _ in results):
        raise typer.Exit(4)


def _load(home: Path | None) -> Settings:
    # Every room's settings come with it: `bdp --help` does without.
    from bdp.settings import load

    return load(home)


def _results(home: Path | None) -> Iterator[tuple[str, bool, str]]:
    """Yield name, whether it is well, and words; nothing after the settings can be told without them."""
    for name, check in CHECKS.items():
        ok, text = _result(check, home)
        yield name, ok, text
        if name == "settings" and not ok:
            return


def _result(check: Callable[[Path | None], str], home: Path | None) -> tuple[bool, str]:
    try:
        return True, check(home)
    except BdpError as error:
        return False, str(error)


def _python(home: Path | None) -> str:
    return f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, bdp {__version__}"


def _settings(home: Path | None) -> str:
    return f"home {_load(home).home}"


def _disk(home: Path | None) -> str:
    where = _load(home).home
    existing = next(path for path in (where, *where.parents) if path.exists())
    free = shutil.disk_usage(existing).free / 2**30
    if free < _LEAST_FREE_GIB:
        raise BdpError(f"Only {free:.1f} GiB are free where the home is.", "Free some space, or move BDP_HOME.")
    return f"{free:.0f} GiB free"


def _engine(home: Path | None) -> str:
    if _load(home).store.dsn.get_secret_value():
        return "a ClickHouse server"
    if importlib.util.find_spec("chdb") is None:
        raise BdpError("The embedded store chDB is missing.", "Install bdp-agent[embedded], or set store.dsn.")
    return "embedded chDB"


def _product(home: Path | None) -> str:
    with connect(home) as api:
        api.post("/v1/query", json={"sql": "SELECT 1"})
        total = api.get("/v1/ledger")["total"]
        where = "opened here" if api.app else "served by another process"
    if total["in_flight"] and api.app:
        return f"{where}; {total['in_flight']:,} records wait for the store: start 'bdp serve'"
    return f"{where}; ledger balances over {total['accepted']:,} records"


def _delivery(home: Path | None) -> str:
    with connect(home) as api:
        sinks = api.get("/v1/ledger")["sinks"]
    for sink in sinks:
        if sink["state"] != "closed":
            raise BdpError(f"The sink {sink['name']} is away: {sink['reason']}", "Nothing is lost; mend that sink.")
        if sink["takes_from"] != "normal":
            raise BdpError(f"The disk of the sink {sink['name']} is short of room.", "Free some space.")
    waiting = sum(sink["waiting"] for sink in sinks)
    order = " > ".join(sink["name"] for sink in sinks)
    return f"{order}, all in use" + (f"; {waiting:,} records wait for {sinks[0]['name']}" if waiting else "")


CHECKS: dict[str, Callable[[Path | None], str]] = {
    "python": _python,
    "settings": _settings,
    "disk": _disk,
    "store": _engine,
    "product": _product,
    "delivery": _delivery,
}
