"""Fuzzing every decoder: whatever comes, each record passes or is refused, in bounded time and memory."""

from __future__ import annotations

import gzip
import json
import random
import re
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from bdp.errors import BadRequest, Reject, TooLarge, UnknownEncoding, UnknownFormat
from bdp.ids import Ids
from bdp.intake.body import read_body
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.parcel import Parcel
from bdp.intake.protocols import PROTOCOLS
from bdp.intake.records import decode
from bdp.model.batch import Batch, RecordKind
from bdp.model.change import Change
from bdp.model.cost import CostLine
from bdp.model.event import Event
from bdp.model.metric import MetricPoint
from tests.corpus import otlp, protocols
from tests.corpus.encoding import PACKERS
from tests.corpus.entry import MOMENT, Good
from tests.property.bending import bend, bend_value
from tests.property.seeds import GOOD, seeds

NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
SETTINGS = IntakeSettings(max_request_bytes=1 << 20, max_record_bytes=1 << 16, max_records=2000)
SHAPES = {
    RecordKind.EVENTS: Event,
    RecordKind.METRICS: MetricPoint,
    RecordKind.COSTS: CostLine,
    RecordKind.CHANGES: Change,
}
REFUSALS = (BadRequest, TooLarge, UnknownEncoding, UnknownFormat)
QUICK, MANY = 250, 20_000
SECONDS = 2.0
MEMORY = 64 << 20
"""For one input of at most 1 MiB: its decoded form, the records, and the dead letters."""

Read = Callable[[bytes], list[Batch]]


def check(read: Read, body: bytes) -> bool:
    """Read one input; return whether it was taken. Anything but a refusal or a sound batch fails."""
    start = time.process_time()
    batches: list[Batch] = []
    refused: Reject | None = None
    try:
        batches = read(body)
    except REFUSALS as error:
        refused = error
    assert refused is None or refused.what
    assert time.process_time() - start < SECONDS, body[:300]
    for batch in batches:
        lines = [line for line in batch.payload.split(b"\n") if line]
        assert len(lines) == batch.count
        for line in lines:
            msgspec.json.decode(line, type=SHAPES[batch.kind])
        assert all(letter.reason for letter in batch.refused)
        assert b"\\u0000" not in batch.payload.replace(b"\\\\", b"")
    return any(batch.count for batch in batches)


def fuzz(read: Read, found: list[bytes], cases: int, seed: int) -> None:
    chance = random.Random(seed)
    taken = 0
    for number in range(cases):
        body = bend(chance, chance.choice(found), found)
        measured = number % 50 == 0
        if measured:
            tracemalloc.start()
        try:
            taken += check(read, body)
            assert not measured or tracemalloc.get_traced_memory()[1] < MEMORY, body[:300]
        except Exception as error:
            error.add_note(f"case {number} of seed {seed}: {body[:2000]!r}")
            raise
        finally:
            if measured:
                tracemalloc.stop()
    # A fuzzer of which nothing passes looks only at the first check.
    assert taken > cases // 20


def reader(protocol: str, content_type: str) -> Read:
    def read(body: bytes) -> list[Batch]:
        parcel = Parcel(PROTOCOLS[protocol].kind, Edge(NOW, SETTINGS), protocol)
        PROTOCOLS[protocol].read(body, content_type, parcel)
        if protocol.startswith("alerts_"):
            return parcel.each(Ids.seeded(1))
        return [parcel.batch("b1", Ids.seeded(1))]

    return read


def plain(kind: RecordKind) -> Read:
    def read(body: bytes) -> list[Batch]:
        return [decode(kind, body, source="test", batch_id="b", now=NOW, ids=Ids.seeded(1), settings=SETTINGS)]

    return read


def records(kind: RecordKind) -> list[bytes]:
    """Return seeds of records that are right: lines, an array, an object alone."""
    odd = {
        "@timestamp": MOMENT,
        "log": {"level": "error"},
        "http": {"response": {"status_code": 500}},
        "event": {"duration": 5},
    }
    rows = {
        RecordKind.EVENTS: [
            GOOD.event(1),
            odd,
            {"ts": 1769940000, "duration": "5 ms", "status": "200", "attributes": {"a": [1, {"b": 2}]}},
        ],
        RecordKind.METRICS: [{"ts": MOMENT, "name": "cpu", "value": 1.5, "labels": {"core": "1"}}] * 3,
        RecordKind.COSTS: [
            {
                "ChargePeriodStart": MOMENT,
                "ChargePeriodEnd": "2026-03-02",
                "ServiceName": "s",
                "BilledCost": "1.5",
                "Tags": {"a": "b"},
            }
        ]
        * 3,
        RecordKind.CHANGES: [json.loads(GOOD.change(1))] * 3,
    }[kind]
    lines = [json.dumps(row).encode() for row in rows]
    return [b"\n".join(lines), b"[" + b",".join(lines) + b"]", lines[0], *lines]


def run_protocol(protocol: str, data: Path, cases: int) -> None:
    found = seeds(protocol, data)
    for number, kind in enumerate(sorted({kind for kind, _ in found})):
        bodies = [body for content_type, body in found if content_type == kind]
        fuzz(reader(protocol, kind), bodies, cases, seed=number)


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_a_protocol_takes_or_refuses(protocol: str, data_dir: Path) -> None:
    run_protocol(protocol, data_dir, QUICK)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_a_protocol_takes_or_refuses_for_long(protocol: str, data_dir: Path) -> None:
    run_protocol(protocol, data_dir, MANY)


@pytest.mark.parametrize("kind", list(RecordKind))
def test_plain_records_are_taken_or_refused(kind: RecordKind) -> None:
    fuzz(plain(kind), records(kind), QUICK * 2, seed=1)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", list(RecordKind))
def test_plain_records_are_taken_or_refused_for_long(kind: RecordKind) -> None:
    fuzz(plain(kind), records(kind), MANY, seed=2)


@pytest.mark.parametrize("encoding", sorted(PACKERS))
def test_an_encoding_is_undone_or_refused(encoding: str) -> None:
    chance, plain_text = random.Random(4), b"\n".join(records(RecordKind.EVENTS))
    found = [PACKERS[encoding](plain_text), gzip.compress(plain_text)]
    for _ in range(QUICK * 4):
        refused: Reject | None = None
        try:
            read_body(bend(chance, found[0], found), encoding, SETTINGS)
        except REFUSALS as error:
            refused = error
        assert refused is None or (refused.what and refused.next_step)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e400", '"nan"', '"-inf"', '"1e999"'])
def test_a_number_that_is_none_never_becomes_another(value: str) -> None:
    metric = plain(RecordKind.METRICS)(f'{{"ts":"{MOMENT}","name":"n","value":{value}}}'.encode())
    line = f'{{"ChargePeriodStart":"{MOMENT}","ChargePeriodEnd":"{MOMENT}","ServiceName":"s","BilledCost":{value}}}'
    for batch in (*metric, *plain(RecordKind.COSTS)(line.encode())):
        assert (batch.count, len(batch.refused)) == (0, 1)
        assert re.search("finite|out of range|expected a number", batch.refused[0].reason)


def good_lines(good: Good, bad: bytes) -> bytes:
    return good.line(1) + b"\n" + bad.replace(b"\n", b" ") + b"\n" + good.line(2) + b"\n"


def kept(batches: list[Batch], good: Good) -> bool:
    """Say whether the two good records are there, whole."""
    rows = [json.loads(line) for batch in batches for line in batch.payload.splitlines()]
    texts = [str(row) for row in rows]
    return all(any(repr(good.message(number))[1:-1] in text for text in texts) for number in (1, 2))


def mixed(chance: random.Random, good: Good) -> list[tuple[str, Read, bytes]]:
    """Return requests in which one bent record stands between two good ones."""
    json_of = json.dumps
    log = otlp.record_of(good, 9)
    bent_log = bend(chance, log, [log])
    data = bend(chance, good.line(9), [good.line(9)])
    return [
        ("lines", plain(RecordKind.EVENTS), good_lines(good, data)),
        (
            "array",
            plain(RecordKind.EVENTS),
            json_of([good.event(1), bend_value(chance, good.event(9)), good.event(2)]).encode(),
        ),
        (
            "otlp",
            reader("otlp_logs", protocols.PROTOBUF),
            otlp.request(otlp.record_of(good, 1), bent_log, otlp.record_of(good, 2)),
        ),
        (
            "otlp-json",
            reader("otlp_logs", protocols.JSON),
            json_of(
                protocols.logs(
                    good, [protocols.log(good, 1), bend_value(chance, protocols.log(good, 9)), protocols.log(good, 2)]
                )
            ).encode(),
        ),
        (
            "loki",
            reader("loki", protocols.JSON),
            json_of(
                protocols.pushed(
                    good,
                    [protocols.value(good, 1), bend_value(chance, protocols.value(good, 9)), protocols.value(good, 2)],
                )
            ).encode(),
        ),
        (
            "alerts",
            reader("alerts_alertmanager", protocols.JSON),
            json_of(
                protocols.webhook(
                    [protocols.alert(good, 1), bend_value(chance, protocols.alert(good, 9)), protocols.alert(good, 2)]
                )
            ).encode(),
        ),
        (
            "kinesis",
            reader("aws_lambda", protocols.JSON),
            json_of(protocols.kinesis(good.line(1), data, good.line(2))).encode(),
        ),
        (
            "firehose",
            reader("aws_firehose", protocols.JSON),
            json_of(protocols.firehose(good.line(1), data, good.line(2))).encode(),
        ),
    ]


def run_mixed(cases: int, seed: int) -> None:
    chance = random.Random(seed)
    good = Good("kept")
    for number in range(cases):
        for name, read, body in mixed(chance, good):
            try:
                assert kept(read(body), good)
            except (AssertionError, Reject) as error:
                error.add_note(f"{name}, case {number} of seed {seed}: {body[:2000]!r}")
                raise


def test_good_records_around_a_bent_one_are_kept() -> None:
    run_mixed(QUICK, seed=5)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_good_records_around_a_bent_one_are_kept_for_long() -> None:
    run_mixed(MANY // 4, seed=6)
