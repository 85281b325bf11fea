"""What the look-ups of one question share: the store, the time, and the evidence so far, numbered on.

Memory: at most `_MOST` pieces of evidence, each with at most `AgentSettings.rows` rows of texts cut at 200 characters.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bdp.errors import BadRequest
from bdp.explain.agents.settings import AgentSettings
from bdp.explain.insight.examples import Language
from bdp.explain.playbook import Playbook
from bdp.model.evidence import Evidence, EvidenceKind
from bdp.ports import CostOutlook, Incidents, Row, Store
from bdp.sql import literal

_MOST: Final = 60


@dataclass(frozen=True)
class Span:
    """A half-open span of event time."""

    start: datetime
    end: datetime

    @property
    def sql(self) -> str:
        """SQL condition for it, of a table with `ts`."""
        return self.of("ts")

    def of(self, column: str) -> str:
        """Return the SQL condition for it, by this column."""
        return f"{column} >= {literal(self.start)} AND {column} < {literal(self.end)}"

    @property
    def before(self) -> Span:
        """The span of equal length before it."""
        return Span(self.start - (self.end - self.start), self.start)


@dataclass
class Bench:
    """One question. Use from any thread; look-ups take turns.

    Args:
        span: that is looked at where a look-up names no time.
        found: evidence that the question begins with; look-ups add to it.
        language: in which evidence is told.
        incidents: None where there is no state to read.
        outlook: None where what costs will be is not told.
        usual: the span is the usual one; nobody named it.
    """

    store: Store
    settings: AgentSettings
    span: Span
    now: datetime
    playbooks: Sequence[Playbook] = ()
    found: list[Evidence] = field(default_factory=list)
    language: Language = "en"
    incidents: Incidents | None = None
    outlook: CostOutlook | None = None
    usual: bool = False
    _turn: threading.RLock = field(default_factory=threading.RLock)

    @property
    def turn(self) -> threading.RLock:
        """Held by the look-up that runs; one that took too long may still run when the next begins."""
        return self._turn

    def query(self, sql: str) -> list[Row]:
        """Run one statement of ours on the store.

        Raises:
            BadRequest: the store hit a limit.
            StoreUnavailable: try again later.
        """
        return self.store.query(sql)

    def within(self, start: datetime | None, end: datetime | None) -> Span:
        """Return the span that a look-up means: the question's where it says nothing, never longer than is set.

        Raises:
            BadRequest: it ends before it starts.
        """
        until = end or self.span.end
        since = start or min(self.span.start, until - timedelta(minutes=1))
        if since >= until:
            raise BadRequest("start is not before end.")
        return Span(max(since, until - timedelta(days=self.settings.span_days)), until)

    @property
    def longest(self) -> timedelta:
        """The longest time that one look-up covers."""
        return timedelta(days=self.settings.span_days)

    def rows(self, wanted: int | None = None) -> int:
        """Return how many rows a look-up may have."""
        return max(1, min(wanted or self.settings.rows, self.settings.rows))

    def say(self, english: str, korean: str) -> str:
        """Return the one in the language of the question."""
        return korean if self.language == "ko" else english

    def add(
        self,
        kind: EvidenceKind,
        value: dict[str, Any],
        text: str,
        query: str,
        span: Span,
        *,
        source: str = "events",
        samples: Sequence[str] = (),
    ) -> Evidence:
        """Number one fact and keep it.

        Raises:
            BadRequest: there is too much already.
        """
        same = next((one for one in self.found if one.query == query and one.value == value), None)
        if same is not None:
            return same  # a model that asks twice learns nothing new
        if len(self.found) >= _MOST:
            raise BadRequest("Enough was looked up; answer with what there is.")
        evidence = Evidence(
            id=f"E{self._next()}",
            kind=kind,
            value=value,
            text=text,
            source=source,
            start_time=span.start,
            end_time=span.end,
            query=query,
            samples=tuple(samples[:3]),
        )
        self.found.append(evidence)
        return evidence

    def _next(self) -> int:
        return max(_numbers(self.found), default=0) + 1


def _numbers(found: Sequence[Evidence]) -> Iterator[int]:
    for one in found:
        if one.id[1:].isdigit():
            yield int(one.id[1:])


def aware(value: datetime) -> datetime:
    """Return a time from the store as aware UTC, whichever way the client hands it out."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
