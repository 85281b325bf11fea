"""The protocols that more than one room needs. Every one has an embedded or in-memory form that ships.

Sink        takes batches into custody                                  stream/{journal,kafka,table,files}.py, kinesis/
Backlog     a sink that holds what the primary could not take           stream/{table,files}.py
Stream      one ordered line of batches on its way to the store         stream/{journal,lane}.py
Books       ledger and dead letters                                     stream/{journal,books}.py
Policies    what people change at run time                              store/policies.py
Store       records of the past, read by SQL                            store/clickhouse.py (chDB or a server)
Incidents   incidents, their analyses and timeline                      store/incidents.py
Approvals   questions to people                                         store/approvals.py
Executions  the log of runs                                             store/executions.py
Effects     which effects took place: exactly once across crashes       store/effects.py
Audit       who decided what; append-only                               store/audit.py
Insights    findings about the fabric                                   store/insights.py
Alerts      what people are to be told of them, and the messages        store/alerts.py
Channel     a way to reach people                                       notify/*.py
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from bdp.model.action import Message, MessageForm, Outgoing
from bdp.model.analysis import Analysis, IncidentReport
from bdp.model.anomaly import Anomaly, AnomalyEnd, AnomalyProgress
from bdp.model.batch import Batch, Cause, DeadLetter, Drop, Ledger, RecordKind, Stored, Waiting
from bdp.model.decision import Approval, ApprovalStatus, AuditEntry
from bdp.model.execution import Execution
from bdp.model.incident import Incident, IncidentStatus, TimelineEntry
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
from bdp.model.policy import PolicyVersion

Row = dict[str, Any]


class Sink(Protocol):
    """Takes batches into custody. Use from any thread."""

    name: str

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        """Take batches into custody and return when all are durable.

        Returns:
            per batch: True if it is new, False if its `batch_id` was taken before (nothing was done).

        Raises:
            StreamUnavailable: it is not known to be taken; giving the same batches again, here or to another sink, is
                safe because their ids count once where they reach the store.
            BadRecord: this sink will never take one of these batches, such as a record over the broker's limit.
        """

    def close(self) -> None:
        """Finish what is pending and let go of the files."""


class Backlog(Sink, Protocol):
    """A sink that holds what the primary could not take, until it can."""

    def oldest(self, max_records: int, max_bytes: int) -> list[Waiting]:
        """Return the batches that wait longest, at least one if there is any.

        Raises:
            StreamUnavailable: it cannot be read now.
        """

    def remove(self, places: Sequence[str]) -> None:
        """Let go of batches that are in the primary's custody now; unknown places are ignored."""

    def waiting(self) -> dict[str, int]:
        """Return the records that wait, by source, as `Batch.accepted` counts them; empty if nothing waits."""


class Stream(Protocol):
    """One ordered line of batches on its way to the store. What lies in it reaches an end exactly once."""

    def read(self, after: int, max_records: int, max_bytes: int) -> list[Stored]:
        """Return the next batches behind offset `after`, at least one if there is any."""

    def wait(self, after: int, seconds: float) -> bool:
        """Block until something lies behind offset `after`; False when the time ran out."""

    def committed(self) -> int:
        """Return the offset up to which the store has everything; 0 at the start."""

    def plan(self) -> int:
        """Return the end of the range that was being stored at a crash, or `committed()` if there was none.

        The range committed+1 … plan must be stored again with the same bounds: its deduplication token depends on them.
        """

    def begin(self, upto: int) -> None:
        """Write down that the range up to `upto` is about to be stored."""

    def commit(
        self,
        upto: int,
        stored: Mapping[str, int],
        dead: Iterable[DeadLetter],
        detector_rows: Mapping[str, bytes | None],
    ) -> None:
        """Mark the range as done, in one transaction with the detectors' changed rows.

        Args:
            upto: last offset of the range.
            stored: records that the store took, by source.
            dead: records that failed behind the edge.
            detector_rows: rows to keep by key; None deletes.

        Raises:
            StreamUnavailable: nothing was marked; do the range again.
        """

    def detector_rows(self) -> dict[str, bytes]:
        """Return the rows that `commit` kept."""

    def close(self) -> None:
        """Finish what is pending and let go of the files."""


class Books(Protocol):
    """The account of every record in the primary's custody, and the dead letters."""

    def ledger(self) -> dict[str, Ledger]:
        """Return the ledger by source."""

    def detector_rows_under(self, prefix: str) -> list[tuple[str, str, bytes]]:
        """Return lane, key and row of those that `Stream.commit` kept whose keys begin so, of every lane."""

    def drops(self) -> dict[str, list[Drop]]:
        """Return what was let go, by source, one `Drop` per reason and priority."""

    def dead_letters(
        self, limit: int = 100, cause: Cause | None = None, source: str | None = None, before: str = ""
    ) -> list[DeadLetter]:
        """Return dead letters, newest first; `before` is the `letter_id` to go on behind."""

    def dead_letter(self, letter_id: str) -> DeadLetter:
        """Return one dead letter.

        Raises:
            NotFound: there is none with this id; it may have been delivered or discarded.
        """

    def letter_counts(self) -> dict[tuple[str, Cause], int]:
        """Return how many dead letters there are by source and cause."""

    def due(self, now: datetime, limit: int) -> list[DeadLetter]:
        """Return letters whose `next_attempt` has come, oldest first."""

    def reschedule(self, letter_id: str, now: datetime, reason: str, next_attempt: datetime | None) -> None:
        """Note that another attempt failed: one attempt more, the latest error, when to try again."""

    def discard(self, letter_ids: Sequence[str]) -> int:
        """Let letters go, counted as dropped; return how many there were."""


class Policies(Protocol):
    """What people change at run time: versioned, every version kept."""

    def current(self, name: str) -> PolicyVersion | None:
        """Return the newest version; None if nothing was ever set."""

    def put(
        self, name: str, body: Mapping[str, Any], by: str, now: datetime, expected: int | None = None
    ) -> PolicyVersion:
        """Add a version.

        Args:
            expected: the version that this one replaces; None replaces whatever there is.

        Raises:
            NotPossible: somebody else has changed it since `expected`.
        """

    def history(self, name: str, limit: int = 100) -> list[PolicyVersion]:
        """Return versions, newest first."""


class Store(Protocol):
    """Records of the past. SQL is ClickHouse's; tables are `events`, `metrics`, `costs`, `changes`."""

    def insert(self, kind: RecordKind, payload: bytes, token: str) -> None:
        """Insert canonical NDJSON; the same token inserts once.

        Raises:
            StoreUnavailable: nothing or part of it may be in; repeat with the same token.
            BadRecord: the store will never take this payload.
        """

    def query(self, sql: str) -> list[Row]:
        """Run one read-only statement, bounded in time and rows, and return rows by column name.

        Raises:
            BadRequest: the statement is wrong, not read-only, or hit a limit.
        """

    def close(self) -> None:
        """Let go of the database."""


class Incidents(Protocol):
    """Incidents and what is known of them."""

    def record(self, anomaly: Anomaly, now: datetime) -> tuple[Incident, bool]:
        """Add an anomaly: to the live incident with its signature, else to a new one.

        Idempotent by `anomaly_id`.

        Returns:
            the incident, and True if it was opened by this call.
        """

    def progress(self, progress: AnomalyProgress) -> None:
        """Note how far an anomaly has grown; unknown ids are ignored."""

    def end(self, end: AnomalyEnd) -> str | None:
        """Note that an anomaly went quiet; unknown ids are ignored.

        Returns:
            the id of its incident if all of that is quiet now, else None.
        """

    def get(self, incident_id: str) -> Incident:
        """Return one incident with its timeline.

        Raises:
            NotFound: no such incident.
        """

    def list(
        self, status: IncidentStatus | None = None, since: datetime | None = None, limit: int = 100
    ) -> list[Incident]:
        """Return incidents without their timelines, newest start first; `since` bounds `last_seen` from below."""

    def move(self, incident_id: str, to: IncidentStatus, text: str, now: datetime) -> Incident:
        """Change the status with a timeline entry; moving to the present status does nothing.

        Raises:
            NotFound: no such incident.
            NotPossible: the life of an incident does not allow it.
        """

    def note(self, incident_id: str, entry: TimelineEntry, key: str = "") -> None:
        """Add a timeline entry; a non-empty `key` is added once."""

    def save_analysis(self, analysis: Analysis) -> None:
        """Keep an analysis; the same incident and attempt is replaced."""

    def report(self, incident_id: str) -> IncidentReport:
        """Return the incident with its latest analysis.

        Raises:
            NotFound: no such incident.
        """


class Approvals(Protocol):
    """Questions to people."""

    def ask(self, approval: Approval) -> None:
        """Keep a question; asking again with the same id does nothing."""

    def get(self, approval_id: str) -> Approval:
        """Return one question.

        Raises:
            NotFound: no such approval.
        """

    def answer(self, approval_id: str, status: ApprovalStatus, by: str, note: str, now: datetime) -> Approval:
        """Answer a waiting question, once. The same answer again returns it unchanged.

        Raises:
            NotFound: no such approval.
            NotPossible: it was answered otherwise or has expired.
        """

    def list(self, status: ApprovalStatus | None = None) -> list[Approval]:
        """Return questions, newest first."""


class Executions(Protocol):
    """The log of runs."""

    def add(self, execution: Execution) -> None:
        """Keep one run; the same `execution_id` is kept once."""

    def list(self, since: datetime | None = None, until: datetime | None = None, limit: int = 1000) -> list[Execution]:
        """Return runs by start, newest first."""


class Effects(Protocol):
    """Which effects took place, so that one that is asked for twice happens once."""

    def claim(self, key: str, now: datetime) -> bool:
        """Return True for the first caller with this key; False for every later one."""

    def finish(self, key: str, result: Mapping[str, Any]) -> None:
        """Keep the result of a claimed effect."""

    def result(self, key: str) -> dict[str, Any] | None:
        """Return the kept result; None if the effect was not finished."""


class Audit(Protocol):
    """Who decided what, when. Entries are never changed and never go."""

    def add(self, entry: AuditEntry) -> None:
        """Keep one entry."""

    def list(self, object: str | None = None, since: datetime | None = None, limit: int = 1000) -> list[AuditEntry]:
        """Return entries, newest first; of one object, from `since`."""


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
