"""What goes first when something must go: the classes of a batch's records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec

from bdp.model.batch import Batch, Drop, DropReason, Priority, RecordKind
from bdp.model.event import Level

ORDER = tuple(Priority)
"""Lowest first."""

_OF_LEVEL = {Level.WARN: Priority.WARN, Level.ERROR: Priority.ERROR, Level.FATAL: Priority.FATAL}
_OF_KIND = {RecordKind.METRICS: Priority.NORMAL, RecordKind.COSTS: Priority.ERROR, RecordKind.CHANGES: Priority.ERROR}


class _Weighed(msgspec.Struct, gc=False):
    level: Level = Level.INFO
    error_code: str = ""
    status: int = 0


_decoder = msgspec.json.Decoder(_Weighed)


def lowest(batch: Batch) -> Priority:
    """Return the lowest class among a batch's records; FATAL if it has none."""
    if batch.refused:
        return Priority.NORMAL
    found = set(_classes(batch))
    return next((priority for priority in ORDER if priority in found), Priority.FATAL)


def without(batch: Batch, upto: Priority) -> Batch:
    """Return the batch without its records of class `upto` and lower, which are counted in its `drops`.

    Refused records are normal ones: they go with the first cut.
    """
    gone = ORDER[: ORDER.index(upto) + 1]
    classes = _classes(batch)
    lines = [line for line in batch.payload.split(b"\n") if line]
    kept = [line for line, priority in zip(lines, classes, strict=True) if priority not in gone]
    counts = Counter(priority for priority in classes if priority in gone)
    counts[Priority.NORMAL] += len(batch.refused)
    drops = [Drop(reason=DropReason.DISK_FULL, priority=name, count=count) for name, count in counts.items() if count]
    return msgspec.structs.replace(
        batch, count=len(kept), payload=b"\n".join(kept), refused=(), drops=(*batch.drops, *drops)
    )


def of_line(kind: RecordKind, line: bytes) -> Priority:
    """Return the class of one canonical record; NORMAL if it cannot be read."""
    if kind is not RecordKind.EVENTS:
        return _OF_KIND[kind]
    try:
        return _of_event(_decoder.decode(line))
    except msgspec.MsgspecError:
        return Priority.NORMAL


def _classes(batch: Batch) -> list[Priority]:
    if batch.kind is not RecordKind.EVENTS:
        return [_OF_KIND[batch.kind]] * batch.count
    read: Callable[[_Weighed], Priority] = _of_event
    return [read(event) for event in _decoder.decode_lines(batch.payload)]


def _of_event(event: _Weighed) -> Priority:
    """An error code or a status from 500 makes an event at least an error: it is abnormal as well."""
    known = _OF_LEVEL.get(event.level)
    if known is not None:
        return known
    return Priority.ERROR if event.error_code or event.status >= 500 else Priority.NORMAL
