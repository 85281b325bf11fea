"""Evals: a case is a folder with a source (recorded data, or its own file) and what a good analyst would say of it.

Counts are counted again here from the same records, by other code than the product's.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from bdp.clock import ManualClock
from bdp.explain.analyst import Analyst
from bdp.explain.settings import ExplainSettings
from bdp.model.analysis import Analysis, Check, Verdict
from bdp.model.anomaly import AnomalyKind, Severity, Subject
from bdp.model.batch import RecordKind
from bdp.model.evidence import EvidenceKind
from bdp.model.incident import Incident, IncidentStatus, TimelineEntry
from bdp.store.clickhouse import ClickHouseStore
from tests.evals.korean import assert_told_in_korean
from tests.evals.readers import READERS, Record
from tests.kept import empty_store

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/expected.json"))


@pytest.fixture
def store() -> Iterator[ClickHouseStore]:
    opened = empty_store()
    yield opened
    opened.close()


def read(case: Path, request: pytest.FixtureRequest) -> tuple[list[Record], dict[str, Any]]:
    source = json.loads((case / "source.json").read_text("utf-8"))
    if "data" not in source:
        own = next(
            path for path in (case / "events.ndjson", case / "points.csv", case / "charges.csv") if path.exists()
        )
        return list(READERS[source["reader"]](own)), source
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
        if "level" in record
        and (record["level"] in {"WARN", "ERROR", "FATAL"} or record.get("error_code"))
        and (record["service"], record.get("route", "")) == (subject.service, subject.route)
        and record.get("error_code", "") == subject.error_code
        and since <= moment(record) <= until
    ]


def incident(subject: Subject, times: list[datetime], kind: str | None) -> Incident:
    told = TimelineEntry(at=min(times), kind="detected", text="Detected", data={"kind": kind})
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
        timeline=(told,) if kind else (),
    )


def insert(store: ClickHouseStore, records: list[Record]) -> None:
    lines = {
        RecordKind.EVENTS: [record for record in records if "level" in record],
        RecordKind.CHANGES: [record["change"] for record in records if "change" in record],
        RecordKind.METRICS: [record["metric"] for record in records if "metric" in record],
        RecordKind.COSTS: [record["cost"] for record in records if "cost" in record],
    }
    for kind, rows in lines.items():
        if rows:
            store.insert(kind, "\n".join(map(json.dumps, rows)).encode(), kind.value)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path, store: ClickHouseStore, request: pytest.FixtureRequest) -> None:
    expected = json.loads((case / "expected.json").read_text("utf-8"))
    records, source = read(case, request)
    subject = Subject(**expected["subject"])
    mine = of_subject(records, subject, source)
    insert(store, records)
    stretch = [datetime.fromisoformat(source[key]) for key in ("since", "until") if "kind" in expected]
    about = incident(subject, stretch or [moment(record) for record in mine], expected.get("kind"))
    # A bill has a day when it is over.
    now = about.last_seen + timedelta(days=about.kind is AnomalyKind.COST)
    analysis = Analyst(store, ExplainSettings(), ManualClock(now)).explain(about)
    assert (analysis.mechanism, analysis.verdict.value in expected["verdict"]) == (expected["mechanism"], True)
    for key in ("culprit_change", "first_failing_service"):
        if key in expected:
            assert getattr(analysis, key) == expected[key]
    for name in expected.get("names", ()):
        assert name in " ".join(claim.text for claim in analysis.claims)
    if about.kind is AnomalyKind.COST:
        assert_costs_are_right(analysis, about, [record["cost"] for record in records if "cost" in record])
    else:
        assert_counts_are_right(analysis, mine)
    assert_levels_are_right(analysis, [record["metric"] for record in records if "metric" in record])
    assert_honest(analysis)
    assert_told_in_korean(analysis)


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


def assert_costs_are_right(analysis: Analysis, about: Incident, lines: list[Record]) -> None:
    """Sum the bill again: what the days cost, what such days cost before, and what each part of it did."""
    days = [about.start_time + timedelta(days=n) for n in range((about.last_seen - about.start_time).days + 1)]
    mine = [one for one in lines if about.subject.account in {one["sub_account_name"], one["sub_account_id"]}]
    mine = [one for one in mine if one["service_name"] == about.subject.service]
    columns = {"usage_type": "sku_meter", "resource": "resource_id", "region": "region_id"}
    for evidence in (one.value for one in analysis.evidence if one.kind is EvidenceKind.COST and "cost" in one.value):
        key = next((key for key in columns if key in evidence), "")
        if not key and "first_day" not in evidence:
            continue
        part = [one for one in mine if not key or one[columns[key]] == evidence[key]]
        if "charge_category" in evidence:
            part = [one for one in part if one["charge_category"] == evidence["charge_category"]]
        elif key in {"usage_type", "resource"}:
            part = [one for one in part if one["charge_category"] == "Usage"]
        elif {"tag", "account", "service"} & evidence.keys() and "subject" not in evidence:
            continue
        spent = sum(one["billed_cost"] for one in part if datetime.fromisoformat(one["charge_period_start"]) in days)
        assert evidence["cost"] == pytest.approx(spent / len(days), abs=1e-3)
        if not evidence.get("same_weekday"):
            before = Counter[str]()
            for one in part:
                before[one["charge_period_start"]] += one["billed_cost"]
            known = [paid for at, paid in before.items() if datetime.fromisoformat(at) < days[0]]
            assert evidence["cost_usual"] == pytest.approx(median(known or [0]), abs=1e-3)


def assert_levels_are_right(analysis: Analysis, points: list[Record]) -> None:
    assert any(evidence.kind is EvidenceKind.METRIC for evidence in analysis.evidence) is bool(points)
    for evidence in (one for one in analysis.evidence if one.kind is EvidenceKind.METRIC):
        said = {key.split("_percent")[0].split("_us")[0]: value for key, value in evidence.value.items()}
        series = [
            (moment(p), p["value"]) for p in points if (p["entity"], p["name"]) == (said["entity"], said["metric"])
        ]
        onset = evidence.start_time + timedelta(hours=6)
        usual = [value for at, value in series if evidence.start_time <= at < onset]
        inside = [value for at, value in series if onset <= at < evidence.end_time]
        assert (said["usual"], said["usual_points"]) == (pytest.approx(median(usual), rel=1e-5), len(usual))
        assert (said["highest"], said["lowest"]) == pytest.approx((max(inside), min(inside)), rel=1e-5)


def assert_honest(analysis: Analysis) -> None:
    assert all(claim.check is Check.SUPPORTED for claim in analysis.claims), [c for c in analysis.claims if c.reason]
    assert analysis.grounding.score == 1.0
    assert analysis.confidence.replan is (analysis.verdict is Verdict.INCONCLUSIVE)
    assert analysis.root_cause.isprintable()
