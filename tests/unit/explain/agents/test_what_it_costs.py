"""What something costs: by the names that people say, on whole days that are over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bdp.explain.agents.question import understood
from bdp.explain.agents.reply import Reply
from bdp.model.analysis import Check
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.agents.scene import NOW, asking, filled
from tests.unit.explain.costs.bill import fill, line

TODAY = NOW.date()
RDS, S3, COMPUTE = (
    "Amazon Relational Database Service",
    "Amazon Simple Storage Service",
    "Amazon Elastic Compute Cloud - Compute",
)
BILLED = (COMPUTE, RDS, S3, "AWS Lambda", "AWS Key Management Service", "Virtual Machines", "AmazonCloudWatch")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Amazon RDS 비용이 왜 올랐어?", RDS),
        ("RDS 요금 얼마?", RDS),
        ("rds 비용", RDS),
        ("What does S3 cost?", S3),
        ("cost of AWS S3 in february", S3),
        ("S3의 비용은?", S3),
        ("Why did EC2 cost more?", COMPUTE),
        ("Lambda 비용", "AWS Lambda"),
        ("what do we spend on KMS", "AWS Key Management Service"),
        ("VM 비용이 왜 늘었나요", "Virtual Machines"),
        ("What does our Database cost?", RDS),
        ("Amazon Relational Database Service 비용", RDS),
    ],
)
def test_what_is_billed_is_known_by_its_short_name(text: str, name: str) -> None:
    question = understood(text, NOW, BILLED, BILLED)
    assert (question.names, question.missing, question.doubtful) == ((name,), (), ())


@pytest.mark.parametrize("text", ["What are the key drivers of cost?", "비용이 왜 늘었나요?", "Storage and money?"])
def test_ordinary_words_are_no_short_names(text: str) -> None:
    assert understood(text, NOW, BILLED, BILLED).names == ()


def test_a_short_name_of_several_is_answered_for_each_and_told(store: ClickHouseStore) -> None:
    filled(store)
    day = TODAY - timedelta(days=1)
    fill(store, [line(day, 30, service_name=COMPUTE), line(day, 7, service_name="Elastic Cache Company")])
    reply = asked(store, "ECC 비용은?")
    assert f"`{COMPUTE}` 총 비용: 30.00 USD" in told(reply)
    assert "`Elastic Cache Company` 총 비용: 7.00 USD" in told(reply)
    (note,) = reply.notes
    assert note.startswith(f"`ECC`: `{COMPUTE}`, `Elastic Cache Company` 중 하나")


def test_a_service_that_is_not_billed_is_told_with_those_that_are(store: ClickHouseStore) -> None:
    filled(store)
    fill(store, [line(TODAY - timedelta(days=1), 30, service_name=RDS)])
    reply = asking(store).ask("Redshift 요금 얼마?")
    assert not reply.answers
    assert "비용이 청구된 서비스 2개, 큰 순서로: `database`, `" + RDS in " ".join(
        claim.text for claim in (*reply.claims, *reply.offered)
    )


def test_bills_that_are_older_than_a_month_are_known_by_name(store: ClickHouseStore) -> None:
    fill(store, [line(TODAY - timedelta(days=200 + back), 30, service_name=RDS) for back in range(20)])
    assert f"Total cost of `{RDS}` on {TODAY - timedelta(days=200)} UTC: 30.00 USD" in told(asked(store, "RDS cost?"))


def asked(store: ClickHouseStore, question: str) -> Reply:
    """Return an answer whose claims all hold."""
    reply = asking(store).ask(question)
    assert [claim for claim in reply.claims if claim.check is not Check.SUPPORTED] == []
    assert reply.answers
    return reply


def told(reply: Reply) -> str:
    return " ".join(claim.text for claim in reply.claims)


def test_a_day_that_is_not_over_is_not_held_against_whole_ones(store: ClickHouseStore) -> None:
    fill(store, [line(TODAY - timedelta(days=back), 100, service_name=RDS) for back in range(1, 40)])
    fill(store, [line(TODAY, 20, service_name=RDS)])
    yesterday = TODAY - timedelta(days=1)
    assert f"on {yesterday} UTC: 100.00 USD, 100.00 USD in the span before" in told(asked(store, "What do we spend?"))
    today = told(asked(store, "What does RDS cost today?"))
    assert f"Total cost of `{RDS}` so far on {TODAY} UTC: 20.00 USD; that day is not over" in today
    assert "before" not in today
    assert "100.00" not in told(asked(store, "오늘 비용은?"))
    week = told(asked(store, "cost of the last 7 days"))
    assert f"to {yesterday} UTC: 700.00 USD, 700.00 USD in the span before" in week


def test_a_month_is_its_whole_days_up_to_the_last_that_is_billed(store: ClickHouseStore) -> None:
    fill(store, [line(TODAY - timedelta(days=back), 10, service_name=RDS) for back in range(3, 80)])
    february = f"{TODAY.replace(month=2, day=1)} to {TODAY.replace(month=2, day=28)} UTC: 280.00 USD"
    assert f"Total cost from {february}" in told(asked(store, "What did we spend in February?"))
    assert "2026-02-01 ~ 2026-02-28 UTC 총 비용: 280.00 USD" in told(asked(store, "지난달 비용 얼마야?"))
    this_month = told(asked(store, "cost this month"))
    assert "on 2026-03-01 UTC: 10.00 USD, 10.00 USD in the span before; costs are stored up to 2026-03-01" in this_month
    assert "저장된 비용은 2026-03-01까지" in told(asked(store, "3월 비용"))


def test_days_before_the_first_that_is_stored_are_not_held_against_any(store: ClickHouseStore) -> None:
    fill(store, [line(TODAY - timedelta(days=back), 10, service_name=RDS) for back in range(1, 10)])
    first = TODAY - timedelta(days=9)
    week = told(asked(store, "cost of the last 7 days"))
    assert f"70.00 USD; costs are stored from {first} on" in week
    assert "in the span before" not in week
    assert f"비용이 {first}부터 저장되어" in told(asked(store, "지난 7일 비용"))
