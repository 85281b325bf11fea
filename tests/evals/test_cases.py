"""Evals: a case is a folder with a source (recorded data or events.ndjson) and what a good analyst would say of it.

Counts are counted again here from the same records, by other code than the product's.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bdp.clock import ManualClock
from bdp.explain.analyst import Analyst
from bdp.explain.settings import ExplainSettings
from bdp.model.analysis import Analysis, Check, Verdict
from bdp.model.anomaly import Severity, Subject
from bdp.model.batch import RecordKind
from bdp.model.incident import Incident, IncidentStatus
from bdp.store.clickhouse import ClickHouseStore, StoreSettings, open_store
from tests.evals.readers import READERS, Record

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/expected.json"))


@pytest.fixture
def store() -> Iterator[ClickHouseStore]:
    opened = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
    yield opened
    opened.close()


def read(case: Path, request: pytest.FixtureRequest) -> tuple[list[Record], dict[str, Any]]:
    source = json.loads((case / "source.json").read_text("utf-8"))
    if "data" not in source:
        return list(READERS[source["reader"]](case / "events.ndjson")), source
    path = request.getfixturevalue("data_dir") / source["data"]
    if not path.exists():
        pytest.skip(f"recorded data absent: {source['data']}")
    return list(READERS[source["reader"]](path)), source


def moment(record: Record) -> datetime:
    return datetime.fromisoformat(record["ts"].replace("Z", "+00:00")).astimezone(UTC)


def of_subject(records: list[Record], subject: Subject, source: dict[str, Any]) -> list[Record]:
    """The abnormal records of the incident."""
    since = datetime.fromisoformat(source.get("since", "1970-01-01T00:00:00+00:00"))
    until = datetime.fromisoformat(source.get("until", "2100-01-01T00:00:00+00:00"))
    return [
        record
        for record in records
        if "change" not in record
        and (record["level"] in {"WARN", "ERROR", "FATAL"} or record.get("error_code"))
        and (record["service"], record.get("route", "")) == (subject.service, subject.route)
        and record.get("error_code", "") == subject.error_code
        and since <= moment(record) <= until
    ]


def incident(subject: Subject, records: list[Record]) -> Incident:
    times = [moment(record) for record in records]
    return Incident(
        incident_id="I1",
        title=str(subject),
        severity=Severity.HIGH,
        status=IncidentStatus.OPEN,
        subject=subject,
        signature="0" * 16,
        start_time=min(times),
        last_seen=max(times),
        end_time=max(times),
        opened_at=max(times),
    )


def insert(store: ClickHouseStore, records: list[Record]) -> None:
    events = [json.dumps(record) for record in records if "change" not in record]
    changes = [json.dumps(record["change"]) for record in records if "change" in record]
    store.insert(RecordKind.EVENTS, "\n".join(events).encode(), "events")
    if changes:
        store.insert(RecordKind.CHANGES, "\n".join(changes).encode(), "changes")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path, store: ClickHouseStore, request: pytest.FixtureRequest) -> None:
    expected = json.loads((case / "expected.json").read_text("utf-8"))
    records, source = read(case, request)
    subject = Subject(**expected["subject"])
    mine = of_subject(records, subject, source)
    insert(store, records)
    about = incident(subject, mine)
    analysis = Analyst(store, ExplainSettings(), ManualClock(about.last_seen)).explain(about)
    assert (analysis.mechanism, analysis.verdict.value in expected["verdict"]) == (expected["mechanism"], True)
    for key in ("culprit_change", "first_failing_service"):
        if key in expected:
            assert getattr(analysis, key) == expected[key]
    for name in expected.get("names", ()):
        assert name in " ".join(claim.text for claim in analysis.claims)
    assert_counts_are_right(analysis, mine)
    assert_honest(analysis)


def assert_counts_are_right(analysis: Analysis, mine: list[Record]) -> None:
    assert analysis.evidence[0].value["abnormal_events"] == len(mine)
    addresses = Counter(record["client_ip"] for record in mine if record.get("client_ip"))
    users = {record["user_id"] for record in mine if record.get("user_id")}
    for evidence in analysis.evidence:
        if "top" in evidence.value:
            assert [row["events"] for row in evidence.value["top"]] == [n for _, n in addresses.most_common(5)]
            assert all(addresses[row["client_ip"]] == row["events"] for row in evidence.value["top"])
        elif "users" in evidence.value:
            assert (evidence.value["addresses"], evidence.value["users"]) == (len(addresses), len(users))
        elif evidence.value.get("field", "").startswith("attributes."):
            key = evidence.value["field"].removeprefix("attributes.")
            have = sum(record["attributes"].get(key) == evidence.value["value"] for record in mine)
            assert evidence.value["events"] == have


def assert_honest(analysis: Analysis) -> None:
    assert all(claim.check is Check.SUPPORTED for claim in analysis.claims), [c for c in analysis.claims if c.reason]
    assert analysis.grounding.score == 1.0
    assert analysis.confidence.replan is (analysis.verdict is Verdict.INCONCLUSIVE)
    assert analysis.root_cause.isprintable()
