"""How kinds of failure show themselves: what services say and what of them is measured, in many words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bdp.explain.inquest.fault import showings
from bdp.explain.inquest.scene import Said, Scene, Span
from bdp.explain.locate.graph import CallGraph
from bdp.explain.locate.onset import Onset
from bdp.explain.locate.rank import Symptom
from bdp.explain.locate.sense import sense_of

TOLD = datetime(2026, 3, 3, 12, tzinfo=UTC)
CLEAR = 0.5

SAID = {
    # kind: what is said
    "pool-exhausted": [
        "HikariPool-1 - Connection is not available, request timed out after 30000ms",
        "QueuePool limit of size 5 overflow 10 reached, connection timed out",
        "could not obtain a connection from the pool within 5.000 seconds (ActiveRecord::ConnectionTimeoutError)",
        "The timeout period elapsed prior to obtaining a connection from the pool",
        "FATAL: sorry, too many clients already",
        "Timed out fetching a new connection from the connection pool",
    ],
    "missing-value": [
        "java.lang.NullPointerException: Cannot invoke \"Address.getCity()\" because the return value is null",
        "System.NullReferenceException: Object reference not set to an instance of an object",
        "TypeError: Cannot read properties of undefined (reading 'id')",
        "panic: runtime error: invalid memory address or nil pointer dereference",
        "thread 'main' panicked at called `Option::unwrap()` on a `None` value",
        "AttributeError: 'NoneType' object has no attribute 'name'",
        "NoMethodError (undefined method 'name' for nil:NilClass)",
        "kotlin.KotlinNullPointerException",
        "IndexError: list index out of range",
        "java.lang.ArrayIndexOutOfBoundsException: Index 5 out of bounds for length 5",
        "panic: runtime error: index out of range [3] with length 3",
        "KeyError: 'timezone'",
    ],
    "lock-contention": [
        "ERROR: deadlock detected",
        "Lock wait timeout exceeded; try restarting transaction",
        "ERROR: could not serialize access due to concurrent update",
        "process 4711 still waiting for ShareLock on transaction 99",
        "org.hibernate.StaleObjectStateException: Row was updated or deleted by another transaction",
    ],
    "refused-access": [
        "AccessDenied: User is not authorized to perform: s3:GetObject",
        "AccessDeniedException: not authorized to perform kms:Decrypt",
        "permission denied for table invoices",
        "rpc error: code = PermissionDenied desc = missing scope",
        "401 Unauthorized: invalid_client",
        "jwt: token signature is invalid",
        "JWT expired 3600000 milliseconds ago",
        "password authentication failed for user \"orders\"",
        "configmaps is forbidden: User cannot list resource",
        "Invalid API key provided",
    ],
    "wrong-address": [
        "dial tcp 10.0.0.3:5432: connect: connection refused",
        "connect ETIMEDOUT 10.3.2.1:443",
        "upstream connect error or disconnect/reset before headers. reset reason: connection timeout",
        "no healthy upstream",
        "dial tcp 10.0.3.9:6379: i/o timeout",
        "Connection to db:5432 refused. Check that the hostname and port are correct",
        "NoSuchBucket: The specified bucket does not exist",
        "404 page not found on /v2/prices",
    ],
    "tls-refused": [
        "tls: handshake failure",
        "remote error: tls: protocol version not supported",
        "SSLHandshakeException: Received fatal alert: protocol_version",
        "x509: certificate signed by unknown authority",
        "ssl.SSLError: [SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version",
        "no cipher suite supported by both client and server",
    ],
    "not-scheduled": [
        "Failed to pull image: manifest unknown",
        "Back-off pulling image registry/app:1.2 (ImagePullBackOff)",
        "0/12 nodes are available: 12 Insufficient cpu",
        "exec /app: exec format error",
        "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector",
    ],
    "missing-config": [
        "missing required environment variable PAYMENT_API_KEY",
        "Could not resolve placeholder 'pricing.url' in value",
        "config error: REDIS_URL is not set",
        "secret \"db-credentials-v2\" not found",
        "key not found: \"SMTP_HOST\" (KeyError)",
    ],
    "crash-loop": [
        "Liveness probe failed: HTTP probe failed with statuscode: 404",
        "Readiness probe failed: Get http://10.1.1.1:8080/health: context deadline exceeded",
        "Back-off restarting failed container",
        "panic: config: invalid duration",
        "Application run failed: BeanCreationException",
    ],
    "memory-leak": [
        "Container killed: OOMKilled exitCode=137",
        "java.lang.OutOfMemoryError: Java heap space",
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        "fatal error: runtime: out of memory",
        "MemoryError: unable to allocate 2.1 GiB",
    ],
    "handles-leaked": [
        "accept tcp: too many open files",
        "socket: too many open files (EMFILE)",
        "connect: cannot assign requested address",
        "java.lang.OutOfMemoryError: unable to create native thread",
        "Only one usage of each socket address is normally permitted",
    ],
    "threads-starved": [
        "Event loop blocked for 4200 ms",
        "Executing <Task pending> took 3.1 seconds (slow callback)",
        "thread pool is exhausted: active=200 queue=1000",
        "java.util.concurrent.RejectedExecutionException: task rejected from ThreadPoolExecutor",
        "[CRITICAL] WORKER TIMEOUT (pid:42)",
        "ThreadPool starvation detected",
    ],
    "wrong-format": [
        "json: cannot unmarshal string into Go struct field Order.total of type int",
        "com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException: Unrecognized field",
        "ValidationError: 1 validation error for Order: field required",
        "ERROR: column o.state does not exist",
        "proto: cannot parse invalid wire-format data",
        "SyntaxError: Unexpected token < in JSON at position 0",
        "could not deserialize Avro record: schema id 7 unknown",
        "missing field `currency` at line 1 column 93",
    ],
    "too-large": [
        "413 Request Entity Too Large",
        "grpc: received message larger than max (5242880 vs. 4194304)",
        "RecordTooLargeException: The message is 1200000 bytes when serialized",
        "client intended to send too large body: 20971520 bytes",
    ],
    "overflow": [
        "ERROR: integer out of range",
        "value too long for type character varying(20)",
        "System.OverflowException: Arithmetic operation resulted in an overflow",
        "Data truncation: Data too long for column 'name'",
        "attempt to multiply with overflow",
    ],
    "done-twice": [
        "duplicate key value violates unique constraint \"payments_pkey\"",
        "customer charged twice for order 1",
        "event 77 already processed",
        "Duplicate entry 'x' for key 'PRIMARY'",
    ],
    "connections-cut": [
        "read tcp: connection reset by peer",
        "upstream prematurely closed connection while reading response header",
        "Error: socket hang up",
        "http2: server sent GOAWAY and closed the connection",
        "java.io.EOFException: unexpected end of stream",
    ],
    "throttled": [
        "429 Too Many Requests",
        "upstream rate limited: retry after 2s",
        "circuit overflow: max requests reached, request dropped (rate limit)",
    ],
    "turned-away": [
        "request rejected: amount exceeds limit",
        "coupon declined reason=too_old",
        "400 Bad Request: phone number is not valid",
        "422 Unprocessable Entity: quantity out of range",
        "validation failed for 'email'",
    ],
    "slow-queries": [
        "duration: 8123.4 ms  statement: SELECT * FROM orders",
        "slow query 9.2s: SELECT * FROM users WHERE lower(email) = $1",
        "canceling statement due to statement timeout",
    ],
    "dns-failure": [
        "lookup payments.svc on 10.0.0.10:53: no such host",
        "getaddrinfo ENOTFOUND api.example.org",
        "Temporary failure in name resolution",
        "java.net.UnknownHostException: ledger",
    ],
    "disk-full": ["write /data/x: no space left on device", "ERROR: could not extend file: No space left on device"],
    "certificate-expired": [
        "x509: certificate has expired or is not yet valid",
        "certificate verify failed: certificate has expired",
    ],
}  # fmt: skip

CASES = [(kind, text) for kind, texts in SAID.items() for text in texts]

MEASURED = {
    "pool-exhausted": ("db_pool_in_use", "hikaricp_connections_pending", "sql_wait_ms_p99"),
    "memory-leak": ("process_resident_memory_bytes", "jvm_heap_used_mb", "container_memory_working_set_bytes"),
    "handles-leaked": ("process_open_fds", "open_file_descriptors"),
    "backlog": ("consumer_lag", "queue_depth", "messages_unacked"),
    "threads-starved": ("eventloop_lag_p99_ms", "worker_threads_busy", "requests_in_flight"),
    "lock-contention": ("lock_wait_seconds", "db_deadlocks_total"),
    "cpu-exhausted": ("cpu_percent", "container_cpu_usage"),
    "turned-away": ("http_4xx_ratio", "orders_rejected_per_min", "payments_declined_ratio"),
    "refused-access": ("http_403_ratio", "auth_failures_per_min", "unauthorized_total"),
    "retry-storm": ("client_retries_per_s",),
    "done-twice": ("duplicate_charges_per_min", "duplicates_total"),
    "answers-grew": ("rows_per_query_avg", "response_bytes_avg"),
    "disk-full": ("disk_used_percent", "filesystem_used_ratio"),
    "query-fan-out": ("db_queries_per_request",),
}


def scene(said: str = "", metric: str = "") -> Scene:
    at = TOLD.timestamp() - 300
    found = Scene(Span.of(TOLD, TOLD + timedelta(minutes=20)), CallGraph({}))
    found.said = [Said("api", said, "", "", 40.0, 0.0, at)] if said else []
    shift = Onset(at, True, 1.0, 50.0, 100.0, TOLD.timestamp())
    found.symptoms = [Symptom("api", sense_of(metric), shift, metric)] if metric else []
    return found


@pytest.mark.parametrize(("kind", "text"), CASES, ids=[f"{kind}: {text[:50]}" for kind, text in CASES])
def test_a_failure_shows_by_what_is_said(kind: str, text: str) -> None:
    assert {one.fault.name: one.score for one in showings(scene(said=text), ["api"])}[kind] >= CLEAR


@pytest.mark.parametrize(("kind", "metric"), [(kind, name) for kind, names in MEASURED.items() for name in names])
def test_a_failure_shows_by_what_is_measured(kind: str, metric: str) -> None:
    assert {one.fault.name: one.score for one in showings(scene(metric=metric), ["api"])}[kind] >= CLEAR


@pytest.mark.parametrize(
    "text", ["order accepted", "GET /orders 200 in 12 ms", "cart 17 saved", "battery low on locker"]
)
def test_nothing_shows_where_nothing_is_wrong(text: str) -> None:
    assert max(one.score for one in showings(scene(said=text), ["api"])) < CLEAR
