"""Loki pushes as events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bdp.errors import BadRequest
from bdp.intake.protocols.loki import MESSAGES, parse_labels
from bdp.intake.refusal import RefusedRecord
from tests.unit.intake.protocols.receiving import JSON, NANOS, PROTOBUF, take, taken
from tests.unit.intake.reading import Row, rows

PROMTAIL = {
    "streams": [
        {
            "stream": {"filename": "/var/log/shop.log", "job": "varlogs", "host": "h1", "detected_level": "warn"},
            "values": [[str(NANOS), "disk is 91 % full"], [str(NANOS + 1000), "disk is 92 % full"]],
        }
    ]
}


def push(*values: Any, **labels: str) -> dict[str, Any]:
    return {"streams": [{"stream": labels, "values": list(values)}]}


def one(line: str, metadata: dict[str, str] | None = None, **labels: str) -> Row:
    (row,) = taken("loki", push([str(NANOS), line, metadata or {}], **labels))
    return row


def test_a_push_as_promtail_sends_it() -> None:
    found = taken("loki", PROMTAIL)

    assert [(row["message"], row["level"], row["service"]) for row in found] == [
        ("disk is 91 % full", "WARN", "varlogs"),
        ("disk is 92 % full", "WARN", "varlogs"),
    ]
    assert [row["ts"] for row in found] == ["2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000001Z"]
    assert found[0]["attributes"] == PROMTAIL["streams"][0]["stream"]


def test_a_push_as_fluent_bit_sends_it() -> None:
    line = json.dumps({"date": 1.5, "log": "GET /x failed", "level": "error", "kubernetes": {"pod_name": "shop-7"}})
    row = one(line, service_name="shop", namespace="prod")

    assert (row["message"], row["level"], row["service"]) == ("GET /x failed", "ERROR", "shop")
    assert row["ts"] == "2026-03-01T12:00:00Z"
    assert row["attributes"]["kubernetes.pod_name"] == "shop-7"
    assert row["attributes"]["namespace"] == "prod"


def test_structured_metadata_fills_columns() -> None:
    row = one("paid", {"trace_id": "0af7", "user_id": "u1", "pod": "p1"}, app="billing", level="error")

    assert (row["trace_id"], row["user_id"], row["service"], row["level"]) == ("0af7", "u1", "billing", "ERROR")
    assert row["attributes"] == {"pod": "p1"}


def test_a_label_goes_before_the_line() -> None:
    row = one('{"level": "debug", "env": "test", "app": "inner", "answer": 42}', level="fatal", env="prod", app="outer")

    assert (row["level"], row["service"]) == ("FATAL", "outer")
    assert row["attributes"] == {
        "env": "prod",
        "line.env": "test",
        "level": "debug",
        "app": "inner",
        "answer": "42",
    }
    assert row["message"].startswith('{"level"')


@pytest.mark.parametrize("line", ["level=info msg=paid", "{not json", "[1]", "", '{"a":1} and more'])
def test_any_other_line_stays_the_message(line: str) -> None:
    assert one(line, job="x")["message"] == line


@pytest.mark.parametrize(
    ("line", "labels", "level"),
    [
        ('level=error msg="payment failed"', {}, "ERROR"),
        ("2026-03-01 12:00:00,123 [main] WARN shop - slow", {}, "WARN"),
        ("2026/03/01 12:00:00 [error] 7#0: upstream timed out", {}, "ERROR"),
        ('{"log": "FATAL out of memory"}', {}, "FATAL"),
        ('{"log": "FATAL out of memory", "level": "warn"}', {}, "WARN"),
        ("ERROR payment failed", {"level": "info", "detected_level": "warn"}, "INFO"),
        ("ERROR payment failed", {"detected_level": "warn"}, "WARN"),
        ('{"level": "error"}', {"detected_level": "debug"}, "DEBUG"),
        ("no error was found", {}, "INFO"),
    ],
)
def test_the_level_is_the_label_then_what_was_detected_then_the_lines_own(
    line: str, labels: dict[str, str], level: str
) -> None:
    assert one(line, None, job="varlogs", **labels)["level"] == level


def test_protobuf_gives_the_same_events() -> None:
    entries = [
        {"timestamp": {"seconds": NANOS // 10**9, "nanos": 1000 * index}, "line": text.encode()}
        for index, text in enumerate(["disk is 91 % full", "disk is 92 % full"])
    ]
    labels = b'{filename="/var/log/shop.log", job="varlogs", host="h1", detected_level="warn"}'
    sent = MESSAGES["PushRequest"](streams=[{"labels": labels, "entries": entries}])

    assert taken("loki", sent) == taken("loki", PROMTAIL)


def test_protobuf_that_is_not_utf8_is_kept_line_by_line() -> None:
    at = {"seconds": NANOS // 10**9}
    entry = {"timestamp": at, "line": b"caf\xe9", "metadata": [{"name": b"user_id", "value": b"u1"}]}
    bad = {"labels": b"no labels", "entries": [{"timestamp": at, "line": b"lost?"}]}
    batch = take("loki", MESSAGES["PushRequest"](streams=[bad, {"labels": b'{app="a"}', "entries": [entry]}]))

    assert [(row["message"], row["user_id"]) for row in rows(batch)] == [("caf\ufffd", "u1")]
    (letter,) = batch.refused
    assert "labels" in letter.reason
    assert b"lost?" in letter.payload


@pytest.mark.parametrize(
    "value",
    [["soon", "x"], [str(NANOS)], "x", [NANOS / 2, "x"], [str(NANOS), 5], [str(NANOS), "x", "y"], ["9" * 40, "x"],
     [str(NANOS * 2), "x"], [str(-NANOS), "x"]],
)  # fmt: skip
def test_a_bad_value_is_refused_alone_and_can_be_read_again(value: Any) -> None:
    batch = take("loki", push([str(NANOS), "before"], value, [NANOS, "after"], app="a"))

    assert [row["message"] for row in rows(batch)] == ["before", "after"]
    (letter,) = batch.refused
    assert letter.index == 1
    assert json.loads(letter.payload) == push(value, app="a")


@pytest.mark.parametrize("stream", [7, {}, {"stream": {"a": {}}, "values": []}, {"stream": {}, "values": {}}])
def test_a_bad_stream_is_refused_alone(stream: Any) -> None:
    batch = take("loki", {"streams": [stream, *PROMTAIL["streams"]]})
    assert (batch.count, len(batch.refused)) == (2, 1)


@pytest.mark.parametrize(
    ("body", "kind"), [(b"{}", JSON), (b"x", JSON), (b'{"streams":{}}', JSON), (b"\x07", PROTOBUF)]
)
def test_a_body_that_is_none(body: bytes, kind: str) -> None:
    with pytest.raises(BadRequest):
        take("loki", body, kind=kind)


def test_a_line_nested_without_an_end() -> None:
    deep = '{"a":' * 600 + "1" + "}" * 600
    batch = take("loki", push([str(NANOS), deep], [str(NANOS), "after"], app="a"))
    assert batch.count + len(batch.refused) == 2
    assert rows(batch)[-1]["message"] == "after"


@pytest.mark.parametrize(
    ("written", "labels"),
    [
        ("{}", {}),
        ('{a="b"}', {"a": "b"}),
        ('{ a = "b" , c_d="e\\"f\\\\", }', {"a": "b", "c_d": 'e"f\\'}),
        ('{a="x,y=\\"z\\"}\\n\\u00e9\\x41"}', {"a": 'x,y="z"}\né' + "A"}),
        ("{a=`raw\\n`}", {"a": "raw\\n"}),
    ],
)
def test_labels_as_written(written: str, labels: dict[str, str]) -> None:
    assert parse_labels(written) == labels


@pytest.mark.parametrize("written", ["", "a", "{a}", "{a=b}", '{a="b"', '{a="b" c="d"}', '{="b"}', "{" + 'a="' * 5000])
def test_labels_that_are_none(written: str) -> None:
    with pytest.raises(RefusedRecord):
        parse_labels(written)
