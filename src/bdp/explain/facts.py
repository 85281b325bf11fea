"""Evidence as facts to compare with: every number with its unit and what it counts, every text, every time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bdp.explain.mentions import words
from bdp.explain.wording import clean
from bdp.model.evidence import Evidence

_UNIT_OF_KEY: dict[str, tuple[str, float]] = {
    "ns": ("s", 1e-9), "us": ("s", 1e-6), "ms": ("s", 1e-3), "second": ("s", 1), "sec": ("s", 1), "minute": ("s", 60),
    "min": ("s", 60), "hour": ("s", 3600), "day": ("s", 86400), "share": ("%", 100), "fraction": ("%", 100),
    "rate": ("%", 100), "percent": ("%", 1), "pct": ("%", 1), "lift": ("x", 1), "ratio": ("x", 1), "factor": ("x", 1),
    "byte": ("B", 1),
}  # fmt: skip


@dataclass(frozen=True)
class Quantity:
    """A number of the evidence.

    Attributes:
        raw: as it stands in the value; `value` in the base of its unit (see `mentions.UNITS`).
        key: words of its key.
        row: which row of which list it stands in; empty for the evidence as a whole.
    """

    raw: float
    value: float
    unit: str
    key: frozenset[str]
    row: str


@dataclass(frozen=True)
class Text:
    """A text of the evidence, cleaned and lower case, with its key and row."""

    text: str
    key: str
    row: str


@dataclass(frozen=True)
class Facts:
    """All facts of some evidence."""

    quantities: tuple[Quantity, ...]
    texts: tuple[Text, ...]
    times: tuple[datetime, ...]


def facts(evidence: Iterable[Evidence]) -> Facts:
    """Return the facts of evidence; samples give names, never numbers: telemetry does not count itself."""
    quantities: list[Quantity] = []
    texts: list[Text] = []
    times: list[datetime] = []
    for one in evidence:
        times += [one.start_time.astimezone(UTC), one.end_time.astimezone(UTC)]
        texts += [Text(clean(text).lower(), "sample", "") for text in one.samples]
        for key, row, leaf in _leaves(one.value, "", ""):
            if isinstance(leaf, datetime):
                times.append(leaf.astimezone(UTC))
            elif isinstance(leaf, str):
                texts.append(Text(clean(leaf).lower() or "(empty)", key, f"{one.id}{row}" if row else ""))
                times += _parsed(leaf)
            else:
                quantities.append(_quantity(key, float(leaf), f"{one.id}{row}" if row else ""))
    return Facts(tuple(quantities), tuple(texts), tuple(times))


def _leaves(value: Any, key: str, row: str) -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, str(name), row)
    elif isinstance(value, list | tuple):
        yield key, row, len(value)
        for position, inner in enumerate(value):
            yield from _leaves(inner, key, f"{row}/{key}[{position}]" if isinstance(inner, dict) else row)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int | float | str | datetime):
        yield key, row, value


def _quantity(key: str, raw: float, row: str) -> Quantity:
    key_words = words(key)
    unit, scale = next((_UNIT_OF_KEY[word] for word in _UNIT_OF_KEY if word in key_words), ("", 1.0))
    return Quantity(raw, raw * scale, unit, key_words, row)


def _parsed(text: str) -> list[datetime]:
    if not (10 <= len(text) <= 40 and text[:4].isdigit() and text[4] == "-"):
        return []
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return []
    return [at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)]
