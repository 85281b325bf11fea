"""Settings of the backlog table; apart, so that reading them loads no database client."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bdp.stream.group import GroupSettings


class TableSettings(BaseModel):
    """The backlog table: where it is and how much it holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: SecretStr = Field(default=SecretStr(""), description="postgresql://…; empty: backlog.db in the home")
    max_mib: int = Field(default=8192, ge=1, description="MiB of compressed batches it holds; then the next sink")
    remembered_ids: int = Field(
        default=200_000, ge=1000, description="ids of removed batches kept to recognise a repeated request"
    )
    connect_seconds: int = Field(default=5, ge=1, description="longest wait for a connection")
    statement_seconds: int = Field(default=10, ge=1, description="longest wait for a statement or a lock")
    group: GroupSettings = Field(default=GroupSettings(), description="how requests share a commit")
