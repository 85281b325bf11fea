"""What a claim says that code can check: names, times and numbers, each at its place.

Extraction only; see `check.py` for the comparison. A claim is cut at 2,000 characters, and every pattern here takes
time linear in that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from bdp.explain.grounding.movement import moves
from bdp.explain.grounding.name import Name, codes, names, placed
from bdp.explain.grounding.number import Number, numbers
from bdp.explain.grounding.time import Time, times

LONGEST_CLAIM: Final = 2000
_KOREAN: Final = re.compile(r"[가-힣]")


@dataclass(frozen=True)
class Mentions:
    """Everything checkable in one clause.

    Attributes:
        text: the clause, in which names and times are blanked out; places are places in it.
        clause: as it was written.
    """

    clause: str
    text: str
    numbers: tuple[Number, ...]
    names: tuple[Name, ...]
    times: tuple[Time, ...]

    @cached_property
    def moves(self) -> list[tuple[int, int, bool, bool]]:
        """Where it says that something rose or fell."""
        return moves(self.text)

    @cached_property
    def korean(self) -> bool:
        """It is written in Korean."""
        return _KOREAN.search(self.clause) is not None


def mentions(clause: str) -> Mentions:
    """Return what a clause says that can be checked."""
    clause = clause[:LONGEST_CLAIM]
    quoted, rest = names(clause)
    found_times, rest = times(rest)
    coded, rest = codes(rest)
    found = sorted([*quoted, *coded, *placed(rest)], key=lambda name: name.start)
    return Mentions(clause, rest, tuple(numbers(rest)), tuple(found), tuple(found_times))
