"""Shadow mode: to the pipeline it is the live detectors, whatever the others beside them find, keep or break."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from bdp.clock import ManualClock
from bdp.detect.burst.detector import BurstSettings
from bdp.detect.fabric.settings import FabricSettings
from bdp.detect.series.settings import SeriesSettings
from bdp.detect.watch import Watch
from bdp.flow import contrast
from bdp.flow.contrast import Report, reported
from bdp.flow.finding import Found
from bdp.flow.pipeline import Detector
from bdp.flow.settings import Detection
from bdp.flow.shadow import PREFIX, Shadow, fingerprint, shadowed
from bdp.model.anomaly import Anomaly, Subject
from bdp.model.event import EventSignal, Level
from bdp.model.metric import MetricPoint
from bdp.telemetry import REGISTRY

START = datetime(2026, 5, 1, tzinfo=UTC)
END = START + timedelta(days=30)
LIVE = Detection(BurstSettings(), SeriesSettings(), FabricSettings())
LOWER = Detection(BurstSettings(threshold=5), SeriesSettings(threshold=0.3), FabricSettings())
Rows = dict[str, bytes]


def burst(service: str, count: int, minute: float = 0) -> list[EventSignal]:
    at = START + timedelta(minutes=minute)
    return [EventSignal(ts=at + timedelta(seconds=i), service=service, level=Level.ERROR) for i in range(count)]


def load(first: int, count: int, jumps: Mapping[int, float] | None = None) -> list[MetricPoint]:
    chance = random.Random(first)
    return [
        MetricPoint(
            ts=START + timedelta(minutes=i),
            name="load",
            entity="h1",
            value=50 + chance.gauss(0, 1) + (jumps or {}).get(i, 0),
        )
        for i in range(first, first + count)
    ]


def opened(live: Detection = LIVE, other: Detection | None = LOWER, rows: Rows | None = None) -> Shadow:
    shadow = shadowed(live, other, ManualClock(START))
    shadow.restore(rows or {})
    return shadow


def kept(rows: Rows, detector: Detector) -> Rows:
    """Return all rows after one more commit."""
    merged: dict[str, bytes | None] = {**rows, **detector.changed_rows()}
    return {name: row for name, row in merged.items() if row is not None}


def told(rows: Rows, live: Detection = LIVE, other: Detection = LOWER, since: datetime = START) -> Report:
    own = [("", name.removeprefix(PREFIX), row) for name, row in rows.items() if name.startswith(PREFIX + contrast.ROW)]
    return reported(own, fingerprint(live, other), since, END, 100)


def counts(report: Report) -> dict[str, tuple[int, int, int]]:
    return {tally.kind.value: (tally.both, tally.only_first, tally.only_second) for tally in report.found.kinds}


def counted(said: str, kind: str = "burst") -> float:
    return REGISTRY.get_sample_value("bdp_shadow_findings_total", {"kind": kind, "said": said}) or 0.0


def failures() -> float:
    return REGISTRY.get_sample_value("bdp_shadow_failures_total") or 0.0


def test_only_what_live_detection_finds_comes_out_and_its_rows_are_the_same() -> None:
    shadow, alone = opened(), Watch(*LIVE)
    for signals, points in ((burst("big", 30), load(0, 200)), (burst("small", 7, 30), load(200, 50, {240: 200.0}))):
        assert list(shadow.observe(signals, points)) == alone.observe(signals, points)
        rows = shadow.changed_rows()
        assert {name: row for name, row in rows.items() if not name.startswith(PREFIX)} == alone.changed_rows()
    later = START + timedelta(hours=9)
    assert list(shadow.advance(later)) == alone.advance(later)
    shadow.save_all()
    alone.save_all()
    assert list(shadow.finish()) == alone.finish()
    live = {name: row for name, row in shadow.changed_rows().items() if not name.startswith(PREFIX)}
    assert live == alone.changed_rows()


def test_what_only_one_side_says_is_counted_and_listed() -> None:
    before = {said: counted(said) for said in ("both", "live", "shadow")}
    shadow = opened()
    shadow.observe(burst("big", 30))
    shadow.observe(burst("small", 7, 1))
    shadow.advance(START + timedelta(hours=2))
    shadow.advance(START + timedelta(hours=3))
    report = told(kept({}, shadow))
    assert counts(report) == {"burst": (1, 0, 1)}
    assert [(one.only, one.finding.shown) for one in report.found.worst] == [("shadow", "small")]
    assert {said: counted(said) - before[said] for said in before} == {"both": 1, "live": 0, "shadow": 1}


def test_higher_thresholds_show_what_they_leave_out() -> None:
    higher = LIVE._replace(detect=BurstSettings(threshold=20))
    shadow = opened(other=higher)
    assert any(isinstance(one, Anomaly) for one in shadow.observe(burst("mail", 14)))
    shadow.finish()
    report = told(kept({}, shadow), other=higher)
    assert [(one.only, one.finding.shown) for one in report.found.worst] == [("live", "mail")]


def test_one_trouble_that_one_side_sees_later_is_one_also_over_restarts() -> None:
    before = {said: counted(said) for said in ("both", "live", "shadow")}
    shadow, rows = opened(), Rows()
    for signal in burst("slow", 14):
        shadow.observe([signal])
        rows = kept(rows, shadow)
        shadow = opened(rows=rows)
    shadow.finish()
    assert counts(told(kept(rows, shadow))) == {"burst": (1, 0, 0)}
    assert {said: counted(said) - before[said] for said in before} == {"both": 1, "live": 0, "shadow": 0}


def test_a_restart_loses_and_doubles_nothing() -> None:
    def run(restarts: bool) -> tuple[Report, Rows]:
        shadow, rows = opened(), Rows()
        jumps = {290: 12.0, 340: 200.0, 341: 200.0}
        for step in range(40):
            shadow.observe(burst("big", 8, 10 * step), load(10 * step, 10, jumps))
            if restarts:
                shadow.save_all()
            rows = kept(rows, shadow)
            if restarts and step % 3 == 0:
                shadow = opened(rows=rows)
        shadow.save_all()
        return told(kept(rows, shadow)), kept(rows, shadow)

    (whole, rows), (cut, cut_rows) = run(False), run(True)
    assert whole.found == cut.found
    assert whole.found.kinds
    assert {name for name in rows if "series" in name} == {name for name in cut_rows if "series" in name}


def test_it_begins_with_what_live_detection_has_learnt() -> None:
    watch, rows = Watch(*LIVE), Rows()
    watch.observe((), load(0, 300))
    watch.save_all()
    rows = kept(rows, watch)
    same = LIVE._replace(detect=BurstSettings(threshold=5))
    shadow = opened(other=same, rows=rows)
    assert shadow.observe((), load(300, 10, {305: 300.0}))
    rows = kept(rows, shadow)
    report = told(rows, other=same)
    assert counts(report)["metric"][1:] == (0, 0)
    assert counts(report)["metric"][0] >= 1
    # Also what it has not touched itself is still there after a restart.
    assert {name for name in rows if name.startswith("series/")} == {
        name.removeprefix(PREFIX) for name in rows if name.startswith(f"{PREFIX}series/")
    }


def test_a_large_state_is_copied_in_several_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bdp.flow.shadow._SEEDS", 10)
    watch = Watch(*LIVE)
    watch.observe((), [MetricPoint(ts=START, name="load", entity=f"h{i}", value=1.0) for i in range(25)])
    watch.save_all()
    rows = kept({}, watch)
    shadow = opened(rows=rows)
    sizes = []
    for _ in range(4):
        sizes.append(len([name for name in shadow.changed_rows() if name.startswith(f"{PREFIX}series/")]))
    assert (max(sizes), sum(sizes)) == (10, 25)


@pytest.mark.parametrize("commits", [1, 9])
def test_other_settings_begin_anew(monkeypatch: pytest.MonkeyPatch, commits: int) -> None:
    monkeypatch.setattr("bdp.flow.shadow._SEEDS", 1)
    shadow, rows = opened(), Rows()
    shadow.observe(burst("small", 7), load(0, 100))
    for _ in range(commits):
        rows = kept(rows, shadow)
    other = LOWER._replace(detect=BurstSettings(threshold=3))
    again = opened(other=other, rows=rows)
    for _ in range(9):
        rows = kept(rows, again)
    assert told(rows).parts == 0
    report = told(rows, other=other)
    assert (report.parts, report.apart, counts(report)) == (1, 0, {})
    live = {name for name in rows if not name.startswith(PREFIX)}
    held = {name.removeprefix(PREFIX) for name in rows if name.startswith(PREFIX)}
    assert held == live | {"report/head"}


def test_switched_off_its_rows_go_once() -> None:
    shadow = opened()
    shadow.observe(burst("small", 7), load(0, 100))
    shadow.save_all()
    rows = kept({}, shadow)
    assert any(name.startswith(PREFIX) for name in rows)
    off = opened(other=None, rows=rows)
    rows = kept(rows, off)
    assert rows
    assert not any(name.startswith(PREFIX) for name in rows)
    assert not off.changed_rows()
    plain = Watch(*LIVE)
    plain.restore(rows)
    later = burst("big", 30, 200)
    assert list(off.observe(later)) == plain.observe(later)


class Silent(Watch):
    """Finds nothing."""

    def observe(self, *records: Any, **named: Any) -> Any:
        return ()


class Broken(Watch):
    """Fails at one call."""

    at = ""

    def observe(self, *records: Any, **named: Any) -> Any:
        self._fails("observe")
        return super().observe(*records, **named)

    def advance(self, watermark: datetime) -> Any:
        self._fails("advance")
        return super().advance(watermark)

    def finish(self) -> Any:
        self._fails("finish")
        return super().finish()

    def changed_rows(self) -> dict[str, bytes | None]:
        self._fails("changed_rows")
        return super().changed_rows()

    def restore(self, rows: Mapping[str, bytes]) -> None:
        self._fails("restore")
        super().restore(rows)

    def save_all(self) -> None:
        self._fails("save_all")

    def _fails(self, here: str) -> None:
        if self.at == here:
            raise ZeroDivisionError("a defect")


@pytest.mark.parametrize("at", ["", "observe", "advance", "finish", "changed_rows", "restore", "save_all", "make"])
def test_a_defect_in_the_shadow_harms_nothing(at: str) -> None:
    def make() -> Detector:
        if at == "make":
            raise ZeroDivisionError("a defect")
        broken = Broken(*LOWER)
        broken.at = at
        return broken

    before = failures()
    with capture_logs() as logs:
        shadow, alone = Shadow(Watch(*LIVE), make, ManualClock(START), "x"), Watch(*LIVE)
        shadow.restore({})
        for step in range(3):
            signals = burst("big", 30, 30 * step)
            assert list(shadow.observe(signals, load(0, 5))) == alone.observe(signals, load(0, 5))
            assert list(shadow.advance(signals[-1].ts)) == alone.advance(signals[-1].ts)
            shadow.save_all()
            alone.save_all()
            live = {name: row for name, row in shadow.changed_rows().items() if not name.startswith(PREFIX)}
            assert live == alone.changed_rows()
        assert list(shadow.finish()) == alone.finish()
    warned = [entry for entry in logs if entry["event"] == "shadow.failing"]
    assert len(warned) == bool(at)
    assert (failures() > before) == bool(at)


def test_a_shadow_that_fails_is_told_of_in_the_report_and_lives_on() -> None:
    broken = Broken(*LOWER)
    broken.at = "observe"
    shadow = Shadow(Watch(*LIVE), lambda: broken, ManualClock(START), fingerprint(LIVE, LOWER))
    shadow.observe(burst("lost", 30))
    broken.at = ""
    shadow.observe(burst("big", 30, 30))
    report = told(kept({}, shadow))
    assert (report.failures, report.reason) == (1, "a defect")
    assert [(tally.first, tally.second, tally.both) for tally in report.found.kinds] == [(1, 1, 1)]


def test_rows_that_cannot_be_read_are_replaced() -> None:
    shadow = opened()
    shadow.observe(burst("small", 7), load(0, 100))
    shadow.save_all()
    rows = kept({}, shadow)
    spoilt = {name: b"\xc1" if name.startswith(PREFIX) else row for name, row in rows.items()}
    again = opened(rows=spoilt)
    rows = kept(spoilt, again)
    assert b"\xc1" not in rows.values()
    assert told(rows).parts == 1


def test_what_is_kept_is_bounded_and_what_is_forgotten_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bdp.flow.contrast.MOST", 20)
    before = counted("shadow")
    shadow, rows = opened(), Rows()
    names = [f"s{i}" for i in range(50)]
    for i, name in enumerate(names):
        shadow.observe(burst(name, 7, 10 * i))
        if i % 7 == 0:
            rows = kept(rows, shadow)
    shadow.finish()
    rows = kept(rows, shadow)
    found = [name for name in rows if name.startswith(f"{PREFIX}report/shadow/")]
    assert len(found) == 20
    report = told(rows)
    assert {one.finding.shown for one in report.found.worst} == set(names[30:])
    assert report.start > START + timedelta(minutes=290)
    assert counted("shadow") - before == 50


def test_long_names_are_cut_and_stay_apart() -> None:
    [raised] = [one for one in Watch(*LIVE).observe(burst("big", 11)) if isinstance(one, Anomaly)]
    said = contrast.Contrast(fingerprint(LIVE, LOWER), START)
    for end in "ab":
        subject = Subject(service="x" * 5000 + end)
        said.add(contrast.Side.SHADOW, [raised.model_copy(update={"anomaly_id": end, "subject": subject})])
    rows = {PREFIX + name: row for name, row in said.changed_rows().items() if row is not None}
    assert len(rows) == 3
    assert all(len(row) < 2000 for row in rows.values())
    assert len({one.finding.entity for one in told(rows).found.worst}) == 2


def test_several_lanes_are_one_report_and_other_settings_are_left_out() -> None:
    def lane(name: str, other: Detection) -> list[tuple[str, str, bytes]]:
        shadow = opened(other=other)
        shadow.observe(burst(f"small{name}", 7))
        return [(name, key.removeprefix(PREFIX), row) for key, row in kept({}, shadow).items() if "report/" in key]

    other = LIVE._replace(detect=BurstSettings(threshold=4))
    rows = [*lane("1", LOWER), *lane("2", LOWER), *lane("3", other)]
    report = reported(rows, fingerprint(LIVE, LOWER), START, END, 100)
    assert (report.parts, report.apart) == (2, 1)
    assert sorted(one.finding.shown for one in report.found.worst) == ["small1", "small2"]
    assert reported(rows, fingerprint(LIVE, LOWER), START + timedelta(hours=1), END, 100).found.kinds == ()


def test_findings_of_any_sequence_are_taken() -> None:
    shadow = Shadow(Silent(*LIVE), lambda: Watch(*LIVE), ManualClock(START), fingerprint(LIVE, LIVE))
    found: Sequence[Found] = shadow.observe(burst("big", 30))
    assert not found
    assert counts(told(kept({}, shadow), other=LIVE)) == {"burst": (0, 0, 1)}
