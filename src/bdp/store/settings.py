"""Settings of the store; apart, so that reading them loads no database client."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class StoreSettings(BaseModel):
    """Where records are kept, and for how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dsn: SecretStr = Field(
        default=SecretStr(""), description="ClickHouse server, http(s)://user:password@host:port/; empty: embedded"
    )
    database: str = Field(default="bdp", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$", description="database name")
    cluster: str = Field(default="", pattern=r"^[A-Za-z0-9_]{0,64}$", description="cluster name for replicated tables")
    retention_days: int = Field(default=90, ge=0, description="days a record is kept after it arrived; 0: for ever")
    query_seconds: int = Field(default=30, ge=1, description="a query that takes longer is stopped")
    query_rows: int = Field(default=100_000, ge=1, description="a query that returns more rows is stopped")
    query_memory_mib: int = Field(default=2048, ge=64, description="memory one query may use, MiB")
