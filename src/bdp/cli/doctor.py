"""`bdp doctor`, `bdp token`, `bdp version`."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from rich.text import Text

from bdp import __version__
from bdp.cli import chain, lanes, screen
from bdp.cli.api import Api, connect
from bdp.cli.options import HomeOption, JsonOption
from bdp.clock import SystemClock
from bdp.errors import BdpError
from bdp.home import Home

if TYPE_CHECKING:
    from bdp.settings import Settings

X = TypeVar("X")
_LEAST_FREE_GIB = 1.0
_NAMED = 3
_GIB = 1 << 30


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
    yield from chain.checks(_load(home))
    yield from _product(home)


def _result(check: Callable[[X], str], of: X) -> tuple[bool, str]:
    try:
        return True, check(of)
    except BdpError as error:
        return False, str(error)


def _python(home: Path | None) -> str:
    return f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, bdp {__version__}"


def _settings(home: Path | None) -> str:
    return f"home {_load(home).home}"


def _disk(home: Path | None) -> str:
    where = _load(home).home
    existing = next(path for path in (where, *where.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < _LEAST_FREE_GIB * _GIB:
        raise BdpError(f"Only {_size(free)} are free where the home is.", "Free some space, or move BDP_HOME.")
    return f"{_size(free)} free"


def _size(amount: int) -> str:
    return f"{amount / _GIB:.0f} GiB" if amount >= _GIB else f"{amount >> 20} MiB"


def _engine(home: Path | None) -> str:
    if _load(home).store.dsn.get_secret_value():
        return "a ClickHouse server"
    if importlib.util.find_spec("chdb") is None:
        raise BdpError("The embedded store chDB is missing.", "Install bdp-agent[embedded], or set store.dsn.")
    return "embedded chDB"


def _playbooks(home: Path | None) -> str:
    from bdp.explain.playbook import load_playbooks

    own = _load(home).explain.playbooks
    known = screen.counted(len(load_playbooks(own)), "playbook")
    return f"{known}, {len(list(own.glob('*.md')))} of them from {own}" if own else known


@dataclass(frozen=True)
class _Product:
    """What a product says of itself.

    Attributes:
        health: answer of /v1/health.
        feeds: how many feeds the settings name.
        torn: files of damaged bytes that the files sink set aside on this machine.
    """

    api: Api
    health: dict[str, Any]
    feeds: int
    torn: tuple[Path, ...] = ()


def _product(home: Path | None) -> Iterator[tuple[str, bool, str]]:
    """Yield the same for each part of the product, as far as it has it; all of it is asked once."""
    try:
        with connect(home) as api:
            settings = _load(home)
            product = _Product(api, api.get("/v1/health"), len(settings.feeds), _torn(settings))
            for name, look in LOOKS.items():
                ok, text = _result(look, product)
                if text:
                    yield name, ok, text
    except BdpError as error:
        yield "product", False, str(error)


def _moving(product: _Product) -> str:
    health, api = product.health, product.api
    if health["stuck"]:
        raise BdpError(" ".join(health["stuck"]), "What was taken is kept.")
    total = api.get("/v1/ledger")["total"]
    where = "opened here" if api.app else "served by another process"
    if total["in_flight"] and api.app:
        return f"{where}; {total['in_flight']:,} records wait for the store: start 'bdp serve'"
    return f"{where}; ledger balances over {total['accepted']:,} records"


def _delivery(product: _Product) -> str:
    sinks = product.health["sinks"]
    failed = {one["sink"]: one["reason"] for one in product.health["tried"]}
    away = {sink["name"]: failed[sink["name"]] or sink["reason"] for sink in sinks if _is_away(sink, failed)}
    takers = [sink["name"] for sink in sinks if sink["name"] not in away and sink["takes_from"] and sink["takes"]]
    if away and not takers:
        reasons = "; ".join(f"{name}: {reason.rstrip('.')}" for name, reason in away.items())
        raise BdpError(f"No sink takes records, so senders are turned away ({reasons}).", "Bring one of them back.")
    for name, reason in away.items():
        what = f"The sink {name} is away: {reason}"
        if name == sinks[0]["name"]:
            raise BdpError(what, f"Records go to {takers[0]} meanwhile and flow back by themselves; none is lost.")
        unknown = any(sink["name"] == name and sink["waiting"] is None for sink in sinks)
        held = "What waits in it is unknown until it is back. " if unknown else ""
        raise BdpError(what, f"{held}Nothing is lost; mend it before the sinks ahead of it are away too.")
    if any(sink["takes_from"] != "normal" for sink in sinks):
        short = next(sink["name"] for sink in sinks if sink["takes_from"] != "normal")
        raise BdpError(f"The disk of the sink {short} is short of room.", "Free some space.")
    if product.torn:
        names = ", ".join(path.name for path in product.torn[:_NAMED]) + (", …" if product.torn[_NAMED:] else "")
        raise BdpError(
            f"Damaged bytes were set aside in {product.torn[0].parent} ({len(product.torn):,}: {names}).",
            "Check the disk and 'bdp ledger'; move these files away when you have looked.",
        )
    waiting = sum(sink["waiting"] or 0 for sink in sinks)
    order = " > ".join(sink["name"] for sink in sinks if sink["takes"])
    return f"{order}, all in use" + (f"; {waiting:,} records wait for {sinks[0]['name']}" if waiting else "")


def _torn(settings: Settings) -> tuple[Path, ...]:
    own = settings.home / "spill"  # also where the files lie elsewhere now: what earlier settings left is emptied
    folders = {own, Path(settings.stream.files.folder or own)}
    return tuple(sorted(path for folder in folders for path in folder.glob("*.torn")))


def _is_away(sink: dict[str, Any], failed: dict[str, str]) -> bool:
    return sink["state"] != "closed" or bool(failed[sink["name"]])


def _policy(product: _Product) -> str:
    told = product.api.get("/v1/policy")
    if told["problems"]:
        first, more = told["problems"][0].rstrip("."), len(told["problems"]) - 1
        rest = f" (and {more} more)" if more else ""
        raise BdpError(
            f"The policy is broken, so nothing that changes a system runs: {first}{rest}.", "See: bdp policy check"
        )
    source = "as shipped" if told["source"] == "shipped" else f"from {told['source']}"
    pause = product.api.get("/v1/pause")["pause"]
    stopped = f"; PAUSED by {pause['by']}, 'bdp resume' ends it" if pause else ""
    return f"{screen.counted(len(told['rules']), 'rule')} {source}, version {told['version']}{stopped}"


def _feeds(product: _Product) -> str:
    feeds = product.health["feeds"]
    for name, reason in feeds.items():
        if reason:
            what = f"The feed {name} does not fetch everything: {reason.rstrip('.')}."
            raise BdpError(what, "It is tried again by itself.")
    if product.feeds and product.api.app:
        return f"{product.feeds} in the settings; they fetch while 'bdp serve' runs"
    return f"{', '.join(feeds)}: no trouble" if feeds else ""


def _partitions(product: _Product) -> str:
    found = product.api.get("/v1/lanes")
    if not found:
        return ""
    now = SystemClock().now()
    shares = Counter(lanes.holder(lane, now) for lane in found)
    idle = " ".join(lanes.number(lane) for lane in found if not lanes.holder(lane, now))
    if idle:
        raise BdpError(f"Nobody works on the partitions {idle}.", "Start 'bdp serve' or 'bdp worker'.")
    return f"{len(found)}: " + ", ".join(f"{who} has {count}" for who, count in sorted(shares.items()))


CHECKS: dict[str, Callable[[Path | None], str]] = {
    "python": _python,
    "settings": _settings,
    "disk": _disk,
    "store": _engine,
    "playbooks": _playbooks,
}

LOOKS: dict[str, Callable[[_Product], str]] = {
    "product": _moving,
    "delivery": _delivery,
    "policy": _policy,
    "feeds": _feeds,
    "partitions": _partitions,
}
"""What a product is asked; nothing is told of what it does not have."""
