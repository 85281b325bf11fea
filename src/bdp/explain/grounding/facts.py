"""Evidence as facts to compare with: every number with what it is of and whose, every text, every time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from bdp.explain.grounding.name import plain
from bdp.explain.grounding.unit import of_text
from bdp.explain.grounding.vocabulary import CONCEPT, concept, words
from bdp.model.evidence import Evidence

_UNIT_OF_KEY: Final[dict[str, tuple[str, float]]] = {
    "ns": ("s", 1e-9),
    "us": ("s", 1e-6),
    "ms": ("s", 1e-3),
    "second": ("s", 1),
    "sec": ("s", 1),
    "minute": ("s", 60),
    "min": ("s", 60),
    "hour": ("s", 3600),
    "day": ("s", 86400),
    "share": ("%", 100),
    "fraction": ("%", 100),
    "rate": ("%", 100),
    "percent": ("%", 1),
    "pct": ("%", 1),
    "lift": ("x", 1),
    "ratio": ("x", 1),
    "factor": ("x", 1),
    "byte": ("B", 1),
    "usd": ("$", 1),
}
_ROLES: Final[dict[str, tuple[str, ...]]] = {
    "usual": ("base",),
    "baseline": ("base",),
    "before": ("base",),
    "previous": ("base",),
    "previously": ("base",),
    "prior": ("base",),
    "normal": ("base",),
    "earlier": ("base",),
    "highest": ("now", "high"),
    "max": ("now", "high"),
    "maximum": ("now", "high"),
    "peak": ("now", "high"),
    "high": ("high",),
    "lowest": ("now", "low"),
    "min": ("now", "low"),
    "minimum": ("now", "low"),
    "low": ("low",),
    "level": ("now", "mid"),
    "median": ("now", "mid"),
    "mean": ("now", "mid"),
    "average": ("now", "mid"),
    "extreme": ("now", "far"),
    "current": ("now",),
    "after": ("now",),
    "difference": ("delta",),
    "delta": ("delta",),
    "rise": ("delta",),
    "ratio": ("ratio",),
    "lift": ("ratio",),
    "factor": ("ratio",),
    "margin": ("aside",),
    "least": ("aside",),
    "back": ("aside",),
}
_CLASSES: Final = {
    "entity": "service",
    "first_service": "service",
    "host": "service",
    "component": "service",
    "node": "service",
}
_SHARES: Final = frozenset({"ratio", "rate", "share", "fraction", "utilization", "availability"})


@dataclass(frozen=True)
class Quantity:
    """A number of the evidence.

    Attributes:
        raw: as it stands in the value; `value` in the base of its unit (see `unit.UNITS`).
        key: words of its key without those that say a unit or role.
        roles: which value of the measure: base, now, high, low, mid, far, delta, ratio; aside for settings.
        topics: concepts and words of its key and of the metric that it is a value of.
        counted: the concept that it counts; empty for a measured value.
        scope: names of what it belongs to, by class: service, metric, client_ip, …
        family: evidence and row; values of one family can be compared.
        derived: it does not stand in the evidence, but follows from two values of its family.
        rate: it is by the second.
        length: it is the length of a list.
    """

    raw: float
    value: float
    unit: str
    name: str
    key: frozenset[str]
    roles: frozenset[str]
    topics: frozenset[str]
    counted: str
    scope: Mapping[str, str]
    row: str
    family: str
    derived: str = ""
    rate: bool = False
    length: bool = False


@dataclass(frozen=True)
class Text:
    """A text of the evidence, cleaned and lower case, with its key, the class of name that it is, and its row."""

    text: str
    key: str
    named: str
    row: str
    family: str


@dataclass(frozen=True)
class Moment:
    """A time of the evidence, with its key."""

    at: datetime
    key: str
    family: str


@dataclass(frozen=True)
class Facts:
    """All facts of some evidence.

    Attributes:
        flags: what is true or false, by key, with its family.
    """

    quantities: tuple[Quantity, ...]
    texts: tuple[Text, ...]
    moments: tuple[Moment, ...]
    flags: tuple[tuple[str, str, bool], ...] = ()
    known: frozenset[str] = field(default=frozenset())


def facts(evidence: Iterable[Evidence]) -> Facts:
    """Return the facts of evidence; samples give names, never numbers: telemetry does not count itself."""
    quantities: list[Quantity] = []
    texts: list[Text] = []
    moments: list[Moment] = []
    flags: list[tuple[str, str, bool]] = []
    for one in evidence:
        moments += [
            Moment(one.start_time.astimezone(UTC), "start", one.id),
            Moment(one.end_time.astimezone(UTC), "end", one.id),
        ]
        texts += [Text(plain(text), "sample", "", "", one.id) for text in one.samples]
        for leaf in _leaves(one.value, "", "", {}):
            family = one.id + leaf.row
            row = family if leaf.row else ""
            if isinstance(leaf.value, bool):
                flags.append((leaf.key, one.id, leaf.value))
            elif isinstance(leaf.value, datetime):
                moments.append(Moment(leaf.value.astimezone(UTC), leaf.key, one.id))
            elif isinstance(leaf.value, str):
                texts.append(
                    Text(plain(leaf.value) or "(empty)", leaf.key, _CLASSES.get(leaf.key, leaf.key), row, one.id)
                )
                moments += [Moment(at, leaf.key, one.id) for at in _parsed(leaf.value)]
            else:
                quantities.append(_quantity(leaf, row, family, one.value))
    quantities = [_sided(one, quantities) for one in quantities]
    quantities += _derived(quantities, moments)
    return Facts(tuple(quantities), tuple(texts), tuple(moments), tuple(flags))


@dataclass(frozen=True)
class _Leaf:
    key: str
    row: str
    value: Any
    scope: dict[str, str]
    length: bool = False


def _leaves(value: Any, key: str, row: str, scope: dict[str, str]) -> Iterator[_Leaf]:
    if isinstance(value, dict):
        own = {
            _CLASSES.get(str(k), str(k)): plain(v) or "(empty)"
            for k, v in value.items()
            if isinstance(v, str) and k not in {"unit", "labels", "field"} and "time" not in str(k)
        }
        for name, inner in value.items():
            yield from _leaves(inner, str(name), row, scope | own)
    elif isinstance(value, list | tuple):
        yield _Leaf(key, row, len(value), scope, length=True)
        for position, inner in enumerate(value):
            yield from _leaves(inner, key, f"{row}/{key}[{position}]" if isinstance(inner, dict) else row, scope)
    elif isinstance(value, bool | int | float | str | datetime):
        yield _Leaf(key, row, value, scope)


def _quantity(leaf: _Leaf, row: str, family: str, value: Mapping[str, Any]) -> Quantity:
    raw = float(leaf.value)
    said = words(leaf.key)
    unit, scale = next((_UNIT_OF_KEY[word] for word in _UNIT_OF_KEY if word in said), ("", 1.0))
    roles = {role for word in said for role in _ROLES.get(word, ())}
    if unit == "s" and "before" in said:
        roles.discard("base")  # seconds_before is how long before, not a figure of before
    if roles & {"high", "low"} and "base" in roles:
        roles.discard("now")
    metric = str(value.get("metric", ""))
    levels = bool(metric) and bool(roles) and "ratio" not in roles and "point" not in said
    counter = bool(value.get("counter")) and levels
    if levels and not unit:
        unit, scale = of_text(str(value.get("unit", "")))
    if "cost" in said and not unit:
        unit, scale = of_text(leaf.scope.get("currency", ""))  # a row of a bill says in what it is billed
    rate = (counter and "rise" not in said) or unit.endswith("/s")
    own = frozenset(said - set(_UNIT_OF_KEY) | ({"share"} & said)) - set(_ROLES)
    measured = set(words(metric)) if levels else set()
    topics = frozenset({concept(word) for word in own | measured} | own | measured)
    return Quantity(
        raw, raw * scale, unit.removesuffix("/s"), leaf.key, own, frozenset(roles), topics,
        "" if levels or unit else _counted(leaf.key), leaf.scope, row, family, rate=rate, length=leaf.length,
    )  # fmt: skip


def _counted(key: str) -> str:
    """Return what a key counts: its first known noun, so that `events_with_address` are events."""
    known = [CONCEPT[word] for word in (w for part in key.split("_") for w in words(part)) if word in CONCEPT]
    if "matching" in key:
        return "event"
    return known[0] if known else concept(key.rsplit("_", 1)[-1])


def _sided(one: Quantity, found: list[Quantity]) -> Quantity:
    """Say of the farthest value whether it is a high or a low one."""
    if "far" not in one.roles:
        return one
    base = next(
        (
            other.value
            for other in found
            if other.family == one.family and "base" in other.roles and "point" not in other.key
        ),
        one.value,
    )
    return replace(one, roles=one.roles | ({"high"} if one.value > base else {"low"} if one.value < base else set()))


def _derived(found: list[Quantity], moments: list[Moment]) -> list[Quantity]:
    """Return what follows from two values of one family: by how much a value changed, how many times it is another."""
    made: list[Quantity] = []
    bases = [one for one in found if "base" in one.roles and not one.roles & {"high", "low"} and "point" not in one.key]
    for base in bases:
        for now in found:
            if (
                now is base
                or now.family != base.family
                or now.unit != base.unit
                or now.rate != base.rate
                or now.key != base.key
            ):
                continue
            if "base" in now.roles or now.roles & {"delta", "ratio", "aside"} or now.length:
                continue
            made += _changes(base, now)
    made += _shares(found)
    made += _rates(found)
    for first in moments:
        for last in moments:
            if (first.key, last.key) == ("first_time", "last_time") and first.family == last.family:
                seconds = (last.at - first.at).total_seconds()
                made.append(Quantity(seconds, seconds, "s", "stretch", frozenset({"stretch"}), frozenset(), frozenset({"stretch"}), "", {}, "",  # noqa: E501
                                     first.family, "span"))  # fmt: skip
    return made


def _changes(base: Quantity, now: Quantity) -> Iterator[Quantity]:
    delta = now.value - base.value
    yield replace(now, raw=now.raw - base.raw, value=delta, roles=frozenset({"delta"}), derived="delta")
    if base.value:
        yield replace(now, raw=now.value / base.value, value=now.value / base.value, unit="x", rate=False, counted="",
                      roles=frozenset({"ratio"}), derived="ratio")  # fmt: skip
        percent = 100 * delta / abs(base.value)
        yield replace(
            now,
            raw=percent,
            value=percent,
            unit="%",
            rate=False,
            counted="",
            roles=frozenset({"delta"}),
            derived="percent",
        )


def _rates(found: list[Quantity]) -> Iterator[Quantity]:
    """Yield by the second what is counted over a stretch of known length."""
    spans = {one.family: one.value for one in found if one.name == "stretch_seconds" and one.value > 0}
    for one in found:
        if one.counted and one.family in spans and not one.length and "aside" not in one.roles:
            pace = one.raw / spans[one.family]
            yield replace(one, raw=pace, value=pace, rate=True, derived="rate")


def _shares(found: list[Quantity]) -> Iterator[Quantity]:
    for part in found:
        for whole in found:
            same = part.family == whole.family and part.counted == whole.counted != "" and part is not whole
            apart = part.roles != whole.roles or part.roles & {"aside"} or part.length or whole.length
            if same and not apart and not part.unit and not whole.unit and 0 <= part.value < whole.value:
                share = 100 * part.value / whole.value
                yield replace(part, raw=share / 100, value=share, unit="%", counted="", derived="share")
    for one in found:
        if not one.unit and not one.counted and one.topics & _SHARES and one.roles & {"now", "base"}:
            size = 1 if one.topics & {"utilization", "availability"} and abs(one.raw) > 1.5 else 100
            yield replace(one, value=one.raw * size, unit="%", derived="unit")


def _parsed(text: str) -> list[datetime]:
    if not (10 <= len(text) <= 40 and text[:4].isdigit() and text[4] == "-"):
        return []
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return []
    return [at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)]
