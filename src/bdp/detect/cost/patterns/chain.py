"""The chain of patterns over many series at once.

The methods are asked four times: about the plain past, then with the shape of the week taken out of it, then with its
drift, then with the turn of the month. The plain answer and what each of the others makes of it in turn are the steps
of the chain. Where a past in its shape shows what the plain one hides (a working day's cost on a Sunday), the raw
confidence is that of the shape, and no pattern lowers it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np

from bdp.detect.cost import shape as shapes
from bdp.detect.cost.daily import Flags, Floats
from bdp.detect.cost.ensemble import Ensemble, Votes
from bdp.detect.cost.methods.judged import Judged
from bdp.detect.cost.outlook import Outlook, look
from bdp.detect.cost.patterns import month_cycle, service_profile
from bdp.detect.cost.settings import PATTERNS
from bdp.detect.cost.shape import Shape, flat, learn
from bdp.detect.cost.window import Window

SEEN: Final = 1.3
"""A service that hardly ever costs anything, and now as much as it did before at most times this, is no news."""
_YOUNG: Final = 22
"""Days of history below which the week is not known: what one of them cost may come again."""
_SEEN_YOUNG: Final = 1.15
_NO_NEWS: Final = 0.3
_WORTH_TELLING: Final = 0.2
"""Confidence from which it matters which pattern lowered it."""
_JUDGED: Final = ("confidence", "value", "threshold")


@dataclass(frozen=True)
class Weighed:
    """What methods and patterns make of each series; each of shape (series,).

    Attributes:
        raw: confidence before patterns; plain: of the plain past alone, without any of it.
        confidence: after patterns.
        adjustments: by pattern, 0 or negative; they add up to what lies between the two.
        outlook, votes: what the decision rests on.
    """

    raw: Floats
    plain: Floats
    confidence: Floats
    adjustments: dict[str, Floats]
    outlook: Outlook
    votes: Votes
    shape: Shape


def nothing() -> Weighed:
    """Return what is made of no series at all."""
    none = np.zeros(0)
    outlook = Outlook(**{field.name: none for field in fields(Outlook)})
    return Weighed(none, none, none, dict.fromkeys(PATTERNS, none), outlook, Votes(none, {}), flat(0))


def joined(parts: Sequence[Weighed]) -> Weighed:
    """Return the series of all parts, one behind the other; there is at least one part."""
    if len(parts) == 1:
        return parts[0]
    outlook = {field.name: _rows([getattr(part.outlook, field.name) for part in parts]) for field in fields(Outlook)}
    methods = {
        name: Judged(*(_rows([getattr(part.votes.by_method[name], each) for part in parts]) for each in _JUDGED))
        for name in parts[0].votes.by_method
    }
    return Weighed(
        raw=_rows([part.raw for part in parts]),
        plain=_rows([part.plain for part in parts]),
        confidence=_rows([part.confidence for part in parts]),
        adjustments={name: _rows([part.adjustments[name] for part in parts]) for name in parts[0].adjustments},
        outlook=Outlook(**outlook),
        votes=Votes(_rows([part.votes.confidence for part in parts]), methods),
        shape=shapes.joined([part.shape for part in parts]),
    )


def _rows(parts: Sequence[Floats]) -> Floats:
    return np.concatenate(parts)


def weigh(window: Window, services: Flags, ensemble: Ensemble, *, patterns: bool, active: bool = True) -> Weighed:
    """Ask methods and patterns.

    Args:
        services: series of services whose use comes in bursts.
        patterns: False: the plain past alone; no pattern lowers anything.
        active: False: patterns are recorded, but the decision rests on the plain past.
    """
    none = flat(len(window.today))
    outlook = look(window, none, drifting=False)
    votes = ensemble.ask(outlook)
    plain_outlook, plain_votes = outlook, votes
    plain = _no_news(window, votes.confidence)
    if not patterns:
        nothing = {name: np.zeros(len(plain)) for name in PATTERNS}
        return Weighed(plain, plain, plain, nothing, outlook, votes, none)
    shape = learn(window)
    outlook = look(window, shape)
    votes = ensemble.ask(outlook)
    month = _no_news(window, votes.confidence)
    week, drift = month.copy(), month.copy()
    odd = np.maximum(plain, month) >= _WORTH_TELLING
    if odd.any():
        part, curve = window.rows(odd), shape.rows(odd)
        week[odd] = _no_news(part, ensemble.ask(look(part, curve.without_month(), drifting=False)).confidence)
        drift[odd] = _no_news(part, ensemble.ask(look(part, curve.without_month())).confidence)
    if not window.calendar.turns[window.place]:
        drift = month  # away from a turn its cycle is no reason; what it took out of the past was noise there
    # From behind: a later step that is higher was hidden by the plain past, and nothing before it lowers it.
    steps = np.maximum.accumulate(np.stack([month, drift, week, plain]), axis=0)[::-1]
    raw, after_week, after_trend, last = steps
    cycle = np.minimum(last, np.maximum(0.0, after_trend - month_cycle.allowance(window)))
    profile = np.maximum(0.0, cycle - service_profile.allowance(services))
    found = (after_week - raw, after_trend - after_week, cycle - after_trend, profile - cycle)
    if not active:
        outlook, votes = replace(plain_outlook, weekly=outlook.weekly), plain_votes
    return Weighed(raw, plain, profile, dict(zip(PATTERNS, found, strict=True)), outlook, votes, shape)


def _no_news(window: Window, confidence: Floats) -> Floats:
    young = (window.known < _YOUNG) & (window.today <= _SEEN_YOUNG * window.most)
    known = (window.most > 0) & (window.resting & (window.today <= SEEN * window.most) | young)
    found: Floats = np.where(known, np.minimum(confidence, _NO_NEWS), confidence)
    return found
