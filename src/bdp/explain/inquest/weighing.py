"""The weighing: what speaks for and against a change, in log-odds, and how likely each is among all and none.

A conditional logit (McFadden 1974): one of the changes is to blame, or none; each has a weight that is a sum over its
traits, and its chance is its share of the exponentials. So a change stands out only against the others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

WEIGHTS: Final[Mapping[str, float]] = {
    "fit": 6.5,
    "alters": 2.4,
    "relation": 1.2,
    "time": 0.1,
    "step": 1.5,
    "touch": 1.9,
    "placed": 0.7,
    "echo": 1.4,
    "after": -2.4,
    "unshipped": -1.0,
    "flag": -1.1,
    "gated": 0.5,
    "measured": 2.6,
    "none": 3.6,
    "outer": 4.5,
}
"""Found on 60 incidents, each also with its guilty change half read (`benchmarks/weigh.py`)."""

NEVER: Final = -20.0
"""Weight of a change that cannot be to blame."""


@dataclass(frozen=True)
class Traits:
    """What is weighed of one change.

    Attributes:
        fit: how well what it does explains a kind of failure that shows itself, 0 to 1.
        alters: how much of what runs it alters, 0 to 1.
        relation: how near to the first failing service it runs, 0 to 1.
        minutes: from when it took effect to the failure.
        late: it took effect after the failure had begun.
        step: how clearly a signal of its services stepped just then, 0 to 1.
        touch: how far it names what the failure names, 0 to 1.
        placed: the failure names its file or what it defines.
        echo: how far new messages repeat its lines, 0 to 1.
        after: it took effect after the first clear sign of any service.
        shipped: a deploy carried it, or it needs none.
        flag: it is the switch of a flag.
        gated: it runs since a flag was switched.
        measured: a metric went from an altered setting's old value to its new one.
    """

    fit: float
    alters: float
    relation: float
    minutes: float
    late: bool
    step: float
    touch: float
    placed: bool
    echo: float
    after: bool
    shipped: bool
    flag: bool
    gated: bool
    measured: bool = False

    @property
    def parts(self) -> dict[str, float]:
        """Its traits as what the weights are multiplied by."""
        return {
            "fit": self.fit,
            "alters": self.alters,
            "relation": math.log(max(0.05, self.relation)),
            "time": -math.log2(1.0 + self.minutes / 5.0),
            "step": self.step,
            "touch": self.touch,
            "placed": float(self.placed),
            "echo": self.echo,
            "after": float(self.after),
            "unshipped": float(not self.shipped),
            "flag": float(self.flag),
            "gated": float(self.gated),
            "measured": float(self.measured),
        }


def weight(traits: Traits, weights: Mapping[str, float] = WEIGHTS) -> float:
    """Return what speaks for a change less what speaks against it, in log-odds; very little for one that came late."""
    harmless = not traits.flag and traits.alters <= 0
    if traits.late or harmless:
        return NEVER
    return sum(weights[name] * value for name, value in traits.parts.items())


def chances(found: Sequence[float], outer: float, weights: Mapping[str, float] = WEIGHTS) -> list[float]:
    """Return how likely each change is to blame; what is missing to 1 is the chance that none is.

    Args:
        found: their weights in log-odds.
        outer: how clearly a cause without a change shows itself, 0 to 1.
    """
    none = weights["none"] + weights["outer"] * outer
    top = max([none, *found])
    shares = [math.exp(one - top) for one in found]
    whole = sum(shares) + math.exp(none - top)
    return [share / whole for share in shares]
