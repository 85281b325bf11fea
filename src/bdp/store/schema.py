"""The store's tables, and the one place that knows how a cluster differs from one machine.

One machine (chDB or a single ClickHouse server) uses `MergeTree`; a cluster uses `ReplicatedMergeTree`, which keeps its
own deduplication log, so the setting `non_replicated_deduplication_window` goes away. Nothing else differs: the same
columns, the same inserts, the same queries.

Retention counts from arrival, not from event time, so that logs of years ago can be loaded and looked at; see
docs/decisions/store.md.
"""

# ruff: noqa: S608 - all of it is written here

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
        provider_name LowCardinality(String),
        billing_account_id LowCardinality(String),
        sub_account_id LowCardinality(String),
        sub_account_name LowCardinality(String),
        service_name LowCardinality(String),
        region_id LowCardinality(String),
        resource_id String CODEC(ZSTD(1)),
        sku_meter LowCardinality(String),
        charge_category LowCardinality(String),
        billed_cost Float64,
        effective_cost Float64,
        billing_currency LowCardinality(String),
        tags Map(LowCardinality(String), String),
        detail String,
        statement LowCardinality(String),
        stated_at DateTime64(3, 'UTC') DEFAULT arrived_at,
        arrived_at DateTime('UTC') DEFAULT now(),
        account_day UInt64 MATERIALIZED
            cityHash64(provider_name, billing_account_id, sub_account_id, toDate(charge_period_start)),
        line UInt64 MATERIALIZED
            cityHash64(charge_period_start, charge_period_end, provider_name, billing_account_id, sub_account_id,
                service_name, region_id, resource_id, sku_meter, charge_category, billing_currency,
                toString(mapSort(tags)), detail)""",
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

ADDED: dict[RecordKind, tuple[str, ...]] = {
    RecordKind.COSTS: (
        "provider_name",
        "resource_id",
        "sku_meter",
        "detail",
        "statement",
        "stated_at",
        "account_day",
        "line",
    ),
}
"""Columns that tables of older versions lack."""

CHARGES = "charges"
"""The view of the cost lines that hold now: `costs` also has those in whose place others came."""

_CHARGE_COLUMNS = (
    "charge_period_start, charge_period_end, provider_name, billing_account_id, sub_account_id, sub_account_name, "
    "service_name, region_id, resource_id, sku_meter, charge_category, billed_cost, effective_cost, billing_currency, "
    "tags, detail, statement, stated_at, arrived_at, account_day"
)

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


def add_columns(kind: RecordKind, *, cluster: str = "") -> list[str]:
    """Return the statements that give a table of an older version its new columns."""
    declared = {column.split()[0]: column for column in _declared(COLUMNS[kind])}
    names = ADDED.get(kind, ())
    return [f"ALTER TABLE {kind.value} {_on(cluster)} ADD COLUMN IF NOT EXISTS {declared[name]}" for name in names]


def create_charges(*, cluster: str = "") -> str:
    """Return the DDL of the view of the cost lines that hold.

    What the newest statement says of an account's day is all of that day. Lines without a statement hold until a
    statement of their day, or a newer line that differs in nothing but its costs, takes their place.
    """
    newest = "SELECT line, max(stated_at) FROM costs WHERE statement = '' GROUP BY line"
    stated = (
        "SELECT account_day, argMax(statement, (stated_at, statement)) AS current, max(stated_at) AS said "
        "FROM costs WHERE statement != '' GROUP BY account_day"
    )
    columns = _CHARGE_COLUMNS.replace("statement,", "costs.statement AS statement,")
    columns = columns.replace("stated_at,", "costs.stated_at AS stated_at,")
    return (
        f"CREATE OR REPLACE VIEW {CHARGES} {_on(cluster)} AS SELECT {columns} FROM costs "
        f"LEFT ANY JOIN ({stated}) AS day USING (account_day) "
        "WHERE (costs.statement != '' AND costs.statement = day.current) OR (costs.statement = '' "
        f"AND (day.current = '' OR costs.stated_at > day.said) AND (costs.line, costs.stated_at) IN ({newest}))"
    )


def change_retention(kind: RecordKind, retention_days: int, *, cluster: str = "") -> str:
    """Return the statement that makes an existing table keep rows for another time; 0 keeps them."""
    action = f"MODIFY TTL arrived_at + INTERVAL {retention_days:d} DAY" if retention_days else "REMOVE TTL"
    return f"ALTER TABLE {kind.value} {_on(cluster)} {action}"


def _declared(columns: str) -> list[str]:
    """Return the declarations of a table's columns, each by itself."""
    found: list[str] = []
    depth = start = 0
    for place, sign in enumerate(columns):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and not depth:
            found.append(columns[start:place])
            start = place + 1
    return [" ".join(column.split()) for column in (*found, columns[start:])]


def _on(cluster: str) -> str:
    return f"ON CLUSTER {cluster}" if cluster else ""


def _engine(cluster: str) -> str:
    return "ReplicatedMergeTree" if cluster else "MergeTree"
