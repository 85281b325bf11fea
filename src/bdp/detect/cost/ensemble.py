"""The ensemble: what each method says, added up by weights that are made to add up to 1 over those that ran."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from bdp.detect.cost.daily import Flags, Floats
from bdp.detect.cost.methods import ecod, luminol, ratio, stddev, trend
from bdp.detect.cost.methods.judged import Judged
from bdp.detect.cost.outlook import Outlook
from bdp.detect.cost.settings import CostSettings
from bdp.errors import MissingExtra

Judge = Callable[[Outlook, float], Judged]

METHODS: Final[dict[str, Judge]] = {
    "ecod": ecod.judge,
    "ratio": ratio.judge,
    "stddev": stddev.judge,
    "trend": trend.judge,
    "luminol": luminol.judge,
}
_ABSENT: Final[dict[str, Callable[[], str]]] = {"luminol": luminol.absent}
_SLOW: Final = frozenset({"luminol"})
_SHADOW_WEIGHT: Final = 0.1
_WORTH_ASKING: Final = 0.35
"""Confidence of the others from which a slow method is asked."""


@dataclass(frozen=True)
class Votes:
    """What the methods said.

    Attributes:
        confidence: of all of them together; shape (series,).
        by_method: what each said, those in the shadow too.
    """

    confidence: Floats
    by_method: dict[str, Judged]


class Ensemble:
    """Asks the methods that the settings name, as far as they are installed.

    Raises:
        MissingExtra: none of them is.

    Attributes:
        weights: of the methods that decide; together 1.
        shadow: methods that are asked, but do not decide.
        absent: methods that are not there, and why.
    """

    def __init__(self, settings: CostSettings) -> None:
        wanted = [*settings.weights, *settings.shadow_methods]
        reasons = {name: _ABSENT[name]() for name in wanted if name in _ABSENT}
        self.absent = {name: reason for name, reason in reasons.items() if reason}
        there = {name: weight for name, weight in settings.weights.items() if name not in self.absent}
        deciding = {name: weight for name, weight in there.items() if name not in settings.shadow_methods} or there
        if not deciding:
            raise MissingExtra(f"No method is left: {'; '.join(self.absent.values())}.", "Name others as well.")
        total = sum(deciding.values())
        self.weights = {name: weight / total for name, weight in deciding.items()}
        self.shadow = tuple(
            name for name in settings.shadow_methods if name not in self.absent and name not in self.weights
        )
        self._strictness = (stddev.THRESHOLD - settings.sensitivity) / stddev.THRESHOLD

    def ask(self, outlook: Outlook) -> Votes:
        """Return what the methods say of each series."""
        quick = [name for name in (*self.weights, *self.shadow) if name not in _SLOW]
        by_method = {name: METHODS[name](outlook, self._strictness) for name in quick}
        for name in (*self.weights, *self.shadow):
            if name in _SLOW:
                by_method[name] = self._asked(name, outlook, self._together(by_method) >= _WORTH_ASKING)
        return Votes(self._together(by_method), by_method)

    def with_shadow(self, votes: Votes, weights: Mapping[str, float]) -> Floats:
        """Return the confidence if the methods in the shadow had their weights beside the others."""
        every = dict(self.weights)
        every.update((name, weights.get(name, _SHADOW_WEIGHT)) for name in self.shadow)
        return _weighted(votes.by_method, every)

    def _together(self, by_method: Mapping[str, Judged]) -> Floats:
        return _weighted(by_method, {name: weight for name, weight in self.weights.items() if name in by_method})

    def _asked(self, name: str, outlook: Outlook, chosen: Flags) -> Judged:
        """Return what a slow method says of the chosen; it says nothing of the others."""
        if not chosen.any():
            nothing = np.zeros(len(chosen))
            return Judged(nothing, nothing, np.ones(len(chosen)))
        said = METHODS[name](outlook.rows(chosen), self._strictness)
        spread = [np.zeros(len(chosen)) for _ in range(3)]
        for whole, part in zip(spread, (said.confidence, said.value, said.threshold), strict=True):
            whole[chosen] = part
        return Judged(*spread)


def _weighted(by_method: Mapping[str, Judged], weights: Mapping[str, float]) -> Floats:
    total = sum(weights.values())
    size = len(next(iter(by_method.values())).confidence)
    found = np.zeros(size)
    for name, weight in weights.items():
        found += weight / total * by_method[name].confidence
    return found
