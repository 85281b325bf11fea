"""From a sample to what a model says of it, on a clock that stands until it is moved: rules at once, a model later.

Samples go through the real pipeline, detectors and databases; the model is a script.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bdp.clock import ManualClock
from bdp.detect.fabric.detector import FabricDetector, FabricSettings
from bdp.errors import NoAnswer, StoreUnavailable
from bdp.flow.advice import AdviceSettings, Advising, Questions
from bdp.flow.tell.alerting import Alerting
from bdp.llm.ask import Answer, Ask, Prompt, T
from bdp.llm.scripted import Scripted
from bdp.model.action import Message
from bdp.model.insight import AlertState, Insight, InsightSource, PredictionType
from bdp.model.spending import Reason
from bdp.store.state import State, open_state
from bdp.telemetry import REGISTRY
from tests.unit.detect.fabric.fabric_points import at, sample

STEPS = ["Read port_xmit_wait along the path.", "Look for a slow receiver."]


@dataclass
class Model:
    """What a model says of each item: its type and risk, and a figure of its own in its explanation."""

    kind: str = "latency_spike"
    risk: int = 75
    confidence: float = 0.9
    reason: str = ""
    text: str = "P99 latency is {latency} µs."
    wrong: dict[str, int] = field(default_factory=dict)
    items: list[list[str]] = field(default_factory=list)

    def answer(self, prompt: Prompt) -> str:
        if self.reason:
            raise NoAnswer("There is none.", reason=self.reason)
        found = json.loads(prompt.text.split("<items>\n")[1].split("\n</items>")[0])["items"]
        self.items.append([item["stream"] for item in found])
        return json.dumps({"answers": [self.said(item) for item in found]})

    def said(self, item: dict[str, Any]) -> dict[str, Any]:
        latency = item["measures"]["latency_p99"]["value"]
        if self.wrong.get(item["stream"], 0) > 0:
            self.wrong[item["stream"]] -= 1
            latency = 99
        return {
            "id": item["id"],
            "prediction_type": self.kind,
            "risk_score": self.risk,
            "explanation": self.text.format(latency=latency),
            "recommendations": STEPS,
            "confidence": self.confidence,
        }


@dataclass
class Scene:
    """One home with a fabric that is sampled each 10 s, and a worker."""

    state: State
    clock: ManualClock
    model: Model
    settings: AdviceSettings
    fabric: FabricSettings
    context: int = 32_768
    second: int = 0

    def __post_init__(self) -> None:
        self.detector = FabricDetector(self.fabric, inquiring=True)
        self.questions = Questions(self.state.inquiries, self.clock, self.settings)
        self.gateway = Scripted(self.model.answer, nano_usd=10, context_tokens=self.context)
        self.advising = self.worker()

    def worker(self) -> Advising:
        state = self.state
        return Advising(
            state.inquiries, state.insights, self.gateway, self.clock, self.settings, self.fabric, models="scripted"
        )

    def push(self, values: dict[str, float], *streams: str) -> list[Insight]:
        """Sample streams once; what the rules say is kept as the pipeline keeps it."""
        points = [point for stream in streams or ("ib-01",) for point in sample(self.second, stream, **values)]
        self.clock.at = at(self.second)
        self.second += 10
        found = self.detector.observe(points)
        if found:
            self.state.insights.add_all(found, self.clock.now())
        self.questions.keep(self.detector.inquiries())
        return found

    def warm(self, *streams: str) -> None:
        for _ in range(30):
            self.push({}, *streams)

    def pass_time(self, seconds: float, each: float = 1) -> int:
        closed = 0
        for _ in range(round(seconds / each)):
            self.clock.advance(timedelta(seconds=each))
            closed += self.advising.step(self.clock.now())
        return closed

    def get(self, found: Insight) -> Insight:
        return self.state.insights.get(found.entity_id)


SPIKE = {"latency_p99": 10.4}  # 3.5 times: high
CRITICAL = {"latency_p99": 15.2}
Make = Callable[..., Scene]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Make]:
    opened: list[State] = []

    def make(
        model: Model | None = None, fabric: FabricSettings | None = None, context: int = 32_768, **settings: Any
    ) -> Scene:
        opened.append(open_state(f"sqlite:///{tmp_path / f'state{len(opened)}.db'}"))
        given = AdviceSettings(**settings)
        return Scene(opened[-1], ManualClock(at(0)), model or Model(), given, fabric or FabricSettings(), context)

    yield make
    for state in opened:
        state.close()


def counted(source: str, reason: str = "") -> float:
    return REGISTRY.get_sample_value("bdp_inquiries_total", {"source": source, "reason": reason}) or 0.0


def test_the_rules_speak_at_once_and_the_model_within_the_deadline(scene: Make) -> None:
    s = scene()
    s.warm()
    before = counted("ai")
    (rules,) = s.push(SPIKE)
    assert s.get(rules) == rules  # nothing waits for the model
    assert s.pass_time(15) == 0  # it lingers for others to share its call
    assert s.pass_time(10) == 1
    found = s.get(rules)
    assert (found.source, found.model_used, found.risk_score) == (InsightSource.AI, "scripted", 75)
    assert found.explanation == "P99 latency is 10.4 µs."
    assert found.beside is not None
    assert (found.beside.explanation, found.beside.source) == (rules.explanation, InsightSource.RULES)
    assert found.entity_id == rules.entity_id
    counts = s.state.inquiries.counts(at(0))
    assert (counts.sources, counts.waiting) == ({InsightSource.AI: 1}, 0)
    assert counts.nano_usd == 10 * (s.gateway.tokens_in + s.gateway.tokens_out)
    assert counted("ai") == before + 1


def test_normal_samples_and_duplicates_ask_nothing(scene: Make) -> None:
    s = scene()
    s.warm()
    s.push(SPIKE)
    for _ in range(5):
        assert s.push(SPIKE) == []
    s.pass_time(30)
    assert s.model.items == [["ib-01"]]


def test_several_share_a_call_and_a_critical_one_does_not_wait(scene: Make) -> None:
    s = scene(cache_seconds=0)
    s.warm("a", "b", "c")
    s.push(SPIKE, "a", "b")
    assert s.pass_time(5) == 0
    s.push(CRITICAL, "c")
    assert s.pass_time(1) == 3
    assert s.model.items == [["c", "a", "b"]]


def test_an_alike_sample_minutes_later_is_not_asked_and_speaks_of_itself(scene: Make) -> None:
    s = scene()
    s.warm("ib-a", "ib-b", "ib-c")
    raised = [*s.push(SPIKE, "ib-a", "ib-b")]
    s.pass_time(25)
    later = s.push({"latency_p99": 10.45}, "ib-c")
    s.pass_time(25)
    assert s.model.items == [["ib-a", "ib-b"]]
    found = [s.get(one) for one in (*raised, *later)]
    assert [one.source for one in found] == [InsightSource.AI, InsightSource.AI, InsightSource.CACHED]
    assert [one.explanation for one in found][-1] == "P99 latency is 10.4 µs."  # 10.45, as its digits were written
    assert [one.model_used for one in found] == ["scripted"] * 3
    s.clock.advance(timedelta(seconds=301))
    s.second += 400
    s.warm("ib-d")
    s.push(SPIKE, "ib-d")
    s.pass_time(25)
    assert s.model.items == [["ib-a", "ib-b"], ["ib-d"]]  # too old to serve


def test_a_model_that_is_not_sure_stands_beside_the_rules(scene: Make) -> None:
    s = scene(Model(confidence=0.6, risk=20, kind="anomaly_detected"))
    s.warm()
    (rules,) = s.push(SPIKE)
    s.pass_time(25)
    found = s.get(rules)
    assert found.model_copy(update={"beside": None}) == rules
    assert found.beside is not None
    assert (found.beside.risk_score, found.beside.source) == (20, InsightSource.AI)
    assert s.state.inquiries.counts(at(0)).reasons == {"unsure": 1}


def test_one_that_sees_nothing_wrong_does_not_silence_the_rules(scene: Make) -> None:
    s = scene(Model(kind="normal", risk=3))
    s.warm()
    (rules,) = s.push(SPIKE)
    s.pass_time(25)
    found = s.get(rules)
    assert (found.source, found.risk_score) == (InsightSource.RULES, rules.risk_score)
    assert found.beside is not None
    assert found.beside.prediction_type is None
    assert s.state.inquiries.counts(at(0)).reasons == {"normal": 1}


@pytest.mark.parametrize(("risk", "decides"), [(0, "rules"), (39, "rules"), (65, "ai"), (75, "ai")])
def test_one_that_is_sure_talks_no_finding_away(scene: Make, risk: int, decides: str) -> None:
    s = scene(Model(risk=risk, confidence=1.0))
    s.warm()
    (rules,) = s.push({"latency_p99": 13})
    assert rules.risk_score >= 80
    s.pass_time(25)
    found = s.get(rules)
    assert (found.source, found.risk_score) == (decides, rules.risk_score if decides == "rules" else risk)
    assert found.beside is not None
    assert found.beside.risk_score == (risk if decides == "rules" else rules.risk_score)


@pytest.mark.parametrize("reason", [Reason.AWAY, Reason.DAY_BUDGET, Reason.NO_MODEL])
def test_without_an_answer_the_rules_stand_and_the_reason_is_counted(scene: Make, reason: Reason) -> None:
    s = scene(Model(reason=reason))
    s.warm("a", "b")
    raised = s.push(SPIKE, "a", "b")
    s.pass_time(25)
    assert [s.get(one) for one in raised] == raised
    assert s.state.inquiries.counts(at(0)).reasons == {reason: 2}


def test_only_what_is_wrong_is_asked_again(scene: Make) -> None:
    s = scene(Model(wrong={"b": 1}), cache_seconds=0)
    s.warm("a", "b", "c")
    raised = s.push(SPIKE, "a", "b", "c")
    s.pass_time(25)
    assert s.model.items == [["a", "b", "c"], ["b"]]
    assert "99 µs" in s.gateway.exchanges[-1].prompt.text  # it is told what was wrong
    assert [s.get(one).source for one in raised] == [InsightSource.AI] * 3


def test_one_that_stays_wrong_is_left_to_the_rules_alone(scene: Make) -> None:
    s = scene(Model(wrong={"b": 99}), cache_seconds=0)
    s.warm("a", "b", "c")
    raised = s.push(SPIKE, "a", "b", "c")
    s.pass_time(25)
    sources = {one.related_entity: s.get(one).source.value for one in raised}
    assert sources == {"a": "ai", "b": "rules", "c": "ai"}
    assert s.state.inquiries.counts(at(0)).reasons == {"invalid": 1}
    assert all(names == ["b"] for names in s.model.items[1:])


def test_a_share_is_asked_and_always_the_same(scene: Make) -> None:
    streams = [f"s{number}" for number in range(30)]
    asked = []
    for _ in range(2):
        s = scene(sampling_rate=0.5, cache_seconds=0)
        s.warm(*streams)
        s.push(SPIKE, *streams)
        s.pass_time(40)
        reasons = s.state.inquiries.counts(at(0)).reasons
        asked.append(sorted(name for names in s.model.items for name in names))
        assert reasons == {"sampled_out": 30 - len(asked[-1])}
    assert asked[0] == asked[1]
    assert 8 <= len(asked[0]) <= 22


def test_the_deadline_holds_while_a_call_goes_on_and_the_late_answer_counts_no_more(scene: Make) -> None:
    s = scene()
    s.warm()
    slow = s.gateway

    class Slow(Scripted):
        def ask(self, ask: Ask[T]) -> Answer[T]:
            s.clock.advance(timedelta(seconds=58))
            assert other.sweep(s.clock.now()) == 1  # another worker, or the sweep of this one
            return slow.ask(ask)

    other = s.worker()
    s.gateway = Slow(s.model.answer)
    (rules,) = s.push(CRITICAL)
    assert s.worker().step(s.clock.now()) == 0
    assert s.get(rules) == rules
    assert s.state.inquiries.counts(at(0)).reasons == {"timeout": 1}


def test_what_a_worker_had_when_it_died_is_another_ones(scene: Make) -> None:
    s = scene(answer_seconds=20)
    s.warm("a", "b")
    first, second = s.push(CRITICAL, "a", "b")

    class Killed(BaseException):
        pass

    def die(prompt: Prompt) -> str:
        raise Killed

    gateway, s.gateway = s.gateway, Scripted(die)
    with pytest.raises(Killed):
        s.worker().step(s.clock.now())
    s.gateway = gateway
    s.advising = s.worker()
    assert s.pass_time(18) == 0  # they are the dead one's so far
    assert s.pass_time(10) == 2
    assert {s.get(one).source for one in (first, second)} <= {InsightSource.AI, InsightSource.CACHED}


def test_nobody_answers_for_long_and_each_is_closed_by_its_deadline(scene: Make) -> None:
    s = scene()
    s.warm("a")
    (rules,) = s.push(CRITICAL, "a")
    s.clock.advance(timedelta(seconds=57))
    assert s.advising.sweep(s.clock.now()) == 0
    s.clock.advance(timedelta(seconds=1))
    assert s.advising.sweep(s.clock.now()) == 1
    assert s.get(rules) == rules
    assert s.advising.step(s.clock.now()) == 0
    assert s.model.items == []


def test_old_samples_ask_nothing(scene: Make) -> None:
    s = scene(old_seconds=3600)
    s.warm()
    before = counted("rules", "old")
    found = s.detector.observe(sample(300, "ib-01", **SPIKE))
    s.clock.at = at(300 + 3601)
    s.questions.keep(s.detector.inquiries())
    assert len(found) == 1
    assert s.state.inquiries.counts(at(0)).waiting == 0
    assert counted("rules", "old") == before + 1


def test_the_same_again_after_a_crash_asks_once(scene: Make) -> None:
    s = scene()
    s.warm()
    rows = {name: row for name, row in s.detector.changed_rows().items() if row is not None}
    for _ in range(2):  # killed before its commit, the range runs again
        s.detector = FabricDetector(s.fabric, inquiring=True)
        s.detector.restore(rows)
        (rules,) = s.push(SPIKE)
        s.second -= 10
    s.pass_time(25)
    assert s.model.items == [["ib-01"]]
    assert s.get(rules).source is InsightSource.AI


class People:
    name = "people"

    def __init__(self) -> None:
        self.heard: list[Message] = []

    def send(self, message: Message) -> None:
        self.heard.append(message)


def test_what_a_model_calls_critical_is_told_and_what_was_told_stays(scene: Make) -> None:
    s = scene(Model(risk=91))
    people = People()
    alerting = Alerting(s.state.insights, s.state.alerts, [people], s.clock)
    s.warm("a", "b")
    (high,) = s.push(SPIKE, "a")
    alerting.step(s.clock.now())
    assert people.heard == []
    s.pass_time(25)
    alerting.step(s.clock.now())
    (told,) = people.heard
    assert "Risk 91" in told.title
    assert "by scripted" in told.body or "by ai" in told.body

    s.model.risk = 65
    (critical,) = s.push(CRITICAL, "b")
    alerting.step(s.clock.now())
    assert len(people.heard) == 2  # at once: no alert waits for a model
    s.pass_time(5)
    assert s.get(critical).risk_score == 65
    assert s.state.alerts.standing(critical.entity_id).state is AlertState.TOLD
    assert s.state.alerts.standing(high.entity_id).state is AlertState.TOLD


def test_what_the_rules_call_critical_is_told_in_their_words_also_in_a_summary(scene: Make) -> None:
    s = scene(Model(kind="packet_loss_detected", risk=88, text="All is as the model says: {latency} µs."))
    people = People()
    alerting = Alerting(s.state.insights, s.state.alerts, [people], s.clock)
    streams = [f"s{number}" for number in range(12)]
    s.warm(*streams)
    found = [insight for stream in streams for insight in s.push(CRITICAL, stream)]
    s.pass_time(25)  # the model has spoken before anybody was told
    assert InsightSource.AI in {s.get(one).source for one in found}
    alerting.step(s.clock.now())
    (told,) = people.heard
    assert "latency spike 12" in told.body
    assert "packet loss" not in told.body
    assert "as the model says" not in told.body


def test_asked_about_more_a_model_may_raise_what_the_rules_did_not_but_once(scene: Make) -> None:
    s = scene(Model(kind="anomaly_detected", risk=66), FabricSettings(ask="triggered"), cache_seconds=0)
    s.warm()
    odd = {"utilization": 34.0, "bandwidth_gbps": 64.6}  # beyond a trigger, and no rule speaks
    for _ in range(6):
        assert s.push(odd) == []
        s.pass_time(1)
    s.pass_time(40)
    (raised,) = s.state.insights.recent().insights
    assert raised.entity_id == f"alert_ib-01_{raised.timestamp.timestamp():.0f}"
    assert (raised.prediction_type, raised.risk_score) == (PredictionType.ANOMALY_DETECTED, 66)
    assert (raised.source, raised.beside) == (InsightSource.AI, None)
    assert s.state.inquiries.counts(at(0)).sources == {InsightSource.AI: 6}


def test_calls_stay_small_enough_for_a_small_model(scene: Make) -> None:
    streams = [f"s{number}" for number in range(8)]
    s = scene(context=4096, cache_seconds=0)
    s.warm(*streams)
    raised = s.push(SPIKE, *streams)
    s.pass_time(30)
    assert {s.get(one).source for one in raised} == {InsightSource.AI}
    for exchange in s.gateway.exchanges:
        assert len("".join(exchange.prompt).encode()) <= 4096
    assert max(map(len, s.model.items)) < 8


def test_in_the_background_with_a_database_that_is_away_for_a_while(scene: Make) -> None:
    s = scene(linger_seconds=0)
    s.warm()
    (rules,) = s.push(SPIKE)
    answered, away = threading.Event(), [2]
    claim = s.state.inquiries.claim

    def failing(*words: Any) -> Any:
        if away[0]:
            away[0] -= 1
            raise StoreUnavailable("away")
        found = claim(*words)
        if not found and s.get(rules).source is InsightSource.AI:
            answered.set()
        return found

    object.__setattr__(s.state.inquiries, "claim", failing)
    worker = s.worker()
    worker.start()
    try:
        assert answered.wait(20)
    finally:
        worker.close()
    assert s.get(rules).source is InsightSource.AI
