"""What decides beside what runs in the shadow: on how many days they agreed, and what the differences cost."""

from __future__ import annotations

from typing import Final

import numpy as np

from bdp.detect.cost.daily import DailyCosts, Flags
from bdp.detect.cost.walk import DayJudged
from bdp.model.cost_result import ShadowCount

_EXAMPLES: Final = 5
_LONGEST: Final = 400


class Comparison:
    """Counts days of series, day by day."""

    def __init__(self, daily: DailyCosts) -> None:
        self._daily = daily
        self._counts: dict[str, list[float]] = {}
        self._examples: dict[str, list[str]] = {}

    def add(self, day: DayJudged) -> None:
        """Take in what both said of a day."""
        excess = day.weighed.outlook.today - day.weighed.outlook.expected
        for name, said in day.shadow.items():
            counts = self._counts.setdefault(name, [0, 0, 0, 0.0, 0.0])
            live = day.anomalous | day.is_doubled
            alone, other = live & ~said, said & ~live
            for place, flags in enumerate((live & said, alone, other)):
                counts[place] += int(np.count_nonzero(flags))
            counts[3] += float(excess[alone].sum())
            counts[4] += float(excess[other].sum())
            self._note(name, day, alone, other)

    def counts(self) -> tuple[ShadowCount, ...]:
        """Return what was counted, by what runs in the shadow."""
        return tuple(
            ShadowCount(
                name=name, both=int(one[0]), live_only=int(one[1]), shadow_only=int(one[2]), money_live_only=one[3],
                money_shadow_only=one[4], examples=tuple(self._examples.get(name, ())),
            )
            for name, one in self._counts.items()
        )  # fmt: skip

    def _note(self, name: str, day: DayJudged, alone: Flags, other: Flags) -> None:
        examples = self._examples.setdefault(name, [])
        for flags, who in ((alone, "live"), (other, "shadow")):
            for i in np.flatnonzero(flags)[: _EXAMPLES - len(examples)].tolist():
                key = str(self._daily.keys[int(day.rows[i])])[:_LONGEST]
                examples.append(f"{who}: {key} on {self._daily.days[day.place]}")
