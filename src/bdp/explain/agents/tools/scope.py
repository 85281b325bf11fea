"""What look-ups take: typed arguments, from which they build their own SQL; never SQL itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bdp.explain.agents.bench import Bench, Span
from bdp.model.event import ABNORMAL_SQL
from bdp.sql import equals


def _instant(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("a time is written as 2026-05-01T12:00:00Z")
    if not value.strip():
        return None
    try:
        at = datetime.fromisoformat(value.strip())
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("a time is written as 2026-05-01T12:00:00Z") from None
    if not 1970 <= at.year < 2200:
        raise ValueError("the year is outside of what is stored")
    return at


Name = Annotated[str, Field(max_length=200)]
Instant = Annotated[datetime | None, BeforeValidator(_instant, json_schema_input_type=str)]


class Times(BaseModel):
    """A span of event time; left out: that of the question."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: Instant = Field(default=None, description="ISO 8601, UTC; default: as the question")
    end: Instant = Field(default=None, description="ISO 8601, UTC; default: as the question")

    def span(self, bench: Bench) -> Span:
        """Return the span that is meant."""
        return bench.within(self.start, self.end)


class Scope(Times):
    """Which events; an empty field means any."""

    service: Name = Field(default="", description="exact name; empty: all")
    route: Name = Field(default="", description="exact; empty: all")
    error_code: Name = Field(default="", description="exact; empty: all")

    def where(self, span: Span, *, abnormal: bool = False) -> str:
        """Return the SQL condition for these events."""
        parts = [span.sql, *(equals(column, text) for column, text in self.about.items())]
        return " AND ".join([*parts, *([ABNORMAL_SQL] if abnormal else [])])

    @property
    def about(self) -> dict[str, str]:
        """What is meant, by column; empty for everything."""
        given = {"service": self.service, "route": self.route, "error_code": self.error_code}
        return {column: text for column, text in given.items() if text}
