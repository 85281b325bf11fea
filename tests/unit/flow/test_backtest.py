"""What the real pipeline raised, held against what settings would raise on the stored records: no more, no less."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from bdp.app import App
from bdp.errors import BadRequest, NotPossible
from bdp.flow.backtest import OTHER, PRESENT, WAS, Backtest, Trial
from bdp.flow.comparison import Differences
from bdp.flow.finding import FindingKind, stored
from bdp.flow.history import Stretch
from bdp.flow.job import JobState
from bdp.model.batch import RecordKind
from bdp.model.metric import BAND_HIGH, BAND_LOW
from bdp.settings import load, over
from bdp.store.clickhouse import open_store
from bdp.store.settings import StoreSettings

START = datetime(2026, 5, 1, tzinfo=UTC)
SHIFT = START + timedelta(hours=2, minutes=30)
END = START + timedelta(hours=4)
POINTS, BURSTS = (3 + 5) * 480 + 3 * 48, 54
LATE: dict[str, Any] = {"start": START + timedelta(minutes=165), "lead_hours": 0}
"""With both bursts and few points: soon read."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One product with all of it stored and judged. No test changes it, which one of them shows."""
    home, database = tmp_path_factory.mktemp("home"), f"t{uuid.uuid4().hex}"
    with App(load(home), store=open_store(StoreSettings(database=database))) as opened:
        fill(opened)
        yield opened


def points() -> Iterator[dict[str, Any]]:
    """Three hosts' load every 30 s, a stream of a fabric, and connections with the edges of their band.

    From the shift on `jump` lies far above, `nudge` a little; the stream is full, the connections above their band.
    """
    chance = random.Random(7)
    for i in range(int((END - START).total_seconds()) // 30):
        at = START + timedelta(seconds=30 * i)
        for host, by in (("calm", 0.0), ("jump", 3000.0), ("nudge", 20.0)):
            value = 50 + chance.gauss(0, 1) + (by if at >= SHIFT else 0)
            yield {"ts": at.isoformat(), "name": "load", "entity": host, "value": value, "unit": "%"}
        sample = {"latency_p99": 3, "utilization": 97 if at >= SHIFT else 55, "error_rate": 0.0005}
        for name, value in {**sample, "bandwidth_gbps": 100, "qp_errors": 0}.items():
            yield {"ts": at.isoformat(), "name": name, "entity": "leaf1/port3", "value": value}
        if i % 10 == 0:
            for name, value in (("", 9 if at >= SHIFT else 5), (BAND_LOW, 4), (BAND_HIGH, 6)):
                yield {"ts": at.isoformat(), "name": f"conns{name}", "entity": "db", "value": value}


def events() -> Iterator[dict[str, Any]]:
    """Normal ones all along, and two bursts: one of 40 events, one of 14."""
    for i in range(int((END - START).total_seconds()) // 60):
        yield {"event_id": f"ok{i}", "ts": (START + timedelta(minutes=i)).isoformat(), "service": "shop"}
    for service, minute, count in (("shop", 170, 40), ("mail", 200, 14)):
        for i in range(count):
            at = START + timedelta(minutes=minute, seconds=2 * i)
            fields = {"level": "ERROR", "error_code": "E1", "message": "it timed out"}
            yield {"event_id": f"{service}{i}", "ts": at.isoformat(), "service": service, **fields}


def fill(app: App, rows: int = 500) -> None:
    """Let the real pipeline store and judge it all."""
    for kind, records in ((RecordKind.METRICS, list(points())), (RecordKind.EVENTS, list(events()))):
        ordered = sorted(records, key=lambda record: record["ts"])
        for begin in range(0, len(ordered), rows):
            app.desk.take(kind, b"\n".join(map(msgspec.json.encode, ordered[begin : begin + rows])), "", None)
            app.pipeline.drain()
    app.pipeline.finish()


def tried(app: App, settings: dict[str, Any] | None = None, **fields: Any) -> Backtest:
    backtest = Backtest(trial=Trial(**{"start": START, "end": END, "most": 1000, **fields}))
    other = over(app.settings, settings or {})
    app.backtester.run(backtest, (lambda: app.watch(other)) if settings else None)
    assert backtest.state is JobState.DONE
    return backtest


def pairs(backtest: Backtest) -> tuple[Differences, ...]:
    assert backtest.answer is not None
    return backtest.answer.found


def counts(pair: Differences) -> dict[str, tuple[int, int, int]]:
    return {tally.kind.value: (tally.both, tally.only_first, tally.only_second) for tally in pair.kinds}


def everything(app: App) -> dict[str, Any]:
    """All that the product keeps but the records themselves, and how many of these there are."""
    state = app.state
    found = stored(state.incidents, state.insights, Stretch(START, END + timedelta(days=9)))
    incidents = [state.incidents.get(one.incident_id) for one in state.incidents.list()]
    tables = {kind.value: app.store.query(f"SELECT count() AS n FROM {kind.value}") for kind in RecordKind}
    outgoing = (state.alerts.waiting(), state.audit.list(), state.executions.list())
    return {"found": found, "incidents": incidents, "tables": tables, "outgoing": outgoing, "ledger": app.ledger()}


def test_the_present_settings_find_what_was_raised(app: App) -> None:
    backtest = tried(app)
    [pair] = pairs(backtest)
    assert (pair.first, pair.second) == (WAS, PRESENT)
    assert not pair.worst
    found = counts(pair)
    assert found["burst"] == (2, 0, 0)
    assert found["metric"][0] >= 2
    assert {*found} == {"burst", "metric", "edges", "fabric", "metric incident", "fabric incident"}
    assert all(count[0] for count in found.values())
    assert backtest.read == {RecordKind.METRICS: POINTS, RecordKind.EVENTS: BURSTS}
    assert backtest.total == POINTS + BURSTS


def test_a_higher_threshold_of_bursts_shows_exactly_what_is_gone(app: App) -> None:
    then, now = pairs(tried(app, {"detect": {"threshold": 20}}))
    assert (now.first, now.second) == (PRESENT, OTHER)
    assert not then.worst
    assert [(one.only, one.finding.kind, one.finding.shown) for one in now.worst] == [
        (PRESENT, FindingKind.BURST, "mail E1")
    ]
    assert counts(now)["burst"] == (1, 1, 0)


def test_a_higher_threshold_of_series_shows_exactly_what_is_gone(app: App) -> None:
    _, now = pairs(tried(app, {"series": {"threshold": 0.6}}))
    was, _ = stored(app.state.incidents, app.state.insights, Stretch(START, END))
    weak = {(one.shown, one.start) for one in was if one.kind is FindingKind.METRIC and (one.confidence or 1) < 0.6}
    assert weak
    assert {(one.finding.shown, one.finding.start) for one in now.worst} == weak
    assert {one.only for one in now.worst} == {PRESENT}
    assert counts(now)["metric"][0] >= 1
    assert counts(now)["burst"] == (2, 0, 0)


def test_lower_thresholds_show_what_they_add(app: App) -> None:
    more = {"detect": {"overrides": [{"service": "mail", "threshold": 5}]}, "series": {"threshold": 0.3}}
    _, now = pairs(tried(app, more))
    assert counts(now)["burst"] == (2, 0, 0)
    assert counts(now)["metric"][2] > 0
    assert {one.only for one in now.worst} == {OTHER}
    risks = [one.finding.severity for one in now.worst]
    assert risks == sorted(risks, key=["critical", "high", "medium", "low"].index)


def test_nothing_is_written(app: App) -> None:
    before = everything(app)
    _, now = pairs(tried(app, {"series": {"threshold": 0.05}, "detect": {"threshold": 2}}, **LATE))
    assert now.worst
    assert everything(app) == before


def test_what_was_raised_before_or_behind_the_range_does_not_count(app: App) -> None:
    [pair] = pairs(tried(app, start=START + timedelta(minutes=169), end=START + timedelta(minutes=180)))
    assert counts(pair)["burst"] == (1, 0, 0)
    assert not any("incident" in tally.kind for tally in pair.kinds)
    assert not pair.worst


def test_one_service(app: App) -> None:
    [shop] = pairs(tried(app, service="shop"))
    [jump] = pairs(tried(app, service="jump"))
    assert counts(shop) == {"burst": (1, 0, 0)}
    assert {tally.kind for tally in jump.kinds} <= {FindingKind.METRIC, FindingKind.METRIC_INCIDENT}
    assert jump.kinds
    assert not jump.worst


def test_without_a_lead_detection_must_learn_first(app: App) -> None:
    soon = SHIFT - timedelta(minutes=5)
    [with_lead] = pairs(tried(app, start=soon, end=SHIFT + timedelta(minutes=10)))
    [without] = pairs(tried(app, start=soon, end=SHIFT + timedelta(minutes=10), lead_hours=0))
    assert counts(with_lead)["metric"][1:] == (0, 0)
    assert counts(without)["metric"][1] > 0


def test_differences_are_bounded_and_the_rest_is_counted(app: App) -> None:
    _, cut = pairs(tried(app, {"detect": {"threshold": 100}}, most=1, **LATE))
    assert counts(cut)["burst"] == (0, 2, 0)
    assert (len(cut.worst), cut.more) == (1, 1)


def test_too_many_findings_are_refused_by_name(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bdp.flow.finding.MOST", 1)
    with pytest.raises(BadRequest, match="present settings"):
        tried(app, **LATE)


def test_one_at_a_time_in_the_background(app: App) -> None:
    trial = Trial(start=START, end=END, rate=1000)
    backtest = app.backtester.start(trial)
    with pytest.raises(NotPossible):
        app.backtester.start(trial)
    app.backtester.stop()
    app.backtester.wait()
    assert backtest.state is JobState.STOPPED
    assert backtest.answer is None
    again = app.backtester.start(Trial(end=END, **LATE))
    app.backtester.wait()
    assert (again.state, again is app.backtester.latest) == (JobState.DONE, True)


def test_an_empty_range_is_refused(app: App) -> None:
    with pytest.raises(BadRequest):
        app.backtester.start(Trial(start=END, end=START))
