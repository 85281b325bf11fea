"""Shadow mode on the real pipeline: it changes nothing that is raised, comes back, and leaves no trace."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bdp.app import App
from bdp.clock import ManualClock
from bdp.flow.contrast import Report
from bdp.flow.finding import stored
from bdp.flow.history import Stretch
from bdp.flow.shadow import PREFIX, report
from bdp.model.batch import RecordKind
from bdp.settings import load
from bdp.store.clickhouse import open_store
from bdp.store.settings import StoreSettings
from bdp.stream.journal.journal import Journal

START = datetime(2026, 5, 1, tzinfo=UTC)
END = START + timedelta(hours=5)
TRIED: dict[str, Any] = {"detect": {"threshold": 5}, "series": {"threshold": 0.3}, "fabric": {"utilization_bound": 50}}


class Home:
    """A home whose product can be closed and opened again, with other settings."""

    def __init__(self, folder: Path, shadow: dict[str, Any]) -> None:
        self._folder = folder
        self._database = f"t{uuid.uuid4().hex}"
        self.shadow = shadow

    def open(self) -> App:
        settings = load(self._folder, {"shadow": self.shadow} if self.shadow else None)
        store = open_store(StoreSettings(database=self._database))
        return App(settings, clock=ManualClock(END), store=store)


def chunks() -> Iterator[tuple[RecordKind, list[dict[str, Any]]]]:
    """Five hours: two hosts' load with jumps large and small, a stream that fills up, bursts of 7 and of 40."""
    chance = random.Random(11)
    for hour in range(5):
        points: list[dict[str, Any]] = []
        for minute in range(60):
            at = (START + timedelta(hours=hour, minutes=minute)).isoformat()
            for host, by in (("a", 60.0), ("b", 5.0)):
                value = 50 + chance.gauss(0, 1) + (by if hour == 3 and 20 <= minute < 24 else 0)
                points.append({"ts": at, "name": "load", "entity": host, "value": value})
            sample = {"latency_p99": 3, "utilization": 97 if hour == 4 else 55, "error_rate": 0.0002}
            for name, value in {**sample, "bandwidth_gbps": 100, "qp_errors": 0}.items():
                points.append({"ts": at, "name": name, "entity": "ib-7", "value": value})
        yield RecordKind.METRICS, points
        for service, when, count in (("shop", 1, 40), ("mail", 2, 7)):
            if hour == when:
                begin = START + timedelta(hours=hour)
                yield (
                    RecordKind.EVENTS,
                    [
                        {"ts": (begin + timedelta(seconds=i)).isoformat(), "service": service, "level": "ERROR"}
                        for i in range(count)
                    ],
                )


def feed(app: App, part: list[tuple[RecordKind, list[dict[str, Any]]]]) -> None:
    for kind, rows in part:
        app.desk.take(kind, "\n".join(map(json.dumps, rows)).encode(), "", None)
        app.pipeline.drain()


def told(app: App) -> Report:
    other = app.settings.shadow_detection
    assert other is not None
    return report(app.books, app.settings.detection, other, START, END, 1000)


def raised(app: App) -> dict[str, Any]:
    """All that came of detection, as people and machines can see it."""
    state = app.state
    found, _ = stored(state.incidents, state.insights, Stretch(START, END + timedelta(days=1)))
    return {
        "found": sorted(one.model_dump_json() for one in found),
        "insights": sorted(one.entity_id for one in state.insights.recent(limit=1000).insights),
        "incidents": sorted((one.title, one.sightings, one.severity) for one in state.incidents.list()),
        "messages": state.alerts.waiting(),
        "ledger": app.ledger()[0],
    }


def rows_of(app: App) -> dict[str, bytes]:
    books = app.books
    assert isinstance(books, Journal)
    return books.detector_rows()


def test_it_raises_nothing_and_tells_what_it_would_have(tmp_path: Path) -> None:
    everything = list(chunks())
    with Home(tmp_path / "plain", {}).open() as app:
        feed(app, everything)
        app.pipeline.finish()
        plain = raised(app)
        assert not any(name.startswith(PREFIX) for name in rows_of(app))
    with Home(tmp_path / "with", TRIED).open() as app:
        feed(app, everything)
        app.pipeline.finish()
        assert raised(app) == plain
        live = {name for name in rows_of(app) if not name.startswith(PREFIX)}
        assert live
        found = told(app)
    kinds = {tally.kind.value: tally for tally in found.found.kinds}
    assert (kinds["burst"].both, kinds["burst"].only_second) == (1, 1)
    assert kinds["metric"].both >= 1
    assert kinds["metric"].only_second >= 1
    assert "mail" in {one.finding.shown for one in found.found.worst if one.only == "shadow"}
    assert found.failures == 0
    live_findings = sum(tally.first for tally in found.found.kinds)
    assert live_findings == len(plain["found"])


@pytest.mark.parametrize("cut", [2, 6])
def test_restarts_change_nothing_and_switched_off_it_is_gone(tmp_path: Path, cut: int) -> None:
    everything = list(chunks())
    with Home(tmp_path / "whole", TRIED).open() as app:
        feed(app, everything)
        whole = told(app)
    home = Home(tmp_path / "cut", TRIED)
    with home.open() as app:
        feed(app, everything[:cut])
    with home.open() as app:
        feed(app, everything[cut:])
        again = told(app)
    bursts = [{tally.kind.value: tally for tally in one.found.kinds}["burst"] for one in (whole, again)]
    assert bursts[0] == bursts[1]
    home.shadow = {}
    with home.open() as app:
        feed(app, [(RecordKind.EVENTS, [{"ts": END.isoformat(), "service": "shop"}])])
        assert app.settings.shadow_detection is None
        assert rows_of(app)
        assert not any(name.startswith(PREFIX) for name in rows_of(app))
