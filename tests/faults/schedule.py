"""What goes wrong in a run, and when: drawn from the run's seed."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import Any

_HOME = "/" + "home"
JOURNAL, BACKLOG, SPILL, STORE, STATE = (
    f"{_HOME}/{name}" for name in ("journal.db", "backlog.db", "spill/", "store/", "state.db")
)
TEMPORARY = "/tmp/"
"""Parts of the paths of the subject's files."""

SHORTEST, LONGEST = 1.2, 3.0


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        kind: its name in the figures.
        at: seconds after the load began.
        lasts: seconds until it is mended; 0 for what happens in a moment.
        detail: what `World` needs to do it.
    """

    kind: str
    at: float
    lasts: float = 0.0
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """One run.

    Attributes:
        sinks: their order; the first is the primary.
        table: where the table is: `sqlite` or `postgresql`.
        disks: folders of the home (`.` for itself) that are small disks of their own, with their MiB.
        guarded: whether the product's own watch over free room is on; off, it meets the full disk.
        restart: whether a new life checks at the end; else the same one must have healed itself.
        volume: most events in a big request.
    """

    seed: int
    sinks: tuple[str, ...]
    table: str
    disks: dict[str, int]
    guarded: bool
    faults: tuple[Fault, ...]
    seconds: float
    restart: bool
    volume: int

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of what goes wrong, in order."""
        return tuple(fault.kind for fault in self.faults)


def plan(seed: int, means: Set[str]) -> Plan:
    """Draw a run.

    Args:
        means: what is there to work with: `disks`, `postgresql`, `kafka`.
    """
    chance = random.Random(seed)
    sinks, table = _sinks(chance, means)
    seconds = chance.uniform(SHORTEST, LONGEST)
    known = [(weight, draw) for name, weight, draw in _KINDS if _possible(name, sinks, table, means)]
    weights, draws = [weight for weight, _ in known], [draw for _, draw in known]
    faults: list[Fault] = []
    for _ in range(chance.choice((1, 2, 2, 3, 3, 4))):
        faults += chance.choices(draws, weights)[0](chance, seconds)
    if sinks[0] == "kafka":
        faults = [_at_the_broker(chance, fault) for fault in faults]
    kinds = {fault.kind for fault in faults}
    disks = _disks(chance, faults) if "disk_full" in kinds else {}
    return Plan(
        seed=seed,
        sinks=sinks,
        table=table,
        disks=disks,
        guarded=chance.random() < 0.5,
        faults=tuple(sorted(faults, key=lambda fault: fault.at)),
        seconds=seconds,
        restart=chance.random() < 0.5,
        volume=chance.choice((100, 400, 1500)),
    )


def _sinks(chance: random.Random, means: Set[str]) -> tuple[tuple[str, ...], str]:
    primary = "kafka" if "kafka" in means and chance.random() < 0.25 else "journal"
    behind = chance.choices((("table", "files"), ("files",), ("table",), ("files", "table"), ()), (6, 2, 2, 1, 1))[0]
    table = "postgresql" if "table" in behind and "postgresql" in means and chance.random() < 0.4 else "sqlite"
    return (primary, *behind), table


def _possible(name: str, sinks: tuple[str, ...], table: str, means: Set[str]) -> bool:
    needs = {"disk": "disks" in means, "database": table == "postgresql", "broker": sinks[0] == "kafka"}
    return needs.get(name, True)


def _span(chance: random.Random, seconds: float) -> tuple[float, float]:
    at = chance.uniform(0, seconds * 0.8)
    return at, chance.uniform(0.1, max(0.3, seconds - at))


def _kill(chance: random.Random, seconds: float) -> list[Fault]:
    """One kill, or several in a row, so that some meet the start and the recovery of the life before."""
    at = chance.uniform(0.05, seconds)
    found = [Fault("kill", at)]
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        at += chance.uniform(0.05, 0.9)
        found.append(Fault("kill_early", at))
    return found


def _torn(chance: random.Random, seconds: float) -> list[Fault]:
    """A power cut; mostly on a slow disk, where more waits for a sync."""
    at = chance.uniform(0.2, seconds)
    found = [Fault("torn_tail", at, detail={"chance": chance.random()})]
    if chance.random() < 0.7:
        before = chance.uniform(0.1, 0.6)
        found.append(Fault("slow_disk", max(0.0, at - before), before, {"seconds": chance.choice((0.02, 0.1))}))
    return found


def _stop(chance: random.Random, seconds: float) -> list[Fault]:
    return [Fault("stop", chance.uniform(0.2, seconds))]


def _write_error(chance: random.Random, seconds: float) -> list[Fault]:
    return [_rule(chance, seconds, "write_error", errno.EIO, (JOURNAL, JOURNAL, BACKLOG, SPILL, STATE, TEMPORARY))]


def _no_space(chance: random.Random, seconds: float) -> list[Fault]:
    return [_rule(chance, seconds, "no_space", errno.ENOSPC, (JOURNAL, JOURNAL, BACKLOG, SPILL, STATE, TEMPORARY))]


def _store_error(chance: random.Random, seconds: float) -> list[Fault]:
    return [_rule(chance, seconds, "store_error", chance.choice((errno.EIO, errno.ENOSPC)), (STORE,))]


def _rule(chance: random.Random, seconds: float, kind: str, error: int, parts: tuple[str, ...]) -> Fault:
    at, lasts = _span(chance, seconds)
    detail = {
        "part": chance.choice(parts),
        "error": error,
        "chance": chance.choice((1.0, 1.0, 0.5, 0.05)),
        "skip": chance.choice((0, 0, chance.randrange(30))),
        "left": chance.choice((-1, -1, 1, chance.randint(2, 10))),
        "short_writes": error == errno.ENOSPC,
        "operations": chance.choice((15, 15, 1, 4, 5)),
    }
    return Fault(kind, at, lasts, detail)


def _cascade(chance: random.Random, seconds: float) -> list[Fault]:
    """The primary fails for long; within that the second sink; within that the third."""
    at, lasts = chance.uniform(0, 0.3), seconds * chance.uniform(0.6, 1.0)
    found = []
    for part in (JOURNAL, BACKLOG, SPILL)[: chance.choice((1, 2, 2, 3))]:
        kind, error = chance.choice((("write_error", errno.EIO), ("no_space", errno.ENOSPC)))
        found.append(Fault(kind, at, lasts, {"part": part, "error": error}))
        at, lasts = at + lasts * chance.uniform(0.1, 0.3), lasts * chance.uniform(0.3, 0.6)
    return found


def _kill_in_drain(chance: random.Random, seconds: float) -> list[Fault]:
    """An outage, and a kill soon after its end, when what waited flows back."""
    at, lasts = chance.uniform(0, 0.3), seconds * chance.uniform(0.3, 0.7)
    found = [Fault("write_error", at, lasts, {"part": JOURNAL, "error": errno.EIO})]
    moment = at + lasts
    for _ in range(chance.choice((1, 1, 2, 3))):
        moment += chance.uniform(0.02, 0.4)
        found.append(Fault("kill_in_drain", moment))
    return found


def _disk_full(chance: random.Random, seconds: float) -> list[Fault]:
    at, lasts = _span(chance, seconds)
    folder = chance.choice((".", ".", "spill", "store"))
    return [Fault("disk_full", at, lasts, {"folder": folder, "leave": chance.choice((0, 0, 65_536, 1 << 20))})]


def _clock_step(chance: random.Random, seconds: float) -> list[Fault]:
    at, lasts = _span(chance, seconds)
    hours = chance.choice((-30, -20, -3, -1, -0.1, 0.1, 1, 3, 20, 40))
    return [Fault("clock_step", at, lasts, {"hours": hours})]


def _slow_disk(chance: random.Random, seconds: float) -> list[Fault]:
    at, lasts = _span(chance, seconds)
    return [Fault("slow_disk", at, lasts, {"seconds": chance.choice((0.02, 0.1, 0.5))})]


def _database_down(chance: random.Random, seconds: float) -> list[Fault]:
    """The database goes, mostly while it is needed."""
    at, lasts = _span(chance, seconds)
    found = [Fault("database_down", at, lasts, {"how": chance.choice(("cut", "stall", "stop", "slow"))})]
    if chance.random() < 0.8:
        found.append(Fault("write_error", max(0.0, at - 0.3), lasts + 0.5, {"part": JOURNAL, "error": errno.EIO}))
    return found


def _broker(chance: random.Random, seconds: float) -> list[Fault]:
    at, lasts = _span(chance, seconds)
    how = chance.choice(("cut", "cut", "stall", "slow", "reject", "reject", "kill"))
    return [Fault(_BROKER[how], at, lasts + 0.5, {"how": how})]


_BROKER = {
    "cut": "broker_down", "stall": "broker_down", "kill": "broker_down", "slow": "broker_slow",
    "reject": "broker_rejecting",
}  # fmt: skip


def _at_the_broker(chance: random.Random, fault: Fault) -> Fault:
    """Where Kafka is the primary there is no journal to fail: the broker does."""
    if fault.detail.get("part") != JOURNAL:
        return fault
    return Fault("broker_down", fault.at, fault.lasts, {"how": chance.choice(("cut", "stall"))})


_KINDS: tuple[tuple[str, int, Callable[[random.Random, float], list[Fault]]], ...] = (
    ("kill", 6, _kill),
    ("torn", 4, _torn),
    ("stop", 1, _stop),
    ("write", 3, _write_error),
    ("space", 3, _no_space),
    ("store", 3, _store_error),
    ("cascade", 5, _cascade),
    ("drain", 4, _kill_in_drain),
    ("disk", 5, _disk_full),
    ("clock", 3, _clock_step),
    ("slow", 1, _slow_disk),
    ("database", 8, _database_down),
    ("broker", 12, _broker),
)


def _disks(chance: random.Random, faults: list[Fault]) -> dict[str, int]:
    """The home is a small disk whenever one is; the others where they are filled, and sometimes beside it."""
    filled = {fault.detail["folder"] for fault in faults if fault.kind == "disk_full"}
    found = {".": 48}
    for folder, mib in (("spill", 16), ("store", 64)):
        if folder in filled or chance.random() < 0.3:
            found[folder] = mib
    return found
