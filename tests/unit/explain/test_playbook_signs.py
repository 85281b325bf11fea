"""What real software prints is read as the mechanism that it tells of, and as no other; business talk as none."""

from __future__ import annotations

from bdp.explain.playbook import Playbook, load_playbooks
from bdp.sql import literal
from bdp.store.clickhouse import ClickHouseStore

BOOKS = [book for book in load_playbooks() if book.signs]

SAID = {
    "2026-05-06T10:00:00.123Z 8f5e1c9a-52f1 Task timed out after 3.00 seconds": "lambda",
    "RequestId: 7f3a Error: Runtime exited with error: signal: killed": "lambda",
    "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'yaml'": "lambda",
    "AWS Budget Notification: the ACTUAL Cost associated with your budget is greater than $500.00": "cost-spike",
    "litellm.BudgetExceededError: Budget has been exceeded! Current cost: 51.2, Max budget: 50.0": "cost-spike",
    "ERROR: canceling statement due to statement timeout": "query-load",
    "duration: 8123.402 ms  statement: SELECT * FROM orders": "query-load",
    '{"msg":"Slow query","attr":{"planSummary":"COLLSCAN","docsExamined":1842210}}': "query-load",
    "OOM command not allowed when used memory > 'maxmemory'.": "cache",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk": "cache",
    "org.springframework.data.redis.RedisConnectionFailureException: Unable to connect to Redis": "cache",
    "ERROR: deadlock detected": "lock-contention",
    "ERROR 1205 (HY000): Lock wait timeout exceeded; try restarting transaction": "lock-contention",
    "canceling statement due to lock timeout": "lock-contention",
    "sqlite3.OperationalError: database is locked": "lock-contention",
    "Transaction (Process ID 54) was deadlocked on lock resources and has been chosen as the deadlock victim": (
        "lock-contention"
    ),
    "Back-off restarting failed container api in pod api-6d5f9c7b8-x2x9q": "code-defect",
    "RuntimeError: dictionary changed size during iteration": "code-defect",
    "java.util.ConcurrentModificationException": "code-defect",
    "User: arn:aws:iam::111122223333:user/ci is not authorized to perform: s3:GetObject": "access-refused",
    'pods is forbidden: User "system:serviceaccount:ci:runner" cannot list resource "pods" in API group ""': (
        "access-refused"
    ),
    "jwt expired": "access-refused",
    "ThrottlingException: Rate exceeded": "quota",
    "rpc error: code = ResourceExhausted desc = Quota exceeded for quota metric 'Read requests'": "quota",
    "SlowDown: Please reduce your request rate.": "quota",
    "HTTP 429 Too Many Requests": "quota",
    "upstream_rq_retry_overflow": "retry-storm",
    "org.apache.kafka.common.errors.CorruptRecordException: Record is corrupt (stored crc = 318, computed crc = 214)": (
        "poison-data"
    ),
    "message 41 sent to dead letter queue after 5 attempts": "poison-data",
    "java.util.concurrent.RejectedExecutionException: Task rejected from ThreadPoolExecutor": "backlog",
    "consumer poll timeout has expired. This means the time between subsequent calls to poll() was longer than the "
    "configured max.poll.interval.ms": "backlog",
    "accept4: too many open files": "handle-leak",
    "java.lang.OutOfMemoryError: unable to create native thread": "handle-leak",
    "The node was low on resource: memory.": "node-pressure",
    "0/6 nodes are available: 6 Insufficient cpu.": "node-pressure",
    "Thread Thread[vert.x-eventloop-thread-0] has been blocked for 5012 ms, time limit is 2000 ms": "cpu",
    "watchdog: BUG: soft lockup - CPU#3 stuck for 22s!": "cpu",
    "HikariPool-1 - Thread starvation or clock leap detected (housekeeper delta=1m12s).": "cpu",
    "Error evaluating flag checkout.express: FLAG_NOT_FOUND": "feature-flag",
    # What was told rightly before stays so.
    "java.lang.OutOfMemoryError: Java heap space": "memory",
    "write /data/wal: no space left on device": "disk",
    "Disk quota exceeded": "disk",
    "HikariPool-1 - Connection is not available, request timed out after 30000ms.": "connection-pool",
    "FATAL: sorry, too many clients already": "connection-pool",
    "dial tcp 10.0.0.7:5432: connect: connection refused": "upstream",
    "Max retries exceeded with url: /v1 (Caused by NewConnectionError: Connection refused)": "upstream",
    "x509: certificate has expired or is not yet valid": "certificate",
    "dial tcp: lookup db on 10.96.0.10:53: no such host": "dns",
    "context deadline exceeded (Client.Timeout exceeded while awaiting headers)": "timeout",
    "panic: runtime error: invalid memory address or nil pointer dereference": "bad-deploy",
    "Failed password for invalid user admin from 203.0.113.7 port 4242 ssh2": "credential-attack",
    "[Producer clientId=p1] Connection to broker 2 could not be established. Broker may not be available.": "broker",
    "ERROR: cannot execute INSERT in a read-only transaction": "database",
}

HARMLESS = (
    "shipping cost of order 17 is higher than the customer expected",
    "card of order 18 declined: exceeds spending limit",
    "coupon 19 is used up",
    "price of item 7 looks odd",
    "widget 14 came back twice",
    "the flag of Norway was added to the shop",
    "trunk lock of bike 12 opened by its renter",
    "queue at gate B was long",
    "memory card 128 GB is out of stock",
    "retry button was pressed",
    "node 5 of the tour was visited",
)


def leading(store: ClickHouseStore, message: str) -> set[str]:
    """Playbooks whose signs a message shows, without those that step back for another of them."""
    columns = ", ".join(f"{book.sql} AS c{i}" for i, book in enumerate(BOOKS))
    row = store.query(f"SELECT {columns} FROM (SELECT {literal(message)} AS message, '' AS error_code)")[0]
    shown: list[Playbook] = [book for i, book in enumerate(BOOKS) if row[f"c{i}"]]
    names = {book.name for book in shown}
    return {book.name for book in shown if not names & set(book.yields_to)}


def test_a_real_message_tells_one_mechanism(store: ClickHouseStore) -> None:
    told = {message: leading(store, message) for message in SAID}
    assert {message: names for message, names in told.items() if names != {SAID[message]}} == {}


def test_what_a_release_and_a_record_may_do_alike_is_left_to_the_evidence(store: ClickHouseStore) -> None:
    assert leading(store, "Error deserializing VALUE for partition p-3 at offset 7. Please seek past the record") == {
        "bad-deploy",
        "poison-data",
    }


def test_business_talk_tells_none(store: ClickHouseStore) -> None:
    assert {message: names for message in HARMLESS if (names := leading(store, message))} == {}


def test_each_playbook_has_a_message_here() -> None:
    assert {book.name for book in BOOKS} - set(SAID.values()) <= {"infiniband-link"}
