"""From an insight to people, on a clock that stands until it is moved: told in time, told once, through all that fails.

The databases are real, SQLite and (where two workers share it) PostgreSQL; what people see is a channel in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bdp.clock import ManualClock
from bdp.errors import ChannelUnavailable, StoreUnavailable
from bdp.flow.tell.alerting import Alerting
from bdp.flow.tell.triage import AlertingSettings
from bdp.model.action import Message
from bdp.model.insight import TTL, AlertState, Insight, InsightSource, PredictionType
from bdp.notify.file import FileChannel, FileSettings
from bdp.ports import Channel
from bdp.store.state import State, open_state
from bdp.telemetry import REGISTRY

NOON = datetime(2026, 3, 1, 12, 10, tzinfo=UTC)
SPIKE, TIMEOUT = PredictionType.LATENCY_SPIKE, PredictionType.RDMA_TIMEOUT


class Killed(BaseException):
    """The process ends here."""


@dataclass
class People:
    """A channel that people read. It may be away, or the process may end in the middle of a call."""

    clock: ManualClock
    name: str = "people"
    away: bool = False
    broken: bool = False
    kill: str = ""
    calls: int = 0
    heard: list[tuple[datetime, Message]] = field(default_factory=list)

    def send(self, message: Message) -> None:
        self.calls += 1
        if self.kill == "before":
            raise Killed
        if self.broken:
            raise ZeroDivisionError("a defect")
        if self.away:
            raise ChannelUnavailable("Nobody is there.")
        if message.key not in [known.key for _, known in self.heard]:  # the receiver tells by the key
            self.heard.append((self.clock.now(), message))
        if self.kill == "after":
            raise Killed

    @property
    def titles(self) -> list[str]:
        return [message.title for _, message in self.heard]


@dataclass
class Scene:
    """One home: its state, its people, and a process that tells them once a second."""

    state: State
    clock: ManualClock
    channels: list[Channel]
    settings: AlertingSettings = field(default_factory=AlertingSettings)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        state = self.state
        self.alerting = Alerting(state.insights, state.alerts, self.channels, self.clock, self.settings)

    def pass_time(self, seconds: float, each: float = 1) -> None:
        """Let time go by, with a step after each so many seconds."""
        for _ in range(round(seconds / each)):
            self.clock.advance(timedelta(seconds=each))
            self.alerting.step(self.clock.now())

    def find(self, stream: str = "leaf1/port3", risk: int = 90, kind: PredictionType = SPIKE, age: float = 2) -> str:
        """Keep an insight whose event was `age` seconds ago; return its id."""
        at = self.clock.now() - timedelta(seconds=age)
        found = insight(stream, at, risk, kind)
        assert self.state.insights.add(found, self.clock.now())
        return found.entity_id

    def standing(self, entity_id: str) -> AlertState:
        return self.state.alerts.standing(entity_id).state


def insight(stream: str, at: datetime, risk: int = 90, kind: PredictionType = SPIKE) -> Insight:
    return Insight(
        entity_id=f"alert_{stream}_{kind}_{at.timestamp():.3f}",
        timestamp=at,
        prediction_type=kind,
        risk_score=risk,
        explanation="P99 14.2 µs, baseline 4.6 µs",
        recommendations=("Look at the congestion counters", "Move large transfers"),
        confidence=0.9,
        model_used="rules",
        source=InsightSource.RULES,
        related_entity=stream,
        ttl=at + TTL,
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def people(clock: ManualClock) -> People:
    return People(clock)


@pytest.fixture
def scene(tmp_path: Path, clock: ManualClock, people: People) -> Iterator[Scene]:
    state = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    yield Scene(state, clock, [people])
    state.close()


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


class TestTold:
    def test_within_seconds_of_detection_and_once(self, scene: Scene, people: People) -> None:
        before, told = sample("bdp_alert_seconds_count"), sample("bdp_alerts_told_total", form="alert")
        scene.pass_time(5)
        found, detected = scene.find(), scene.clock.now()
        scene.pass_time(1800)
        ((at, message),) = people.heard
        assert at - detected <= timedelta(seconds=1)
        assert message.title == "Risk 90, critical: latency spike at leaf1/port3"
        assert scene.state.alerts.standing(found).told_at == at
        assert sample("bdp_alert_seconds_count") - before == 1
        assert sample("bdp_alerts_told_total", form="alert") - told == 1
        assert sample("bdp_alert_seconds_bucket", le="2.0") >= 1

    @pytest.mark.parametrize(("risk", "heard"), [(100, 1), (80, 1), (79, 0), (0, 0)])
    def test_only_what_is_critical(self, scene: Scene, people: People, risk: int, heard: int) -> None:
        scene.find(risk=risk)
        scene.pass_time(120)
        assert len(people.heard) == heard

    def test_the_same_alert_once_in_five_minutes(self, scene: Scene, people: People) -> None:
        first = scene.find()
        scene.pass_time(1)
        repeats = []
        for _ in range(29):  # one each ten seconds, up to 291 s after the first was told
            scene.pass_time(10, each=10)
            repeats.append(scene.find())
            scene.pass_time(1)
            if scene.clock.now() - people.heard[0][0] > timedelta(seconds=285):
                break
        scene.find(kind=TIMEOUT)
        scene.find("leaf2/port1")
        scene.pass_time(1)
        assert len(people.heard) == 3
        assert {scene.standing(one) for one in repeats} == {AlertState.DUPLICATE}
        scene.pass_time(20)
        scene.find()
        scene.pass_time(1)
        assert len(people.heard) == 4
        assert people.heard[3][0] - people.heard[0][0] >= timedelta(minutes=5)
        assert scene.standing(first) is AlertState.TOLD

    def test_replayed_data_pages_nobody(self, scene: Scene, people: People) -> None:
        before = sample("bdp_alerts_suppressed_total", reason="old")
        old = [scene.find(f"s{number}", age=86_400 + number) for number in range(50)]
        scene.pass_time(120)
        assert people.heard == []
        assert {scene.standing(one) for one in old} == {AlertState.OLD}
        assert sample("bdp_alerts_suppressed_total", reason="old") - before == 50

    def test_a_backlog_of_half_an_hour_is_heard_of_once(self, scene: Scene, people: People) -> None:
        for minutes in range(30, 0, -5):
            scene.find(age=minutes * 60)
        scene.pass_time(60)
        assert len(people.heard) == 1


class TestFlood:
    def test_a_burst_of_streams_is_one_message(self, scene: Scene, people: People) -> None:
        found = [scene.find(f"leaf{number}/port1", 80 + number % 20) for number in range(200)]
        scene.pass_time(60)
        assert people.titles == ["Risk 99, critical: 200 alerts of 200 streams"]
        assert {scene.standing(one) for one in found} == {AlertState.TOLD}
        scene.find("leaf7/port1", 99)  # it was in the summary
        scene.pass_time(1)
        assert len(people.heard) == 1

    def test_a_flood_that_trickles_in_is_told_in_few_messages_and_in_time(self, scene: Scene, people: People) -> None:
        detected: dict[str, datetime] = {}
        for number in range(240):  # one new stream a second
            detected[scene.find(f"s{number}")] = scene.clock.now()
            scene.pass_time(1)
        scene.pass_time(60)
        assert len(people.heard) < 10 + 240 / 40 + 3
        waits = []
        for entity_id, at in detected.items():
            standing = scene.state.alerts.standing(entity_id)
            assert standing.state is AlertState.TOLD
            assert standing.told_at is not None
            waits.append((standing.told_at - at).total_seconds())
        assert max(waits) < 60

    def test_after_a_flood_alerts_come_alone_again(self, scene: Scene, people: People) -> None:
        for number in range(20):
            scene.find(f"s{number}")
        scene.pass_time(120)
        scene.find("another")
        scene.pass_time(1)
        assert people.titles[1:] == ["Risk 90, critical: latency spike at another"]


class TestAway:
    def test_told_when_the_channel_is_back(self, scene: Scene, people: People) -> None:
        people.away = True
        found = scene.find()
        scene.pass_time(3600)
        assert people.heard == []
        assert people.calls < 70  # it is asked with growing pauses
        people.away = False
        scene.pass_time(60)
        assert len(people.heard) == 1
        assert scene.standing(found) is AlertState.TOLD

    def test_a_channel_that_is_away_does_not_keep_the_others(self, scene: Scene, people: People) -> None:
        pager = People(scene.clock, "pager", away=True)
        scene.channels.insert(0, pager)
        scene.restart()
        for number in range(5):
            scene.find(f"s{number}")
            scene.pass_time(1)
            assert len(people.heard) == number + 1
        pager.away = False
        scene.pass_time(60)
        assert len(pager.heard) == len(people.heard) == 5

    def test_a_channel_with_a_defect_does_not_keep_the_others(self, scene: Scene, people: People) -> None:
        scene.channels.insert(0, People(scene.clock, "broken", broken=True))
        scene.restart()
        scene.find()
        scene.pass_time(1)
        assert len(people.heard) == 1

    def test_a_channel_away_for_long_calls_are_few_whatever_waits(self, scene: Scene, people: People) -> None:
        people.away = True
        for number in range(300):
            scene.find(f"s{number}")
            scene.pass_time(1)
        assert people.calls < 20
        people.away = False
        scene.pass_time(120)
        # What was written before it was known that nobody can be reached, and one summary of the rest.
        assert len(people.heard) <= 12
        assert "alerts of" in people.titles[-1]
        told = sum(int(title.split(": ")[1].split()[0]) if "alerts of" in title else 1 for title in people.titles)
        assert told == 300

    def test_what_reached_nobody_for_a_day_is_in_a_digest(self, scene: Scene, people: People) -> None:
        people.away = True
        found = scene.find()
        scene.pass_time(86_400 + 120, each=30)
        assert scene.standing(found) is AlertState.UNREACHABLE
        people.away = False
        scene.pass_time(7200, each=30)
        assert len(people.heard) == 1
        assert "1 critical, and nobody could be reached" in people.heard[0][1].body

    def test_while_the_database_is_away_nothing_is_lost(
        self, scene: Scene, people: People, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scene.find()

        def away(*_: Any, **__: Any) -> Any:
            raise StoreUnavailable("away")

        for part in ("pending", "claim_all", "tried_all"):
            with monkeypatch.context() as patch:
                patch.setattr(type(scene.state.alerts), part, away)
                with pytest.raises(StoreUnavailable):
                    scene.pass_time(1)
        scene.pass_time(60)
        assert len(people.heard) == 1


class TestKilled:
    @pytest.mark.parametrize("where", ["before", "after"])
    def test_in_a_call_to_a_channel(self, scene: Scene, people: People, where: str) -> None:
        found, detected = scene.find(), scene.clock.now()
        people.kill = where
        with pytest.raises(Killed):
            scene.pass_time(1)
        people.kill = ""
        scene.restart()
        scene.pass_time(60)
        assert len(people.heard) == 1
        told_at = scene.state.alerts.standing(found).told_at
        assert told_at is not None
        assert told_at - detected < timedelta(seconds=60)

    @pytest.mark.parametrize("part", ["claim_all", "tried_all"])
    def test_around_each_write(self, scene: Scene, people: People, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
        kind = type(scene.state.alerts)
        does = getattr(kind, part)

        def then_end(*given: Any, **more: Any) -> Any:
            does(*given, **more)
            raise Killed

        scene.find()
        with monkeypatch.context() as patch:
            patch.setattr(kind, part, then_end)
            with pytest.raises(Killed):
                scene.pass_time(1)
        scene.restart()
        scene.pass_time(59)
        assert len(people.heard) == 1

    def test_between_deciding_and_keeping_it(
        self, scene: Scene, people: People, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from bdp.store.alert_desk import SqlAlertDesk

        def end(*_: Any) -> Any:
            raise Killed

        scene.find()
        with monkeypatch.context() as patch:
            patch.setattr(SqlAlertDesk, "suppress", end)
            with pytest.raises(Killed):
                scene.pass_time(1)
        scene.restart()
        scene.pass_time(1)
        assert len(people.heard) == 1

    def test_one_channel_had_it_the_other_did_not(self, scene: Scene, people: People, tmp_path: Path) -> None:
        file = FileChannel(FileSettings(), tmp_path)
        scene.channels.insert(0, file)
        scene.restart()
        scene.find()
        people.kill = "before"
        with pytest.raises(Killed):
            scene.pass_time(1)
        people.kill = ""
        scene.restart()
        scene.pass_time(60)
        assert len(people.heard) == 1
        assert len((tmp_path / "notifications.ndjson").read_text().splitlines()) == 1


class TestDigest:
    def test_one_an_hour_of_what_was_not_told(self, scene: Scene, people: People) -> None:
        before = sample("bdp_digests_total")
        for number in range(30):
            scene.find(f"s{number % 6}", 40 + number)
            scene.pass_time(20, each=20)
        scene.find("hot")
        scene.pass_time(1)
        scene.find("hot")
        scene.pass_time(3600, each=10)
        digests = [(at, message) for at, message in people.heard if message.key.startswith("digest:")]
        ((at, message),) = digests
        assert at < datetime(2026, 3, 1, 13, 0, 15, tzinfo=UTC)
        assert message.title == "Digest of 2026-03-01 12:00 to 13:00 UTC: 31 insights, none told at once"
        assert "- 30 of risk 40 to 79\n- 1 critical, told already minutes before" in message.body
        assert message.body.count("\n- ") == 12
        assert sample("bdp_digests_total") - before == 1

    def test_none_if_there_is_nothing(self, scene: Scene, people: People) -> None:
        scene.find(risk=39)
        scene.find("b")
        scene.pass_time(3 * 3600, each=30)
        assert len(people.heard) == 1

    def test_starting_again_repeats_none(self, scene: Scene, people: People) -> None:
        scene.find(risk=60)
        for _ in range(12):
            scene.pass_time(600, each=60)
            scene.restart()
        assert [message.key for _, message in people.heard] == ["digest:2026-03-01T12"]

    def test_what_comes_late_is_in_the_next(self, scene: Scene, people: People) -> None:
        scene.find("early", 50)
        scene.pass_time(3000, each=60)
        late = insight("late", scene.clock.now(), 55)
        assert scene.state.insights.add(late, NOON + timedelta(minutes=49))  # detected before one, kept after it
        scene.pass_time(7200, each=60)
        keys = [message.key for _, message in people.heard]
        assert keys == ["digest:2026-03-01T12", "digest:2026-03-01T13"]
        assert "`late`" in people.heard[1][1].body
        assert "`early`" not in people.heard[1][1].body

    def test_off_by_setting(self, scene: Scene, people: People) -> None:
        scene.settings = AlertingSettings(digest=False)
        scene.restart()
        scene.find(risk=60)
        scene.pass_time(7200, each=60)
        assert people.heard == []


def test_forgotten_after_thirty_days(scene: Scene) -> None:
    scene.find(risk=10)
    scene.pass_time(1)
    scene.pass_time(31 * 86_400, each=43_200)
    assert scene.state.insights.recent().insights == ()


def test_it_runs_in_the_background_until_it_is_closed(scene: Scene) -> None:
    told = threading.Event()

    class Bell:
        name = "bell"

        def send(self, message: Message) -> None:
            told.set()

    scene.channels[:] = [Bell()]
    scene.settings = AlertingSettings(pass_seconds=0.05)
    scene.restart()
    scene.find()
    scene.alerting.start()
    try:
        assert told.wait(20)
    finally:
        scene.alerting.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "alerting"]
