"""What a metric measures and which way is bad, told from the words of its name and its unit.

The order in which senses are tried is the order of how sure their words are: `pool_wait_errors` counts errors,
`memory_limit_utilization` is no limit. Reads 400 characters of a name or text at most.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

from bdp.explain.locate import words
from bdp.explain.locate.words import Phrases

_LONGEST = 400
_NEAR = 4
_CUT = re.compile(r"%|[0-9](?:xx|XX)|[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+|µs")


class Sense(StrEnum):
    """What a metric measures."""

    ERRORS = "errors"
    LATENCY = "latency"
    SATURATION = "saturation"
    """A resource in use, a queue, a wait."""

    AVAILABILITY = "availability"
    """A share of successes or hits, what is free or ready."""

    TRAFFIC = "traffic"
    LIMIT = "limit"
    """A setting, or how large something is allowed to be."""

    EXPIRY = "expiry"
    """Time that is left."""

    OTHER = "other"


_BAD_UP = frozenset({Sense.ERRORS, Sense.LATENCY, Sense.SATURATION})
_BAD_DOWN = frozenset({Sense.AVAILABILITY, Sense.EXPIRY})


@lru_cache(maxsize=4_096)
def sense_of(name: str, unit: str = "") -> Sense:
    """Return what a metric measures by its name and unit, OTHER where no word tells."""
    cut = _words(name)
    if _has(cut, words.EXPIRY):
        return Sense.EXPIRY
    if _has(cut, words.HISTOGRAM):
        return Sense.OTHER
    if _has(cut, words.ERRORS) and not _has(cut, words.NO_ERRORS):
        return _of_errors(cut)
    if _has(cut, words.AVAILABILITY):
        return _of_availability(cut, unit)
    return _of_load(cut, unit)


def is_bad(sense: Sense, up: bool) -> bool:
    """Whether a metric of that sense that rises (or falls) is a bad sign by itself."""
    return sense in (_BAD_UP if up else _BAD_DOWN)


def is_victim(name_or_text: str) -> bool:
    """Whether a name or a message says that the other side gave up: a sign of its trouble or of ours, not a failure."""
    cut = _words(name_or_text)
    if _has(cut, words.GIVEN_UP):
        return True
    others = [at for at, word in enumerate(cut) if word in words.OTHER_SIDE]
    return any(word in words.GAVE_UP and any(abs(at - other) <= _NEAR for other in others)
               for at, word in enumerate(cut))  # fmt: skip


def is_own(name: str) -> bool:
    """Whether what a metric measures is a node's own: no slow or failing callee brings it about."""
    return _has(_words(name), words.OWN)


def _of_errors(cut: tuple[str, ...]) -> Sense:
    """Throttled CPU is a resource at its end; success beside a word of failure is the rarer one's share."""
    if "cpu" in cut and any(word.startswith("throttl") for word in cut):
        return Sense.SATURATION
    return Sense.ERRORS


def _of_availability(cut: tuple[str, ...], unit: str) -> Sense:
    """A count of successes grows with the traffic; only their share or a level says how well it goes."""
    counted = _has(cut, words.COUNTS) and not _has(cut, words.SHARES) and unit not in words.SHARE_UNITS
    events = {"success", "successes", "successful", "succeeded", "hit"} & set(cut)
    return Sense.TRAFFIC if counted and events else Sense.AVAILABILITY


def _of_load(cut: tuple[str, ...], unit: str) -> Sense:
    counted = bool(cut) and cut[-1] in ("count", "total") and unit not in words.DURATION_UNITS
    if _has(cut, words.PER_TIME):
        return Sense.TRAFFIC
    if _has(cut, words.WAITING) and not counted:
        return Sense.SATURATION
    if _has(cut, words.LATENCY):
        return Sense.TRAFFIC if counted and "cpu" not in cut else Sense.LATENCY
    if _has(cut, words.LIMIT) and not _has(cut, words.IN_USE) and not _has(cut, words.NO_LIMIT):
        return Sense.LIMIT
    if _has(cut, words.SATURATION):
        return Sense.SATURATION
    rate = len(cut) > 1 and cut[-2] in ("per", "a", "each")  # requests per second are no duration
    timed = unit in words.DURATION_UNITS or (bool(cut) and cut[-1] in words.DURATION_UNITS and not rate)
    if timed and not counted and "start" not in cut:
        return Sense.LATENCY
    return Sense.TRAFFIC if _has(cut, words.TRAFFIC) else Sense.OTHER


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _CUT.findall(text[:_LONGEST]))


def _has(cut: tuple[str, ...], phrases: Phrases) -> bool:
    return any(cut[at : at + length] in phrases for length in (1, 2, 3) for at in range(len(cut) - length + 1))
