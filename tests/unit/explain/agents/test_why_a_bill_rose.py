"""Why a cost rose is answered by the incident that was kept of it, where there is one of that service or account."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

import pytest

from bdp.explain.agents.reply import Reply
from bdp.model.analysis import Check
from bdp.model.incident import Incident, IncidentStatus
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.agents.scene import NOW, asking, filled
from tests.unit.explain.costs.bill import fill, incident, line

FIRST = NOW.date() - timedelta(days=3)
RDS = "Amazon Relational Database Service"
ID = "01JNZ0000000000000000000AC"


@pytest.fixture
def billed(store: ClickHouseStore) -> ClickHouseStore:
    """Eight quiet weeks of a database, and three days of a dearer meter; another service is as ever."""
    filled(store)
    days = [FIRST - timedelta(days=back) for back in range(56, -3, -1)]
    quiet = [line(day, 80 + day.toordinal() % 3, service_name=RDS, sku_meter="db.m5") for day in days]
    dear = [line(day, 120, service_name=RDS, sku_meter="db.x2g", resource_id="db-9") for day in days if day >= FIRST]
    fill(store, [*quiet, *dear, *(line(day, 40, service_name="AWS Lambda") for day in days)])
    return store


def risen(**more: object) -> Incident:
    start = datetime.combine(FIRST, time(), UTC)
    times = {"start_time": start, "last_seen": start + timedelta(days=2), "opened_at": start, "incident_id": ID}
    return incident(service=RDS, days=3, cost=200.0, expected=81.0).model_copy(update=times | more)


def asked(store: ClickHouseStore, question: str, about: Incident) -> Reply:
    reply = asking(store, about=about).ask(question)
    assert [claim for claim in reply.claims if claim.check is not Check.SUPPORTED] == []
    return reply


def told(texts: Iterable[str]) -> str:
    return " ".join(texts)


@pytest.mark.parametrize(
    "question",
    [
        "Why did the cost of RDS rise?",
        f"Why did {RDS} cost more?",
        "Why are the costs of hanok-prod higher?",
        "Why did our bill go up this week?",
        "Amazon RDS 비용이 왜 올랐어?",
        "hanok-prod 비용이 왜 늘었나요?",
    ],
)
def test_the_incident_answers_with_its_id_and_its_drivers(billed: ClickHouseStore, question: str) -> None:
    reply = asked(billed, question, risen())
    assert reply.analysis is not None
    assert reply.analysis.incident_id == ID
    assert ID in told(reply.notes)
    assert reply.summary == reply.analysis.worded("summary", reply.language)
    claims = told(claim.worded("text", reply.language) for claim in reply.claims)
    assert "201." in claims
    assert "db.x2g" in claims
    assert "db-9" in claims
    assert reply.answers


@pytest.mark.parametrize(
    ("question", "more"),
    [
        ("Why did the cost of Lambda rise?", {}),
        ("What does RDS cost?", {}),
        ("Why did the cost of RDS rise in January?", {}),
        ("Why did the cost of RDS rise?", {"last_seen": NOW - timedelta(days=60), "status": IncidentStatus.RESOLVED}),
        ("Why did the cost of RDS rise?", {"title": "Burst of errors in payment"}),
    ],
)
def test_an_incident_of_something_else_or_of_long_ago_answers_nothing(
    billed: ClickHouseStore, question: str, more: dict[str, object]
) -> None:
    begun = {"start_time": NOW - timedelta(days=62)} if "last_seen" in more else {}
    other = risen(**more, **begun, **({"timeline": ()} if "title" in more else {}))
    reply = asking(billed, about=other).ask(question)
    assert reply.analysis is None
    assert ID not in told(reply.notes)


def test_an_incident_that_is_named_is_the_one_that_is_asked_about(billed: ClickHouseStore) -> None:
    reply = asking(billed, about=risen()).ask("Why did the cost of RDS rise?", ID)
    assert reply.analysis is not None
    assert reply.notes == ()
