"""The live play: Hanok Market's traffic up to now and on from there, with two faults, one after the other.

The shop goes on as what is done to it lets it: a fault ends when somebody mends it, through the control plane or, if
nobody does, by hand.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import msgspec
import numpy as np

from bdp.app import App
from bdp.demo.changes import POOL_CUT as POOL_DIFF
from bdp.demo.changes import PRICING
from bdp.demo.columns import Row, rfc3339, rng_of, ulids
from bdp.demo.live_calls import SECOND_US, Traffic
from bdp.demo.live_control import Done
from bdp.demo.live_shop import BROKEN, LARGE_POOL, POOL_CUT, POOLED, SMALL_POOL, Shop
from bdp.intake.records import decode
from bdp.model.batch import Batch, RecordKind
from bdp.model.incident import Incident, IncidentStatus

SOURCE = "hanok-market"
_CHUNK = 5_000
_AT_REST = frozenset({IncidentStatus.RESOLVED, IncidentStatus.ESCALATED})
_HARMLESS = "5.6.4"


@dataclass(frozen=True)
class Pace:
    """How long the parts of the play take, in seconds.

    Attributes:
        history: of calm traffic before it begins.
        calm: before each fault, and after the last.
        tick: between two deliveries to BDP.
        step: from one host to the next when a release is rolled out.
        lag: from the first attempt at mending the first fault until the feed of changes has caught up.
        patience: within which a fault must be found.
        traffic: times the live shop's usual traffic.
    """

    history: float = 5_400
    calm: float = 6
    tick: float = 0.5
    step: float = 1.5
    lag: float = 3
    patience: float = 120
    traffic: float = 1.0


@dataclass(frozen=True)
class Scene:
    """Something that happened in the shop, for people who watch."""

    at: datetime
    text: str


class Stopped(Exception):
    """The play was ended from outside."""


class Live:
    """The play. `load` first, then `run` in a thread of its own.

    Args:
        tell: is given each scene; called from several threads.

    Attributes:
        began: when each fault did, in order.
    """

    def __init__(self, app: App, shop: Shop, seed: int, pace: Pace, tell: Callable[[Scene], None]) -> None:
        self.began: list[datetime] = []
        self._app = app
        self._shop = shop
        self._pace = pace
        self._tell_scene = tell
        self._day = app.clock.now().date()
        self._rng = rng_of(seed, self._day, "live")
        self._traffic = Traffic(self._day, self._rng, shop, pace.traffic)
        self._played = self._now()
        self._acted = 0
        self._stopping = threading.Event()

    def load(self) -> Iterator[tuple[int, int]]:
        """Load the calm traffic before now, quickly; yields how many records of how many are there."""
        end = self._now()
        begin = end - int(self._pace.history * SECOND_US)
        self._traffic.play(begin, end)
        rows = self._traffic.take(end)
        self._app.load([self._batch(RecordKind.CHANGES, self._calm_changes(begin, end))])
        for start in range(0, len(rows), _CHUNK):
            self._app.load([self._batch(RecordKind.EVENTS, rows[start : start + _CHUNK])])
            yield min(start + _CHUNK, len(rows)), len(rows)
        self._played = end

    def run(self) -> None:
        """Play until both faults are over, or `stop`."""
        try:
            self._catch_up()
            self._pool_cut()
            self._broken_deploy()
            self._go_on(self._pace.calm)
        except Stopped:
            pass

    def stop(self) -> None:
        """End the play at its next tick."""
        self._stopping.set()

    def note_done(self, done: Done) -> None:
        """Take note of what the control plane did, from whichever thread."""
        self._acted += 1
        self._tell(f"The control plane did it: {done.detail}.")

    def _pool_cut(self) -> None:
        """A fault whose cause is not known in time, next to a change that is, and does no harm."""
        service, before = POOLED[0], self._acted
        self._go_on(self._pace.calm)
        self._change("deploy", service, f"{service}@{_HARMLESS}", f"Deploy {_HARMLESS}: dependency updates", "")
        self._shop.deploy(service, _HARMLESS)
        self._tell(f"{service} {_HARMLESS} is deployed. It is harmless.")
        self._go_on(self._pace.step)
        at = self._begin()
        self._shop.set_pool(SMALL_POOL)
        self._tell(
            f"{POOL_CUT} cuts the pool of {service} from {LARGE_POOL} to {SMALL_POOL} connections, and reservations "
            "fail. The feed that tells BDP of changes lags: it knows of the deploy only."
        )
        self._until(lambda: self._acted > before or self._over(service))
        if self._acted > before:
            self._go_on(self._pace.lag)
            self._change("config", service, POOL_CUT, "Database pool size 40 -> 6", POOL_DIFF, at)
            self._tell(f"The feed of changes has caught up: BDP hears of {POOL_CUT}.")
        self._until(lambda: self._over(service))
        if self._shop.pool != LARGE_POOL:
            self._shop.set_pool(LARGE_POOL)
            self._tell(f"BDP did not mend it: a colleague sets the pool of {service} back by hand.")

    def _broken_deploy(self) -> None:
        """A fault that a change brings, of which BDP hears at once."""
        service, version = BROKEN
        self._go_on(self._pace.calm)
        self._begin()
        self._change("deploy", service, f"{service}@{version}", f"Deploy {version}: loyalty discounts", PRICING)
        self._tell(f"{service} {version} is deployed, host by host. It cannot price most orders.")
        for host in range(len(self._shop.setups[service].versions)):
            self._shop.deploy(service, version, host + 1)
            self._go_on(self._pace.step)
        self._until(lambda: self._over(service))
        if self._shop.roll_back(service, version):
            self._tell(f"BDP did not mend it: a colleague rolls {service} back by hand.")

    def _begin(self) -> int:
        """Note that a fault begins; return from when on calls meet it. Those before must not."""
        self._catch_up()
        self.began.append(self._app.clock.now())
        return self._played

    def _until(self, over: Callable[[], bool]) -> None:
        """Go on until it is over, or nothing was found in time."""
        patience = self._app.clock.monotonic() + self._pace.patience
        while not over():
            if self._app.clock.monotonic() > patience and not self._found():
                self._tell("BDP has found nothing; the play goes on.")
                return
            self._tick()

    def _found(self) -> list[Incident]:
        return [one for one in self._app.state.incidents.list() if one.opened_at >= self.began[-1]]

    def _over(self, service: str) -> bool:
        """Return whether BDP is done with what it found since the fault, which must have to do with the service."""
        found = self._found()
        return any(one.subject.service == service for one in found) and all(one.status in _AT_REST for one in found)

    def _go_on(self, seconds: float) -> None:
        until = self._app.clock.monotonic() + seconds
        while self._app.clock.monotonic() < until:
            self._tick()

    def _tick(self) -> None:
        if self._stopping.wait(self._pace.tick):
            raise Stopped
        self._catch_up()

    def _catch_up(self) -> None:
        now = self._now()
        if now <= self._played:
            return
        self._traffic.play(self._played, now)
        self._played = now
        if rows := self._traffic.take(now):
            self._app.chain.deliver([self._batch(RecordKind.EVENTS, rows)])

    def _change(self, kind: str, service: str, ref: str, summary: str, diff: str, at: int | None = None) -> None:
        row = self._change_row(self._now() if at is None else at, kind, service, ref, summary, diff)
        self._app.chain.deliver([self._batch(RecordKind.CHANGES, [row])])

    def _calm_changes(self, begin: int, end: int) -> list[Row]:
        """Changes that did no harm, a while ago."""
        return [
            self._change_row(begin + (end - begin) // 4, "deploy", "cart", "cart@3.4.1", "Deploy 3.4.1: baskets", ""),
            self._change_row(
                begin + (end - begin) // 2, "config", "shop", "CFG-2289", "CDN cache time of images 1 h -> 4 h", ""
            ),
        ]

    def _change_row(self, at: int, kind: str, service: str, ref: str, summary: str, diff: str) -> Row:
        instant = np.array([at], dtype=np.int64)
        return {
            "change_id": ulids(self._rng, self._day, instant)[0], "ts": rfc3339(self._day, instant)[0], "kind": kind,
            "service": service, "ref": ref, "author": "ci-bot" if kind == "deploy" else "doyun.lee",
            "summary": summary, "diff": diff,
        }  # fmt: skip

    def _batch(self, kind: RecordKind, rows: list[Row]) -> Batch:
        app, now = self._app, self._app.clock.now()
        body = msgspec.json.Encoder().encode_lines(rows)
        name = app.ids.new(now)
        return decode(kind, body, source=SOURCE, batch_id=name, now=now, ids=app.ids, settings=app.settings.intake)

    def _now(self) -> int:
        return (self._app.clock.now() - _midnight(self._day)) // timedelta(microseconds=1)

    def _tell(self, text: str) -> None:
        self._tell_scene(Scene(self._app.clock.now(), text))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
