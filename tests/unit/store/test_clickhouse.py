"""The embedded store: exactly once, read-only for readers, clear errors."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from bdp.errors import BadRecord, BadRequest
from bdp.model.batch import RecordKind
from bdp.model.change import Change, ChangeKind
from bdp.model.cost import CostLine
from bdp.model.event import Event
from bdp.model.metric import MetricPoint
from bdp.store.clickhouse import ClickHouseStore, StoreSettings, open_store

AT = datetime(2026, 5, 1, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
def store() -> Iterator[ClickHouseStore]:
    opened = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}", query_rows=1000))
    yield opened
    opened.close()


def lines(*records: msgspec.Struct) -> bytes:
    return msgspec.json.Encoder().encode_lines(records)


def test_every_kind_comes_back_as_it_went_in(store: ClickHouseStore) -> None:
    event = Event(
        ts=AT, service="shop", message='tab\tquote"back\\slash\nline 한국어', attributes={"a.b": "1"}, status=503
    )
    store.insert(RecordKind.EVENTS, lines(event), "e")
    store.insert(RecordKind.METRICS, lines(MetricPoint(ts=AT, name="latency_p99", value=4.5, unit="us")), "m")
    store.insert(
        RecordKind.COSTS,
        lines(CostLine(charge_period_start=AT, charge_period_end=AT, service_name="EC2", billed_cost=12.25)),
        "c",
    )
    store.insert(RecordKind.CHANGES, lines(Change(ts=AT, kind=ChangeKind.DEPLOY, ref="v1", diff="-a\n+b")), "g")
    found = store.query("SELECT ts, service, message, attributes, status, weight FROM events")[0]
    assert found == {
        "ts": AT, "service": "shop", "message": event.message, "attributes": {"a.b": "1"}, "status": 503, "weight": 1.0,
    }  # fmt: skip
    assert store.query("SELECT value, unit FROM metrics") == [{"value": 4.5, "unit": "us"}]
    assert store.query("SELECT billed_cost FROM costs") == [{"billed_cost": 12.25}]
    assert store.query("SELECT kind, diff FROM changes") == [{"kind": "deploy", "diff": "-a\n+b"}]


def test_one_token_inserts_once_also_over_many_days(store: ClickHouseStore) -> None:
    payload = lines(*(Event(ts=datetime(2020 + day % 6, day % 12 + 1, 1, tzinfo=UTC)) for day in range(400)))
    for _ in range(3):
        store.insert(RecordKind.EVENTS, payload, "token")
    store.insert(RecordKind.EVENTS, payload, "another")
    assert store.query("SELECT count() AS n FROM events") == [{"n": 800}]


def test_a_payload_with_one_bad_record_is_refused_whole(store: ClickHouseStore) -> None:
    good = lines(*(Event(ts=AT, message="x" * 500) for _ in range(30_000)))
    with pytest.raises(BadRecord, match="cannot read these events"):
        store.insert(RecordKind.EVENTS, good + b'{"ts":"not a time"}', "token")
    assert store.query("SELECT count() AS n FROM events") == [{"n": 0}]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO events (message) VALUES ('x')",
        "DROP TABLE events",
        "SELECT 1; DROP TABLE events",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:9/', 'CSV', 'a String')",
        "SET readonly = 0",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT number FROM numbers(2000)",
        "SELEC 1",
        "USE system",
        "KILL QUERY WHERE 1",
        "SELECT 1 INTO OUTFILE '{out}'",
        "EXPLAIN SELECT 1 INTO /* /* */ ' */ OUTFILE '{out}'",
        "SELECT $$'$$, '1' INTO/**/OUTFILE '{out}'",
        "SELECT file('/etc/passwd')",
        "SELECT `fi\\x6ce`('/etc/passwd')",
        "SELECT * APPLY(file) FROM (SELECT '/etc/passwd')",
        "SELECT arrayMap(file, ['/etc/passwd'])",
        "SELECT * FROM Python(rows)",
        "SELECT 1 AS `'`, file('/etc/passwd') AS `x'`",
        "SELECT 1 AS `'` INTO OUTFILE '{out}'",
        "WITH 1 AS file SELECT arrayMap(file, ['/etc/passwd'])",
        "",
        "-- nothing",
    ],
)
def test_readers_can_only_read_and_within_limits(store: ClickHouseStore, sql: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(BadRequest, match="query was refused"):
        store.query(sql.replace("{out}", str(out)))
    assert not out.exists()
    assert store.query("SELECT count() AS n FROM events") == [{"n": 0}]


def test_a_column_may_be_named_like_a_function_that_reaches_out(store: ClickHouseStore) -> None:
    assert store.query("SELECT count() AS file, 1 AS `it's` FROM events AS python") == [{"file": 0, "it's": 1}]


def test_a_semicolon_inside_a_string_is_no_second_statement(store: ClickHouseStore) -> None:
    sql = "SELECT 'a;b' AS x, `y;z` FROM (SELECT ';' AS `y;z`) -- note; this\n;"
    assert store.query(sql) == [{"x": "a;b", "y;z": ";"}]


def test_another_retention_takes_effect_on_the_next_start() -> None:
    settings = StoreSettings(database=f"t{uuid.uuid4().hex}", retention_days=7)
    for changed in (settings, settings.model_copy(update={"retention_days": 3})):
        store = open_store(changed)
        table = store.query("SELECT create_table_query AS ddl FROM system.tables WHERE name = 'events'"
                            f" AND database = '{settings.database}'")  # fmt: skip
        assert f"toIntervalDay({changed.retention_days})" in table[0]["ddl"]
        store.close()


def test_a_query_that_was_cut_off_leaves_nothing_to_the_next() -> None:
    store = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
    try:
        for _ in range(20):
            with pytest.raises(BadRequest):
                store.query("SELECT 'SELECT 42 AS n, '||toString(number)||' AS stale' FROM numbers(150000)")
            assert store.query("SELECT count() AS n FROM events") == [{"n": 0}]
    finally:
        store.close()
