"""What a metric measures by its name, which way is bad, and signs of the other side."""

from __future__ import annotations

import pytest

from bdp.explain.locate.sense import Sense, is_bad, is_own, is_victim, sense_of

NAMES = {
    Sense.ERRORS: "http_requests_5xx HTTPCode_Target_5XX_Count error_rate exceptions_total kube_pod_restarts_total "
    "rpc.server.failures dropped_packets Throttles login_failures auth_denied_total http_client_timeouts",
    Sense.LATENCY: "http_request_duration_seconds TargetResponseTime p99_latency_ms p95 query_time_ms dns_lookup_ms "
    "http.server.request.duration Latency disk_read_time replication_delay http_server_requests_seconds_max",
    Sense.SATURATION: "CPUUtilization db_pool_in_use pool_wait_ms kafka_consumer_lag memory_rss_bytes node_load1 "
    "hikaricp_connections_pending queue_depth jvm_gc_pause_seconds ApproximateNumberOfMessagesVisible goroutines "
    "db_pool_wait_seconds_p99 container_cpu_cfs_throttled_seconds_total disk_used_percent "
    "memory_limit_utilization cache_misses",
    Sense.AVAILABILITY: "availability success_rate cache_hit_ratio node_memory_MemAvailable_bytes FreeableMemory up "
    "HealthyHostCount disk_free_bytes",
    Sense.TRAFFIC: "http_requests_total rps request_count NetworkReceiveBytes success_total messages_published "
    "http_request_duration_seconds_count Invocations iops requests_per_sec db_queries_per_second",
    Sense.LIMIT: "db_pool_max hikaricp_connections_max memory_limit_bytes pool_size request_timeout_seconds replicas "
    "max_connections",
    Sense.EXPIRY: "tls_cert_expiry_seconds cert_days_left certificate_not_after seconds_until_renewal",
    Sense.OTHER: "http_request_duration_seconds_bucket foo_widget process_start_time_seconds",
}


@pytest.mark.parametrize(("sense", "name"), [(sense, name) for sense, some in NAMES.items() for name in some.split()])
def test_sense_by_name(sense: Sense, name: str) -> None:
    assert sense_of(name) is sense


def test_a_unit_helps_where_the_name_is_silent() -> None:
    assert sense_of("checkout", "ms") is Sense.LATENCY
    assert sense_of("checkout", "") is Sense.OTHER


def test_which_way_is_bad() -> None:
    assert is_bad(Sense.ERRORS, True)
    assert not is_bad(Sense.ERRORS, False)
    assert is_bad(Sense.AVAILABILITY, False)
    assert is_bad(Sense.EXPIRY, False)
    assert not any(is_bad(sense, up) for sense in (Sense.TRAFFIC, Sense.LIMIT, Sense.OTHER) for up in (True, False))


@pytest.mark.parametrize(
    "text",
    [
        "rpc error: code = Canceled desc = context canceled",
        "client disconnected before response",
        "requests_cancelled_by_client_total",
        "downstream closed connection",
        "rpc_server_cancelled_rate",
        "writev() failed (32: Broken pipe)",
    ],
)
def test_signs_that_the_other_side_gave_up(text: str) -> None:
    assert is_victim(text)


@pytest.mark.parametrize(
    "text", ["connection refused by upstream", "order cancelled", "deadline exceeded", "http_client_errors", ""]
)
def test_failures_of_ones_own(text: str) -> None:
    assert not is_victim(text)


def test_what_no_callee_brings_about() -> None:
    assert is_own("container_cpu_usage")
    assert not is_own("http_request_duration_seconds")
