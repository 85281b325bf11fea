"""Changes with where and when they took effect: a commit with the deploy that ships it, or the flag that opens it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bdp.explain.changes.diff import files
from bdp.explain.inquest.scene import Scene
from bdp.ports import Row

_LEAST_FLAG: Final = 5
_GENERIC: Final = frozenset(
    {"service", "services", "svc", "server", "app", "api", "main", "internal", "pkg", "cmd", "src", "lib"}
)


@dataclass(frozen=True)
class Change:
    """One change as it reached what runs.

    Attributes:
        at: when it took effect at all.
        deployed: a deploy names it; else it came with a later one.
        shared: it belongs to no service.
        ships: service and time of each deploy that carried it.
        gates: flags that its new lines name, with when each was switched.
    """

    ref: str
    kind: str
    at: datetime
    deployed: bool
    services: tuple[str, ...]
    shared: bool
    summary: str
    diff: str
    ships: tuple[tuple[str, datetime], ...] = ()
    gates: tuple[tuple[str, datetime], ...] = ()

    def since(self, places: Sequence[frozenset[str]], until: float) -> tuple[datetime, str]:
        """Return when it took effect in the first of these places that it reached, and by which flag, if by one.

        Args:
            until: epoch seconds after which a switch counts for nothing.
        """
        reached = ([at for service, at in self.ships if service in place] for place in places)
        at = next((min(times) for times in reached if times), self.at)
        switched = [(when, flag) for flag, when in self.gates if when >= at and when.timestamp() <= until]
        return max(switched, default=(at, ""))


def changes_of(scene: Scene) -> list[Change]:
    """Return every change of a scene."""
    rows = scene.changes
    live = [row for row in rows if row["kind"] == "deploy"]
    services = {row["service"] for row in live if row["service"]} | scene.internal
    flags = [row for row in rows if row["kind"] == "flag"]
    found = [_gated(_commit(row, live, services), flags) for row in rows if row["kind"] == "commit"]
    shipped = {row["ref"] for row in rows if row["kind"] == "commit"}
    for row in rows:
        if row["kind"] != "commit" and not (row["kind"] == "deploy" and row["ref"] in shipped):
            where = (row["service"],) if row["service"] else ()
            found.append(Change(row["ref"], row["kind"], row["ts"], True, where, False, row["summary"], row["patch"]))
    return found


def _commit(row: Row, live: Sequence[Row], services: set[str]) -> Change:
    """Return a commit with where and when it runs: from the first deploy after it of a service that it touches."""
    touched = files(row["patch"])
    own = {service for service in services for file in touched if _belongs(file, service)}
    if row["service"]:
        own.add(row["service"])
    shared = not own
    mine = [one for one in live if one["ref"] == row["ref"]]
    later = [one for one in live if one["ts"] >= row["ts"] and (shared or one["service"] in own)]
    ships = sorted(mine or later, key=lambda one: one["ts"])
    where = tuple(dict.fromkeys([*(one["service"] for one in ships), *sorted(own)]))
    at = ships[0]["ts"] if ships else row["ts"]
    shipped = tuple((one["service"], one["ts"]) for one in ships)
    return Change(row["ref"], "commit", at, bool(mine), where, shared, row["summary"], row["patch"], shipped)


def _gated(change: Change, flags: Sequence[Row]) -> Change:
    """Return a commit with the switches of the flags that its new lines name."""
    new = "\n".join(line for line in change.diff.splitlines() if line.startswith("+"))
    named = [(row["ref"], row["ts"]) for row in flags if len(row["ref"]) >= _LEAST_FLAG and row["ref"] in new]
    return replace(change, gates=tuple(named)) if named else change


def _belongs(file: str, service: str) -> bool:
    """Return whether a path names a service: `services/cart/db.go` that of `cartservice`."""
    plain = re.sub(r"[-_ ]|service|svc|server", "", service.lower())
    parts = [re.sub(r"[-_ ]|service|svc|server", "", part.lower()) for part in file.split("/")[:-1]]
    return any(
        len(part) >= 3 and part not in _GENERIC and (part == plain or (len(part) >= 4 and part in plain))
        for part in parts
    )
