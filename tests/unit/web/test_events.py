"""Ways in: every form a client may send, what is refused and how, and that one bad record stops no other."""

from __future__ import annotations

import gzip
import json
from typing import Any

import msgspec
import pytest
import zstandard
from markdown_it import MarkdownIt
from starlette.testclient import TestClient

from bdp.app import App
from bdp.model.batch import Batch, Cause, DeadLetter, RecordKind

GOOD = {"ts": "2026-05-01T12:00:00Z", "service": "shop", "message": "ordered"}
LINE = json.dumps(GOOD).encode()
HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07 <script>alert(1)</script> '; DROP TABLE events; -- {{7*7}} ${x} \u202e한국 [/red] `rm`"
)


def post(client: TestClient, content: bytes, **headers: str) -> Any:
    answer = client.post("/v1/events", content=content, headers={n.replace("_", "-"): v for n, v in headers.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()


def events(app: App, columns: str = "message") -> list[dict[str, Any]]:
    app.pipeline.drain()
    return app.store.query(f"SELECT {columns} FROM events ORDER BY ts, message")


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (LINE + b"\n" + LINE, ""),
        (LINE + b"\r\n\r\n" + LINE + b"\n", ""),
        (b"[" + LINE + b"," + LINE + b"]", ""),
        (b"\xef\xbb\xbf \n[" + LINE + b",\n" + LINE + b"]\n", ""),
        (gzip.compress(LINE + b"\n" + LINE), "gzip"),
        (gzip.compress(LINE) + gzip.compress(b"\n" + LINE), "GZIP"),
        (zstandard.compress(b"[" + LINE + b"," + LINE + b"]"), "zstd"),
        (zstandard.compress(gzip.compress(LINE + b"\n" + LINE)), "gzip, zstd"),
        (LINE + b"\n" + LINE, "identity"),
    ],
)
def test_each_form_gives_the_same_events(app: App, client: TestClient, body: bytes, encoding: str) -> None:
    told = post(client, body, Content_Encoding=encoding)
    assert (told["accepted"], told["refused"], told["refusals"], told["repeated"]) == (2, 0, [], False)
    assert events(app, "service, message") == [{"service": "shop", "message": "ordered"}] * 2


def test_a_bad_record_is_refused_alone(app: App, client: TestClient) -> None:
    bad = [b"not json", b'{"ts": "nope"}', b'"text"', b'{"message": "\xff"}', b'{"message": "' + b"x" * 21_000 + b'"}']
    told = post(client, b"\n".join([LINE, *bad, LINE]))
    assert (told["accepted"], told["refused"]) == (2, 5)
    assert [refusal["index"] for refusal in told["refusals"]] == [1, 2, 3, 4, 5]
    assert [refusal["cause"] for refusal in told["refusals"]] == ["schema", "schema", "schema", "encoding", "too_large"]
    assert all(refusal["reason"] for refusal in told["refusals"])
    assert "nope" in told["refusals"][1]["reason"]
    assert len(events(app)) == 2
    letters = client.get("/v1/dead-letters").json()
    assert [(letter["index"], letter["payload"]) for letter in letters[-2:]] == [(2, '{"ts": "nope"}'), (1, "not json")]
    assert client.get("/v1/ledger").json()["total"] == {
        "accepted": 7, "stored": 2, "dead_lettered": 5, "dropped": 0, "in_flight": 0,
    }  # fmt: skip


def test_only_the_first_refusals_are_told_but_all_are_kept(app: App, client: TestClient) -> None:
    told = post(client, b"\n".join([b"x"] * 150))
    assert (told["accepted"], told["refused"], len(told["refusals"])) == (0, 150, 100)
    assert len(client.get("/v1/dead-letters", params={"limit": 1000}).json()) == 150


def test_nothing_sent_is_nothing_taken(app: App, client: TestClient) -> None:
    assert post(client, b"")["accepted"] == 0
    assert post(client, b"\n \n[]"[:3])["accepted"] == 0
    assert post(client, b"[]")["accepted"] == 0
    assert app.ledger()[0].accepted == 0


def test_the_same_key_counts_once_and_for_one_kind(app: App, client: TestClient) -> None:
    first, again = post(client, LINE, Idempotency_Key="k"), post(client, LINE, Idempotency_Key="k")
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert first["batch_id"] == again["batch_id"]
    change = {"ts": GOOD["ts"], "kind": "deploy", "ref": "v2"}
    answer = client.post("/v1/changes", json=[change], headers={"Idempotency-Key": "k"})
    assert answer.json()["repeated"] is False
    assert len(events(app)) == 1


def test_changes_come_back(app: App, client: TestClient) -> None:
    change = {"ts": GOOD["ts"], "kind": "deploy", "service": "shop", "ref": "v2", "diff": "-a\n+b"}
    told = client.post("/v1/changes", json=[change, {"kind": "party"}]).json()
    assert (told["accepted"], [refusal["index"] for refusal in told["refusals"]]) == (1, [1])
    app.pipeline.drain()
    assert app.store.query("SELECT kind, service, ref, diff FROM changes") == [
        {"kind": "deploy", "service": "shop", "ref": "v2", "diff": "-a\n+b"}
    ]


def test_a_change_without_a_time_took_effect_when_it_arrived(app: App, client: TestClient) -> None:
    told = client.post("/v1/changes", json=[{"kind": "deploy", "ref": "v2"}, {"kind": "party"}, {}]).json()
    assert (told["accepted"], [refusal["reason"] for refusal in told["refusals"]]) == (
        1,
        [
            "kind: expected one of deploy, commit, flag, config, maintenance, got 'party'",
            "kind: missing; each record needs kind",
        ],
    )
    app.pipeline.drain()
    (row,) = app.store.query("SELECT ts, ref FROM changes")
    assert (row["ref"], abs((app.clock.now() - row["ts"]).total_seconds()) < 60) == ("v2", True)


COST = {"ChargePeriodStart": "2026-05-01", "ChargePeriodEnd": "2026-05-02", "ServiceName": "S3", "BilledCost": 1.5}
POINT = {"ts": GOOD["ts"], "name": "depth", "entity": "orders", "labels": {"q": "a"}, "value": 17}


@pytest.mark.parametrize(
    ("path", "record", "sql", "row"),
    [
        ("/v1/costs", COST, "SELECT service_name, billed_cost FROM costs", {"service_name": "S3", "billed_cost": 1.5}),
        ("/metrics/ingest", POINT, "SELECT name, labels, value FROM metrics", {**POINT, "ts": "", "entity": ""}),
    ],
)
def test_costs_and_metric_points_come_back(
    app: App, client: TestClient, path: str, record: dict[str, Any], sql: str, row: dict[str, Any]
) -> None:
    body = gzip.compress(json.dumps(record).encode() + b"\n{}")
    first, again = (
        client.post(path, content=body, headers={"Idempotency-Key": "k", "Content-Encoding": "gzip"}).json()
        for _ in range(2)
    )
    assert (first["accepted"], first["refused"], first["repeated"], again["repeated"]) == (1, 1, False, True)
    assert "missing" in first["refusals"][0]["reason"]
    app.pipeline.drain()
    assert app.store.query(sql) == [{name: value for name, value in row.items() if name in sql}]
    assert app.ledger()[1]["http"].as_dict()["dead_lettered"] == 1


def test_what_is_no_event_is_never_sampled(app: App, client: TestClient) -> None:
    client.put("/v1/sampling", json={"policy": {"base_rate": 0.01}, "by": "me"}).raise_for_status()
    for path, record in (("/v1/costs", COST), ("/metrics/ingest", POINT), ("/v1/changes", {"kind": "deploy"})):
        told = client.post(path, json=[record] * 200).json()
        assert (told["accepted"], told["sampled_out"]) == (200, 0), path


@pytest.mark.parametrize(
    ("content", "encoding", "status", "code"),
    [
        (b"x" * 100_001, "", 413, "TOO_LARGE"),
        (gzip.compress(b" " * 5_000_000), "gzip", 413, "TOO_LARGE"),
        (zstandard.compress(b" " * 5_000_000), "zstd", 413, "TOO_LARGE"),
        (LINE, "br", 415, "UNKNOWN_ENCODING"),
        (LINE, "gzip", 400, "VALIDATION_ERROR"),
        (gzip.compress(LINE)[:-9], "gzip", 400, "VALIDATION_ERROR"),
        (zstandard.compress(LINE * 50)[:-9], "zstd", 400, "VALIDATION_ERROR"),
        (b"[" + LINE, "", 400, "VALIDATION_ERROR"),
        (b"[" * 50_000, "", 400, "VALIDATION_ERROR"),
    ],
)
def test_a_request_that_cannot_be_read_says_why(
    app: App, client: TestClient, content: bytes, encoding: str, status: int, code: str
) -> None:
    answer = client.post("/v1/events", content=content, headers={"Content-Encoding": encoding})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert error["what"]
    assert error["next_step"]
    assert app.ledger()[0].accepted == 0


def test_a_body_of_unknown_length_is_bounded_too(app: App, client: TestClient) -> None:
    answer = client.post("/v1/events", content=(b"x" * 10_000 for _ in range(20)))
    assert answer.status_code == 413
    answer = client.post("/v1/query", content=(b" " * 10_000 for _ in range(20)))
    assert answer.status_code in (400, 413)


def test_hostile_text_comes_back_as_it_went_in(app: App, client: TestClient) -> None:
    event = {
        "ts": GOOD["ts"],
        **dict.fromkeys(
            ("event_id", "tenant", "service", "route", "error_code", "message", "trace_id", "span_id", "parent_id",
             "user_id", "client_ip"), HOSTILE
        ),
        "attributes": {HOSTILE: HOSTILE},
    }  # fmt: skip
    assert post(client, json.dumps(event).encode())["accepted"] == 1
    app.pipeline.drain()
    names = ", ".join(name for name in event if name != "ts")
    found = client.post("/v1/query", json={"sql": f"SELECT {names} FROM events"}).json()
    assert found == [{name: value for name, value in event.items() if name != "ts"}]


def test_hostile_events_become_an_incident_that_every_answer_can_carry(app: App, client: TestClient) -> None:
    rows = [{**GOOD, "service": HOSTILE, "route": HOSTILE, "error_code": HOSTILE, "message": HOSTILE, "level": "ERROR"}]
    post(client, json.dumps(rows * 30).encode())
    app.pipeline.drain()
    app.pipeline.finish()
    incident = client.get("/v1/incidents").json()[0]
    assert incident["subject"]["service"] == HOSTILE
    told = client.post(f"/v1/incidents/{incident['incident_id']}/analysis")
    assert told.status_code == 200
    assert told.json()["analysis"]["claims"]
    briefing = client.get("/v1/briefing", params={"day": "2026-05-01"})
    assert briefing.status_code == 200
    assert "\x1b" not in briefing.text
    assert "<script" not in MarkdownIt("commonmark", {"html": True}).enable("table").render(briefing.text)


def batch(**changed: Any) -> bytes:
    fields: dict[str, Any] = {
        "batch_id": "b1", "source": "file", "kind": RecordKind.EVENTS, "count": 1, "payload": LINE, "refused": (),
    }  # fmt: skip
    return msgspec.msgpack.encode(Batch(**{**fields, **changed}))


def letter(app: App, **changed: Any) -> DeadLetter:
    fields: dict[str, Any] = {
        "source": "file", "cause": Cause.SCHEMA, "reason": "bad", "payload": b"x", "index": 1,
        "first_seen": app.clock.now(),
    }  # fmt: skip
    return DeadLetter(**{**fields, **changed})


def test_a_batch_of_ours_is_taken_once_with_its_dead_letters(app: App, client: TestClient) -> None:
    body = batch(refused=(letter(app),))
    first, again = (client.post("/v1/batches", content=body).json() for _ in range(2))
    assert (first["accepted"], first["refused"], first["repeated"], again["repeated"]) == (1, 1, False, True)
    assert len(events(app)) == 1
    assert app.ledger()[0].as_dict() == {
        "accepted": 2, "stored": 1, "dead_lettered": 1, "dropped": 0, "in_flight": 0,
    }  # fmt: skip


def test_a_forged_batch_is_refused(app: App, client: TestClient) -> None:
    forged = [
        b"",
        b"\xc1",
        msgspec.msgpack.encode({"batch_id": "b"}),
        batch(count=7),
        batch(count=0),
        batch(payload=b"not json"),
        batch(payload=b'{"ts": "2999-01-01T00:00:00Z"}'),
        batch(source='x"} 1\nevil'),
        batch(source=""),
        batch(batch_id=""),
        batch(batch_id="x" * 300),
        batch(refused=(letter(app, source="other"),)),
        batch(refused=(letter(app, kind=RecordKind.COSTS),)),
    ]
    assert [client.post("/v1/batches", content=body).status_code for body in forged] == [400] * len(forged)
    assert app.chain.ledger() == {}


def test_a_batch_that_is_not_canonical_is_stored_canonical(app: App, client: TestClient) -> None:
    loose = {"@timestamp": "2026-05-01T12:00:00Z", "severity_text": "error", "msg": "x", "a": {"b": 1}}
    client.post("/v1/batches", content=batch(payload=json.dumps(loose).encode()))
    assert events(app, "level, message, attributes") == [{"level": "ERROR", "message": "x", "attributes": {"a.b": "1"}}]


def test_a_key_stands_for_one_body(client: TestClient, app: App) -> None:
    headers = {"Idempotency-Key": "one"}
    assert client.post("/v1/events", content=b"", headers=headers).json()["accepted"] == 0
    assert client.post("/v1/events", content=LINE, headers=headers).json()["repeated"] is False
    other = client.post("/v1/events", content=LINE.replace(b"shop", b"shoes"), headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "CONFLICT")
    assert client.post("/v1/events", content=LINE, headers=headers).json()["repeated"] is True
    assert client.post("/v1/events", content=b'{"bad', headers={"Idempotency-Key": "two"}).json()["refused"] == 1
    assert client.post("/v1/events", content=LINE, headers={"Idempotency-Key": "two"}).status_code == 409
    assert app.ledger()[0].accepted == 2
