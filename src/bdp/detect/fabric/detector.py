"""The fabric detector: samples of streams and counters of ports in, insights out.

    points -> grouping (by stream or port, and instant) -> track or port (what is usual) -> rules -> risk -> insight

Points of one stream and instant are one sample: latency_p99, utilization, error_rate, bandwidth_gbps, qp_errors, with
the stream's id as entity. An entity is a fabric stream once one instant carried two of them, so that a host's own
`utilization` is none. A sample is judged when its five metrics are there, or a newer one of its stream is, or it is
`settle_seconds` old (`advance`); port counters likewise, see `port.py`. A stream that comes in time order is judged the
same in any cut into micro-batches and any order inside them. Late samples are judged by what is known now.

Duplicates: within `duplicate_seconds` of the last raised insight of the same stream and type nothing is raised, unless
its risk class (information, medium, high, critical) is higher: then it is clearly worse, and people must know. A fault
that goes on is therefore raised again every five minutes, a slow degradation every hour (`slow_repeat_seconds`).

Maintenance: while one means the stream or port (`maintenance.py`), its link's falls are raised as information, risk 10,
with the maintenance's reference, and do not count for later flaps. Other findings are raised as ever.

Ids: `alert_<stream>_<epoch seconds>`; if an insight of another type was raised in that second of that stream,
`alert_<stream>_<epoch seconds>_<type>`. Both are made from the data alone, so they are the same after a replay.

Inquiries: what a model is to be asked, see `inquiry.py`; only where that is wanted, else nothing is spent on it. Falls
of a link that a maintenance means are no question.

Memory: `max_streams` streams and as many ports; the least recently heard go first, one in a hundred at a time. A stream
is about 3 kB packed, 9 kB as objects after a quarter of an hour (measured), 16 kB with two weeks behind it (reckoned);
a port 1 kB packed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Final

import msgspec

from bdp.detect.fabric.inquiry import inquiry, of_sample, of_scrape
from bdp.detect.fabric.maintenance import Calendar
from bdp.detect.fabric.place import LONGEST, called, cut
from bdp.detect.fabric.port import Port, Scrape
from bdp.detect.fabric.risk import MAINTENANCE, Signal, Verdict, confidence, judge, risk_class
from bdp.detect.fabric.rules import Reading, Values, normal, signals, triggered
from bdp.detect.fabric.sample import Gathered, gather
from bdp.detect.fabric.settings import FabricSettings
from bdp.detect.fabric.track import SECOND, Head, Past, Raised, Track
from bdp.detect.fabric.wording import explain, recommend
from bdp.model.change import Change, ChangeKind
from bdp.model.inquiry import Inquiry, Measure
from bdp.model.insight import TTL, Insight, InsightSource, PredictionType
from bdp.model.metric import MetricPoint

__all__ = ["FabricDetector", "FabricSettings"]

_PREFIX: Final = "fabric/"
_HEAD: Final = _PREFIX + "stream/"
_PAST: Final = _PREFIX + "past/"
_PORT: Final = _PREFIX + "port/"
_META: Final = _PREFIX + "meta"
_CALENDAR: Final = _PREFIX + "maintenance"
_END: Final = 1 << 62


class Meta(msgspec.Struct, array_like=True):
    """What is not of one stream."""

    order: int = 0
    dropped: int = 0
    evicted: int = 0


class FabricDetector:
    """Finds what is wrong with a fabric, in any cut of its points into micro-batches.

    Args:
        inquiring: keep what a model is to be asked for `inquiries`, which is to be called after each other call.
    """

    def __init__(self, settings: FabricSettings, *, inquiring: bool = False) -> None:
        self._settings = settings
        self._inquiring = inquiring
        self._inquiries: list[Inquiry] = []
        self._meta = Meta()
        self._calendar = Calendar(timedelta(minutes=settings.maintenance_minutes))
        self._tracks: dict[str, Track] = {}
        self._ports: dict[str, Port] = {}
        self._waiting: set[str] = set()
        self._dirty: dict[str, None] = {}
        self._dirty_past: dict[str, None] = {}
        self._dirty_ports: dict[str, None] = {}

    @property
    def dropped(self) -> int:
        """Samples and scrapes that were older than what is kept to tell doubled ones."""
        return self._meta.dropped

    @property
    def evicted(self) -> int:
        """Streams and ports that were forgotten because there were too many."""
        return self._meta.evicted

    @property
    def streams(self) -> int:
        """Streams held now."""
        return len(self._tracks)

    def holds(self, entity: str) -> bool:
        """Say whether an entity is known as a stream of a fabric, not as a host with a metric of such a name."""
        track = self._tracks.get(entity if len(entity) <= LONGEST else cut(entity))
        return track is not None and track.head.fabric

    @property
    def ports(self) -> int:
        """Ports held now."""
        return len(self._ports)

    def observe(self, points: Sequence[MetricPoint], changes: Sequence[Change] = ()) -> list[Insight]:
        """Take in one micro-batch, in any order inside, and return what it raises, in the order of its samples."""
        for change in changes:
            if change.kind is ChangeKind.MAINTENANCE:
                self._calendar.note(change)
        gathered = gather(points)
        found: list[Insight] = []
        for entity, samples in gathered.streams.items():
            found += self._observe_stream(entity, samples, gathered)
        for entity, scrapes in gathered.ports.items():
            found += self._observe_port(entity, scrapes, gathered)
        self._evict()
        return sorted(found, key=_time)

    def advance(self, watermark: datetime) -> list[Insight]:
        """Judge what is `settle_seconds` old although it is not complete. To be called every few seconds."""
        until = round(watermark.timestamp() * SECOND) - self._settings.settle_seconds * SECOND
        return self._release(until)

    def finish(self) -> list[Insight]:
        """The bounded input is over: judge what waits."""
        return self._release(_END)

    def inquiries(self) -> list[Inquiry]:
        """Return what a model is to be asked, since the last call, in the order of the samples."""
        asked, self._inquiries = self._inquiries, []
        return sorted(asked, key=lambda one: (one.timestamp, one.inquiry_id))

    def changed_rows(self) -> dict[str, bytes | None]:
        """Return the rows that changed since the last call; None deletes."""
        encode = msgspec.msgpack.encode
        rows: dict[str, bytes | None] = {}
        for entity in self._dirty:
            track = self._tracks.get(entity)
            rows[_HEAD + _name(entity)] = None if track is None else encode(track.head)
        for entity in self._dirty_past:
            track = self._tracks.get(entity)
            rows[_PAST + _name(entity)] = None if track is None else encode((entity, track.past))
        for entity in self._dirty_ports:
            port = self._ports.get(entity)
            rows[_PORT + _name(entity)] = None if port is None else encode(port)
        if self._calendar.changed:
            rows[_CALENDAR] = self._calendar.row()
        if rows:
            rows[_META] = encode(self._meta)
        self._dirty, self._dirty_past, self._dirty_ports = {}, {}, {}
        return rows

    def restore(self, rows: Mapping[str, bytes]) -> None:
        """Take over the state that `changed_rows` described; rows of others are left alone."""
        decode = msgspec.msgpack.decode
        heads = [decode(row, type=Head) for name, row in rows.items() if name.startswith(_HEAD)]
        pasts = dict(decode(row, type=tuple[str, Past]) for name, row in rows.items() if name.startswith(_PAST))
        ports = [decode(row, type=Port) for name, row in rows.items() if name.startswith(_PORT)]
        self._tracks = {head.entity: Track(head, pasts.get(head.entity)) for head in sorted(heads, key=_order)}
        self._ports = {port.entity: port for port in sorted(ports, key=_order)}
        self._meta = decode(rows[_META], type=Meta) if _META in rows else Meta()
        self._calendar.restore(rows.get(_CALENDAR))
        self._waiting = {track.head.entity for track in self._tracks.values() if track.head.waiting}
        self._waiting |= {port.entity for port in self._ports.values() if port.waiting}
        self._dirty, self._dirty_past, self._dirty_ports = {}, {}, {}
        self._inquiries = []

    def _observe_stream(self, entity: str, samples: dict[int, Values], gathered: Gathered) -> list[Insight]:
        track = self._tracks.pop(entity, None)
        if track is None:
            track = Track(Head(entity, names=called(entity, gathered.labels[entity])))
        self._tracks[entity] = track
        self._dirty[entity] = None
        self._meta.order += 1
        past = track.past
        self._meta.dropped += track.merge(samples)
        if track.past is not past:
            self._dirty_past[entity] = None
        track.head.order = self._meta.order
        found = [one for instant, values in track.ripe() for one in self._judge_sample(track, instant, values)]
        if track.head.waiting:
            self._waiting.add(entity)
        return found

    def _judge_sample(self, track: Track, instant: int, values: Values) -> list[Insight]:
        settings, head = self._settings, track.head
        if track.turn(instant):
            self._dirty_past[head.entity] = None
        base = track.base(settings)
        found: list[Signal] = []
        reading: Reading | None = None
        if not head.fabric or normal(values, base, track.level, settings):
            track.calm()
        else:
            reading = track.reading(instant, values, base, settings)
            found = signals(reading, settings) if triggered(reading, settings) else []
        track.learn(instant, values)
        raised, maintained = self._judge_signals(track, instant, found) if found else ([], None)
        if self._inquiring and head.fabric and self._asks(raised, found, reading, base, maintained):
            measures = of_sample(instant, values, base, reading, found, track.past.minutes, settings)
            self._ask(head.entity, head.names, instant, measures, raised)
        return raised

    def _judge_signals(self, track: Track, instant: int, found: list[Signal]) -> tuple[list[Insight], str | None]:
        """Return what is raised, and the maintenance that it was expected from."""
        head, verdict, maintained = track.head, judge(found), None
        if verdict.type is PredictionType.CONNECTION_INSTABILITY:
            maintained = self._calendar.covers(head.names, instant)
        if maintained is not None:
            track.forgive()
        return self._raise(head.entity, instant, verdict, head.raised, head.heard, maintained), maintained

    def _observe_port(self, entity: str, scrapes: dict[int, Scrape], gathered: Gathered) -> list[Insight]:
        port = self._ports.pop(entity, None) or Port(entity, names=called(entity, gathered.labels[entity]))
        self._ports[entity] = port
        self._dirty_ports[entity] = None
        self._meta.order += 1
        self._meta.dropped += port.merge(scrapes)
        port.order = self._meta.order
        found = [one for instant, scrape in port.ripe() for one in self._judge_scrape(port, instant, scrape)]
        if port.waiting:
            self._waiting.add(entity)
        return found

    def _judge_scrape(self, port: Port, instant: int, scrape: Scrape) -> list[Insight]:
        maintained = self._calendar.covers(port.names, instant)
        found = port.take(instant, scrape, maintained=maintained is not None)
        if not found:
            return []
        verdict = judge(found)
        if verdict.type is not PredictionType.CONNECTION_INSTABILITY:
            maintained = None
        raised = self._raise(port.entity, instant, verdict, port.raised, port.heard, maintained)
        if self._inquiring and self._asks(raised, found, None, (), maintained):
            self._ask(port.entity, port.names, instant, of_scrape(found), raised)
        return raised

    def _asks(
        self,
        raised: Sequence[Insight],
        found: Sequence[Signal],
        reading: Reading | None,
        base: Sequence[float | None],
        maintained: str | None,
    ) -> bool:
        """Say whether a model is to be asked about a sample."""
        ask = self._settings.ask
        if maintained is not None:
            return False
        if raised or ask == "raised":
            return bool(raised)
        if ask == "every" and any(known is not None for known in base):
            return True
        return bool(found) or (reading is not None and triggered(reading, self._settings))

    def _ask(
        self, entity: str, names: Sequence[str], instant: int, measures: Sequence[Measure], raised: Sequence[Insight]
    ) -> None:
        maintenance = self._calendar.covers(names, instant)
        self._inquiries.append(inquiry(entity, instant, measures, raised[0] if raised else None, maintenance))

    def _raise(
        self, entity: str, instant: int, verdict: Verdict, raised: Raised, heard: int, maintained: str | None
    ) -> list[Insight]:
        risk = verdict.risk if maintained is None else MAINTENANCE
        kind, rank = verdict.type.value, risk_class(risk)
        before = raised.get(kind)
        if before and abs(instant - before[0]) < self._quiet(verdict) * SECOND and rank <= before[1]:
            return []
        second = instant // SECOND
        taken = any(at // SECOND == second for other, (at, _) in raised.items() if other != kind)
        raised[kind] = (instant, rank)
        timestamp = datetime.fromtimestamp(second, UTC) + timedelta(microseconds=instant % SECOND)
        return [
            Insight(
                entity_id=f"alert_{entity}_{second}_{kind}" if taken else f"alert_{entity}_{second}",
                timestamp=timestamp,
                prediction_type=verdict.type,
                risk_score=risk,
                explanation=explain(verdict, self._settings.language, maintained),
                recommendations=recommend(verdict.type, self._settings.language),
                confidence=confidence(heard, len(verdict.others)),
                model_used="rules",
                source=InsightSource.RULES,
                related_entity=entity,
                ttl=timestamp + TTL,
            )
        ]

    def _quiet(self, verdict: Verdict) -> int:
        settings = self._settings
        return settings.slow_repeat_seconds if verdict.lead.rule == "slow" else settings.duplicate_seconds

    def _release(self, until: int) -> list[Insight]:
        found: list[Insight] = []
        for entity in list(self._waiting):
            track, port = self._tracks.get(entity), self._ports.get(entity)
            if track is not None and track.head.waiting:
                self._dirty[entity] = None
                found += [f for at, values in track.settled(until) for f in self._judge_sample(track, at, values)]
            if port is not None and port.waiting:
                self._dirty_ports[entity] = None
                found += [f for at, scrape in port.settled(until) for f in self._judge_scrape(port, at, scrape)]
            if not (track and track.head.waiting) and not (port and port.waiting):
                self._waiting.discard(entity)
        return sorted(found, key=_time)

    def _evict(self) -> None:
        for kept, dirty in ((self._tracks, (self._dirty, self._dirty_past)), (self._ports, (self._dirty_ports,))):
            self._forget(kept, dirty)

    def _forget(self, kept: dict[str, Track] | dict[str, Port], dirty: Iterable[dict[str, None]]) -> None:
        over = len(kept) - self._settings.max_streams
        if over <= 0:
            return
        for entity in list(islice(kept, over + self._settings.max_streams // 100)):
            del kept[entity]
            self._meta.evicted += 1
            for rows in dirty:
                rows[entity] = None


def _order(kept: Head | Port) -> int:
    return kept.order


def _time(insight: Insight) -> tuple[datetime, str]:
    return insight.timestamp, insight.entity_id


def _name(entity: str) -> str:
    return sha256(entity.encode("utf-8", "replace")).hexdigest()[:32]
