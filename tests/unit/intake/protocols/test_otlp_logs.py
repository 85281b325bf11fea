"""OTLP log records as events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from bdp.errors import BadRequest, UnknownFormat
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import Cause
from tests.unit.intake.protocols.receiving import JSON, NANOS, PROTOBUF, any_value, built, pairs, take, taken
from tests.unit.intake.reading import Row, rows


def request(*records: dict[str, Any], **resource: Any) -> Any:
    """A request with these records of one scope; a time is set where there is none."""
    timed = [{"time_unix_nano": NANOS, **record} for record in records]
    of_scope = {"scope": {"name": "lib", "version": "1.0"}, "log_records": timed}
    return built(
        ExportLogsServiceRequest,
        resource_logs=[{"resource": {"attributes": pairs(**resource)}, "scope_logs": [of_scope]}],
    )


def one(record: dict[str, Any], **resource: Any) -> Row:
    (row,) = taken("otlp_logs", request(record, **resource))
    return row


def test_the_published_example(data_dir: Path) -> None:
    (row,) = taken("otlp_logs", (data_dir / "otel-samples/otlp-json/examples/logs.json").read_bytes())

    assert (row["service"], row["level"], row["ts"]) == ("my.service", "INFO", "2018-12-13T14:51:00.300000Z")
    assert row["message"] == "Example log record"
    assert (row["trace_id"], row["span_id"]) == ("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174")
    assert row["attributes"] == {
        "otel.scope.name": "my.library",
        "otel.scope.version": "1.0.0",
        "my.scope.attribute": "some scope attribute",
        "string.attribute": "some string",
        "boolean.attribute": "true",
        "int.attribute": "10",
        "double.attribute": "637.704",
        "array.attribute": '["many","values"]',
        "map.attribute.some.map.key": "some value",
    }


def test_the_published_event_with_a_map_as_body(data_dir: Path) -> None:
    (row,) = taken("otlp_logs", (data_dir / "otel-samples/otlp-json/examples/events.json").read_bytes())

    assert row["message"] == "browser.page_view"
    assert row["attributes"]["event.name"] == "browser.page_view"
    assert row["attributes"]["body.title"] == "Free Online GUID Generator"
    assert row["attributes"]["body.type"] == "0"
    assert row["attributes"]["level.original"] == "test severity text"


def test_recorded_logs_of_a_shop_arrive_whole(data_dir: Path) -> None:
    lines = (data_dir / "otel-samples/signoz/tests/seeder/golden/otel-demo-logs-golden.jsonl").read_text().splitlines()
    given = [json.loads(line) for line in lines]
    sent: list[Any] = [
        {
            "resource": {"attributes": pairs(**row["resource_attributes"])},
            "scope_logs": [
                {
                    "log_records": [
                        {
                            "time_unix_nano": NANOS - row["minutes_ago"] * 60_000_000_000,
                            "severity_text": row["severity"],
                            "body": any_value(row["body"]),
                            "attributes": pairs(**row["attributes"]),
                        }
                    ]
                }
            ],
        }
        for row in given
    ]

    found = taken("otlp_logs", built(ExportLogsServiceRequest, resource_logs=sent))

    assert [(row["message"], row["level"], row["service"]) for row in found] == [
        (row["body"], row["severity"].replace("WARNING", "WARN"), row["resource_attributes"]["service.name"])
        for row in given
    ]
    assert all(row["attributes"]["deployment.environment"] == "production" for row in found)


def test_semantic_conventions_fill_columns() -> None:
    row = one(
        {
            "body": any_value("charge failed"),
            "severity_number": 17,
            "attributes": pairs(
                http__route="/pay/{id}",
                http__response__status_code=502,
                client__address="10.0.0.9",
                user__id="u7",
                exception__type="TimeoutError",
                exception__message="no answer in 3 s",
            ),
        },
        service__name="billing",
        tenant__id="acme",
        host__name="h1",
    )

    assert row["message"] == "charge failed"
    assert (row["service"], row["tenant"], row["level"]) == ("billing", "acme", "ERROR")
    assert (row["route"], row["status"], row["client_ip"]) == ("/pay/{id}", 502, "10.0.0.9")
    assert (row["user_id"], row["error_code"]) == ("u7", "TimeoutError")
    assert row["attributes"]["exception.message"] == "no answer in 3 s"
    assert row["attributes"]["host.name"] == "h1"


def test_an_exception_without_a_body_is_the_message() -> None:
    assert one({"attributes": pairs(exception__message="it broke")})["message"] == "it broke"


def test_names_of_a_map_as_body_fill_columns() -> None:
    row = one({"body": any_value({"msg": "paid", "level": "warning", "order": {"id": 7, "tags": ["a"]}})})

    assert (row["message"], row["level"]) == ("paid", "WARN")
    assert row["attributes"]["body.order.id"] == "7"
    assert row["attributes"]["body.order.tags"] == '["a"]'


@pytest.mark.parametrize(("body", "message"), [(7, "7"), (True, "true"), ([1, "x"], '[1,"x"]'), (b"ab", "YWI=")])
def test_a_body_that_is_no_text(body: Any, message: str) -> None:
    assert one({"body": any_value(body)})["message"] == message


@pytest.mark.parametrize(
    ("record", "level"),
    [
        ({"severity_number": 1}, "DEBUG"),
        ({"severity_number": 13, "severity_text": "whatever"}, "WARN"),
        ({"severity_number": 21, "severity_text": "INFO"}, "FATAL"),
        ({"severity_text": "crit"}, "FATAL"),
        ({"severity_text": "strange"}, "INFO"),
        ({"attributes": pairs(level="error")}, "ERROR"),
        ({"severity_number": 9, "attributes": pairs(level="error")}, "INFO"),
        ({"body": any_value('level=error msg="payment failed"')}, "ERROR"),
        ({"body": any_value({"message": "[WARN] slow"})}, "WARN"),
        ({"body": any_value("ERROR"), "severity_number": 9}, "INFO"),
        ({"body": any_value("ERROR"), "severity_text": "strange"}, "INFO"),
        ({"body": any_value("ERROR"), "attributes": pairs(level="debug")}, "DEBUG"),
        ({}, "INFO"),
    ],
)
def test_the_number_decides_the_level_then_the_text_then_an_attribute_then_the_line(
    record: dict[str, Any], level: str
) -> None:
    assert one(record)["level"] == level


def test_a_text_that_says_something_else_than_the_level_is_kept() -> None:
    assert one({"severity_text": "strange"})["attributes"]["level.original"] == "strange"
    assert "level.original" not in one({"severity_number": 9, "severity_text": "Information"})["attributes"]


def test_a_record_without_a_time_has_that_of_its_observation_or_its_arrival() -> None:
    observed = one({"time_unix_nano": 0, "observed_time_unix_nano": NANOS - 10**9})
    unknown = one({"time_unix_nano": 0})

    assert (observed["ts"], observed["attributes"]["bdp.ts_source"]) == ("2026-03-01T11:59:59Z", "observed")
    assert (unknown["ts"], unknown["attributes"]["bdp.ts_source"]) == ("2026-03-01T12:00:00Z", "arrival")


def test_an_attribute_never_refuses_its_record_nor_sets_time_or_weight() -> None:
    odd = {"http.response.status_code": 99_999_999, "duration": "long", "weight": 250, "timestamp": "yesterday"}
    row = one({"attributes": pairs(**odd)})

    assert (row["status"], row["duration_ms"], row["weight"], row["ts"]) == (0, 0.0, 1.0, "2026-03-01T12:00:00Z")
    assert {name: row["attributes"][name] for name in odd} == {name: str(value) for name, value in odd.items()}


def test_the_record_speaks_before_its_resource() -> None:
    row = one({"attributes": pairs(service__name="inner")}, service__name="outer")

    assert (row["service"], row["attributes"]["service.name"]) == ("inner", "outer")


def test_a_record_from_tomorrow_is_refused_alone_and_can_be_read_again() -> None:
    late = {"time_unix_nano": NANOS + 3 * 86_400 * 10**9, "body": any_value("late")}
    batch = take("otlp_logs", request({"body": any_value("now")}, late, service__name="shop"))

    assert [row["message"] for row in rows(batch)] == ["now"]
    (letter,) = batch.refused
    assert (letter.cause, letter.index) == (Cause.CLOCK, 1)
    again = ExportLogsServiceRequest.FromString(letter.payload)
    assert again.resource_logs[0].resource.attributes[0].value.string_value == "shop"
    assert again.resource_logs[0].scope_logs[0].log_records[0].body.string_value == "late"


def test_text_that_is_not_utf8_refuses_its_record_alone() -> None:
    body = request(*({"body": any_value(text)} for text in ("first", "broken", "last")), service__name="shop")
    batch = take("otlp_logs", body.SerializeToString().replace(b"broken", b"bro\xffen"), kind=PROTOBUF)

    assert [(row["message"], row["service"]) for row in rows(batch)] == [("first", "shop"), ("last", "shop")]
    (letter,) = batch.refused
    assert letter.cause is Cause.ENCODING
    assert b"bro\xffen" in letter.payload
    assert b"shop" in letter.payload


def test_a_record_over_the_limit_is_refused_alone() -> None:
    small = IntakeSettings(max_record_bytes=1000)
    batch = take("otlp_logs", request({"body": any_value("x" * 2000)}, {"body": any_value("fits")}), small)

    assert [row["message"] for row in rows(batch)] == ["fits"]
    assert [letter.cause for letter in batch.refused] == [Cause.TOO_LARGE]


def test_many_attributes_are_cut_and_counted() -> None:
    row = one({"attributes": pairs(**{f"k{number}": "v" for number in range(400)})})

    assert len(row["attributes"]) == 256
    assert int(row["attributes"]["bdp.attributes_dropped"]) == 400 + 2 - 255


def test_json_one_bad_record_is_refused_alone() -> None:
    good = {"timeUnixNano": str(NANOS), "body": {"stringValue": "good"}, "unknownField": {"a": 1}}
    bad = [{"timeUnixNano": "soon"}, {"traceId": "xyz"}, {"attributes": {}}, 7, {"severityNumber": 2**40}]
    sent = {"resourceLogs": [{"scopeLogs": [{"logRecords": [good, *bad, good]}]}]}
    batch = take("otlp_logs", sent)

    assert [row["message"] for row in rows(batch)] == ["good", "good"]
    assert [letter.index for letter in batch.refused] == [1, 2, 3, 4, 5]
    assert "timeUnixNano" in batch.refused[0].reason
    assert json.loads(batch.refused[0].payload)["resourceLogs"][0]["scopeLogs"][0]["logRecords"] == [bad[0]]


@pytest.mark.parametrize("severity", [17, "17", "SEVERITY_NUMBER_ERROR"])
def test_json_takes_enums_as_numbers_and_names(severity: Any) -> None:
    sent = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"severityNumber": severity}]}]}]}
    (row,) = taken("otlp_logs", sent)
    assert row["level"] == "ERROR"


def test_json_that_is_not_utf8_keeps_its_records() -> None:
    sent = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"bad \xff byte"}}]}]}]}'
    (row,) = taken("otlp_logs", sent)
    assert row["message"] == "bad \ufffd byte"


def test_json_nested_without_an_end_is_refused() -> None:
    deep: Any = {"stringValue": "x"}
    for _ in range(200):
        deep = {"arrayValue": {"values": [deep]}}
    batch = take("otlp_logs", {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": deep}, {}]}]}]})

    assert batch.count == 1
    assert "levels deep" in batch.refused[0].reason


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\x0a\xff", PROTOBUF),
        (b"\x07no protobuf", PROTOBUF),
        (b"[]", JSON),
        (b'{"resourceLogs": 5}', JSON),
        (b"{", JSON),
        (b"[" * 100_000, JSON),
        (b"", JSON),
    ],
)
def test_a_body_that_is_none(body: bytes, kind: str) -> None:
    with pytest.raises(BadRequest):
        take("otlp_logs", body, kind=kind)


def test_another_content_type() -> None:
    with pytest.raises(UnknownFormat, match="text/plain"):
        take("otlp_logs", b"", kind="text/plain")
