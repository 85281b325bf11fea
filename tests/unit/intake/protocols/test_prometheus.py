"""Prometheus remote write as metric points."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest

from bdp.errors import BadRequest, UnknownFormat
from bdp.intake.protocols.prometheus import MESSAGES
from bdp.model.batch import Cause
from tests.unit.intake.protocols.receiving import NANOS, take, taken
from tests.unit.intake.reading import rows

MILLIS = NANOS // 1_000_000
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


def series(*values: float, labels: dict[str, Any] | None = None, **names: Any) -> dict[str, Any]:
    every = {"__name__": "up", **names} if labels is None else labels
    return {
        "labels": [{"name": name.encode(), "value": str(value).encode()} for name, value in every.items()],
        "samples": [{"value": value, "timestamp": MILLIS - index} for index, value in enumerate(values)],
    }


def request(*timeseries: dict[str, Any]) -> Any:
    return MESSAGES["WriteRequest"](timeseries=timeseries)


def test_samples_become_points_in_any_order() -> None:
    found = taken("prometheus", request(series(1.0, 0.5, job="node", instance="h1:9100", mode="idle")))

    assert found == [
        {
            "ts": ts,
            "name": "up",
            "entity": "h1:9100",
            "labels": {"job": "node", "instance": "h1:9100", "mode": "idle"},
            "value": value,
            "unit": "",
        }
        for ts, value in (("2026-03-01T12:00:00Z", 1.0), ("2026-03-01T11:59:59.999000Z", 0.5))
    ]


@pytest.mark.parametrize(("labels", "entity"), [({"job": "node"}, "node"), ({"a": "b"}, "")])
def test_the_entity_without_an_instance(labels: dict[str, Any], entity: str) -> None:
    assert taken("prometheus", request(series(1.0, **labels)))[0]["entity"] == entity


def test_a_stale_marker_and_nan_are_left_out_and_infinity_refused() -> None:
    batch = take("prometheus", request(series(1.0, STALE, math.nan, math.inf, 2.0)))

    assert [row["value"] for row in rows(batch)] == [1.0, 2.0]
    (letter,) = batch.refused
    assert letter.reason == "value: inf is not a finite number"
    again = MESSAGES["WriteRequest"].FromString(letter.payload)
    assert [sample.value for sample in again.timeseries[0].samples] == [math.inf]


def test_a_native_histogram_gives_count_and_sum() -> None:
    histogram = {"count_int": 3, "sum": 4.5, "timestamp": MILLIS}
    stale = {"count_int": 0, "sum": STALE, "timestamp": MILLIS}
    found = taken("prometheus", request({**series(), "histograms": [histogram, stale]}))

    assert [(row["name"], row["value"]) for row in found] == [("up_count", 3.0), ("up_sum", 4.5)]


@pytest.mark.parametrize(
    ("bad", "reason", "cause"),
    [
        (series(1.0, labels={"job": "x"}), "__name__", Cause.SCHEMA),
        ({**series(1.0), "labels": [{"name": b"__name__", "value": b"\xff"}]}, "UTF-8", Cause.ENCODING),
        ({**series(1.0), "labels": [{"name": b"__name__", "value": b"a"}] * 2}, "twice", Cause.SCHEMA),
        ({**series(), "samples": [{"value": 1, "timestamp": MILLIS * 2}]}, "later than", Cause.CLOCK),
        ({**series(), "samples": [{"value": 1, "timestamp": 2**63 - 1}]}, "calendar", Cause.SCHEMA),
        ({**series(), "samples": [{"value": 1, "timestamp": -(2**63)}]}, "calendar", Cause.SCHEMA),
    ],
)
def test_a_bad_sample_is_refused_alone(bad: dict[str, Any], reason: str, cause: Cause) -> None:
    batch = take("prometheus", request(series(1.0), bad, series(2.0)))

    assert [row["value"] for row in rows(batch)] == [1.0, 2.0]
    (letter,) = batch.refused
    assert reason in letter.reason
    assert letter.cause is cause


def test_fields_that_are_not_read_do_no_harm() -> None:
    # Metadata (field 3 of the request) and an exemplar (field 3 of a series), as Prometheus writes them.
    metadata = b"\x1a\x09\x08\x01\x12\x05up_up"
    assert len(taken("prometheus", request(series(1.0)).SerializeToString() + metadata)) == 1


@pytest.mark.parametrize("cut", [1, 7, 20])
def test_a_truncated_request(cut: int) -> None:
    with pytest.raises(BadRequest):
        take("prometheus", request(series(1.0)).SerializeToString()[:-cut])


def test_the_second_version_is_named_as_unread() -> None:
    with pytest.raises(UnknownFormat, match=r"prometheus\.WriteRequest"):
        take("prometheus", b"", kind="application/x-protobuf;proto=io.prometheus.write.v2.Request")
    assert take("prometheus", b"", kind="application/x-protobuf;proto=prometheus.WriteRequest").count == 0
