"""Hostile bytes at the protocols' readers: a clear refusal, never another error; both forms of OTLP mean the same."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bdp.errors import BadRequest, TooLarge, UnknownFormat
from bdp.ids import Ids
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.parcel import Parcel
from bdp.intake.protocols import PROTOCOLS
from bdp.intake.protocols.loki import MESSAGES as LOKI
from bdp.intake.protocols.otlp_json import message_of
from bdp.intake.protocols.prometheus import MESSAGES as PROMETHEUS
from bdp.model.batch import Batch
from tests.unit.intake.reading import NOW

NANOS = int(NOW.timestamp()) * 10**9
PROTOBUF, JSON = "application/x-protobuf", "application/json"
SETTINGS = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
REQUESTS: dict[str, Any] = {
    "otlp_logs": ExportLogsServiceRequest,
    "otlp_traces": ExportTraceServiceRequest,
    "otlp_metrics": ExportMetricsServiceRequest,
}
SAMPLES = {"otlp_logs": "logs", "otlp_traces": "trace", "otlp_metrics": "metrics"}
NAMES = ["otlp_logs", "otlp_traces", "otlp_metrics", "prometheus", "loki"]


def read(name: str, body: bytes, kind: str) -> Batch:
    parcel = Parcel(PROTOCOLS[name].kind, Edge(NOW, IntakeSettings()), name)
    PROTOCOLS[name].read(body, kind, parcel)
    return parcel.batch("b", Ids.seeded(1))


def survives(name: str, body: bytes, kind: str) -> None:
    """What passes is canonical, what does not is refused, and each refused record can be read again."""
    try:
        batch = read(name, body, kind)
    except (BadRequest, TooLarge, UnknownFormat) as error:
        told = error.what, error.next_step
        return pytest.fail(f"{error!r} says too little") if not all(told) else None
    lines = [line for line in batch.payload.split(b"\n") if line]
    assert len(lines) == batch.count
    for line in lines:
        assert msgspec.json.decode(line)["ts"]
    for letter in batch.refused:
        assert letter.reason
        survives_again(name, letter.payload)


def survives_again(name: str, payload: bytes) -> None:
    try:
        read(name, payload, "")
    except (BadRequest, TooLarge, UnknownFormat):
        return


def real(name: str, data_dir: Path) -> dict[str, bytes]:
    """A real body of each content type."""
    if name in REQUESTS:
        written = (data_dir / f"otel-samples/otlp-json/examples/{SAMPLES[name]}.json").read_bytes()
        return {JSON: written, PROTOBUF: message_of(REQUESTS[name], json.loads(written)).SerializeToString()}
    if name == "loki":
        entry = {"timestamp": {"seconds": NANOS // 10**9}, "line": b'{"level":"warn","a":{"b":1}}'}
        message = LOKI["PushRequest"](streams=[{"labels": b'{app="shop", x="y"}', "entries": [entry] * 3}])
        pushed = {"streams": [{"stream": {"app": "shop"}, "values": [[str(NANOS), "hello", {"trace_id": "a"}]] * 3}]}
        return {JSON: json.dumps(pushed).encode(), PROTOBUF: message.SerializeToString()}
    labels = [{"name": b"__name__", "value": b"up"}, {"name": b"job", "value": b"node"}]
    series = {
        "labels": labels,
        "samples": [{"value": 1.0, "timestamp": NANOS // 10**6}] * 3,
        "histograms": [{"count_int": 3, "sum": 2.0, "timestamp": NANOS // 10**6}],
    }
    return {PROTOBUF: PROMETHEUS["WriteRequest"](timeseries=[series] * 2).SerializeToString()}


@pytest.mark.parametrize("name", NAMES)
@SETTINGS
@given(body=st.binary(max_size=300), kind=st.sampled_from([PROTOBUF, JSON, "", "text/plain"]))
def test_random_bytes(name: str, body: bytes, kind: str) -> None:
    survives(name, body, kind)


@pytest.mark.parametrize("name", NAMES)
@SETTINGS
@given(data=st.data())
def test_real_bodies_cut_and_flipped(name: str, data: st.DataObject, data_dir: Path) -> None:
    kind, body = data.draw(st.sampled_from(sorted(real(name, data_dir).items())))
    damaged = bytearray(body[: data.draw(st.integers(0, len(body)))] if data.draw(st.booleans()) else body)
    for place in data.draw(st.lists(st.integers(0, max(0, len(damaged) - 1)), max_size=8)):
        if damaged:
            damaged[place] = data.draw(st.integers(0, 255))
    survives(name, bytes(damaged), kind)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "prometheus"])
@SETTINGS
@given(data=st.data())
def test_json_with_any_value_in_any_place(name: str, data: st.DataObject, data_dir: Path) -> None:
    """One place of a real body, at any depth, holds something else."""
    body = json.loads(real(name, data_dir)[JSON])
    holder: Any = body
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(holder[key], (dict, list)) or not holder[key] or data.draw(st.integers(0, 9)) == 0:
            holder[key] = data.draw(VALUES)
            break
        holder = holder[key]
    survives(name, json.dumps(body).encode(), JSON)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
KEYS = st.sampled_from(["http.route", "status", "user.id", "level", "weight", "message", "a", "é"]) | TEXTS
ANY: st.SearchStrategy[Any] = st.recursive(
    st.builds(dict, string_value=TEXTS)
    | st.builds(dict, int_value=st.integers(-(2**63), 2**63 - 1))
    | st.builds(dict, double_value=st.floats(allow_nan=False, allow_infinity=False))
    | st.builds(dict, bool_value=st.booleans())
    | st.builds(dict, bytes_value=st.binary(max_size=9))
    | st.just({}),
    lambda inner: (
        st.builds(lambda items: {"array_value": {"values": items}}, st.lists(inner, max_size=3))
        | st.builds(
            lambda pairs: {"kvlist_value": {"values": [{"key": key, "value": item} for key, item in pairs.items()]}},
            st.dictionaries(TEXTS, inner, max_size=3),
        )
    ),
    max_leaves=5,
)
PAIRS = st.dictionaries(KEYS, ANY, max_size=5).map(
    lambda pairs: [{"key": key, "value": value} for key, value in pairs.items()]
)
TIMES = st.sampled_from([0, 1, NANOS, NANOS + 10**15, 2**64 - 1])
IDS = st.sampled_from([b"", bytes(8), b"12345678", bytes(range(16))])
LOG = st.fixed_dictionaries(
    {
        "time_unix_nano": TIMES,
        "observed_time_unix_nano": TIMES,
        "severity_number": st.integers(0, 24),
        "severity_text": st.sampled_from(["", "INFO", "warn", "odd"]),
        "body": ANY,
        "attributes": PAIRS,
        "trace_id": IDS,
        "event_name": TEXTS,
    }
)
SPAN = st.fixed_dictionaries(
    {
        "trace_id": IDS,
        "parent_span_id": IDS,
        "name": TEXTS,
        "kind": st.integers(0, 5),
        "start_time_unix_nano": TIMES,
        "end_time_unix_nano": TIMES,
        "attributes": PAIRS,
        "status": st.fixed_dictionaries({"code": st.integers(0, 2), "message": TEXTS}),
        "events": st.lists(
            st.fixed_dictionaries({"name": st.just("exception"), "time_unix_nano": TIMES, "attributes": PAIRS}),
            max_size=2,
        ),
    }
)
NUMBER = st.one_of(
    st.fixed_dictionaries({"time_unix_nano": TIMES, "attributes": PAIRS, "as_double": st.floats()}),
    st.fixed_dictionaries({"time_unix_nano": TIMES, "as_int": st.integers(-(2**63), 2**63 - 1)}),
)
SPREAD = st.fixed_dictionaries(
    {
        "time_unix_nano": TIMES,
        "count": st.integers(0, 2**64 - 1),
        "scale": st.integers(-40, 40),
        "zero_count": st.integers(0, 5),
        "positive": st.fixed_dictionaries(
            {"offset": st.integers(-(2**31), 2**31 - 200), "bucket_counts": st.lists(st.integers(0, 9), max_size=5)}
        ),
    }
)
METRIC: st.SearchStrategy[Any] = st.builds(
    dict, name=TEXTS, gauge=st.builds(dict, data_points=st.lists(NUMBER, max_size=3))
) | st.builds(dict, name=TEXTS, exponential_histogram=st.builds(dict, data_points=st.lists(SPREAD, max_size=2)))


def request(name: str, resource: Any, record: Any) -> Any:
    noun = {"otlp_logs": "logs", "otlp_traces": "spans", "otlp_metrics": "metrics"}[name]
    records = {"otlp_logs": "log_records", "otlp_traces": "spans", "otlp_metrics": "metrics"}[name]
    of_scope = {"scope": {"name": "s"}, records: [record]}
    return REQUESTS[name](**{f"resource_{noun}": [{"resource": {"attributes": resource}, f"scope_{noun}": [of_scope]}]})


def otlp_json(message: Any) -> bytes:
    """Protobuf's own JSON, with ids as OTLP writes them."""

    def mended(value: Any) -> Any:
        if isinstance(value, list):
            return [mended(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            key: base64.b64decode(item).hex() if key in ("traceId", "spanId", "parentSpanId") else mended(item)
            for key, item in value.items()
        }

    return json.dumps(mended(MessageToDict(message))).encode()


def same_in_both_forms(name: str, resource: Any, record: Any) -> None:
    message = request(name, resource, record)
    first, second = read(name, message.SerializeToString(), PROTOBUF), read(name, otlp_json(message), JSON)

    assert first.payload == second.payload
    assert [letter.reason for letter in first.refused] == [letter.reason for letter in second.refused]


@SETTINGS
@given(resource=PAIRS, record=LOG)
@example(resource=[], record={"body": {"string_value": "\0"}})
def test_logs_mean_the_same_in_both_forms(resource: Any, record: Any) -> None:
    same_in_both_forms("otlp_logs", resource, record)


@SETTINGS
@given(resource=PAIRS, record=SPAN)
def test_spans_mean_the_same_in_both_forms(resource: Any, record: Any) -> None:
    same_in_both_forms("otlp_traces", resource, record)


@SETTINGS
@given(resource=PAIRS, record=METRIC)
def test_metrics_mean_the_same_in_both_forms(resource: Any, record: Any) -> None:
    same_in_both_forms("otlp_metrics", resource, record)
