"""Findings about the fabric, and the ways to tell people of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from bdp.model.action import Message, MessageForm, Outgoing
from bdp.model.insight import (
    AlertStanding,
    AlertState,
    DueAlert,
    Insight,
    InsightFilter,
    InsightPage,
    PredictionType,
    QuietInsights,
)


class Insights(Protocol):
    """Findings about the fabric, kept for 30 days. Use from any thread and any number of processes."""

    def add(self, insight: Insight, now: datetime) -> bool:
        """Keep an insight and, if it is critical, the duty to tell people: both or neither.

        Idempotent by `entity_id`: give it again after a crash.

        Args:
            now: the time of detection that alerts and digests count from.

        Returns:
            True if it is new.
        """

    def add_all(self, insights: Sequence[Insight], now: datetime) -> list[bool]:
        """Keep many in one transaction; per insight as `add`. Of two with one id the first counts."""

    def recent(self, wanted: InsightFilter = ..., limit: int = 100, cursor: str = "") -> InsightPage:
        """Return insights, newest event time first, behind the `cursor` that an earlier page gave as `next`.

        Pages hold together while new ones come in: nothing that was there is told twice or left out.

        Raises:
            BadRequest: the cursor is none of ours.
        """

    def get(self, entity_id: str) -> Insight:
        """Return one insight.

        Raises:
            NotFound: there is none with this id, or it was forgotten.
        """

    def forget(self, now: datetime) -> int:
        """Let go of insights whose `ttl` is over and that were kept for 30 days; return how many."""


class AlertDesk(Protocol):
    """Where it is decided what people are told: one desk at a time on all machines, in one transaction."""

    def due(self, limit: int) -> list[DueAlert]:
        """Return critical insights that were not decided yet, first detected first."""

    def covered(self, streams: Iterable[str], since: datetime) -> set[tuple[str, PredictionType]]:
        """Return stream and type of what these streams' messages told from `since` on, or are still to tell."""

    def streams_told(self, since: datetime, limit: int) -> set[str]:
        """Return streams of which a message was written from `since` on, at most so many."""

    def last_summary(self) -> datetime | None:
        """Return when the latest summary was written."""

    def untold(self) -> int:
        """Return how many messages were tried and have reached nobody yet."""

    def insights(self, entity_ids: Sequence[str]) -> list[Insight]:
        """Return insights in this order; those that are gone are left out."""

    def suppress(self, entity_ids: Sequence[str], state: AlertState) -> None:
        """Decide that nobody is told of these at once."""

    def tell(
        self, form: MessageForm, message: Message, told: Sequence[str], detected_at: datetime, now: datetime
    ) -> bool:
        """Write a message that tells these insights, to be sent; False if its key was written before."""

    def quiet(self, before: datetime, most: int) -> QuietInsights | None:
        """Return what was detected before this time and no digest told yet; None if there is nothing."""

    def digested(self, before: datetime, key: str) -> None:
        """Note that the message `key` tells what `quiet` returned."""


class Alerts(Protocol):
    """What people are to be told of insights: decided once, kept until each channel has it."""

    def desk(self) -> AbstractContextManager[AlertDesk]:
        """Open the desk; what was decided is kept at its end, all or nothing."""

    def pending(self, now: datetime) -> bool:
        """Return whether there is something to decide or to send; cheap."""

    def claim(self, now: datetime, until: datetime) -> Outgoing | None:
        """Return a message that is to be sent now, and keep it from others until `until`; new ones first."""

    def hold(self, key: str, until: datetime) -> None:
        """Keep a claimed message from others for longer."""

    def tried(self, key: str, now: datetime, *, told: bool, again: datetime | None) -> None:
        """Note what came of sending.

        Args:
            told: at least one channel has it now.
            again: when to try the channels that have it not; None: each has it.
        """

    def give_up(self, key: str) -> int:
        """Send a message no more; what it alone should have told goes to the digest. Returns how many insights."""

    def waiting(self) -> int:
        """Return how many messages wait for a channel."""

    def standing(self, entity_id: str) -> AlertStanding:
        """Return how it stands with telling one insight.

        Raises:
            NotFound: no such insight.
        """


class Channel(Protocol):
    """A way to reach people."""

    name: str

    def send(self, message: Message) -> None:
        """Deliver one message; the same `message.key` is delivered once.

        Raises:
            ChannelUnavailable: it was not delivered.
        """
