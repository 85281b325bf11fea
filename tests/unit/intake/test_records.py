from __future__ import annotations

import json
from datetime import timedelta

import msgspec
import pytest

from bdp.errors import BadRequest, TooLarge
from bdp.intake.event import EventRecord
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import Cause, RecordKind
from bdp.model.event import Event
from tests.unit.intake.reading import NOW, Row, batch_of, one, reason, rows

TS = "2026-02-01T10:00:00Z"


def test_the_edge_knows_every_field_of_an_event() -> None:
    assert EventRecord.__struct_fields__ == Event.__struct_fields__
    assert EventRecord.__struct_defaults__[:-1] == Event.__struct_defaults__[:-1]


def test_a_batch_decodes_as_the_model_and_fits_the_store() -> None:
    batch = batch_of(json.dumps({"ts": TS, "service": "shop", "attributes": {"k": "v"}}))
    event = msgspec.json.decode(batch.payload, type=Event)
    assert (event.service, event.attributes, event.ts.utcoffset()) == ("shop", {"k": "v"}, timedelta(0))


def test_bad_records_are_refused_alone_with_their_position_and_reason() -> None:
    body = "\n".join(
        [f'{{"ts":"{TS}","service":"a"}}', "", "{broken", '{"ts":"yesterday"}', "[1]", f'{{"ts":"{TS}","service":"b"}}']
    )
    batch = batch_of(body)
    assert [row["service"] for row in rows(batch)] == ["a", "b"]
    assert [(letter.index, letter.cause) for letter in batch.refused] == [
        (1, Cause.SCHEMA), (2, Cause.SCHEMA), (3, Cause.SCHEMA),
    ]  # fmt: skip
    assert batch.refused[0].payload == b"{broken"
    assert batch.refused[1].reason == (
        "ts: expected RFC 3339 text or epoch seconds/milliseconds/microseconds/nanoseconds, got 'yesterday'"
    )
    assert batch.refused[2].reason == "expected a JSON object, got an array"


def test_positions_go_on_over_chunks() -> None:
    good = '{{"ts":"{}","message":"{}"}}'.format(TS, "x" * 500)
    lines = [good] * 1000
    for index in (3, 500, 999):
        lines[index] = '{"ts":true}'
    batch = batch_of("\n".join(lines))
    assert batch.count == 997
    assert [letter.index for letter in batch.refused] == [3, 500, 999]


@pytest.mark.parametrize(
    "body", ['[{"ts":"%s"},{"ts":1}, 7,\n{"ts":"%s"}]', '  \n[{"ts":"%s"},{"ts":1},7,{"ts":"%s"}]  ']
)
def test_an_array_is_read_like_lines(body: str) -> None:
    batch = batch_of(body % (TS, TS))
    assert batch.count == 3
    assert [(letter.index, letter.reason) for letter in batch.refused] == [(2, "expected a JSON object, got a number")]


def test_an_object_over_several_lines_is_one_record() -> None:
    assert [row["message"] for row in rows(batch_of(json.dumps({"ts": TS, "message": "m"}, indent=2)))] == ["m"]


def test_a_broken_array_is_a_broken_request() -> None:
    with pytest.raises(BadRequest, match="JSON array"):
        batch_of('[{"ts":1},')


def test_an_empty_body_is_an_empty_batch() -> None:
    assert [(b.count, b.refused) for b in map(batch_of, (b"", b"\n \r\n", b"[]"))] == [(0, ())] * 3


def test_ids_are_made_where_absent_and_kept_where_given() -> None:
    found = rows(batch_of(f'{{"ts":"{TS}"}}\n{{"ts":"{TS}","event_id":"mine"}}\n{{"ts":"{TS}"}}'))
    assert found[1]["event_id"] == "mine"
    assert len({row["event_id"] for row in found}) == 3
    assert {len(row["event_id"]) for row in (found[0], found[2])} == {26}


def test_one_unusual_record_does_not_change_its_neighbours() -> None:
    plain = f'{{"ts":"{TS}","service":"a","attributes":{{"k":"v"}}}}'
    body = "\n".join([plain, f'{{"@timestamp":"{TS}","service.name":"b"}}', plain])
    assert [row["service"] for row in rows(batch_of(body))] == ["a", "b", "a"]


def test_limits_have_their_own_reasons() -> None:
    settings = IntakeSettings(max_record_bytes=300, max_records=3)
    batch = batch_of('{{"ts":"{}"}}\n{{"ts":"{}","message":"{}"}}'.format(TS, TS, "x" * 400), settings=settings)
    assert (batch.count, batch.refused[0].cause) == (1, Cause.TOO_LARGE)
    assert "at most 300" in batch.refused[0].reason
    with pytest.raises(TooLarge, match="3 records"):
        batch_of("{}\n" * 4, settings=settings)


def test_a_refused_record_is_kept_up_to_1_mib_and_says_that_it_was_cut() -> None:
    lines = ('{"ts":true,"message":"%s"}' % ("x" * size) for size in (100_000, 1 << 20))
    whole, cut = batch_of("\n".join(lines)).refused
    assert (len(whole.payload), whole.cut) == (100_024, False)
    assert (len(cut.payload), cut.cut) == (1 << 20, True)


@pytest.mark.parametrize("name", ["ts", "@timestamp"])
def test_clocks_ahead_are_refused_as_such(name: str) -> None:
    late = (NOW + timedelta(hours=25)).isoformat()
    batch = batch_of(json.dumps({name: late}))
    assert [letter.cause for letter in batch.refused] == [Cause.CLOCK]
    assert batch_of(json.dumps({name: (NOW + timedelta(hours=23)).isoformat()})).count == 1


@pytest.mark.parametrize("name", ["ts", "@timestamp"])
def test_times_before_1970_are_refused(name: str) -> None:
    assert "before 1970" in reason({name: "1969-12-31T23:59:59Z"})
    assert "calendar" in reason({name: "0001-01-01T00:00:00+10:00"})


def test_an_event_without_a_time_gets_the_arrival_and_says_so() -> None:
    row = one({"service": "a"})
    assert (row["ts"], row["attributes"]) == ("2026-03-01T12:00:00Z", {"bdp.ts_source": "arrival"})


def test_nested_objects_are_flattened_and_values_made_text() -> None:
    row = one({"ts": TS, "http": {"route": "/x", "request": {"size": 5}}, "ok": True, "tags": ["a", 1], "none": None})
    assert row["route"] == "/x"
    assert row["attributes"] == {"http.request.size": "5", "ok": "true", "tags": '["a",1]'}


def test_depth_and_number_of_attributes_are_bounded_and_nothing_goes_silently() -> None:
    deep: Row = {"leaf": "x"}
    for _ in range(20):
        deep = {"d": deep}
    (name,) = one({"ts": TS, "a": deep})["attributes"]
    assert name.count(".") <= 8
    for attributes in ({f"k{i}": "v" for i in range(300)}, {f"k{i}": 1 for i in range(300)}):
        kept = one({"ts": TS, "attributes": attributes})["attributes"]
        assert len(kept) == 256
        assert kept["bdp.attributes_dropped"] == "45"


@pytest.mark.parametrize(
    "body", [b'{"a":' * 900 + b"1" + b"}" * 900, b"[" * 50_000, b'{"a":' + b"[" * 900 + b"]" * 900 + b"}"]
)
def test_deep_nesting_never_breaks_the_request(body: bytes) -> None:
    line = b'{"x":1,"y":' + body + b"}"
    batch = batch_of(line + b"\n" + b'{"ts":"%b"}' % TS.encode())
    assert batch.count + len(batch.refused) == 2
    assert rows(batch)[-1]["ts"] == TS


def test_lone_surrogates_and_nan_are_made_harmless() -> None:
    row = one(f'{{"ts":"{TS}","message":"a\\ud800b","attributes":{{"k\\udc00":"\\ud83d\\ude00","n":NaN}}}}')
    assert row["message"] == "a\ufffdb"
    assert row["attributes"] == {"k\ufffd": "😀", "n": "NaN"}


def test_a_record_that_is_not_utf8_is_refused_alone() -> None:
    batch = batch_of(b'{"ts":"%b","message":"caf\xe9"}\n{"ts":"%b"}' % (TS.encode(), TS.encode()))
    assert (batch.count, batch.refused[0].cause) == (1, Cause.ENCODING)


TEXTS = [name for name, kind in EventRecord.__annotations__.items() if kind == "str" and name != "level"]


@pytest.mark.parametrize("extra", ["", ',"other":{"a":1}', ',"status":"503"'], ids=["canonical", "nested", "text"])
@pytest.mark.parametrize("wrap", ["%s", "[%s]"], ids=["line", "array"])
def test_a_zero_byte_is_replaced_in_every_text(extra: str, wrap: str) -> None:
    fields = "".join(f',"{name}":"a\\u0000b"' for name in TEXTS)
    row = one(wrap % f'{{"ts":"{TS}"{fields},"attributes":{{"k\\u0000":"v\\u0000"}}{extra}}}')
    assert {name: row[name] for name in TEXTS} == dict.fromkeys(TEXTS, "a\ufffdb")
    assert row["attributes"]["k\ufffd"] == "v\ufffd"


def test_a_zero_byte_in_a_list_or_name_is_replaced_and_its_neighbours_are_whole() -> None:
    fields = (r'"message":"c:\\u0000"', r'"a\u0000":["\u0000"]', '"message":"ok"')
    first, second, third = rows(batch_of("\n".join(f'{{"ts":"{TS}",{field}}}' for field in fields)))
    assert (first["message"], third["message"]) == ("c:\\u0000", "ok")
    assert second["attributes"]["a\ufffd"] == '["\ufffd"]'


def test_a_raw_zero_byte_is_no_json_and_refused_alone() -> None:
    batch = batch_of(f'{{"ts":"{TS}","message":"a\0b"}}\n{{"ts":"{TS}","message":"ok"}}')
    assert (batch.count, len(batch.refused)) == (1, 1)


@pytest.mark.parametrize(
    ("kind", "record"),
    [(RecordKind.METRICS, {"ts": TS, "name": "n", "value": 1, "unit": "u\0", "labels": {"k\0": "v\0"}}),
     (RecordKind.COSTS, {"charge_period_start": TS, "charge_period_end": TS, "service_name": "s\0", "billed_cost": 1,
                         "region_id": "r\0", "tags": {"k\0": "v\0"}}),
     (RecordKind.CHANGES, {"ts": TS, "kind": "deploy", "change_id": "c\0", "summary": "s\0"})],
)  # fmt: skip
def test_a_zero_byte_is_replaced_in_points_too(kind: RecordKind, record: Row) -> None:
    batch = batch_of(msgspec.json.encode(record), kind)
    assert (batch.count, b"\\u0000" in batch.payload) == (1, False)


@pytest.mark.parametrize(
    ("value", "level"),
    [("warning", "WARN"), ("Err", "ERROR"), ("CRITICAL", "FATAL"), ("notice", "INFO"),
     ("TRACE", "DEBUG"), ("panic", "FATAL"),
     ("", "INFO"), (30, "INFO"), (50, "ERROR"), ("40", "WARN"), (17, "ERROR")],
)  # fmt: skip
def test_levels_by_name_and_number(value: str | int, level: str) -> None:
    row = one({"ts": TS, "level": value})
    assert (row["level"], row["attributes"]) == (level, {})


def test_level_numbers_follow_the_name_of_their_field() -> None:
    assert [one({"ts": TS, "severity_number": n})["level"] for n in (1, 5, 9, 13, 17, 21, 24)] == [
        "DEBUG", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "FATAL",
    ]  # fmt: skip
    assert [one({"ts": TS, "PRIORITY": str(n)})["level"] for n in (0, 3, 4, 6, 7)] == [
        "FATAL", "ERROR", "WARN", "INFO", "DEBUG",
    ]  # fmt: skip


def test_an_unknown_level_is_info_and_kept() -> None:
    for record in ({"ts": TS, "level": "spicy"}, {"ts": TS, "log": {"level": "spicy"}}):
        row = one(record)
        assert (row["level"], row["attributes"]) == ("INFO", {"level.original": "spicy"})


def test_elastic_common_schema() -> None:
    row = one(
        {
            "@timestamp": TS, "message": "m", "log": {"level": "error", "logger": "l"}, "service": {"name": "s"},
            "error": {"code": "E1", "message": "why"}, "url": {"path": "/p"},
            "http": {"response": {"status_code": 502}},
            "event": {"duration": 1_500_000}, "trace": {"id": "t"}, "span": {"id": "sp"}, "parent": {"id": "pa"},
            "user": {"id": "u", "name": "Ann"}, "source": {"ip": "10.0.0.1"},
        }
    )  # fmt: skip
    expected = {
        "ts": TS, "message": "m", "level": "ERROR", "service": "s", "error_code": "E1", "route": "/p", "status": 502,
        "duration_ms": 1.5, "trace_id": "t", "span_id": "sp", "parent_id": "pa",
        "user_id": "u", "client_ip": "10.0.0.1",
        "attributes": {"log.logger": "l", "error.message": "why", "user.name": "Ann", "url.path": "/p"},
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


def test_opentelemetry_names_also_inside_attributes() -> None:
    row = one(
        {
            "time_unix_nano": "1769940000000000000", "severity_text": "ERROR", "body": "b", "trace_id": "t",
            "resource": {"attributes": {"service.name": "s", "host.name": "h"}},
            "attributes": {"http.route": "/r", "http.response.status_code": 500, "exception.type": "Boom", "x": "y"},
        }
    )  # fmt: skip
    assert (row["ts"], row["service"], row["route"], row["status"]) == ("2026-02-01T10:00:00Z", "s", "/r", 500)
    assert (row["error_code"], row["message"]) == ("Boom", "b")
    assert row["attributes"] == {"host.name": "h", "x": "y"}


def test_attributes_of_a_canonical_event_stay_attributes() -> None:
    row = one({"ts": TS, "route": "", "attributes": {"http.route": "/r", "n": 1}})
    assert (row["route"], row["attributes"]) == ("", {"http.route": "/r", "n": "1"})


def test_of_two_names_the_first_wins_and_the_other_is_kept() -> None:
    row = one({"msg": "second", "ts": TS, "message": "first"})
    assert (row["message"], row["attributes"]) == ("first", {"msg": "second"})


def test_an_event_code_is_an_error_code_only_where_something_went_wrong() -> None:
    assert one({"ts": TS, "event.code": "4624", "level": "info"})["error_code"] == ""
    assert one({"ts": TS, "event.code": "4625", "level": "error"})["error_code"] == "4625"


@pytest.mark.parametrize(
    ("record", "milliseconds"),
    [({"duration_ms": 5}, 5.0), ({"duration": 1.5}, 1500.0), ({"duration": "250ms"}, 250.0),
     ({"duration": "2 s"}, 2000.0),
     ({"duration_ns": 2_000_000}, 2.0), ({"elapsed_ms": "7"}, 7.0)],
)  # fmt: skip
def test_durations_become_milliseconds(record: Row, milliseconds: float) -> None:
    assert one({"ts": TS, **record})["duration_ms"] == milliseconds


@pytest.mark.parametrize(
    ("record", "words"),
    [({"status": 70000}, "status: expected a status from 0 to 65535, got 70000"),
     ({"duration_ms": "fast"}, "duration_ms: expected a number, got 'fast'"),
     ({"duration_ms": 10**400}, "duration_ms: expected a number"),
     ({"weight": 0}, "weight: expected a number from 1"), ({"weight": "1"}, "weight: expected a number")],
)  # fmt: skip
def test_values_that_cannot_be_are_refused_in_plain_words(record: Row, words: str) -> None:
    assert words in reason(json.dumps({"ts": TS, **record}))


def test_a_status_in_words_is_kept_as_an_attribute() -> None:
    row = one({"ts": TS, "status": "OK"})
    assert (row["status"], row["attributes"]) == (0, {"status": "OK"})


def test_metrics_costs_and_changes() -> None:
    metrics = batch_of(
        f'{{"timestamp":1769940000,"name":"cpu","value":1,"labels":{{"core":3}}}}\n{{"ts":"{TS}","name":"x"}}\n'
        f'{{"ts":"{TS}","name":"x","value":1,"colour":"red"}}',
        RecordKind.METRICS,
    )
    assert [(row["ts"], row["value"], row["labels"]) for row in rows(metrics)] == [(TS, 1.0, {"core": "3"})]
    assert [letter.index for letter in metrics.refused] == [1, 2]
    assert "value" in metrics.refused[0].reason
    assert "unknown field 'colour'" in metrics.refused[1].reason
    cost = {
        "ChargePeriodStart": "2026-01-01T00:00:00Z",
        "ChargePeriodEnd": "2026-01-02",
        "ServiceName": "S",
        "BilledCost": "1.5",
    }
    (line,) = rows(batch_of(json.dumps(cost), RecordKind.COSTS))
    assert (line["service_name"], line["billed_cost"], line["charge_period_end"]) == ("S", 1.5, "2026-01-02T00:00:00Z")
    absent = dict.fromkeys(("RegionId", "SubAccountId", "Tags", "EffectiveCost"), "NULL")
    for said in (absent, {"Tags": "", "EffectiveCost": ""}):
        (line,) = rows(batch_of(json.dumps(cost | said), RecordKind.COSTS))
        assert (line["region_id"], line["tags"], line["effective_cost"]) == ("", {}, 1.5)
    change = {"timestamp": TS, "kind": "deploy", "service": "shop", "commit_sha": "abc"}
    first, second = (
        rows(batch_of(json.dumps([change, {"ts": TS, "kind": "party"}]), RecordKind.CHANGES)) for _ in range(2)
    )
    assert first == second
    assert [(row["ref"], len(row["change_id"])) for row in first] == [("abc", 26)]
