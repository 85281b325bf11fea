"""Records pushed through the pipeline again: what the store has already is left out, the rest is taken in.

Three things know a record: the store, by its id and time (metrics and costs, which have no id, by all their fields and
by how often they occur); the last 100,000 ids that were replayed here; and the batch's id, which follows from its
records. The last two know what is still on its way to the store. So replaying twice changes nothing.

Memory: one batch (at most the edge's `max_records`), one answer of the store, and the ids of the last 100,000 records.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from bdp.clock import Clock
from bdp.errors import BadRequest
from bdp.ids import Ids
from bdp.intake.dump import batch_id
from bdp.intake.limits import IntakeSettings
from bdp.intake.records import decode
from bdp.model.batch import Batch, DeadLetter, RecordKind
from bdp.model.cost import CostLine
from bdp.model.metric import MetricPoint
from bdp.ports import Row, Sink, Store
from bdp.sql import literal, literals

_LOOKUP = 500
_LONGEST_ID = 200
_MOST_SERVICES = 100
_REMEMBERED = 100_000
_SHOWN = 20


class Replayed(msgspec.Struct, kw_only=True):
    """What became of one batch; read = new + known + refused.

    Attributes:
        new: taken in now, or would be in a dry run.
        known: in the store already, or on the way to it.
        refused: the edge does not take them any more; they stay where they came from.
        reasons: of the first 20 refused.
    """

    read: int = 0
    new: int = 0
    known: int = 0
    refused: int = 0
    reasons: list[str] = []


class Chunk(msgspec.Struct, kw_only=True, frozen=True):
    """A batch to replay.

    Attributes:
        occurrences: of records without an id: which occurrence of its content in its file each is, from 1. Empty where
            records have ids, or nothing is known; then the occurrences within the batch count.
        keep_id: the batch was acknowledged under its own id, such as one from a spilled segment.
        dry_run: only count; nothing is taken in.
    """

    batch: Batch
    occurrences: tuple[int, ...] = ()
    keep_id: bool = False
    dry_run: bool = False


class _Named(msgspec.Struct, gc=False):
    """What knows an event or a change."""

    ts: datetime
    event_id: str = ""
    change_id: str = ""
    service: str = ""


class Pace:
    """A token bucket: at most `rate` records a second, a second's worth at once.

    Args:
        rate: records a second; 0 for no bound.
        sleep: waits so many seconds.
    """

    def __init__(self, rate: float, clock: Clock, sleep: Callable[[float], object]) -> None:
        self._rate, self._clock, self._sleep = rate, clock, sleep
        self._free_at = clock.monotonic()

    def take(self, records: int) -> None:
        """Wait until so many records may go; a batch larger than a second's worth is paid for afterwards."""
        if not self._rate:
            return
        now = self._clock.monotonic()
        if self._free_at > now:
            self._sleep(self._free_at - now)
        self._free_at = max(self._free_at, now) + records / self._rate


class Replay:
    """Takes batches in again. Use from any thread; one batch at a time."""

    def __init__(self, store: Store, sink: Sink, clock: Clock, ids: Ids, intake: IntakeSettings) -> None:
        self._store = store
        self._sink = sink
        self._clock = clock
        self._ids = ids
        self._intake = intake
        self._one_at_a_time = threading.Lock()
        self._recent: OrderedDict[bytes, None] = OrderedDict()

    def replay(self, chunk: Chunk) -> Replayed:
        """Take in what of a batch is not known yet.

        Raises:
            StreamUnavailable: nothing was taken; replay it again.
            BadRequest: the batch holds too much, or the store cannot be asked.
        """
        batch = chunk.batch
        checked = self._decoded(batch)
        lines = checked.payload.splitlines()
        if chunk.occurrences and (checked.refused or len(chunk.occurrences) != len(lines)):
            raise BadRequest("The batch does not hold what it says.", "Use the same version of bdp on both sides.")
        told = Replayed(read=len(lines) + len(checked.refused), refused=len(checked.refused))
        told.reasons = [letter.reason for letter in checked.refused[:_SHOWN]]
        with self._one_at_a_time:
            fresh, keys, occurrences = self._fresh(batch.kind, lines, chunk.occurrences)
            told.new = len(fresh)
            if not chunk.dry_run and (fresh or (chunk.keep_id and batch.refused)):
                told.new = len(fresh) * self._sink.append([_anew(chunk, fresh, occurrences)])[0]
                self._remember(keys)
        told.known = len(lines) - told.new
        return told

    def _decoded(self, batch: Batch) -> Batch:
        return decode(
            batch.kind,
            batch.payload,
            source=batch.source,
            batch_id=batch.batch_id,
            now=self._clock.now(),
            ids=self._ids,
            settings=self._intake,
        )

    def _fresh(
        self, kind: RecordKind, lines: Sequence[bytes], occurrences: Sequence[int]
    ) -> tuple[list[bytes], list[bytes], tuple[int, ...]]:
        """Return the lines that nobody knows, the keys by which they are known from now on, and their occurrences."""
        numbers = list(occurrences) or [0] * len(lines)
        fresh: list[bytes] = []
        keys: list[bytes] = []
        chosen: list[int] = []
        mine: set[bytes] = set()
        for start in range(0, len(lines), _LOOKUP):
            part = lines[start : start + _LOOKUP]
            known = _LOOKUPS[kind](self._store, part, numbers[start : start + _LOOKUP])
            for line, number, (key, in_store) in zip(part, numbers[start:], known, strict=False):
                if in_store or key in mine or key in self._recent:
                    continue
                mine.add(key)
                fresh.append(line)
                keys.append(key)
                chosen.append(number)
        return fresh, keys, tuple(chosen) if occurrences else ()

    def _remember(self, keys: Sequence[bytes]) -> None:
        for key in keys:
            self._recent[key] = None
        while len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)


Known = list[tuple[bytes, bool]]
"""Of each record its key, and whether the store has it."""


def _anew(chunk: Chunk, lines: Sequence[bytes], occurrences: tuple[int, ...]) -> Batch:
    """Return the batch to take in. Letters of another home must not be lifted here, so nothing is redelivered."""
    batch, payload = chunk.batch, b"\n".join(lines)
    own = chunk.keep_id and not batch.redelivers
    refused: tuple[DeadLetter, ...] = batch.refused if own else ()
    return Batch(
        batch_id=batch.batch_id if own else batch_id(batch.kind, payload, occurrences),
        source=batch.source,
        kind=batch.kind,
        count=len(lines),
        payload=payload,
        refused=refused,
        drops=batch.drops if own else (),
    )


def _events(store: Store, lines: Sequence[bytes], numbers: Sequence[int]) -> Known:
    return _by_id(store, lines, "events", "event_id")


def _changes(store: Store, lines: Sequence[bytes], numbers: Sequence[int]) -> Known:
    return _by_id(store, lines, "changes", "change_id")


_named = msgspec.json.Decoder(_Named)


def _by_id(store: Store, lines: Sequence[bytes], table: str, column: str) -> Known:
    records = [_named.decode(line) for line in lines]
    names: list[str] = [getattr(record, column) for record in records]
    if not records:
        return []
    first, last = min(record.ts for record in records), max(record.ts for record in records)
    services = {record.service for record in records}
    terms = [f"ts BETWEEN {literal(first)} AND {literal(last)}", _is_one_of(column, set(names))]
    if len(services) <= _MOST_SERVICES and all(len(service) <= _LONGEST_ID for service in services):
        terms.append(f"service IN {literals(sorted(services))}")
    sql = f"SELECT DISTINCT {_name_of(column)} AS name FROM {table} WHERE {' AND '.join(terms)}"  # noqa: S608 escaped
    found = {row["name"] for row in store.query(sql)}
    return [(_digest(table, name), _short(name) in found) for name in names]


def _name_of(column: str) -> str:
    """An id may be as long as a record; long ones are compared by their hash, for a statement has a limit."""
    return f"if(lengthUTF8({column}) > {_LONGEST_ID:d}, lower(hex(SHA256({column}))), {column})"


def _is_one_of(column: str, names: set[str]) -> str:
    short = f"{column} IN {literals(sorted(name for name in names if len(name) <= _LONGEST_ID))}"
    if all(len(name) <= _LONGEST_ID for name in names):
        return short
    return f"({short} OR {_name_of(column)} IN {literals(sorted(map(_short, names)))})"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_ID else hashlib.sha256(name.encode()).hexdigest()


def _metrics(store: Store, lines: Sequence[bytes], numbers: Sequence[int]) -> Known:
    points = [msgspec.json.decode(line, type=MetricPoint) for line in lines]
    rows = ((_metric_key(point), point.name, point.entity, _milliseconds(point.ts)) for point in points)
    return _by_count(store, "metrics", ("name", "entity", "ts"), "labels, value, unit", list(rows), numbers)


def _costs(store: Store, lines: Sequence[bytes], numbers: Sequence[int]) -> Known:
    costs = [msgspec.json.decode(line, type=CostLine) for line in lines]
    rows = (
        (_cost_key(line), line.service_name, line.sub_account_id, _second(line.charge_period_start)) for line in costs
    )
    names = ("service_name", "sub_account_id", "charge_period_start")
    columns = ", ".join([*(name for name in _COST_COLUMNS if name not in names), "tags"])
    return _by_count(store, "costs", names, columns, list(rows), numbers)


def _by_count(
    store: Store,
    table: str,
    names: tuple[str, str, str],
    columns: str,
    records: Sequence[tuple[tuple[Any, ...], str, str, datetime]],
    numbers: Sequence[int],
) -> Known:
    """The n-th occurrence of a record is known if the store has at least n of it."""
    counts = _counted(store, table, names, columns, [record[1:] for record in records])
    here: Counter[tuple[Any, ...]] = Counter()
    known: Known = []
    for (key, *_), number in zip(records, numbers, strict=True):
        here[key] += 1
        nth = number or here[key]
        known.append((_digest(table, repr(key), str(nth)), counts[key] >= nth))
    return known


def _counted(
    store: Store, table: str, names: tuple[str, str, str], columns: str, places: Sequence[tuple[str, str, datetime]]
) -> Counter[tuple[Any, ...]]:
    """Return how many of each record the store has at these places; halved where the answer would be too large."""
    distinct = sorted(set(places))
    wanted = ", ".join(f"({literal(a)}, {literal(b)}, {literal(at)})" for a, b, at in distinct)
    first, last = min(at for _, _, at in distinct), max(at for _, _, at in distinct)
    listed = ", ".join(names)
    place = f"({names[0]}, {names[1]}, toDateTime64({names[2]}, 6, 'UTC'))"
    sql = (
        f"SELECT {listed}, {columns}, count() AS n FROM {table}"  # noqa: S608 our own names, escaped values
        f" WHERE {names[2]} BETWEEN {literal(first)} AND {literal(last)} AND {place} IN ({wanted})"
        f" GROUP BY {listed}, {columns}"
    )
    try:
        rows = store.query(sql)
    except BadRequest:
        if len(distinct) == 1:
            raise
        middle = len(distinct) // 2
        halves = (distinct[:middle], distinct[middle:])
        return sum((_counted(store, table, names, columns, half) for half in halves), Counter())
    return Counter({_ROW_KEYS[table](row): row["n"] for row in rows})


def _metric_key(point: MetricPoint) -> tuple[Any, ...]:
    labels = tuple(sorted(point.labels.items()))
    return point.name, point.entity, _milliseconds(point.ts), labels, point.value, point.unit


def _metric_row(row: Row) -> tuple[Any, ...]:
    labels = tuple(sorted(row["labels"].items()))
    return row["name"], row["entity"], row["ts"].astimezone(UTC), labels, row["value"], row["unit"]


def _cost_key(line: CostLine) -> tuple[Any, ...]:
    fields = msgspec.structs.asdict(line)
    return _cost_row(fields)


def _cost_row(row: Row) -> tuple[Any, ...]:
    plain = tuple(_second(row[name]) if name in _COST_TIMES else row[name] for name in _COST_COLUMNS)
    return *plain, tuple(sorted(row["tags"].items()))


_COST_TIMES = ("charge_period_start", "charge_period_end")
_COST_COLUMNS = tuple(name for name in CostLine.__struct_fields__ if name not in ("tags", "stated_at"))
"""When it was said is not a part of it: a file that does not tell gets another time with each reading."""
_ROW_KEYS: Final[dict[str, Callable[[Row], tuple[Any, ...]]]] = {"metrics": _metric_row, "costs": _cost_row}


def _milliseconds(at: datetime) -> datetime:
    at = at.astimezone(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def _digest(*parts: str) -> bytes:
    return hashlib.blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).digest()


_LOOKUPS: Final[dict[RecordKind, Callable[[Store, Sequence[bytes], Sequence[int]], Known]]] = {
    RecordKind.EVENTS: _events,
    RecordKind.METRICS: _metrics,
    RecordKind.COSTS: _costs,
    RecordKind.CHANGES: _changes,
}
