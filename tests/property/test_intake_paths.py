"""The fast path and the slow path of intake are one rule."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from bdp.intake.event import EventRecord
from bdp.intake.events import EventReader, read_object
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.refusal import RefusedRecord
from bdp.intake.times import EPOCH
from bdp.intake.tolerance import event_of

EDGE = Edge(datetime(2026, 3, 1, tzinfo=UTC), IntakeSettings())
TEXT = st.text(max_size=20)
SECONDS = st.integers(-86_400_000_000, 1_772_500_000_000_000)
TIMES = SECONDS.map(lambda us: (EPOCH + timedelta(microseconds=us)).isoformat()[:-6])
WORDS = [name for name, kind in EventRecord.__annotations__.items() if kind == "str" and name != "level"]
OFFSETS = st.sampled_from(["", "Z", "+09:00", "-00:30"])
CANONICAL = st.fixed_dictionaries(
    {"ts": st.builds(str.__add__, TIMES, OFFSETS)},
    optional={
        **dict.fromkeys(WORDS, TEXT),
        "level": st.sampled_from(["DEBUG", "INFO", "WARN", "ERROR", "FATAL", "warning", "odd", ""]),
        "status": st.integers(0, 65535),
        "duration_ms": st.floats(-1e12, 1e12) | st.integers(0, 10**9),
        "weight": st.floats(1, 1e9),
        "attributes": st.dictionaries(TEXT, TEXT, max_size=6) | st.just({f"k{i}": "v" for i in range(300)}),
    },
)


def fast(line: bytes) -> EventRecord | str:
    reasons: list[str] = []
    events = EventReader(EDGE, lambda error, item, index: reasons.append(error.what)).lines(line)
    return events[0] if events else reasons[0]


def slow(line: bytes) -> EventRecord | str:
    try:
        return event_of(read_object(line), EDGE)
    except RefusedRecord as error:
        return error.what


@given(CANONICAL)
@settings(max_examples=400, deadline=None)
def test_both_paths_give_the_same_event_or_reason(record: dict[str, Any]) -> None:
    line = json.dumps(record).encode()
    assert fast(line) == slow(line)


ODD = st.text(st.sampled_from("a\0\ufffd\\u"), max_size=6)


@given(
    st.fixed_dictionaries(
        {
            "ts": st.just("2026-01-01T00:00:00Z"),
            **dict.fromkeys(WORDS, ODD),
            "attributes": st.dictionaries(ODD, ODD, max_size=3),
        }
    )
)
@settings(max_examples=150, deadline=None)
def test_no_zero_byte_passes_on_either_path(record: dict[str, Any]) -> None:
    line = json.dumps(record).encode()
    event = fast(line)
    assert event == slow(line)
    assert b"\\u0000" not in msgspec.json.encode(event).replace(b"\\\\", b"")


@given(CANONICAL)
@settings(max_examples=150, deadline=None)
def test_reading_what_was_read_changes_nothing(record: dict[str, Any]) -> None:
    event = fast(json.dumps(record).encode())
    if isinstance(event, EventRecord):
        assert fast(msgspec.json.encode(event)) == event


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
NAMES = st.sampled_from(
    [*EventRecord.__struct_fields__, "log", "event", "http.route", "resource", "severity_number", "x"]
)


@given(st.lists(st.dictionaries(NAMES, JSON, max_size=6) | JSON, max_size=8))
@settings(max_examples=400, deadline=None)
def test_whatever_comes_each_record_passes_or_is_refused_and_what_passes_decodes(records: list[Any]) -> None:
    refused: list[int] = []
    reader = EventReader(EDGE, lambda error, item, index: refused.append(index))
    events = reader.lines(b"\n".join(json.dumps(record).encode() for record in records))
    assert len(events) + len(refused) == reader.count == len(records)
    for line in msgspec.json.Encoder().encode_lines(events).splitlines():
        msgspec.json.decode(line, type=EventRecord)
