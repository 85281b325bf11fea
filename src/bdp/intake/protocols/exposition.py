"""What exporters print: Prometheus' text format 0.0.4 and OpenMetrics 1.0, one metric point for each sample.

`entity` is the label `instance`, else `job`; both stay labels, as for remote write, so that a series is the same by
either way. A label without a value is left out, as Prometheus does. NaN is left out and not refused: there is no value;
an infinite value is refused, since the store's JSON has none. A sample without a time has that of its arrival. The unit
is what `# UNIT` says, else the name's suffix. Types, help texts and exemplars are not read.

A bad line is refused alone and is its letter's payload. Every line is looked at once, by an expression that never goes
back, so hostile text costs no more than its length. Memory: one piece of about 1 MiB of the text as lines, the labels
met (at most 8 MiB of them at a time, or one line's), and the points.

Sources: Prometheus, "Exposition formats" and its quoted names (version 3); OpenMetrics 1.0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bdp.errors import UnknownFormat
from bdp.intake.body import line_chunks
from bdp.intake.flatten import sound
from bdp.intake.parcel import Parcel
from bdp.intake.protocols.units import UNITS, family_of, unit_of
from bdp.intake.protocols.wire import check_count
from bdp.intake.refusal import RefusedRecord, shown
from bdp.intake.times import from_micros
from bdp.model.batch import Cause
from bdp.model.metric import MetricPoint

TEXT: Final = "text/plain"
OPENMETRICS: Final = "application/openmetrics-text"
ENTITY_LABELS: Final = ("instance", "job")

_WORD: Final = "[a-zA-Z_][a-zA-Z0-9_]*+"
_QUOTED: Final = r'"((?:[^"\\]++|\\.)*+)"'
_SAMPLE: Final = re.compile(
    r"[ \t]*+([a-zA-Z_:][a-zA-Z0-9_:]*+)?"
    r'(?:[ \t]*+\{([^"}]*+(?:"(?:[^"\\]++|\\.)*+"[^"}]*+)*+)\}[ \t]*+|[ \t]++)'
    r"([^ \t#{}]++)(?:[ \t]++([^ \t#]++))?[ \t]*+(?:#.*+)?"
)
_LABEL: Final = re.compile(rf"[ \t]*+(?:({_WORD})|{_QUOTED})[ \t]*+(?:=[ \t]*+{_QUOTED}[ \t]*+)?(?:,|$)")
_ESCAPE: Final = re.compile(r'\\([\\n"])')
_VALUE: Final = re.compile(r"[+-]?(?:[0-9.]++(?:[eE][+-]?[0-9]++)?|Inf)|NaN")
_UNIT: Final = re.compile(r'#[ \t]*+UNIT[ \t]++"?([^ \t"]++)"?[ \t]++([^ \t]++)[ \t]*+')
_HEAD: Final = re.compile(r"#[ \t]*+(?:HELP|TYPE|UNIT)[ \t]++[^ \t]")
_END: Final = "# EOF"
_PIECE = 1 << 20
_MOST_SHAPES = 20_000
_MOST_HELD = 8 << 20
_MOST_NUMBER = 64
_SECONDS_BELOW = 1e11
_LATEST = 1e15


@dataclass(frozen=True)
class Target:
    """What is known of the exporter besides its text.

    Attributes:
        labels: added to every sample; an empty value adds none.
        honor: a label that the text has already stays as it is there; else ours takes its place.
        renamed: where ours takes its place, the text's own is kept as `exported_<name>`, as Prometheus does.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    honor: bool = False
    renamed: bool = False


def read_exposition(body: bytes, content_type: str, parcel: Parcel, target: Target | None = None) -> None:
    """Read a whole text; see `Protocol.read`.

    Raises:
        UnknownFormat: the content type is another one.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in ("", TEXT, OPENMETRICS):
        raise UnknownFormat(f"The content type {kind[:60]!r} is not read.", f"Send {TEXT} or {OPENMETRICS}.")
    reader = ExpositionReader(target or Target(), {TEXT: 1000.0, OPENMETRICS: 1.0}.get(kind))
    for piece in line_chunks(body, _PIECE):
        reader.read(piece, parcel)
        check_count(reader.samples, "samples", parcel.edge.settings.max_records)  # NaN makes no record, but work


def is_exposition(lines: list[str], enough: float) -> bool:
    """Say whether the first lines of a file are such a text.

    Args:
        enough: the share of them that must be, where a `# HELP` or `# TYPE` is among them; without, all must be samples
            and one of them have labels.
    """
    told = [line for line in lines if not line.startswith("#") or _HEAD.match(line)]
    heads = sum(line.startswith("#") for line in told)
    samples = sum(map(_is_sample, told))
    if heads:
        return heads + samples >= enough * len(told)
    return 0 < samples == len(told) and any("{" in line for line in told)


def _is_sample(line: str) -> bool:
    match = _SAMPLE.fullmatch(line)
    return match is not None and match[1] is not None and _VALUE.fullmatch(match[3]) is not None


class ExpositionReader:
    """Reads the pieces of one text in order; a piece ends with a line.

    Args:
        parts: what a second has of a sample's time: 1000 in the text format, 1 in OpenMetrics; None tells them apart
            by size, since milliseconds stay above 1e11 from March 1973 on.
    """

    def __init__(self, target: Target, parts: float | None = None) -> None:
        self._target = target
        self._parts = parts
        self._shapes: dict[str, tuple[str, dict[str, str], str]] = {}
        self._units: dict[str, str] = {}
        self._declared: dict[str, str] = {}
        self._told: tuple[str, datetime] | None = None
        self._held = 0
        self.samples = 0
        """Lines that are no comments, so far."""

    def read(self, piece: bytes, parcel: Parcel) -> None:
        """Add the points of a piece's samples to a parcel, and its bad lines."""
        arrived = parcel.edge.undated or parcel.edge.now
        try:
            lines = piece.decode().split("\n")
        except UnicodeDecodeError:
            lines = _decoded(piece, parcel)
        for line in lines:
            line = line.rstrip("\r")
            if not line:
                continue
            if line[0] == "#":
                self._declare(line)
                continue
            self.samples += 1
            try:
                point = self._point(line, arrived, parcel.edge.settings.max_record_bytes)
            except RefusedRecord as error:
                if line.isspace():
                    continue
                parcel.refuse(error, line.encode)
                continue
            if point is not None:
                parcel.point(point, line.encode)

    def _point(self, line: str, arrived: datetime, most: int) -> MetricPoint | None:
        """Return a line's point; None for NaN.

        Raises:
            RefusedRecord: it is no sample, or one that cannot be kept.
        """
        if len(line) > most:
            raise RefusedRecord(f"the line has {len(line)} characters; at most {most} are taken", Cause.TOO_LARGE)
        match = _SAMPLE.fullmatch(line)
        if match is None:
            raise RefusedRecord(f"not a sample: expected name{{labels}} value, got {shown(line.strip())}")
        name, inside, number, time = match.groups()
        shape = self._shapes.get(inside or "")
        inner, labels, entity = self._shape(inside or "") if shape is None else shape
        if not name or inner:
            name = _one_name(name, inner)
        value = _number(number)
        ts = arrived if time is None else self._time(time)
        if value is None:
            return None
        unit = self._units.get(name)
        if unit is None:
            unit = self._unit(name)
        return MetricPoint(ts=ts, name=name, entity=entity, labels=labels, value=value, unit=unit)

    def _shape(self, inside: str) -> tuple[str, dict[str, str], str]:
        """Return the name that stands among the labels, if one does, the labels with the target's, and the entity."""
        self._held += len(inside)
        if len(self._shapes) >= _MOST_SHAPES or self._held > _MOST_HELD:
            self._shapes.clear()
            self._held = len(inside)
        inner, own = _labels(inside)
        labels = dict(sorted(self._joined(own).items()))
        entity = next((labels[name] for name in ENTITY_LABELS if name in labels), "")
        self._shapes[inside] = inner, labels, entity
        return inner, labels, entity

    def _joined(self, own: dict[str, str]) -> dict[str, str]:
        for name, value in self._target.labels.items():
            if name in own and self._target.honor:
                continue
            if name in own and self._target.renamed:
                kept = f"exported_{name}"
                while kept in own:
                    kept = f"exported_{kept}"
                own[kept] = own[name]
            own[name] = value
        return {name: value for name, value in own.items() if value}

    def _time(self, text: str) -> datetime:
        if self._told is not None and self._told[0] == text:
            return self._told[1]
        number = _number(text, "ts")
        if number is None or abs(number) > _LATEST:
            raise RefusedRecord(f"ts: {shown(text)} is no time")
        parts = self._parts or (1.0 if abs(number) < _SECONDS_BELOW else 1000.0)
        if parts == 1000.0 and not number.is_integer():
            raise RefusedRecord(f"ts: expected whole milliseconds, got {shown(text)}")
        ts = from_micros(round(number * 1_000_000 / parts))
        self._told = text, ts
        return ts

    def _declare(self, line: str) -> None:
        """Keep what `# UNIT` says; other heads and comments say nothing that a point has a place for."""
        match = _UNIT.fullmatch(line) if "UNIT" in line[:12] else None
        if match and len(match[0]) < 1024 and len(self._declared) < _MOST_SHAPES:
            self._declared[match[1]] = UNITS.get(match[2], sound(match[2]))
            self._units.clear()

    def _unit(self, name: str) -> str:
        if len(self._units) >= _MOST_SHAPES:
            self._units.clear()
        found = self._declared.get(family_of(name)) or self._declared.get(name) or unit_of(name)
        self._units[name] = found
        return found


def _decoded(piece: bytes, parcel: Parcel) -> list[str]:
    """Return the lines that are UTF-8; another one is refused alone."""
    found = []
    for line in piece.split(b"\n"):
        try:
            found.append(line.decode())
        except UnicodeDecodeError as error:
            refused = RefusedRecord(f"not UTF-8 (byte {error.start})", Cause.ENCODING)
            parcel.refuse(refused, lambda line=line: line)  # type: ignore[misc]
    return found


def _labels(inside: str) -> tuple[str, dict[str, str]]:
    """Return what stands between the braces: a quoted name, if there is one, and the labels.

    Raises:
        RefusedRecord: they are not labels, or one stands there twice.
    """
    name = ""
    labels: dict[str, str] = {}
    place, end = 0, len(inside.rstrip(" \t"))
    while place < end:
        match = _LABEL.match(inside, place, end)
        if match is None:
            raise RefusedRecord(f'labels: expected name="value", got {shown(inside[place:])}')
        plain, quoted, value = match.groups()
        if value is None:
            if quoted is None or name:
                raise RefusedRecord(f"labels: {shown(plain or quoted)} has no value")
            name = _text(quoted)
        else:
            label = plain if quoted is None else _text(quoted)
            if label in labels:
                raise RefusedRecord(f"labels: {shown(label)} stands there twice")
            labels[label] = _text(value)
        place = match.end()
    return labels.pop("__name__", "") or name, labels


def _text(escaped: str) -> str:
    if "\\" in escaped:
        escaped = _ESCAPE.sub(lambda match: "\n" if match[1] == "n" else match[1], escaped)
    return sound(escaped)


def _one_name(before: str | None, inner: str) -> str:
    if before and inner:
        raise RefusedRecord("the sample has two names")
    if not inner:
        raise RefusedRecord("the sample has no name")
    return inner


def _number(text: str, what: str = "value") -> float | None:
    """Return a number as Go writes it; None for NaN.

    Raises:
        RefusedRecord: it is no number, or an infinite one.
    """
    try:
        if len(text) > _MOST_NUMBER or "_" in text or not text.isascii():
            raise ValueError
        value = float(text)
    except ValueError:
        raise RefusedRecord(f"{what}: expected a number, got {shown(text)}") from None
    if math.isinf(value):
        raise RefusedRecord(f"{what}: {value} is not a finite number")
    return None if math.isnan(value) else value
