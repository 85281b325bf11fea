"""The OpenTelemetry SDK's own exporters against a served home: every record arrives, with the right fields."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode

from tests.integration.serving import Served

RECORDS = 1200
RESOURCE = Resource.create({"service.name": "shop", "service.instance.id": "shop-1", "deployment.environment": "test"})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("served") / "home"
    home.mkdir()
    life = Served(home, {"BDP_PIPELINE__LINGER_SECONDS": "0.05"})
    assert life.ready(), life.told()
    yield life
    assert life.stop() == 0
    assert "request.failed" not in life.told()


def options(served: Served, path: str) -> dict[str, Any]:
    return {
        "endpoint": f"{str(served.client.base_url).rstrip('/')}{path}",
        "headers": {"Authorization": str(served.client.headers["Authorization"])},
        "compression": Compression.Gzip,
        "timeout": 30,
    }


def settled(served: Served, source: str) -> dict[str, int]:
    """The source's ledger once nothing of it is on its way."""
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        entry: dict[str, int] = served.get("/v1/ledger")["sources"].get(source, {"in_flight": 1})
        if entry["in_flight"] == 0:
            return entry
        time.sleep(0.05)
    pytest.fail(f"not at rest: {entry}")


def test_logs(served: Served) -> None:
    provider = LoggerProvider(RESOURCE)
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(**options(served, "/v1/logs"))))
    logger = logging.getLogger("shop.orders")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    with warnings.catch_warnings():
        # It has moved to a package of its own; what it sends is the same.
        warnings.simplefilter("ignore", DeprecationWarning)
        handler = LoggingHandler(logger_provider=provider)
    logger.addHandler(handler)
    try:
        for number in range(RECORDS):
            logger.info("order %d was placed", number, extra={"order.id": number, "http.route": "/orders/{id}"})
        try:
            raise TimeoutError("no answer in 3 s")
        except TimeoutError:
            logger.exception("charge failed", extra={"http.response.status_code": 504})
        assert provider.force_flush(30_000)
    finally:
        logger.removeHandler(handler)
        provider.shutdown()

    assert settled(served, "otlp_logs") | {"in_flight": 0} == {
        "accepted": RECORDS + 1, "stored": RECORDS + 1, "dead_lettered": 0, "dropped": 0, "in_flight": 0,
    }  # fmt: skip
    placed = served.query(
        "SELECT count() AS n, uniqExact(message) AS messages, uniqExact(attributes['order.id']) AS orders,"
        " min(ts) > now() - 60 AS fresh FROM events WHERE service = 'shop' AND level = 'INFO'"
        " AND route = '/orders/{id}' AND attributes['otel.scope.name'] = 'shop.orders'"
    )
    assert placed == [{"n": RECORDS, "messages": RECORDS, "orders": RECORDS, "fresh": 1}]
    (failed,) = served.query("SELECT * FROM events WHERE level = 'ERROR' AND message = 'charge failed'")
    assert (failed["error_code"], failed["status"]) == ("TimeoutError", 504)
    assert "no answer in 3 s" in failed["attributes"]["exception.stacktrace"]


def test_traces(served: Served) -> None:
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(**options(served, "/v1/traces")), max_queue_size=2 * RECORDS)
    )
    tracer = provider.get_tracer("shop.web")
    for number in range(RECORDS // 2):
        with tracer.start_as_current_span("GET /cart", kind=SpanKind.SERVER) as outer:
            outer.set_attributes({"http.route": "/cart/{id}", "http.response.status_code": 200, "cart": number})
            with tracer.start_as_current_span("SELECT carts", kind=SpanKind.CLIENT) as inner:
                if number == 7:
                    inner.record_exception(ConnectionError("db-1 refused"))
                    inner.set_status(Status(StatusCode.ERROR, "query failed"))
    assert provider.force_flush(30_000)
    provider.shutdown()

    assert settled(served, "otlp_traces")["stored"] == RECORDS
    pairs = served.query(
        "SELECT count() AS n, uniqExact(o.trace_id) AS traces FROM events AS i JOIN events AS o"
        " ON i.parent_id = o.span_id AND i.trace_id = o.trace_id"
        " WHERE i.route = 'SELECT carts' AND o.route = '/cart/{id}' AND o.status = 200 AND o.duration_ms > 0"
        " AND o.attributes['span.kind'] = 'server' AND length(o.trace_id) = 32"
    )
    assert pairs == [{"n": RECORDS // 2, "traces": RECORDS // 2}]
    (failed,) = served.query("SELECT * FROM events WHERE level = 'ERROR' AND route = 'SELECT carts'")
    assert (failed["error_code"], failed["message"]) == ("ConnectionError", "query failed")
    assert "db-1 refused" in failed["attributes"]["span.events"]


def test_metrics(served: Served) -> None:
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(**options(served, "/v1/metrics")), export_interval_millis=3_600_000
    )
    provider = MeterProvider([reader], RESOURCE)
    meter = provider.get_meter("shop.meter")
    orders = meter.create_counter("orders", unit="{order}")
    gauge = meter.create_gauge("queue.depth")
    times = meter.create_histogram(
        "http.server.request.duration", unit="s", explicit_bucket_boundaries_advisory=[0.1, 1]
    )
    for number in range(100):
        orders.add(2, {"method": "GET" if number % 2 else "POST"})
        times.record(number / 50)
    gauge.set(17)
    assert provider.force_flush(30_000)
    provider.shutdown()

    assert settled(served, "otlp_metrics")["dead_lettered"] == 0
    rows = served.query(
        "SELECT name, labels['method'] AS method, labels['le'] AS le, argMax(value, ts) AS value, any(unit) AS unit"
        " FROM metrics WHERE entity = 'shop-1' AND labels['otel.scope.name'] = 'shop.meter'"
        " GROUP BY name, method, le ORDER BY name, method, value"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("http.server.request.duration_bucket", "", "0.1", 6, "1"),
        ("http.server.request.duration_bucket", "", "1.0", 51, "1"),
        ("http.server.request.duration_bucket", "", "+Inf", 100, "1"),
        ("http.server.request.duration_count", "", "", 100, "1"),
        ("http.server.request.duration_max", "", "", 1.98, "s"),
        ("http.server.request.duration_min", "", "", 0, "s"),
        ("http.server.request.duration_sum", "", "", 99, "s"),
        ("orders", "GET", "", 100, "{order}"),
        ("orders", "POST", "", 100, "{order}"),
        ("queue.depth", "", "", 17, ""),
    ]
    (about,) = served.query(
        "SELECT DISTINCT labels['otel.metric.temporality'] AS t, labels['otel.metric.monotonic'] AS m"
        " FROM metrics WHERE name = 'orders'"
    )
    assert about == {"t": "cumulative", "m": "true"}


def test_a_refused_token_is_told(served: Served) -> None:
    given = options(served, "/v1/traces") | {"headers": {"Authorization": "Bearer wrong"}}
    exporter = OTLPSpanExporter(**given)
    tracer = TracerProvider(resource=RESOURCE).get_tracer("x")
    with tracer.start_as_current_span("never") as span:
        pass
    assert exporter.export([span]) is not SpanExportResult.SUCCESS  # type: ignore[list-item]
