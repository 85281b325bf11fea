"""Questions that rules do not answer say so; trouble is offered beside, never as the answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest

from bdp.explain.agents.reply import Reply
from bdp.model.analysis import Check, Claim
from bdp.model.batch import RecordKind
from bdp.model.cost import CostLine
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.agents.scene import asking, filled, shop
from tests.unit.explain.scene import ONSET, event


@pytest.fixture
def stored(store: ClickHouseStore) -> ClickHouseStore:
    failing = [event(i, "카드 거절", service="결제", error_code="E_CARD", duration_ms=700.0) for i in range(7)]
    filled(store, [*shop(), *failing])
    return store


def texts(claims: Sequence[Claim]) -> str:
    assert all(claim.check is Check.SUPPORTED for claim in claims), claims
    return " ".join(claim.text for claim in claims)


def test_what_is_not_understood_is_said_with_examples_and_trouble_only_offered(stored: ClickHouseStore) -> None:
    asked = asking(stored)
    for text in ("what's the weather", "hello", "asdf qwer zxcv"):
        reply = asked.ask(text)
        assert (reply.answers, reply.claims) == (False, ())
        assert reply.summary.startswith("I did not understand this question")
        assert "abnormal" not in reply.summary
        assert "`payment` 40 abnormal events" in texts(reply.offered)
    for example in reply.examples:
        again = asked.ask(example)
        assert again.answers
        assert again.claims


def test_the_same_in_korean(stored: ClickHouseStore) -> None:
    asked = asking(stored)
    for text in ("오늘 날씨가 어때요?", "안녕하세요"):
        reply = asked.ask(text)
        assert (reply.answers, reply.claims) == (False, ())
        assert reply.summary.startswith("이 질문을 이해하지 못했거나")
        assert "`payment` 비정상 40건" in texts(reply.offered)
    assert all(asked.ask(example).answers for example in reply.examples)


def test_what_nothing_is_stored_of_is_said(stored: ClickHouseStore) -> None:
    asked = asking(stored)
    reply = asked.ask("Why did foobar fail?")
    assert (reply.answers, texts(reply.claims)) == (False, "0 events mention `foobar`.")
    assert reply.summary.startswith("I have no data on `foobar`")
    assert "`payment` 40 abnormal events" in texts(reply.offered)
    assert stored.query(next(one.query for one in reply.evidence if one.id == "E1")) == []
    korean = asked.ask("환불 서비스가 왜 느려요?")
    assert (korean.answers, korean.summary.split("에")[0]) == (False, "`환불`")


def test_a_word_that_events_have_is_found(stored: ClickHouseStore) -> None:
    reply = asking(stored).ask("HikariPool?")
    assert reply.answers
    assert texts(reply.claims) == "40 events mention `HikariPool`; `payment` 40 events."
    reply = asking(stored).ask("Did payment fail with E_POOL or `E_NONE`?")
    assert reply.answers
    assert "Nothing is stored on `E_NONE`." in reply.notes
    assert "40 events mention `E_POOL`" in texts(reply.claims)


def test_korean_services_are_matched(stored: ClickHouseStore) -> None:
    for text in ("결제 서비스에 왜 오류가 났나요?", "결제는 왜 실패했나요?"):
        assert "`결제`에서 이벤트 7건 중 비정상 7건" in texts(asking(stored).ask(text).claims)
    assert "p95 900 ms" in texts(asking(stored).ask("Checkout에서는 느린가요?").claims)


def test_a_time_that_is_none_is_told_with_what_was_looked_at(stored: ClickHouseStore) -> None:
    asked = asking(stored)
    reply = asked.ask("Which errors were there at 25:99?")
    (note,) = reply.notes
    assert note.startswith("I read no time in `25:99`; I looked at 2026-03-03 12:02 to 2026-03-04 12:02 UTC, ")
    assert note.endswith("the 24 h before the newest record.")
    assert asked.ask("어제 25시 오류").notes == (
        "`25시`에서 시간을 읽지 못했습니다. 2026-03-03 00:00 ~ 2026-03-04 00:00 UTC를 보았습니다.",
    )
    long = asked.ask("errors of the last 90 days")
    assert long.notes == ("I look at 31 days at most: from 2026-02-01 13:00 to 2026-03-04 13:00 UTC.",)
    assert long.end_time - long.start_time == timedelta(days=31)
    assert asked.ask("errors in the last 2 hours").notes == ()


def bills(store: ClickHouseStore, *lines: tuple[str, int, float, str]) -> None:
    day = ONSET.replace(hour=0)
    made = [
        CostLine(
            charge_period_start=day - timedelta(days=back), charge_period_end=day - timedelta(days=back - 1),
            service_name=name, billed_cost=cost, billing_currency=currency,
        )
        for name, back, cost, currency in lines
    ]  # fmt: skip
    store.insert(RecordKind.COSTS, msgspec.json.Encoder().encode_lines(made), "bills")


def test_cost_is_told_in_all_with_currency_and_stretch_and_what_moved(stored: ClickHouseStore) -> None:
    steady = [(f"steady-{n}", back, 90.0 - n, "USD") for n in range(30) for back in (1, 2)]
    bills(stored, *steady, ("queue", 2, 1000.0, "USD"), ("storage", 1, 5000.0, "KRW"))
    total = 42.5 + sum(90.0 - n for n in range(30))
    reply = asking(stored).ask("What do we spend money on?")
    told = texts(reply.claims)
    assert told.startswith("Total cost on 2026-03-03 UTC: 5,000.00 KRW, 0.00 KRW")
    assert f"{total:,.2f} USD, {total - 42.5 + 1010:,.2f} USD in the span before" in told
    assert "`queue` 0.00 USD, 1,000.00 USD in the span before" in told
    assert "`database` 42.50 USD, 10.00 USD in the span before" in told
    assert "총 비용: 5,000.00 KRW" in texts(asking(stored).ask("비용이 왜 늘었나요?").claims)


def test_cost_of_one_service_of_days_and_of_nothing(stored: ClickHouseStore) -> None:
    asked = asking(stored)
    assert "Total cost of `database` on 2026-03-03 UTC: 42.50 USD" in texts(
        asked.ask("What does database cost?").claims
    )
    assert "Total cost on 2026-03-03 UTC: 42.50 USD, 10.00 USD" in texts(asked.ask("cost yesterday at 14:00").claims)
    nothing: Reply = asked.ask("What did we spend on 2026-02-20?")
    assert texts(nothing.claims) == (
        "0 cost lines are stored on 2026-02-20 UTC; the newest of all begins on 2026-03-03."
    )
