"""Findings about the fabric, and the ways to tell people of them and of incidents."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from bdp.model.action import (
    Acknowledgement,
    DueReminder,
    Message,
    MessageForm,
    Outgoing,
    Posted,
    QuietMessages,
    Tried,
)
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


class PostDesk(Protocol):
    """Where it is decided what people are told of incidents; a part of `AlertDesk`."""

    def posted(self, limit: int) -> list[Posted]:
        """Return messages that were not decided yet, first written first."""

    def told_about(self, abouts: Collection[str], since: datetime) -> set[tuple[MessageForm, str]]:
        """Return form and `about` of what people were told from `since` on, or are still to be told."""

    def told_alone(self, form: MessageForm, since: datetime) -> int:
        """Return how many messages of one form about one incident each were written from `since` on and told."""

    def last_gathered(self, form: MessageForm) -> datetime | None:
        """Return when the latest message that tells many of a form was written."""

    def messages(self, keys: Sequence[str]) -> list[Message]:
        """Return messages in this order; those that are gone are left out."""

    def release(self, keys: Sequence[str], now: datetime) -> None:
        """Decide that people are told these at once."""

    def gather(
        self, form: MessageForm, message: Message, keys: Sequence[str], detected_at: datetime, now: datetime
    ) -> None:
        """Write a message that tells all of these, to be sent at once."""

    def leave(self, keys: Sequence[str], reason: AlertState) -> None:
        """Decide that nobody is told of these at once."""

    def watch(self, keys: Sequence[str], now: datetime, due_at: datetime) -> None:
        """Have these told again from `due_at` on, unless somebody acknowledges; once each."""

    def unanswered(self, now: datetime, limit: int) -> list[DueReminder]:
        """Return what is to be told again now, the longest due first."""

    def remind_again(self, keys: Sequence[str], step: int, due_at: datetime) -> None:
        """Have these told again, with another step, at a later time."""

    def remind_no_more(self, keys: Sequence[str], now: datetime) -> None:
        """Let these be."""

    def quiet_messages(self, before: datetime, most: int) -> QuietMessages | None:
        """Return what was written before this time, told nobody, and is in no digest yet; None if there is nothing."""

    def digest_messages(self, before: datetime, key: str) -> None:
        """Note that the message `key` tells what `quiet_messages` returned."""


class AlertDesk(PostDesk, Protocol):
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


class Threads(Protocol):
    """Where each channel tells of an incident, so that all about it is one thread."""

    def thread(self, channel: str, incident_id: str) -> str:
        """Return the channel's reference; empty if it has told nothing of the incident yet."""

    def keep_thread(self, channel: str, incident_id: str, reference: str, now: datetime) -> None:
        """Note the channel's reference; the first one counts."""


class Alerts(Threads, Protocol):
    """What people are to be told: decided once, kept until each channel has it."""

    def desk(self) -> AbstractContextManager[AlertDesk]:
        """Open the desk; what was decided is kept at its end, all or nothing."""

    def post(self, form: MessageForm, message: Message, detected_at: datetime, now: datetime) -> bool:
        """Write a message, to be decided on and sent; False if its key was written before.

        Args:
            detected_at: when the first of what it tells was detected.
        """

    def ring(self) -> None:
        """Say to who waits in this process that there is something to do."""

    def wait(self, seconds: float) -> bool:
        """Wait until this process writes something, or for so long; return whether it did."""

    def acknowledge(self, incident_id: str, by: str, now: datetime) -> Acknowledgement:
        """Note that somebody has taken an incident on, once, with an audit entry; return the first to do so.

        Raises:
            NotFound: no such incident.
        """

    def acknowledged(self, incident_id: str) -> Acknowledgement | None:
        """Return who has taken an incident on; None while nobody has."""

    def pending(self, now: datetime) -> bool:
        """Return whether there is something to decide or to send; cheap."""

    def claim(self, now: datetime, until: datetime) -> Outgoing | None:
        """Return a message that is to be sent now, and keep it from others until `until`; new ones first."""

    def claim_all(self, now: datetime, until: datetime, most: int) -> list[Outgoing]:
        """Take up to `most` messages as `claim` takes one."""

    def hold(self, key: str, until: datetime) -> None:
        """Keep a claimed message from others for longer."""

    def hold_all(self, keys: Sequence[str], until: datetime) -> None:
        """Keep claimed messages from others for longer."""

    def tried(self, key: str, now: datetime, *, told: bool, again: datetime | None) -> None:
        """Note what came of sending.

        Args:
            told: at least one channel has it now.
            again: when to try the channels that have it not; None: each has it.
        """

    def tried_all(self, outcomes: Sequence[Tried], now: datetime) -> None:
        """Note what came of sending each."""

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
