"""The order of the stages for records, written once.

A range of the stream (a micro-batch) goes through `ORDER`; only the last stage moves the offset. Killed anywhere, the
same range runs again with the same bounds: the store knows its token, the detector is back at the rows of the last
commit, the incidents know their anomalies, so nothing doubles.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import msgspec
import structlog
from pydantic import BaseModel, ConfigDict, Field

from bdp.clock import Clock
from bdp.errors import BadRecord, BdpError, Retry, StoreTimeout
from bdp.model.anomaly import Anomaly, AnomalyEnd, AnomalyProgress
from bdp.model.batch import Batch, Cause, DeadLetter, RecordKind, Stored
from bdp.model.change import Change
from bdp.model.event import EventSignal
from bdp.model.incident import Incident
from bdp.model.inquiry import Inquiry
from bdp.model.insight import Insight
from bdp.model.metric import MetricPoint
from bdp.ports import Incidents, Insights, Store, Stream
from bdp.telemetry import PIPELINE_RANGES, PIPELINE_RECORDS, PIPELINE_RETRIES, Absence

log = structlog.get_logger(__name__)
_LONGEST_PAUSE = 30.0
T = TypeVar("T")
_signals = msgspec.json.Decoder(EventSignal)
_points = msgspec.json.Decoder(MetricPoint)
_changes = msgspec.json.Decoder(Change)


class PipelineSettings(BaseModel):
    """Size and pace of the micro-batches between the stream and the store."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    linger_seconds: float = Field(default=0.5, ge=0, le=5, description="wait for more records before storing a few")
    full_records: int = Field(default=10_000, ge=1, description="store at once when this many wait")
    range_records: int = Field(default=50_000, ge=1, description="most records in one insert")
    range_mib: int = Field(default=32, ge=1, le=128, description="most MiB in one insert (atomic up to 128)")
    timeout_tries: int = Field(
        default=20, ge=1, description="times that the store may give a range up before it goes to the dead letters"
    )
    retry_seconds: float = Field(default=1.0, gt=0, description="first wait after the store was away; doubles to 30")


Finding = Anomaly | AnomalyEnd | AnomalyProgress | Insight | Inquiry


class Detector(Protocol):
    """What the pipeline needs of a detector; see `bdp.detect.watch`."""

    def observe(
        self, signals: Sequence[EventSignal], points: Sequence[MetricPoint] = (), changes: Sequence[Change] = ()
    ) -> Sequence[Finding]: ...
    def advance(self, watermark: datetime) -> Sequence[Finding]: ...
    def finish(self) -> Sequence[Finding]: ...
    def changed_rows(self) -> dict[str, bytes | None]: ...
    def restore(self, rows: Mapping[str, bytes]) -> None: ...
    def save_all(self) -> None: ...


class Range:
    """One micro-batch on its way: what each stage adds for the next."""

    def __init__(self, batches: list[Stored]) -> None:
        self.batches = batches
        self.upto = batches[-1].offset
        self.stored: Counter[str] = Counter()
        self.dead: list[DeadLetter] = []
        self.findings: list[Finding] = []

    def of(self, kind: RecordKind) -> list[Batch]:
        """Return the batches of one kind, in order."""
        return [item.batch for item in self.batches if item.batch.kind is kind]


class Pipeline:
    """Moves records from the stream through store and detector to incidents. One per home; `step` from one thread."""

    away = False
    """Its stream is in this process: it is never out of reach. See `bdp.flow.shared`."""

    def __init__(
        self,
        stream: Stream,
        store: Store,
        detector: Detector,
        incidents: Incidents,
        clock: Clock,
        settings: PipelineSettings | None = None,
        on_incident: Callable[[Incident], None] = lambda incident: None,
        on_quiet: Callable[[str], None] = lambda incident_id: None,
        archive: Callable[[Sequence[Batch]], None] = lambda batches: None,
        insights: Insights | None = None,
        inquire: Callable[[Sequence[Inquiry]], None] = lambda inquiries: None,
    ) -> None:
        self._stream = stream
        self._store = store
        self._detector = detector
        self._incidents = incidents
        self._clock = clock
        self._settings = settings or PipelineSettings()
        self._on_incident = on_incident
        self._on_quiet = on_quiet
        self._archive = archive
        self._insights = insights
        self._inquire = inquire
        self._archived = 0
        self._stopping = threading.Event()
        self._absence = Absence(log, "pipeline.waiting", "pipeline.moving", clock.monotonic)
        self.trouble = ""
        """Why `run` makes no progress; empty while it does."""
        self._restored = False
        self._timeouts: Counter[str] = Counter()
        self._newest: datetime | None = None
        self._seen_at = clock.monotonic()
        self.order: tuple[Callable[[Range], None], ...] = (self._keep, self._detect, self._raise, self._commit)

    def recover(self) -> int:
        """Put the detector back and finish the range that a crash cut off. Returns its records."""
        after = self._stream.committed()
        while True:
            self._detector.restore(self._stream.detector_rows())
            # A commit whose answer was not waited for may come through just now: rows and offset must be of one commit.
            before, after = after, self._stream.committed()
            if before == after:
                break
        self._restored = True
        upto = self._stream.plan()
        if upto <= after:
            return 0
        batches = [item for item in self._stream.read(after, 1 << 62, 1 << 62) if item.offset <= upto]
        return self._run(batches)

    def step(self, wait_seconds: float = 0.0) -> int:
        """Move one micro-batch and return its records; 0 when nothing came in time.

        The first step, and the one after an error, finish the range that was cut off before, with its old bounds.

        Raises:
            StoreUnavailable, StreamUnavailable: nothing was lost; step again later.
        """
        after = self._stream.committed()
        if self._stream.plan() > after:
            return self.recover()
        if not self._restored:
            self.recover()
        if not self._stream.wait(after, wait_seconds):
            return 0
        batches = self._next(after)
        if wait_seconds and _records(batches) < self._settings.full_records:
            self._stopping.wait(self._settings.linger_seconds)
            batches = self._next(after)
        self._stream.begin(batches[-1].offset)
        return self._run(batches)

    def drain(self, progress: Callable[[int], None] = lambda records: None) -> int:
        """Move everything that waits and return how many records that was."""
        total = 0
        while records := self.step():
            total += records
            progress(records)
        return total

    def finish(self) -> None:
        """The input is over: evaluate what is left and close what is open."""
        self._settle(self._detector.finish())

    def stop(self) -> None:
        """Make `run` return after its present micro-batch."""
        self._stopping.set()

    def run(self) -> None:
        """Work until `stop` is called; a store that is away is waited for."""
        pause = self._settings.retry_seconds
        while not self._stopping.is_set():
            try:
                if not self.step(wait_seconds=1.0):
                    self.idle()
                pause, self.trouble = self._settings.retry_seconds, ""
                self._absence.over()
            except Exception as error:
                # Also a defect of ours must not end the thread: records would pile up behind a process that looks well.
                self.trouble = told(error)
                PIPELINE_RETRIES.inc()
                self._absence.met(self.trouble, trace=not isinstance(error, Retry))
                self._stopping.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        self._save()

    def _save(self) -> None:
        """Keep all that was learnt; what cannot be kept now is learnt again."""
        try:
            self._detector.save_all()
            self._settle(())
        except BdpError as error:
            log.warning("detector.not_saved", reason=told(error))

    def _next(self, after: int) -> list[Stored]:
        return self._stream.read(after, self._settings.range_records, self._settings.range_mib << 20)

    def _run(self, batches: list[Stored]) -> int:
        moving = Range(batches)
        for stage in self.order:
            stage(moving)
        records = _records(batches)
        PIPELINE_RANGES.inc()
        PIPELINE_RECORDS.inc(records)
        return records

    def _keep(self, moving: Range) -> None:
        for kind in RecordKind:
            batches = moving.of(kind)
            if batches:
                self._insert(moving, kind, batches)

    def _insert(self, moving: Range, kind: RecordKind, batches: list[Batch]) -> None:
        token = _token(kind, batches)
        try:
            self._store.insert(kind, _joined(batches), token)
            for batch in batches:
                moving.stored[batch.source] += batch.count
        except StoreTimeout as error:
            self._timeouts[token] += 1
            if self._timeouts[token] < self._settings.timeout_tries:
                raise
            # It took nothing. In small parts, which is how letters are tried again, it may take them.
            for batch in batches:
                lines = batch.payload.split(b"\n")
                moving.dead.extend(self._letter(batch, line, Cause.TIMEOUT, error) for line in lines if line)
        except BadRecord:
            for batch in batches:
                lines = [line for line in batch.payload.split(b"\n") if line]
                self._insert_lines(moving, batch, lines, f"{token}/{batch.batch_id}")

    def _insert_lines(self, moving: Range, batch: Batch, lines: list[bytes], token: str) -> None:
        """Halve until the store takes the rest; what it never takes alone is a dead letter."""
        try:
            self._store.insert(batch.kind, b"\n".join(lines), token)
            moving.stored[batch.source] += len(lines)
        except BadRecord as error:
            if len(lines) == 1:
                moving.dead.append(self._letter(batch, lines[0], Cause.POISON, error))
                return
            middle = len(lines) // 2
            self._insert_lines(moving, batch, lines[:middle], f"{token}/0")
            self._insert_lines(moving, batch, lines[middle:], f"{token}/1")

    def _letter(self, batch: Batch, line: bytes, cause: Cause, error: BdpError) -> DeadLetter:
        return DeadLetter(
            source=batch.source,
            kind=batch.kind,
            cause=cause,
            reason=error.what,
            payload=line,
            index=0,
            first_seen=self._clock.now(),
            attempts=batch.attempts + 1,
        )

    def _detect(self, moving: Range) -> None:
        signals = _decode(_signals, moving.of(RecordKind.EVENTS))
        points = _decode(_points, moving.of(RecordKind.METRICS))
        changes = _decode(_changes, moving.of(RecordKind.CHANGES))
        if signals or points or changes:
            moving.findings.extend(self._detector.observe(signals, points, changes))
        if signals or points:
            self._newest = max([*(signal.ts for signal in signals), *(point.ts for point in points)])
            self._seen_at = self._clock.monotonic()

    def _raise(self, moving: Range) -> None:
        self._record(moving.findings)

    def _record(self, findings: Iterable[Finding]) -> None:
        insights: list[Insight] = []
        inquiries: list[Inquiry] = []
        for finding in findings:
            if isinstance(finding, Insight):
                insights.append(finding)
            elif isinstance(finding, Inquiry):
                inquiries.append(finding)
            elif isinstance(finding, Anomaly):
                self._open(finding)
            elif isinstance(finding, AnomalyProgress):
                self._incidents.progress(finding)
            elif quiet := self._incidents.end(finding):
                self._on_quiet(quiet)
        if insights and self._insights is not None:
            self._insights.add_all(insights, self._clock.now())
        if inquiries:
            # Behind the insights: what the rules say is there before anybody is asked about it.
            self._inquire(inquiries)

    def _open(self, anomaly: Anomaly) -> None:
        incident, opened = self._incidents.record(anomaly, self._clock.now())
        if opened:
            log.info("incident.opened", incident_id=incident.incident_id, title=incident.title)
            self._on_incident(incident)

    def _commit(self, moving: Range) -> None:
        if moving.upto != self._archived:
            self._archive([item.batch for item in moving.batches])
            self._archived = moving.upto
        self._stream.commit(moving.upto, moving.stored, moving.dead, self._detector.changed_rows())
        self._timeouts.clear()

    def idle(self) -> None:
        """Nothing came for a while: event time goes on as fast as the wall clock."""
        if self._newest is not None:
            idle = timedelta(seconds=self._clock.monotonic() - self._seen_at)
            self._settle(self._detector.advance(self._newest + idle))

    def _settle(self, findings: Sequence[Finding]) -> None:
        self._record(findings)
        rows = self._detector.changed_rows()
        if rows:
            self._stream.commit(self._stream.committed(), {}, (), rows)


def told(error: Exception) -> str:
    """Return what happened, without the next step, which goes with the place where it is read."""
    return (error.what if isinstance(error, BdpError) else str(error)) or type(error).__name__


def _token(kind: RecordKind, batches: list[Batch]) -> str:
    digest = hashlib.sha256(kind.value.encode())
    for batch in batches:
        digest.update(batch.batch_id.encode() + b"\n")
    return digest.hexdigest()


def _records(batches: list[Stored]) -> int:
    return sum(item.batch.count for item in batches)


def _joined(batches: list[Batch]) -> bytes:
    return b"\n".join(batch.payload for batch in batches)


def _decode(decoder: msgspec.json.Decoder[T], batches: Sequence[Batch]) -> list[T]:
    return [record for batch in batches for record in _records_of(decoder, batch)]


def _records_of(decoder: msgspec.json.Decoder[T], batch: Batch) -> list[T]:
    try:
        return decoder.decode_lines(batch.payload)
    except msgspec.MsgspecError:
        return [record for line in batch.payload.split(b"\n") for record in _decode_line(decoder, line)]


def _decode_line(decoder: msgspec.json.Decoder[T], line: bytes) -> list[T]:
    """Return one record, or none for a line that the store has refused as well."""
    try:
        return [decoder.decode(line)]
    except msgspec.MsgspecError:
        return []
