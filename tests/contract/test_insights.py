"""What every database must do with insights, with what people are told of them, and with the messages."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import text

from bdp.errors import BadRequest, NotFound, StoreUnavailable
from bdp.model.action import Message, MessageForm
from bdp.model.insight import TTL, AlertState, Insight, InsightFilter, InsightSource, PredictionType
from bdp.ports import Alerts, Insights
from bdp.store.state import State

START = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)
OpenMore = Callable[..., State]
T = TypeVar("T")


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def insight(name: str = "a", minutes: float = 0, risk: int = 90, **fields: Any) -> Insight:
    at = after(minutes)
    given: dict[str, Any] = {
        "entity_id": f"alert_{name}_{at.timestamp():.0f}",
        "timestamp": at,
        "prediction_type": PredictionType.LATENCY_SPIKE,
        "risk_score": risk,
        "explanation": "P99 latency 14.2 µs, 3.1 times the baseline of 4.6 µs",
        "recommendations": ("Look at the congestion counters of the switch", "Move large transfers elsewhere"),
        "confidence": 0.87,
        "model_used": "rules",
        "source": InsightSource.RULES,
        "related_entity": name,
        "ttl": at + TTL,
    }
    return Insight(**given | fields)


def message(key: str = "m") -> Message:
    return Message(key=key, title="title", body="body", severity="critical")


def tell(state: State, found: Insight, now: datetime, form: MessageForm = MessageForm.ALERT) -> str:
    """Write a message of one insight, as the flow does."""
    key = f"insight:{found.entity_id}"
    with state.alerts.desk() as desk:
        desk.tell(form, message(key), [found.entity_id], now, now)
    return key


def together(count: int, work: Callable[[int], T]) -> list[T]:
    """Run `work` in so many threads that start at one instant."""
    start = threading.Barrier(count)

    def run(number: int) -> T:
        start.wait(10)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


class TestInsights:
    def test_one_comes_back_as_it_was_given(self, state: State) -> None:
        port: Insights = state.insights
        found = insight("leaf1/포트-3", source=InsightSource.AI, model_used="m")
        assert port.add(found, START)
        assert port.get(found.entity_id) == found
        assert port.recent().insights == (found,)

    def test_adding_again_changes_nothing(self, state: State) -> None:
        found = insight()
        assert state.insights.add(found, START)
        key = tell(state, found, START)
        assert not state.insights.add(found.model_copy(update={"risk_score": 10}), after(9))
        assert state.insights.get(found.entity_id).risk_score == 90
        standing = state.alerts.standing(found.entity_id)
        assert (standing.state, standing.message, standing.detected_at) == (AlertState.TOLD, key, START)

    def test_of_many_each_says_whether_it_is_new(self, state: State) -> None:
        first, second = insight("a"), insight("b")
        state.insights.add(second, START)
        other = first.model_copy(update={"risk_score": 41})
        assert state.insights.add_all([first, second, other], START) == [True, False, False]
        assert state.insights.get(first.entity_id) == first
        assert state.insights.add_all([], START) == []
        many = [insight(f"s{number}") for number in range(1300)]
        assert state.insights.add_all(many, START) == [True] * 1300
        assert len(state.insights.recent(limit=2000).insights) == 1302

    def test_filters_narrow_and_join(self, state: State) -> None:
        rows = [
            insight("a", 0, 90),
            insight("a", 1, 80, prediction_type=PredictionType.RDMA_TIMEOUT),
            insight("b", 2, 79, source=InsightSource.CACHED),
            insight("b", 3, 12),
        ]
        state.insights.add_all(rows, START)

        def risks(**fields: Any) -> list[int]:
            return [one.risk_score for one in state.insights.recent(InsightFilter(**fields)).insights]

        assert risks() == [12, 79, 80, 90]
        assert risks(min_risk=80) == [80, 90]
        assert risks(min_risk=79) == [79, 80, 90]
        assert risks(min_risk=85) == [90]
        assert risks(since=after(1)) == [12, 79, 80]
        assert risks(since=after(1), until=after(3)) == [79, 80]
        assert risks(related_entity="b") == [12, 79]
        assert risks(prediction_type=PredictionType.RDMA_TIMEOUT) == [80]
        assert risks(source=InsightSource.CACHED, related_entity="b") == [79]
        assert risks(source=InsightSource.AI) == []

    def test_pages_hold_together_while_new_ones_come_in(self, state: State) -> None:
        # Several share one instant, so that the id has to tell them apart.
        there = [insight(f"s{number}", number // 4) for number in range(23)]
        state.insights.add_all(there, START)
        seen: list[str] = []
        cursor, pages = "", 0
        while True:
            page = state.insights.recent(limit=5, cursor=cursor)
            seen += [one.entity_id for one in page.insights]
            pages += 1
            state.insights.add(insight(f"new{pages}", 100 + pages), START)
            if not (cursor := page.next):
                break
        assert (pages, sorted(seen)) == (5, sorted(one.entity_id for one in there))
        assert len(set(seen)) == 23

    def test_the_last_page_has_no_next(self, state: State) -> None:
        state.insights.add_all([insight("a"), insight("b")], START)
        assert state.insights.recent(limit=2).next == ""
        assert state.insights.recent(limit=1).next != ""
        assert state.insights.recent(InsightFilter(min_risk=100)).insights == ()

    @pytest.mark.parametrize(
        "cursor", ["x", "e30", "W10", "WyIyMDI2Il0", "WyIyMDI2LTAzLTAxIiwiYSJd", "é", "=", "A" * 9]
    )
    def test_a_cursor_that_is_none_is_refused(self, state: State, cursor: str) -> None:
        with pytest.raises(BadRequest, match="cursor"):
            state.insights.recent(cursor=cursor)

    def test_unknown_is_not_found(self, state: State) -> None:
        for ask in (state.insights.get, state.alerts.standing):
            with pytest.raises(NotFound):
                ask("nothing")

    def test_hostile_and_endless_names_are_kept_and_found(self, state: State) -> None:
        nasty = "a\x00b\ud800'; DROP TABLE insights; --\x1b[31m"
        for name in (nasty, "x" * 20_000, "y" * 399 + "1", "y" * 399 + "2"):
            found = insight(name, explanation=nasty)
            assert state.insights.add(found, START)
            assert not state.insights.add(found, START)
            kept = state.insights.get(found.entity_id)
            assert len(kept.entity_id) <= 400
            (again,) = state.insights.recent(InsightFilter(related_entity=name)).insights
            assert again == kept
            tell(state, kept, START)
            assert state.alerts.standing(found.entity_id).state is AlertState.TOLD

    def test_forgotten_when_ttl_and_thirty_days_here_are_over(self, state: State) -> None:
        replayed = insight("old", minutes=-60 * 24 * 400)  # its ttl was over long before it was found
        state.insights.add_all([insight("a"), replayed, insight("b", ttl=START + 2 * TTL)], START)
        assert state.insights.forget(START + TTL - timedelta(seconds=1)) == 0
        assert state.insights.forget(START + TTL + timedelta(seconds=1)) == 2
        assert [one.related_entity for one in state.insights.recent().insights] == ["b"]

    def test_queries_use_their_index(self, new_postgresql: str, open_more: OpenMore) -> None:
        state = open_more(new_postgresql)
        asked = {
            "insights_critical_ix": "risk_score >= 80 ORDER BY timestamp DESC, entity_id DESC LIMIT 9",
            "insights_related_entity_timestamp_entity_id_ix": "related_entity = 'a' ORDER BY timestamp DESC, entity_id "
            "DESC LIMIT 9",
            "insights_message_ix": "message_key = 'm'",
            "insights_alert_message_key_detected_at_ix": "alert = 'due' AND message_key IS NULL ORDER BY detected_at "
            "LIMIT 9",
        }
        with state.database.read() as connection:
            connection.execute(text("SET enable_seqscan = off"))
            connection.execute(text("SET enable_bitmapscan = off"))
            for name, rest in asked.items():
                plan = list(connection.execute(text(f"EXPLAIN SELECT * FROM insights WHERE {rest}")).scalars())
                assert any(name in line for line in plan), plan

    def test_sqlite_uses_the_small_index_for_critical_ones(self, open_more: OpenMore) -> None:
        state = open_more("sqlite://")
        asked = (
            "EXPLAIN QUERY PLAN SELECT * FROM insights WHERE risk_score >= 80 ORDER BY timestamp DESC, entity_id DESC"
        )
        with state.database.read() as connection:
            plan = [row[3] for row in connection.execute(text(asked))]
        assert plan == ["SCAN insights USING INDEX insights_critical_ix"]

    def test_one_of_many_adders_is_first(self, lasting_url: str, open_more: OpenMore) -> None:
        states = [open_more(lasting_url) for _ in range(4)]
        rows = [insight(f"s{number}") for number in range(40)]

        def add(number: int) -> list[bool]:
            given = rows if number % 2 else rows[::-1]
            told = states[number % 4].insights.add_all(given, START)
            return told if number % 2 else told[::-1]

        answers = together(8, add)
        assert [sum(column) for column in zip(*answers, strict=True)] == [1] * 40
        assert len(states[0].insights.recent(limit=100).insights) == 40


class TestDesk:
    def test_what_is_due_depends_on_the_risk(self, state: State) -> None:
        for risk in (0, 39, 40, 79, 80, 100):
            state.insights.add(insight(f"s{risk}", risk=risk), after(risk))
        with state.alerts.desk() as desk:
            due = desk.due(10)
            assert [(one.related_entity, one.detected_at) for one in due] == [("s80", after(80)), ("s100", after(100))]
            assert due[0].prediction_type is PredictionType.LATENCY_SPIKE
            assert [one.related_entity for one in desk.due(1)] == ["s80"]
        states = [state.alerts.standing(insight(f"s{risk}").entity_id).state for risk in (39, 40, 79)]
        assert states == [AlertState.NONE, AlertState.BELOW, AlertState.BELOW]

    def test_what_is_decided_is_due_no_more(self, state: State) -> None:
        rows = [insight(name) for name in "abc"]
        state.insights.add_all(rows, START)
        assert state.alerts.pending(START)
        with state.alerts.desk() as desk:
            assert desk.tell(MessageForm.ALERT, message(), [rows[0].entity_id], START, START)
            desk.suppress([rows[1].entity_id], AlertState.DUPLICATE)
            desk.suppress([], AlertState.OLD)
            assert [one.related_entity for one in desk.due(9)] == ["c"]
        with state.alerts.desk() as desk:
            desk.suppress([one.entity_id for one in rows], AlertState.OLD)  # what was decided stays
        standings = [state.alerts.standing(one.entity_id).state for one in rows]
        assert standings == [AlertState.TOLD, AlertState.DUPLICATE, AlertState.OLD]

    def test_a_desk_that_fails_decides_nothing(self, state: State) -> None:
        state.insights.add(insight(), START)

        def decide() -> None:
            with state.alerts.desk() as desk:
                desk.tell(MessageForm.ALERT, message(), [insight().entity_id], START, START)
                raise RuntimeError("cut off")

        with pytest.raises(RuntimeError):
            decide()
        assert state.alerts.standing(insight().entity_id).state is AlertState.DUE
        assert state.alerts.claim(after(1), after(2)) is None

    def test_covered_while_on_its_way_and_for_some_time_after(self, state: State) -> None:
        state.insights.add_all([insight("a"), insight("b")], START)
        key = tell(state, insight("a"), START)

        def covered(since: datetime) -> set[tuple[str, PredictionType]]:
            with state.alerts.desk() as desk:
                return desk.covered(["a", "b", "c"], since)

        pair = {("a", PredictionType.LATENCY_SPIKE)}
        assert covered(after(500)) == pair  # nobody has heard of it yet
        state.alerts.tried(key, after(7), told=True, again=after(8))
        assert (covered(after(6)), covered(after(7))) == (pair, set())
        state.alerts.tried(key, after(9), told=True, again=None)  # the first time counts
        assert (covered(after(6)), covered(after(7))) == (pair, set())
        with state.alerts.desk() as desk:
            assert desk.covered(["b"], START) == set()
            assert desk.streams_told(after(-1), 5) == {"a"}
            assert desk.streams_told(START, 5) == set()

    def test_summaries_and_the_untold_are_counted(self, state: State) -> None:
        state.insights.add_all([insight("a"), insight("b")], START)
        with state.alerts.desk() as desk:
            assert (desk.last_summary(), desk.untold()) == (None, 0)
        tell(state, insight("a"), after(1))
        key = tell(state, insight("b"), after(2), MessageForm.SUMMARY)
        state.alerts.tried(key, after(3), told=False, again=after(4))
        with state.alerts.desk() as desk:
            assert (desk.last_summary(), desk.untold()) == (after(2), 1)
        state.alerts.tried(key, after(4), told=True, again=after(5))
        with state.alerts.desk() as desk:
            assert desk.untold() == 0

    def test_insights_come_in_the_order_asked(self, state: State) -> None:
        rows = [insight(name) for name in "abc"]
        state.insights.add_all(rows, START)
        with state.alerts.desk() as desk:
            wanted = [rows[2].entity_id, "gone", rows[0].entity_id]
            assert desk.insights(wanted) == [rows[2], rows[0]]

    def test_quiet_counts_what_no_digest_told(self, state: State) -> None:
        rows = [insight("a", n, 40 + n) for n in range(5)] + [insight("b", 0, 79), insight("c", 0, 10), insight("d")]
        state.insights.add_all(rows, START)
        state.insights.add(insight("late", risk=50), after(60))
        with state.alerts.desk() as desk:
            desk.suppress([insight("d").entity_id], AlertState.OLD)
            quiet = desk.quiet(after(60), 2)
            assert quiet is not None
            assert (quiet.states, quiet.types) == (
                {AlertState.BELOW: 6, AlertState.OLD: 1},
                {PredictionType.LATENCY_SPIKE: 7},
            )
            assert (quiet.streams, quiet.stream_count, quiet.since) == ([("a", 5), ("b", 1)], 3, START)
            assert [one.related_entity for one in quiet.worst] == ["d", "b"]
            assert desk.tell(MessageForm.DIGEST, message("digest"), (), START, after(60))
            desk.digested(after(60), "digest")
            assert desk.quiet(after(60), 2) is None
            assert not desk.tell(MessageForm.DIGEST, message("digest"), (), START, after(61))
        with state.alerts.desk() as desk:
            left = desk.quiet(after(120), 2)
            assert left is not None
            assert left.streams == [("late", 1)]
        assert state.alerts.standing(insight("d").entity_id).message == "digest"

    def test_one_desk_at_a_time(self, lasting_url: str, open_more: OpenMore) -> None:
        states = [open_more(lasting_url) for _ in range(4)]
        states[0].insights.add_all([insight(f"s{number}") for number in range(30)], START)

        def decide(number: int) -> list[str]:
            with states[number].alerts.desk() as desk:
                names = [one.entity_id for one in desk.due(100)]
                for name in names:
                    desk.tell(MessageForm.ALERT, message(name), [name], START, START)
                return names

        assert sorted(map(len, together(4, decide))) == [0, 0, 0, 30]

    def test_a_desk_that_stays_open_makes_others_try_again(self, new_postgresql: str, open_more: OpenMore) -> None:
        state, other = open_more(new_postgresql), open_more(new_postgresql)
        with other.database.read() as connection:
            connection.execute(text("SET lock_timeout = '50ms'"))
            connection.commit()
        with state.alerts.desk(), pytest.raises(StoreUnavailable), other.alerts.desk():
            pass


class TestMessages:
    def test_a_claimed_message_is_nobody_elses_until_its_time(self, state: State) -> None:
        port: Alerts = state.alerts
        state.insights.add(insight(), START)
        key = tell(state, insight(), START)
        claimed = port.claim(START, after(1))
        assert claimed is not None
        assert (claimed.message, claimed.form, claimed.attempts) == (message(key), MessageForm.ALERT, 0)
        assert (claimed.detected_at, claimed.written_at, claimed.told_at) == (START, START, None)
        assert (port.claim(START, after(1)), port.pending(START)) == (None, False)
        port.hold(key, after(2))
        assert port.claim(after(1.5), after(3)) is None
        assert port.pending(after(2))
        assert port.claim(after(2), after(3)) is not None

    def test_tried_again_until_each_channel_has_it(self, state: State) -> None:
        state.insights.add(insight(), START)
        key = tell(state, insight(), START)
        state.alerts.tried(key, after(1), told=False, again=after(2))
        state.alerts.tried(key, after(2), told=True, again=after(4))
        again = state.alerts.claim(after(4), after(5))
        assert again is not None
        assert (again.attempts, again.told_at) == (2, after(2))
        assert state.alerts.waiting() == 1
        state.alerts.tried(key, after(4), told=True, again=None)
        assert (state.alerts.claim(after(9), after(10)), state.alerts.waiting()) == (None, 0)
        assert state.alerts.standing(insight().entity_id).told_at == after(2)

    def test_new_ones_go_before_those_that_failed(self, state: State) -> None:
        state.insights.add_all([insight("a"), insight("b")], START)
        state.alerts.tried(tell(state, insight("a"), START), START, told=False, again=after(1))
        fresh = tell(state, insight("b"), after(2))
        claimed = state.alerts.claim(after(2), after(3))
        assert claimed is not None
        assert claimed.message.key == fresh

    def test_what_is_given_up_goes_to_the_digest_unless_somebody_has_it(self, state: State) -> None:
        state.insights.add_all([insight("a"), insight("b")], START)
        unheard, heard = tell(state, insight("a"), START), tell(state, insight("b"), START)
        state.alerts.tried(heard, after(1), told=True, again=after(2))
        assert [state.alerts.give_up(key) for key in (unheard, heard, unheard, "unknown")] == [1, 0, 0, 0]
        assert state.alerts.waiting() == 0
        states = [state.alerts.standing(insight(name).entity_id).state for name in "ab"]
        assert states == [AlertState.UNREACHABLE, AlertState.TOLD]
        with state.alerts.desk() as desk:
            quiet = desk.quiet(after(1), 9)
            assert quiet is not None
            assert quiet.states == {AlertState.UNREACHABLE: 1}

    def test_each_message_is_claimed_by_one(self, lasting_url: str, open_more: OpenMore) -> None:
        states = [open_more(lasting_url) for _ in range(4)]
        rows = [insight(f"s{number}") for number in range(24)]
        states[0].insights.add_all(rows, START)
        with states[0].alerts.desk() as desk:
            for row in rows:
                desk.tell(MessageForm.ALERT, message(row.entity_id), [row.entity_id], START, START)

        def claim_all(number: int) -> list[str]:
            found = []
            while (claimed := states[number % 4].alerts.claim(START, after(1))) is not None:
                found.append(claimed.message.key)
            return found

        claimed = [key for keys in together(8, claim_all) for key in keys]
        assert sorted(claimed) == sorted(row.entity_id for row in rows)

    def test_messages_are_forgotten_with_their_insights_but_not_while_they_wait(self, state: State) -> None:
        state.insights.add_all([insight("a"), insight("b")], START)
        done, _ = tell(state, insight("a"), START), tell(state, insight("b"), START)
        state.alerts.tried(done, START, told=True, again=None)
        state.insights.forget(START + TTL + timedelta(seconds=1))
        assert state.alerts.waiting() == 1
        state.insights.add(insight("a"), START)
        with state.alerts.desk() as desk:
            assert desk.tell(MessageForm.ALERT, message(done), (), START, START)
