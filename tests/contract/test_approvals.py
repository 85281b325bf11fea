"""What every database must do with questions to people: a person answers once, one decision each, all written down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Select, insert

from bdp.errors import BadRequest, NotEntitled, NotFound, NotPossible
from bdp.model.decision import Approval, ApprovalStatus, Role
from bdp.ports import Approvals
from bdp.store.approvals import _ANSWERED, _DUE
from bdp.store.state import State
from bdp.store.tables import approvals
from tests.contract.voting import after, plan, question, together, vote

OpenMore = Callable[..., State]
APPROVED, REJECTED, WAITING = ApprovalStatus.APPROVED, ApprovalStatus.REJECTED, ApprovalStatus.WAITING


def told(state: State, approval_id: str = "q1") -> list[tuple[str, str]]:
    """Who did what, the first first."""
    return [(entry.actor, entry.action) for entry in reversed(state.audit.list(object=approval_id))]


def ids(found: list[Approval]) -> list[str]:
    return [one.approval_id for one in found]


class TestQuestions:
    def test_question_is_kept_once_as_first_asked(self, state: State) -> None:
        port: Approvals = state.approvals
        korean: dict[str, Any] = {
            "plan_ko": "재시작",
            "undo_ko": "없음",
            "why_ko": "확신이 낮습니다.",
            "evidence_ko": ("오류 12건",),
        }
        asked = question(
            needed=2, role=Role.ADMIN, why="unsure", evidence=("12 errors", "[a]"), planned=plan(), **korean
        )
        port.ask(asked)
        port.ask(asked.model_copy(update={"plan": "something else"}))
        assert port.get("q1") == asked

    def test_list_is_newest_first_by_status_and_bounded(self, state: State) -> None:
        for number in (1, 3, 2):
            state.approvals.ask(question(f"q{number}", number))
        state.approvals.vote("q3", vote(), after(5))
        assert ids(state.approvals.list()) == ["q3", "q2", "q1"]
        assert ids(state.approvals.list(WAITING)) == ["q2", "q1"]
        assert ids(state.approvals.list(WAITING, limit=1)) == ["q2"]
        assert [one.by for one in state.approvals.list()[0].votes] == ["kim"]

    def test_a_question_is_found_by_the_beginning_of_its_id(self, state: State) -> None:
        for approval_id in ("ABCDEFG1", "ABCDEFG2", "ABCXYZ%_1", "q"):
            state.approvals.ask(question(approval_id))
        assert state.approvals.find("ABCXYZ").approval_id == "ABCXYZ%_1"
        assert state.approvals.find("ABCDEFG2").approval_id == "ABCDEFG2"
        assert state.approvals.find("q").approval_id == "q"
        for start in ("ABCDEFG", "ABCXY", ""):
            with pytest.raises(BadRequest, match="does not say which"):
                state.approvals.find(start)
        for start in ("abcxyz", "ABCXYZ_", "%%%%%%", "ABCDEFG3"):
            with pytest.raises(NotFound):
                state.approvals.find(start)


class TestVotes:
    def test_an_approval_is_kept_with_vote_and_decision_in_the_audit_log(self, state: State) -> None:
        state.approvals.ask(question(planned=plan()))
        answered = state.approvals.vote("q1", vote(note="looks right"), after(5))
        assert answered == state.approvals.get("q1")
        assert (answered.status, answered.decided_by, answered.note) == (APPROVED, "kim", "looks right")
        assert answered.decided_at == after(5)
        assert [(one.by, one.at, one.role, one.via) for one in answered.votes] == [
            ("kim", after(5), Role.APPROVER, "cli")
        ]
        decision, given = state.audit.list(object="q1")
        assert [(entry.at, entry.actor, entry.action) for entry in (given, decision)] == [
            (after(5), "kim", "approval.vote"),
            (after(5), "kim", "approval.approved"),
        ]
        assert given.detail == {
            "answer": "approved",
            "role": "approver",
            "via": "cli",
            "note": "looks right",
            "approvals": 1,
            "needed": 1,
        }
        assert decision.detail["plan"] == "POST http://localhost/restart"
        assert decision.detail["requests"] == [{"call": "POST http://localhost/restart", "body": {"n": 3}}]
        assert decision.detail["votes"] == {"kim": "approved"}

    def test_so_many_different_people_are_needed(self, state: State) -> None:
        state.approvals.ask(question(needed=3))
        for number, by in enumerate(("kim", "lee"), 1):
            waiting = state.approvals.vote("q1", vote(by), after(number))
            assert (waiting.status, waiting.approvals, waiting.decided_by) == (WAITING, number, "")
        decided = state.approvals.vote("q1", vote("park"), after(3))
        assert (decided.status, decided.decided_by) == (APPROVED, "kim, lee, park")
        assert decided == state.approvals.get("q1")
        assert told(state) == [
            ("kim", "approval.vote"),
            ("lee", "approval.vote"),
            ("park", "approval.vote"),
            ("kim, lee, park", "approval.approved"),
        ]

    def test_one_who_rejects_decides(self, state: State) -> None:
        state.approvals.ask(question(needed=3))
        state.approvals.vote("q1", vote("kim"), after(1))
        decided = state.approvals.vote("q1", vote("lee", REJECTED, note="no"), after(2))
        assert (decided.status, decided.decided_by, decided.note) == (REJECTED, "lee", "no")
        with pytest.raises(NotPossible, match="already rejected by lee"):
            state.approvals.vote("q1", vote("park"), after(3))

    @pytest.mark.parametrize("again", ["kim", " KIM ", "ｋｉｍ", "k\u200bim", "Kim\u00a0", "\u202ekim"], ids=ascii)
    def test_one_person_counts_once_however_the_name_is_written(self, state: State, again: str) -> None:
        state.approvals.ask(question(needed=2))
        first = state.approvals.vote("q1", vote("kim", note="yes"), after(1))
        assert state.approvals.vote("q1", vote(again, note="yes!"), after(500)) == first
        assert first.status is WAITING
        with pytest.raises(NotPossible, match="kim has already approved"):
            state.approvals.vote("q1", vote(again, REJECTED), after(2))
        assert told(state) == [("kim", "approval.vote")]

    def test_same_answer_again_returns_the_decided_question(self, state: State) -> None:
        state.approvals.ask(question())
        first = state.approvals.vote("q1", vote(status=REJECTED, note="no"), after(5))
        assert state.approvals.vote("q1", vote(status=REJECTED, note="still no"), after(500)) == first
        assert len(state.audit.list()) == 2

    @pytest.mark.parametrize(("role", "asked"), [(Role.OPERATOR, Role.APPROVER), (Role.APPROVER, Role.ADMIN)])
    @pytest.mark.parametrize("status", [APPROVED, REJECTED])
    def test_a_lesser_role_may_not_answer(self, state: State, role: Role, asked: Role, status: ApprovalStatus) -> None:
        state.approvals.ask(question(role=asked))
        with pytest.raises(NotEntitled, match=f"kim has the role {role}; to answer this, one has to be {asked}"):
            state.approvals.vote("q1", vote(role=role, status=status), after(1))
        assert (state.approvals.get("q1").votes, state.audit.list()) == ((), [])
        assert state.approvals.vote("q1", vote(role=asked, status=status), after(1)).status is status

    def test_nothing_is_taken_from_the_deadline_on(self, state: State) -> None:
        state.approvals.ask(question())
        with pytest.raises(NotPossible, match="expired at 2026-03-01 13:00:00 UTC"):
            state.approvals.vote("q1", vote(), after(60))
        assert state.approvals.get("q1").status is WAITING
        state.approvals.ask(question("q2"))
        assert state.approvals.vote("q2", vote(), after(60) - timedelta(microseconds=1)).status is APPROVED

    def test_what_is_no_answer_of_a_person(self, state: State) -> None:
        state.approvals.ask(question())
        for wrong in (vote(status=WAITING), vote(status=ApprovalStatus.TIMED_OUT), vote("\u200b")):
            with pytest.raises(NotPossible, match="no answer of a person"):
                state.approvals.vote("q1", wrong, after(1))
        with pytest.raises(NotFound):
            state.approvals.vote("q2", vote(), after(1))
        with pytest.raises(NotFound):
            state.approvals.get("q2")

    def test_a_link_is_used_up_with_the_answer_it_gives(self, state: State) -> None:
        state.approvals.ask(question(needed=2))
        state.approvals.ask(question("q2"))
        state.approvals.vote("q1", vote("kim"), after(1), once="n1")
        for approval_id, by in (("q1", "kim"), ("q1", "lee"), ("q2", "kim")):
            with pytest.raises(NotPossible, match="used before"):
                state.approvals.vote(approval_id, vote(by), after(2), once="n1")
        assert state.approvals.vote("q1", vote("lee"), after(3), once="n2").status is APPROVED

    def test_a_link_whose_answer_is_refused_is_not_used_up(self, state: State) -> None:
        state.approvals.ask(question())
        with pytest.raises(NotEntitled):
            state.approvals.vote("q1", vote(role=Role.VIEWER), after(1), once="n1")
        assert state.approvals.vote("q1", vote(), after(2), once="n1").status is APPROVED


class TestTime:
    def test_only_what_waits_past_its_time_expires(self, state: State) -> None:
        state.approvals.ask(question())
        assert state.approvals.expire("q1", after(60) - timedelta(microseconds=1)) == question()
        over = state.approvals.expire("q1", after(60))
        assert (over.status, over.decided_by, over.decided_at) == (ApprovalStatus.TIMED_OUT, "bdp", after(60))
        assert state.approvals.expire("q1", after(70)) == over == state.approvals.get("q1")
        assert told(state) == [("bdp", "approval.timed_out")]
        with pytest.raises(NotPossible, match="already timed out by bdp"):
            state.approvals.vote("q1", vote(), after(5))
        with pytest.raises(NotFound):
            state.approvals.expire("q2", after(70))

    def test_what_was_answered_does_not_expire(self, state: State) -> None:
        state.approvals.ask(question())
        answered = state.approvals.vote("q1", vote(), after(5))
        assert state.approvals.expire("q1", after(100)) == answered

    def test_due_are_those_that_wait_past_their_time(self, state: State) -> None:
        for number in range(5):
            state.approvals.ask(question(f"q{number}", number))
        state.approvals.vote("q1", vote(), after(5))
        assert ids(state.approvals.due(after(63))) == ["q0", "q2", "q3"]
        assert ids(state.approvals.due(after(63), limit=1)) == ["q0"]
        assert state.approvals.due(after(59)) == []


class TestContinuation:
    def test_answered_are_those_that_nothing_goes_on_from(self, state: State) -> None:
        for number in range(4):
            state.approvals.ask(question(f"q{number}"))
        state.approvals.vote("q2", vote(), after(5))
        state.approvals.vote("q1", vote(status=REJECTED), after(6))
        state.approvals.expire("q3", after(60))
        assert ids(state.approvals.answered()) == ["q2", "q1", "q3"]
        assert ids(state.approvals.answered(limit=2)) == ["q2", "q1"]
        state.approvals.taken("q2", "w2")
        state.approvals.taken("q2", "w2")
        assert ids(state.approvals.answered()) == ["q1", "q3"]
        assert state.approvals.get("q2").continuation == "w2"

    def test_only_one_goes_on(self, state: State) -> None:
        state.approvals.ask(question())
        with pytest.raises(NotPossible, match="still waits"):
            state.approvals.taken("q1", "w2")
        state.approvals.vote("q1", vote(), after(5))
        state.approvals.taken("q1", "w2")
        with pytest.raises(NotPossible, match="w2 goes on from approval q1"):
            state.approvals.taken("q1", "w3")
        with pytest.raises(NotFound):
            state.approvals.taken("q2", "w2")
        assert state.approvals.get("q1").continuation == "w2"

    def test_looking_costs_nothing_while_many_wait(self, state: State) -> None:
        """Both queries go by an index that holds only what is looked for; ten thousand others are not touched."""
        row = {column.name: getattr(question(minutes=1), column.name) for column in approvals.c}
        with state.database.write() as connection:
            connection.execute(insert(approvals), [row | {"approval_id": f"q{number}"} for number in range(10_000)])
        for query, values, index in ((_DUE, {"now": after(60)}, "due"), (_ANSWERED, {}, "answered")):
            found = plan_of(state, query, {"most": 100, **values})
            assert f"approvals_{index}_ix" in found
            assert "Seq Scan" not in found
            assert "TEMP B-TREE" not in found
        assert state.approvals.due(after(60)) == state.approvals.answered() == []


def plan_of(state: State, query: Select[Any], values: dict[str, Any]) -> str:
    """How the database would run a query, in its own words."""
    word = "EXPLAIN" if state.engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    compiled = query.params(values).compile(state.engine)
    bound = compiled.construct_params()
    given: Any = bound if compiled.positiontup is None else tuple(bound[name] for name in compiled.positiontup)
    with state.engine.connect() as connection:
        return "\n".join(str(row) for row in connection.exec_driver_sql(f"{word} {compiled}", given))


class TestTogether:
    def test_twenty_people_at_once_make_one_decision(self, lasting_url: str, open_more: OpenMore) -> None:
        states = [open_more(lasting_url) for _ in range(4)]
        states[0].approvals.ask(question(needed=3))

        def answer(number: int) -> str:
            status = REJECTED if number % 5 == 0 else APPROVED
            try:
                states[number % 4].approvals.vote("q1", vote(f"person {number}", status), after(5))
            except NotPossible:
                return ""
            return f"person {number}"

        voted = [name for name in together(20, answer) if name]
        found = states[0].approvals.get("q1")
        assert sorted(one.by for one in found.votes) == sorted(voted)
        rejected = [one.by for one in found.votes if one.status is REJECTED]
        assert found.status is (REJECTED if rejected else APPROVED)
        assert (len(found.votes) == 3) if not rejected else (found.votes[-1].by == rejected[0] and len(rejected) == 1)
        actions = Counter(entry.action for entry in states[0].audit.list())
        assert actions == {"approval.vote": len(voted), f"approval.{found.status}": 1}
        assert states[0].audit.verify().whole

    def test_one_person_in_twenty_places_votes_once(self, lasting_url: str, open_more: OpenMore) -> None:
        states = [open_more(lasting_url) for _ in range(4)]
        states[0].approvals.ask(question(needed=2))
        found = together(20, lambda number: states[number % 4].approvals.vote("q1", vote("kim"), after(5)))
        assert {(one.status, one.approvals) for one in found} == {(WAITING, 1)}
        assert told(states[0]) == [("kim", "approval.vote")]

    def test_one_link_in_twenty_places_is_used_once(self, lasting_url: str, open_more: OpenMore) -> None:
        states = [open_more(lasting_url) for _ in range(4)]
        states[0].approvals.ask(question())

        def use(number: int) -> bool:
            try:
                return states[number % 4].approvals.vote("q1", vote("kim"), after(5), once="n").status is APPROVED
            except NotPossible:
                return False

        assert together(20, use).count(True) == 1
        assert told(states[0]) == [("kim", "approval.vote"), ("kim", "approval.approved")]

    def test_the_deadline_and_an_answer_do_not_both_win(self, lasting_url: str, open_more: OpenMore) -> None:
        state = open_more(lasting_url)
        for number in range(5):
            state.approvals.ask(question(f"q{number}"))

            def race(place: int, approval_id: str = f"q{number}") -> ApprovalStatus:
                try:
                    if place % 2:
                        return state.approvals.expire(approval_id, after(61)).status
                    return state.approvals.vote(approval_id, vote(f"p{place}"), after(59)).status
                except NotPossible:
                    return WAITING

            seen = set(together(6, race)) - {WAITING}
            assert seen == {state.approvals.get(f"q{number}").status}
            decisions = [action for _, action in told(state, f"q{number}") if action != "approval.vote"]
            assert len(decisions) == 1
