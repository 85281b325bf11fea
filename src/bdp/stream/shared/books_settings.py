"""Settings of the books; apart, so that reading them loads no database client."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class BooksSettings(BaseModel):
    """The bounds of the books in the state's database."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    remembered_ids: int = Field(
        default=500_000,
        ge=1000,
        description="newest messages of a partition of which a repeat is recognised; all while batches wait",
    )
    most_letters: int = Field(default=1_000_000, ge=1, description="dead letters kept; the oldest go, counted")
    letters_mib: int = Field(default=1024, ge=1, description="MiB of dead letters kept; the oldest go, counted")
    foreign: Literal["stop", "skip", "take"] = Field(
        default="stop",
        description="records in a shared stream that an installation with another state database sent: stop and say "
        "so, skip them, or take them (after the loss of the state database)",
    )
    connect_seconds: int = Field(default=5, ge=1, description="longest wait for a connection")
    statement_seconds: int = Field(default=15, ge=1, description="longest wait for a statement or a lock")
