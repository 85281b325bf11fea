"""Questions are answered without a model: the right look-ups for their words, claims that hold, in their language."""

from __future__ import annotations

import pytest

from bdp.errors import BadRequest, NotFound
from bdp.explain.agents.reply import Reply
from bdp.model.analysis import Check
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.agents.scene import INCIDENT, NOW, asking, filled
from tests.unit.explain.scene import event


def said(reply: Reply) -> str:
    return " ".join(claim.text for claim in reply.claims)


@pytest.fixture
def shop(store: ClickHouseStore) -> ClickHouseStore:
    filled(store)
    return store


@pytest.mark.parametrize(
    ("question", "agents", "expected"),
    [
        ("Why does payment fail?", ("sre",), "40 abnormal events of 140 events at `payment`"),
        ("payment가 왜 실패했나요?", ("sre",), "`payment`에서 이벤트 140건 중 비정상 40건"),
        (
            "Which errors in the last 2 hours?",
            ("sre",),
            "`payment` 40 abnormal events; `sshd` 30 abnormal events",
        ),
        ("지난 2시간 동안 어떤 오류가 있었나요?", ("sre",), "`payment` 비정상 40건; `sshd` 비정상 30건"),
        ("Is somebody attacking our logins?", ("security",), "`203.0.113.7` 30 failures on 6 accounts, 1 success"),
        ("로그인 공격이 있나요?", ("security",), "`203.0.113.7` 실패 30건, 계정 6개, 성공 1건"),
        ("What do we spend money on?", ("efficiency",), "42.50 USD, 10.00 USD in the span before"),
        ("비용이 왜 늘었나요?", ("efficiency",), "`database` 42.50 USD, 그 전 같은 기간 10.00 USD"),
        ("Is checkout slow?", ("sre",), "`/pay`: p95 900 ms, 90 ms before, 20 requests"),
        ("checkout이 느린가요?", ("sre",), "`/pay`: p95 900 ms, 이전 90 ms, 요청 20건"),
        ("What was deployed since 11:50?", ("sre",), "1 change; deploy `rel-77` `payment` 11:56:00"),
        ("11시 50분부터 무엇이 배포됐나요?", ("sre",), "변경 1건; deploy `rel-77` `payment` 11:56:00"),
        ("Which incidents are there?", ("sre",), "1 incident; `payment fails`"),
        ("What happened here?", ("sre",), "1 change; deploy `rel-77`"),
    ],
)
def test_a_question_without_a_model(
    shop: ClickHouseStore, question: str, agents: tuple[str, ...], expected: str
) -> None:
    reply = asking(shop).ask(question)
    assert reply.agents == agents
    assert expected in said(reply)
    assert {claim.check for claim in reply.claims} == {Check.SUPPORTED}, reply.claims
    assert (reply.source, reply.reason, reply.price.requests) == ("rules", "no_model", 0)
    assert ("모델" in reply.told) == (reply.language == "ko")
    assert reply.summary.split(";")[0].rstrip(".") in reply.claims[0].text


def test_each_claim_rests_on_evidence_whose_query_gives_it_again(shop: ClickHouseStore) -> None:
    reply = asking(shop).ask("Which errors and slow requests and logins and changes and costs were there?")
    assert [one.id for one in reply.evidence] == [f"E{number + 1}" for number in range(len(reply.evidence))]
    assert len(reply.evidence) >= 5
    for one in reply.evidence:
        assert shop.query(one.query)


def test_a_question_about_an_incident_has_its_analysis(shop: ClickHouseStore) -> None:
    asked = asking(shop)
    for reply in (asked.ask("What is to be done?", INCIDENT), asked.ask(f"What is to be done about {INCIDENT}?")):
        assert reply.analysis is not None
        assert reply.analysis.mechanism == "connection-pool"
        assert reply.claims == reply.analysis.claims
        assert reply.actions == reply.analysis.actions
        assert reply.summary == reply.analysis.summary


def test_a_time_that_is_named_is_the_time_that_is_looked_at(shop: ClickHouseStore) -> None:
    reply = asking(shop).ask("Which errors were there in the last 10 minutes?")
    assert (reply.end_time, (reply.end_time - reply.start_time).total_seconds()) == (NOW, 600)
    assert "0 abnormal events of 0 events" in said(reply)


def test_nothing_stored_is_an_answer_too(store: ClickHouseStore) -> None:
    filled(store, [event(0, "x")])
    reply = asking(store).ask("Is anything slow?")
    assert reply.claims[0].text == "0 events tell how long they took."


def test_what_is_no_question(shop: ClickHouseStore) -> None:
    with pytest.raises(BadRequest):
        asking(shop).ask("  \n ")
    with pytest.raises(NotFound):
        asking(shop).ask("Why?", "01JNZ0000000000000000000ZZ")


def test_hostile_names_and_times_do_no_harm(shop: ClickHouseStore) -> None:
    odd = ("errors since 99:99", "errors on 2026-13-45", "last 9999 weeks errors", "오후 25시부터 오류")
    for question in (*odd, "'; DROP TABLE events"):
        reply = asking(shop).ask(question)
        assert reply.claims
        assert {claim.check for claim in (*reply.claims, *reply.offered)} == {Check.SUPPORTED}
    assert shop.query("SELECT count() AS n FROM events")[0]["n"] > 0
