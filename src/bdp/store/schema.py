"""The store's tables, and the one place that knows how a cluster differs from one machine.

One machine (chDB or a single ClickHouse server) uses `MergeTree`; a cluster uses `ReplicatedMergeTree`, which keeps its
own deduplication log, so the setting `non_replicated_deduplication_window` goes away. Nothing else differs: the same
columns, the same inserts, the same queries.

Retention counts from arrival, not from event time, so that logs of years ago can be loaded and looked at; see
docs/decisions/store.md.
"""

from __future__ import annotations

from bdp.model.batch import RecordKind

DEDUPLICATION_WINDOW = 10_000

COLUMNS: dict[RecordKind, str] = {
    RecordKind.EVENTS: """
        event_id String,
        ts DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
        tenant LowCardinality(String),
        service LowCardinality(String),
        route LowCardinality(String),
        level LowCardinality(String),
        error_code LowCardinality(String),
        status UInt16,
        duration_ms Float64,
        message String CODEC(ZSTD(1)),
        trace_id String,
        span_id String,
        parent_id String,
        user_id String,
        client_ip String,
        weight Float32 DEFAULT 1,
        attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
        arrived_at DateTime('UTC') DEFAULT now(),
        INDEX trace trace_id TYPE bloom_filter(0.01) GRANULARITY 4""",
    RecordKind.METRICS: """
        ts DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
        name LowCardinality(String),
        entity LowCardinality(String),
        labels Map(LowCardinality(String), String) CODEC(ZSTD(1)),
        value Float64 CODEC(Gorilla, ZSTD(1)),
        unit LowCardinality(String),
        arrived_at DateTime('UTC') DEFAULT now()""",
    RecordKind.COSTS: """
        charge_period_start DateTime('UTC'),
        charge_period_end DateTime('UTC'),
        billing_account_id LowCardinality(String),
        sub_account_id LowCardinality(String),
        sub_account_name LowCardinality(String),
        service_name LowCardinality(String),
        region_id LowCardinality(String),
        charge_category LowCardinality(String),
        billed_cost Float64,
        effective_cost Float64,
        billing_currency LowCardinality(String),
        tags Map(LowCardinality(String), String),
        arrived_at DateTime('UTC') DEFAULT now()""",
    RecordKind.CHANGES: """
        change_id String,
        ts DateTime64(6, 'UTC'),
        kind LowCardinality(String),
        service LowCardinality(String),
        ref String,
        author String,
        summary String,
        diff String CODEC(ZSTD(1)),
        arrived_at DateTime('UTC') DEFAULT now()""",
}

ORDER: dict[RecordKind, tuple[str, str]] = {
    RecordKind.EVENTS: ("toDate(ts)", "(service, ts)"),
    RecordKind.METRICS: ("toDate(ts)", "(name, entity, ts)"),
    RecordKind.COSTS: ("toYYYYMM(charge_period_start)", "(service_name, charge_period_start)"),
    RecordKind.CHANGES: ("toYYYYMM(ts)", "(service, ts)"),
}


def create_table(kind: RecordKind, retention_days: int, *, cluster: str = "") -> str:
    """Return the DDL of one table.

    Args:
        retention_days: rows go that many days after they arrived; 0 keeps them.
        cluster: name of a ClickHouse cluster; empty for one machine.
    """
    partition, order = ORDER[kind]
    settings = ["ttl_only_drop_parts = 1", "old_parts_lifetime = 480", "fsync_after_insert = 1"]
    settings.append("min_compressed_bytes_to_fsync_after_merge = 1")
    if not cluster:
        settings.append(f"non_replicated_deduplication_window = {DEDUPLICATION_WINDOW}")
    ttl = f"TTL arrived_at + INTERVAL {retention_days:d} DAY" if retention_days else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {kind.value} {_on(cluster)} ({COLUMNS[kind]}\n) ENGINE = {_engine(cluster)} "
        f"PARTITION BY {partition} ORDER BY {order} {ttl} SETTINGS {', '.join(settings)}"
    )


def change_retention(kind: RecordKind, retention_days: int, *, cluster: str = "") -> str:
    """Return the statement that makes an existing table keep rows for another time; 0 keeps them."""
    action = f"MODIFY TTL arrived_at + INTERVAL {retention_days:d} DAY" if retention_days else "REMOVE TTL"
    return f"ALTER TABLE {kind.value} {_on(cluster)} {action}"


def _on(cluster: str) -> str:
    return f"ON CLUSTER {cluster}" if cluster else ""


def _engine(cluster: str) -> str:
    return "ReplicatedMergeTree" if cluster else "MergeTree"
