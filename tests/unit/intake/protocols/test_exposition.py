"""What exporters print as metric points: the text format and OpenMetrics."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from bdp.errors import TooLarge, UnknownFormat
from bdp.ids import Ids
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.parcel import Parcel
from bdp.intake.protocols.exposition import OPENMETRICS, TEXT, Target, read_exposition
from bdp.intake.protocols.prometheus import MESSAGES
from bdp.intake.protocols.units import unit_of
from bdp.model.batch import Batch, Cause, RecordKind
from tests.unit.intake.protocols.receiving import take
from tests.unit.intake.reading import NOW, Row, rows


def read(text: str | bytes, kind: str = TEXT, target: Target | None = None) -> Batch:
    parcel = Parcel(RecordKind.METRICS, Edge(NOW, IntakeSettings()), "exposition")
    read_exposition(text.encode() if isinstance(text, str) else text, kind, parcel, target)
    return parcel.batch("b1", Ids.seeded(1))


def points(text: str | bytes, kind: str = TEXT, target: Target | None = None) -> list[Row]:
    batch = read(text, kind, target)
    assert batch.refused == ()
    return rows(batch)


def test_samples_become_points_with_their_times() -> None:
    text = """# HELP http_requests_total All requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200",instance="h1:9100"} 1027 1772366399500
http_requests_total { code = "400" , } 3
 up\t1
"""
    assert points(text) == [
        {
            "ts": "2026-03-01T11:59:59.500000Z",
            "name": "http_requests_total",
            "entity": "h1:9100",
            "labels": {"code": "200", "instance": "h1:9100", "method": "post"},
            "value": 1027.0,
            "unit": "",
        },
        {
            "ts": "2026-03-01T12:00:00Z",
            "name": "http_requests_total",
            "entity": "",
            "labels": {"code": "400"},
            "value": 3.0,
            "unit": "",
        },
        {"ts": "2026-03-01T12:00:00Z", "name": "up", "entity": "", "labels": {}, "value": 1.0, "unit": ""},
    ]


def test_openmetrics_counts_seconds_and_has_exemplars() -> None:
    text = """# TYPE foo histogram
foo_bucket{le="10.0"} 17 1772366399.5 # {trace_id="oHg5SJ#YRHA0"} 9.8 1520879607.789
foo_count 17 # {} 1
# EOF
"""
    found = points(text, OPENMETRICS + "; version=1.0.0; charset=utf-8")
    assert [(row["name"], row["ts"], row["value"]) for row in found] == [
        ("foo_bucket", "2026-03-01T11:59:59.500000Z", 17.0),
        ("foo_count", "2026-03-01T12:00:00Z", 17.0),
    ]


@pytest.mark.parametrize("stamp", ["1772366399500", "1772366399.5"])
def test_without_a_content_type_the_size_of_a_time_tells_its_unit(stamp: str) -> None:
    assert points(f"up 1 {stamp}", "")[0]["ts"] == "2026-03-01T11:59:59.500000Z"


def test_escapes_and_names_in_quotes() -> None:
    (row,) = points(r'{"my.metric", "label.name"="a\\b\"c\nd\x,}", plain="é" } 2')
    assert (row["name"], row["labels"]) == ("my.metric", {"label.name": 'a\\b"c\nd\\x,}', "plain": "é"})


def test_nan_is_left_out_and_infinity_refused_as_for_remote_write() -> None:
    batch = read("a NaN\nb +Inf\nc -Inf\nd 1e400\ne 4\n")
    assert [row["name"] for row in rows(batch)] == ["e"]
    assert [(letter.payload, letter.reason) for letter in batch.refused] == [
        (b"b +Inf", "value: inf is not a finite number"),
        (b"c -Inf", "value: -inf is not a finite number"),
        (b"d 1e400", "value: inf is not a finite number"),
    ]


@pytest.mark.parametrize(
    ("line", "reason", "cause"),
    [
        ("up", "not a sample", Cause.SCHEMA),
        ("up one", "expected a number", Cause.SCHEMA),
        ("up 1_000", "expected a number", Cause.SCHEMA),
        ("up ١", "expected a number", Cause.SCHEMA),
        ("up 1 2 3", "not a sample", Cause.SCHEMA),
        ("up 1 soon", "ts: expected a number", Cause.SCHEMA),
        ("up 1 1.5", "whole milliseconds", Cause.SCHEMA),
        ("up 1 NaN", "no time", Cause.SCHEMA),
        ("up 1 -1", "before 1970", Cause.SCHEMA),
        ("up 1 9e15", "no time", Cause.SCHEMA),
        ("up 1 999999999999999", "calendar", Cause.SCHEMA),
        ("up 1 1872366399500", "later than", Cause.CLOCK),
        ("1up 1", "not a sample", Cause.SCHEMA),
        ('up{a="1",a="2"} 1', "twice", Cause.SCHEMA),
        ('up{a="1" 1', "not a sample", Cause.SCHEMA),
        ('up{a="1} 1', "not a sample", Cause.SCHEMA),
        ("up{a=1} 1", "labels", Cause.SCHEMA),
        ('up{a-b="1"} 1', "labels", Cause.SCHEMA),
        ('up{,a="1"} 1', "labels", Cause.SCHEMA),
        ('up{"other"} 1', "two names", Cause.SCHEMA),
        ('{a="1"} 1', "no name", Cause.SCHEMA),
        ("up " + "1" * 100, "expected a number", Cause.SCHEMA),
        ('up{a="' + "x" * (1 << 20) + '"} 1', "at most", Cause.TOO_LARGE),
        (b'up{a="\xff"} 1', "UTF-8", Cause.ENCODING),
        ("<html>", "not a sample", Cause.SCHEMA),
    ],
    ids=lambda given: str(given)[:20],
)
def test_a_bad_line_is_refused_alone(line: str | bytes, reason: str, cause: Cause) -> None:
    raw = line if isinstance(line, bytes) else line.encode()
    batch = read(b"first 1\r\n" + raw + b"\nlast 2")
    assert [row["name"] for row in rows(batch)] == ["first", "last"]
    (letter,) = batch.refused
    assert reason in letter.reason
    assert (letter.cause, letter.payload) == (cause, raw[: 1 << 20])


def test_heads_comments_and_blank_lines_are_no_records() -> None:
    assert points("# HELP\n#\n# TYPE a\n   \n\r\n# a comment\n# EOF\n") == []


def test_a_label_without_a_value_is_none() -> None:
    assert points('up{a="",b="c"} 1')[0]["labels"] == {"b": "c"}


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("process_cpu_seconds_total", "s"),
        ("request_duration_seconds_sum", "s"),
        ("request_duration_seconds_count", ""),
        ("request_duration_seconds_bucket", ""),
        ("requests_created", "s"),
        ("node_infiniband_rate_bytes_per_second", "By/s"),
        ("node_memory_free_bytes", "By"),
        ("cache_hit_ratio", "1"),
        ("seconds", ""),
        ("requests_per_second", ""),
        ("up", ""),
    ],
)
def test_the_unit_by_the_name(name: str, unit: str) -> None:
    assert unit_of(name) == unit


def test_the_declared_unit_is_stronger() -> None:
    text = "# UNIT depth meters\ndepth 3\n# UNIT flow furlongs\nflow_total 4\nflow_count 1\n# EOF\n"
    assert [row["unit"] for row in points(text, OPENMETRICS)] == ["m", "furlongs", ""]


@pytest.mark.parametrize(
    ("target", "labels", "entity"),
    [
        (Target({"job": "n", "instance": "h"}), {"job": "n", "instance": "h"}, "h"),
        (Target({"job": "n"}, honor=True), {"job": "own"}, "own"),
        (Target({"job": "n"}, renamed=True), {"job": "n", "exported_job": "own"}, "n"),
        (Target({"job": ""}), {}, ""),
    ],
)
def test_the_labels_of_a_target(target: Target, labels: dict[str, str], entity: str) -> None:
    (row,) = points('up{job="own"} 1', target=target)
    assert (row["labels"], row["entity"]) == (labels, entity)


def test_a_series_is_the_same_by_remote_write() -> None:
    """What a Prometheus server would write back of a scrape is what the scrape itself gives."""
    text = 'disk_seconds_total{device="sda",mode="r\\"w"} 5.25 1772366399500\nload1 0.5 1772366399500\n'
    target = Target({"job": "node", "instance": "h1:9100"}, renamed=True)
    pushed = [
        {"__name__": "disk_seconds_total", "device": "sda", "instance": "h1:9100", "job": "node", "mode": 'r"w'},
        {"__name__": "load1", "instance": "h1:9100", "job": "node"},
    ]
    series = [
        {
            "labels": [{"name": name.encode(), "value": value.encode()} for name, value in sorted(labels.items())],
            "samples": [{"value": value, "timestamp": 1772366399500}],
        }
        for labels, value in zip(pushed, (5.25, 0.5), strict=True)
    ]
    batch = take("prometheus", MESSAGES["WriteRequest"](timeseries=series))
    assert read(text, target=target).payload == batch.payload


def test_another_content_type_is_refused_whole() -> None:
    with pytest.raises(UnknownFormat, match="openmetrics"):
        read("up 1", "application/json")


@pytest.mark.parametrize("line", ["up 1", "up NaN", "bad"])
def test_more_samples_than_a_request_may_have_are_refused_whole(line: str) -> None:
    with pytest.raises(TooLarge):
        read(f"{line}\n" * 400_000)


@pytest.mark.parametrize(
    "line",
    [
        "up{" + 'a="\\\\' * 100_000,
        'up{a="' + "\\" * 900_000,
        "up" + " " * 900_000 + "x",
        "up{" + '"' * 900_000,
        "up{" + 'a="b",' * 150_000 + "} 1",
        "# UNIT " + " " * 900_000,
        "#" + " " * 900_000 + "HELP",
        "_" * 900_000,
        "up 1 " + "9" * 900_000,
    ],
    ids=lambda line: line[:6],
)
def test_a_hostile_line_costs_no_more_than_its_length(line: str) -> None:
    begun = time.process_time()
    read(line)
    assert time.process_time() - begun < 2


def test_what_a_client_library_prints_is_what_it_counted() -> None:
    registry = CollectorRegistry()
    Counter("jobs", "Done\njobs \\ all", ["queue"], registry=registry).labels(queue='a"\\\n').inc(3)
    Gauge("depth_bytes", "Depth", registry=registry).set(-1.5)
    Histogram("wait_seconds", "Wait", registry=registry, buckets=(0.1, 1)).observe(0.5)
    printed: Any = openmetrics.generate_latest  # which has no types
    for text, kind in ((generate_latest(registry), TEXT), (printed(registry), OPENMETRICS)):
        found = {(row["name"], *row["labels"].values()): (row["value"], row["unit"]) for row in points(text, kind)}
        created = {name: found.pop(name) for name in [*found] if name[0].endswith("_created")}
        assert found == {
            ("jobs_total", 'a"\\\n'): (3.0, ""),
            ("depth_bytes",): (-1.5, "By"),
            ("wait_seconds_bucket", "0.1"): (0.0, ""),
            ("wait_seconds_bucket", "1.0"): (1.0, ""),
            ("wait_seconds_bucket", "+Inf"): (1.0, ""),
            ("wait_seconds_count",): (1.0, ""),
            ("wait_seconds_sum",): (0.5, "s"),
        }
        assert all(unit == "s" for _, unit in created.values())


def test_a_real_exporter(data_dir: Path) -> None:
    """Every sample of node_exporter's end-to-end fixture, as the library reads it; InfiniBand ports among them."""
    body = (data_dir / "infiniband-hpc/node_exporter/e2e-output.prom").read_bytes()
    found = points(body, target=Target({"instance": "h1:9100"}))
    families = list(text_string_to_metric_families(body.decode()))
    assert len(found) == sum(len(family.samples) for family in families) > 3000
    port = {"device": "mlx4_0", "instance": "h1:9100", "port": "1"}
    values = {row["name"]: row["value"] for row in found if row["labels"] == port}
    expected = {
        sample.name: sample.value
        for family in families
        for sample in family.samples
        if sample.labels == {"device": "mlx4_0", "port": "1"} and sample.name.startswith("node_infiniband_")
    }
    assert len(expected) > 10
    # The library gives a counter whose name has no `_total` one; Prometheus itself does not.
    assert {name.removesuffix("_total"): value for name, value in values.items()} == {
        name.removesuffix("_total"): value for name, value in expected.items()
    }
    assert all(datetime.fromisoformat(row["ts"]) == NOW.astimezone(UTC) for row in found[:10])
