"""Messages become batches: each form, each bad one apart, and runs that end when they are full."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from bdp.clock import ManualClock
from bdp.errors import BadSetting
from bdp.ids import Ids
from bdp.intake.feeds.reading import FeedReader, Message
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import Batch, RecordKind

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def reader(format: str = "events", **limits: int) -> FeedReader:
    return FeedReader("orders", format, IntakeSettings(**limits), ManualClock(NOW), Ids.seeded(1))


def messages(*values: bytes) -> list[Message]:
    return [Message(f"t/0@{number}", value, AT) for number, value in enumerate(values)]


def whole(of: FeedReader, *values: bytes) -> Batch:
    run = of.run(messages(*values), whole=True)
    assert run.used == len(values)
    return run.batch("b")


def told(batch: Batch) -> list[str]:
    return [json.loads(line)["message"] for line in batch.payload.splitlines()]


A, B = b'{"message": "a"}', b'{"message": "b"}'


@pytest.mark.parametrize(
    "values", [(A, B), (A + b"\n" + B,), (b"[" + A + b"," + B + b"]",), (A, b"", B), (b" \n", b'{\n"message": "a"}', B)]
)
def test_each_form_gives_the_same_events(values: tuple[bytes, ...]) -> None:
    batch = whole(reader(), *values)
    assert (told(batch), batch.count, batch.refused, batch.source) == (["a", "b"], 2, (), "orders")


@pytest.mark.parametrize("apart", [False, True])
def test_a_bad_message_says_where_it_lies_and_costs_its_neighbours_nothing(apart: bool) -> None:
    values = [A, b'{"ts": "nope"}', B, *([b"[1, 2"] if apart else [])]
    batch = whole(reader(), *values)
    assert told(batch) == ["a", "b"]
    assert [letter.reason.split(": ")[0] for letter in batch.refused] == ["t/0@1", "t/0@3"][: len(values) - 2]
    assert batch.refused[0].payload == b'{"ts": "nope"}'


@pytest.mark.parametrize("value", [A, A + b"\n"])
def test_what_has_no_time_happened_when_the_broker_got_it(value: bytes) -> None:
    row = json.loads(whole(reader(), value).payload)
    assert (row["ts"], row["attributes"]["bdp.ts_source"]) == ("2026-03-01T09:00:00Z", "message")


def test_a_run_ends_when_it_is_full() -> None:
    assert reader(batch_records=2).run(messages(A, B, A)).used == 2
    assert reader(batch_bytes=1024).run(messages(*[A * 30] * 5)).used == 3
    many = b"\n".join([A] * 5)
    assert reader(batch_records=8).run(messages(many, many, many)).used == 2
    assert reader(batch_records=2).run(messages(A, B, A), whole=True).used == 3


def test_a_message_of_too_many_records_is_refused_alone() -> None:
    batch = whole(reader(max_records=3), A, b"[" + b",".join([A] * 4) + b"]", B)
    assert told(batch) == ["a", "b"]
    (letter,) = batch.refused
    assert (letter.cause.value, letter.reason.split(": ")[0]) == ("too_large", "t/0@1")


@pytest.mark.parametrize("kind", ["metrics", "changes"])
def test_other_kinds_of_records(kind: str) -> None:
    values = {
        "metrics": b'{"ts": "2026-03-01T09:00:00Z", "name": "m", "value": 1}',
        "changes": b'{"ts": "2026-03-01T09:00:00Z", "kind": "deploy", "ref": "v2"}',
    }
    batch = whole(reader(kind), values[kind], b"{}", values[kind])
    assert (batch.kind, batch.count, len(batch.refused)) == (RecordKind(kind), 2, 1)


def test_a_protocol() -> None:
    alert = b'{"labels": {"alertname": "High"}, "startsAt": "2026-03-01T09:00:00Z"}'
    batch = whole(reader("alerts_alertmanager"), alert, b"7", b"[" + alert + b", {}]")
    assert told(batch) == ["High", "High"]
    assert [letter.reason.split(": ")[0] for letter in batch.refused] == ["t/0@1", "t/0@2"]


def test_an_unknown_format_is_told_the_known_ones() -> None:
    with pytest.raises(BadSetting, match="otlp_logs"):
        reader("csv")
