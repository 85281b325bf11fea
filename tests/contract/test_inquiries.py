"""What every database must do with questions to models, with their answers, and with the insights that follow."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import text

from bdp.errors import NotFound
from bdp.model.action import Message, MessageForm
from bdp.model.inquiry import Advice, Inquiry, Measure
from bdp.model.insight import TTL, AlertState, Insight, InsightSource, Opinion, PredictionType
from bdp.ports import Inquiries
from bdp.store.inquiries import SqlInquiries
from bdp.store.state import State
from tests.contract.test_insights import insight

START = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)
OpenMore = Callable[..., State]
T = TypeVar("T")
LATENCY = Measure(name="latency_p99", value=14.2, unit="µs", baseline=4.6, reference="< 5", stands_out=True)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def asked(name: str = "a", risk: int = 50, seconds: float = 0) -> Inquiry:
    """A question about an insight of the rules."""
    found = insight(name, seconds / 60, risk)
    return Inquiry(
        inquiry_id=found.entity_id,
        related_entity=name,
        timestamp=found.timestamp,
        measures=(LATENCY,),
        insight=found,
    )


def opinion(risk: int = 90, **fields: Any) -> Opinion:
    given: dict[str, Any] = {
        "prediction_type": PredictionType.RESOURCE_SATURATION,
        "risk_score": risk,
        "explanation": "The link is full",
        "recommendations": ("Move the largest job", "Check adaptive routing"),
        "confidence": 0.9,
        "model_used": "m-1",
        "source": InsightSource.AI,
    }
    return Opinion(**given | fields)


def advice(inquiry: Inquiry, risk: int = 90) -> Advice:
    """A model is sure of a risk."""
    said = opinion(risk)
    assert inquiry.insight is not None
    rules = Opinion(**{name: getattr(inquiry.insight, name) for name in Opinion.model_fields})
    revised = inquiry.insight.model_copy(update={**dict(said), "beside": rules})
    return Advice(source=InsightSource.AI, opinion=said, insight=revised, nano_usd=7, tokens=300)


def rules(inquiry: Inquiry, reason: str = "timeout") -> Advice:
    return Advice(source=InsightSource.RULES, reason=reason, insight=inquiry.insight)


def keep(state: State, *inquiries: Inquiry, seconds: float = 0, deadline: float = 60) -> int:
    """Keep questions and the insights they are about, as the pipeline does."""
    state.insights.add_all([one.insight for one in inquiries if one.insight], after(seconds))
    return state.inquiries.add_all(inquiries, after(seconds), after(seconds + deadline))


def ids(inquiries: list[Inquiry]) -> list[str]:
    return [one.related_entity for one in inquiries]


def together(count: int, work: Callable[[int], T]) -> list[T]:
    start = threading.Barrier(count)

    def run(number: int) -> T:
        start.wait(10)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


class TestClaims:
    def test_a_question_comes_back_as_it_was_asked_with_its_deadline(self, state: State) -> None:
        port: Inquiries = state.inquiries
        one = asked("leaf1/포트-3")
        assert keep(state, one) == 1
        assert port.claim(START, 9, after(30)) == [one.model_copy(update={"deadline": after(60)})]

    def test_each_is_kept_once(self, state: State) -> None:
        assert keep(state, asked("a"), asked("b"), asked("a")) == 2
        assert keep(state, asked("a"), asked("c"), seconds=5) == 1
        claimed = state.inquiries.claim(after(5), 9, after(30))
        assert sorted((one.related_entity, one.deadline) for one in claimed) == [
            ("a", after(60)), ("b", after(60)), ("c", after(65)),
        ]  # fmt: skip

    def test_the_riskiest_go_first_and_nobody_else_has_them_until_their_time(self, state: State) -> None:
        keep(state, asked("low", 20), asked("critical", 95), asked("high", 70))
        assert ids(state.inquiries.claim(START, 2, after(30))) == ["critical", "high"]
        assert ids(state.inquiries.claim(after(1), 9, after(31))) == ["low"]
        assert state.inquiries.claim(after(29), 9, after(60)) == []
        assert ids(state.inquiries.claim(after(30), 9, after(50))) == ["critical", "high"]

    def test_some_wait_for_others_unless_one_presses(self, state: State) -> None:
        keep(state, asked("a"), asked("b"))
        claim = state.inquiries.claim
        assert claim(after(5), 3, after(30), asked_before=after(-15)) == []
        keep(state, asked("c"), seconds=6)
        assert ids(claim(after(7), 3, after(30), asked_before=after(-13))) == ["a", "b", "c"]  # a whole batch
        keep(state, asked("d"), seconds=8)
        assert claim(after(9), 3, after(30), asked_before=after(-11)) == []
        assert ids(claim(after(28), 3, after(30), asked_before=after(8))) == ["d"]  # it waited long enough
        keep(state, asked("e"), asked("f", 80), seconds=31, deadline=90)
        assert ids(claim(after(31), 3, after(90), asked_before=after(11)))[:1] == ["f"]  # critical

    def test_what_is_overdue_is_found_claimed_or_not(self, state: State) -> None:
        keep(state, asked("a"))
        keep(state, asked("b"), seconds=10)
        state.inquiries.claim(after(10), 1, after(500))
        assert state.inquiries.overdue(after(59), 9) == []
        assert ids(state.inquiries.overdue(after(60), 9)) == ["a"]
        assert ids(state.inquiries.overdue(after(70), 9)) == ["a", "b"]
        assert ids(state.inquiries.overdue(after(70), 1)) == ["a"]
        assert state.inquiries.claim(after(70), 9, after(99)) == []  # no answer is of use any more

    def test_where_too_many_wait_no_more_are_kept(self, state: State) -> None:
        few = SqlInquiries(state.database, most=3)
        assert few.add_all([asked("a"), asked("b")], START, after(60)) == 2
        assert few.add_all([asked("c"), asked("d")], START, after(60)) == 0
        assert few.add_all([asked("c")], START, after(60)) == 1
        few.close_all({asked("a").inquiry_id: rules(asked("a"))}, START)
        assert few.add_all([asked("d")], START, after(60)) == 1

    def test_hostile_and_endless_names_are_kept_and_closed(self, state: State) -> None:
        for name in ("a\x00b\ud800'; DROP TABLE inquiries; --\x1b[31m", "x" * 20_000, "y" * 399 + "1", "y" * 399 + "2"):
            keep(state, asked(name))
            (claimed,) = state.inquiries.claim(START, 9, after(30))
            assert state.inquiries.close_all({claimed.inquiry_id: advice(claimed)}, START)
            assert state.insights.get(asked(name).inquiry_id).source is InsightSource.AI

    def test_each_is_claimed_by_one_of_many_workers(self, lasting_url: str, open_more: OpenMore) -> None:
        states = [open_more(lasting_url) for _ in range(4)]
        keep(states[0], *(asked(f"s{number}", number) for number in range(60)))

        def claim_all(number: int) -> list[str]:
            found: list[str] = []
            while taken := states[number % 4].inquiries.claim(START, 4, after(30)):
                found += ids(taken)
            return found

        claimed = [name for names in together(6, claim_all) for name in names]
        assert len(claimed) == len(set(claimed))
        # PostgreSQL may pass over rows that another has locked for a moment; they are found by the next look.
        left = [one for _ in range(60) for one in ids(states[0].inquiries.claim(START, 4, after(30)))]
        assert sorted([*claimed, *left]) == sorted(f"s{number}" for number in range(60))


class TestClosing:
    def test_the_insight_says_what_the_model_says(self, state: State) -> None:
        one = asked(risk=50)
        keep(state, one)
        assert state.inquiries.close_all({one.inquiry_id: advice(one, 72)}, after(9))
        found = state.insights.get(one.inquiry_id)
        assert found == advice(one, 72).insight
        assert found.beside is not None
        assert (found.beside.risk_score, found.beside.source) == (50, InsightSource.RULES)
        assert state.insights.recent().insights == (found,)
        counts = state.inquiries.counts(START)
        assert (counts.sources, counts.reasons, counts.waiting, counts.nano_usd) == ({InsightSource.AI: 1}, {}, 0, 7)

    def test_the_first_to_close_counts(self, state: State) -> None:
        one = asked(risk=50)
        keep(state, one)
        assert state.inquiries.close_all({one.inquiry_id: rules(one)}, after(58))
        assert not state.inquiries.close_all({one.inquiry_id: advice(one)}, after(59))
        assert not state.inquiries.close_all({"unknown": rules(one)}, after(59))
        assert state.insights.get(one.inquiry_id) == one.insight
        counts = state.inquiries.counts(START)
        assert (counts.sources, counts.reasons) == ({InsightSource.RULES: 1}, {"timeout": 1})
        assert state.inquiries.counts(after(59)).sources == {}
        assert state.inquiries.counts(START, after(58)).sources == {}
        assert state.inquiries.counts(after(58), after(59)).sources == {InsightSource.RULES: 1}

    def test_many_close_each_once(self, lasting_url: str, open_more: OpenMore) -> None:
        states = [open_more(lasting_url) for _ in range(4)]
        inquiries = [asked(f"s{number}") for number in range(40)]
        keep(states[0], *inquiries)

        def close(number: int) -> set[str]:
            given = inquiries if number % 2 else inquiries[::-1]
            said = {one.inquiry_id: advice(one, 41 + number) for one in given}
            return states[number % 4].inquiries.close_all(said, after(9))

        closed = together(6, close)
        assert sum(map(len, closed)) == 40
        for number, names in enumerate(closed):
            for name in names:  # and the insight says what the one who closed it said
                assert states[0].insights.get(name).risk_score == 41 + number

    def test_closing_that_fails_changes_nothing(self, state: State) -> None:
        one = asked(risk=50)
        keep(state, one)
        with state.database.write() as connection:
            connection.execute(text("ALTER TABLE insights RENAME COLUMN beside TO gone"))
        with pytest.raises(Exception, match="beside"):
            state.inquiries.close_all({one.inquiry_id: advice(one)}, START)
        with state.database.write() as connection:
            connection.execute(text("ALTER TABLE insights RENAME COLUMN gone TO beside"))
        assert ids(state.inquiries.claim(START, 9, after(9))) == ["a"]
        assert state.insights.get(one.inquiry_id) == one.insight

    def test_a_model_may_raise_what_the_rules_did_not_but_never_over_another(self, state: State) -> None:
        quiet = asked("a").model_copy(update={"inquiry_id": "ask_a_1", "insight": None})
        assert state.inquiries.add_all([quiet], START, after(60)) == 1
        new = insight("a", 3, 85, source=InsightSource.AI, model_used="m-1")
        said = Advice(source=InsightSource.AI, opinion=opinion(), insight=new)
        assert state.inquiries.close_all({"ask_a_1": said}, after(9))
        assert state.insights.get(new.entity_id) == new
        assert state.alerts.standing(new.entity_id).state is AlertState.DUE
        second = quiet.model_copy(update={"inquiry_id": "ask_a_2"})
        state.inquiries.add_all([second], START, after(60))
        again = said.model_copy(update={"insight": new.model_copy(update={"risk_score": 20})})
        assert state.inquiries.close_all({"ask_a_2": again}, after(9))
        assert state.insights.get(new.entity_id).risk_score == 85

    def test_what_a_model_sees_nothing_in_raises_nothing(self, state: State) -> None:
        quiet = asked("a").model_copy(update={"inquiry_id": "ask_a_1", "insight": None})
        state.inquiries.add_all([quiet], START, after(60))
        calm = opinion(5, prediction_type=None)
        assert state.inquiries.close_all({"ask_a_1": Advice(source=InsightSource.AI, opinion=calm)}, START)
        assert state.insights.recent().insights == ()

    def test_the_opinion_beside_comes_back_also_where_it_sees_nothing(self, state: State) -> None:
        one = asked(risk=50)
        keep(state, one)
        calm = opinion(5, prediction_type=None)
        assert one.insight is not None
        stands = one.insight.model_copy(update={"beside": calm})
        said = Advice(source=InsightSource.RULES, reason="normal", opinion=calm, insight=stands)
        assert state.inquiries.close_all({one.inquiry_id: said}, START)
        assert state.insights.get(one.inquiry_id).beside == calm
        assert state.insights.get(one.inquiry_id).risk_score == 50


def standing(state: State, inquiry: Inquiry) -> AlertState:
    return state.alerts.standing(inquiry.inquiry_id).state


class TestAlerts:
    def test_what_becomes_critical_is_due_also_behind_a_digest(self, state: State) -> None:
        for name, risk in (("medium", 50), ("low", 10), ("digested", 60)):
            one = asked(name, risk)
            keep(state, one)
            if name == "digested":
                with state.alerts.desk() as desk:
                    desk.digested(after(1), "digest:1")
            state.inquiries.close_all({one.inquiry_id: advice(one, 91)}, after(9))
            assert standing(state, one) is AlertState.DUE
        assert state.alerts.pending(after(9))
        with state.alerts.desk() as desk:
            assert sorted(one.risk_score for one in desk.due(9)) == [91, 91, 91]
            desk.tell(MessageForm.ALERT, told(), [asked("digested").inquiry_id], START, after(9))
        assert standing(state, asked("digested")) is AlertState.TOLD

    def test_what_people_were_told_stays_told_and_what_is_due_stays_due(self, state: State) -> None:
        for name in ("due", "told"):
            one = asked(name, 90)
            keep(state, one)
            if name == "told":
                with state.alerts.desk() as desk:
                    desk.tell(MessageForm.ALERT, told(), [one.inquiry_id], START, START)
            state.inquiries.close_all({one.inquiry_id: advice(one, 30)}, after(9))
            assert standing(state, one) is AlertState[name.upper()]
            assert state.insights.get(one.inquiry_id).risk_score == 30

    def test_below_critical_the_digest_follows_the_risk(self, state: State) -> None:
        up, down = asked("up", 20), asked("down", 50)
        keep(state, up, down)
        state.inquiries.close_all({up.inquiry_id: advice(up, 55)}, START)
        state.inquiries.close_all({down.inquiry_id: advice(down, 15)}, START)
        assert (standing(state, up), standing(state, down)) == (AlertState.BELOW, AlertState.NONE)


def told() -> Message:
    return Message(key="m", title="title", body="body", severity="critical")


class TestMemory:
    def test_answers_serve_until_their_time(self, state: State) -> None:
        port: Inquiries = state.inquiries
        port.remember([("a", '{"x": "µ"}'), ("b", "{}")], START, after(300))
        assert port.recall(["a", "b", "c"], after(299)) == {"a": '{"x": "µ"}', "b": "{}"}
        port.remember([("a", "[1]"), ("a", "[2]")], after(200), after(500))
        assert port.recall(["a", "b"], after(300)) == {"a": "[2]"}
        assert port.recall([], START) == {}

    def test_what_is_no_longer_needed_goes(self, state: State) -> None:
        closed, waits = asked("closed"), asked("waits")
        keep(state, closed, waits)
        state.inquiries.close_all({closed.inquiry_id: rules(closed)}, START)
        state.inquiries.remember([("a", "{}")], START, after(300))
        assert state.inquiries.forget(after(3600)) == 0
        assert state.inquiries.forget(after(2 * 86_400)) == 1  # nobody came to close it
        assert state.inquiries.counts(START).sources == {InsightSource.RULES: 1}
        assert state.inquiries.forget(START + TTL) == 1
        assert state.inquiries.counts(START).sources == {}
        with pytest.raises(NotFound):
            state.insights.get("none")

    def test_what_was_asked_goes_once_it_is_answered(self, state: State) -> None:
        one = asked()
        keep(state, one)
        state.inquiries.close_all({one.inquiry_id: rules(one)}, START)
        with state.database.read() as connection:
            assert connection.scalar(text("SELECT inquiry FROM inquiries")) is None

    def test_two_remember_the_same_at_once(self, lasting_url: str, open_more: OpenMore) -> None:
        states = [open_more(lasting_url) for _ in range(3)]
        answers = [(f"k{number}", "{}") for number in range(50)]

        def remember(number: int) -> None:
            given = answers if number % 2 else answers[::-1]
            states[number % 3].inquiries.remember(given, START, after(300))

        together(6, remember)
        assert len(states[0].inquiries.recall([key for key, _ in answers], START)) == 50


def test_an_insight_without_a_word_beside_it_has_none(state: State) -> None:
    found: Insight = insight()
    state.insights.add(found, START)
    assert state.insights.get(found.entity_id).beside is None
