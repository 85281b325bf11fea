"""A day that was counted twice: nearly everything of an account costs twice what was expected of it.

Delivered twice under two names, a bill doubles all services of an account alike, which no use of them does.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bdp.detect.cost.daily import Flags
from bdp.detect.cost.outlook import Outlook
from bdp.model.cost_result import CostKey

_TWICE: Final = (1.85, 2.15)
_LEAST_SERVICES: Final = 3
_SHARE: Final = 0.75


class Doubled:
    """Looks for accounts whose day was counted twice."""

    def __init__(self, keys: Sequence[CostKey]) -> None:
        self._keys = keys

    @cached_property
    def _accounts(self) -> NDArray[np.intp]:
        """The number of each series' account."""
        numbers: dict[tuple[str, str], int] = {}
        found = (numbers.setdefault((key.billing_account_id, key.account_id), len(numbers)) for key in self._keys)
        return np.fromiter(found, np.intp, len(self._keys))

    def of(self, rows: NDArray[np.intp], outlook: Outlook, paid: Flags) -> Flags:
        """Say which of the rows cost twice as much, in accounts where nearly every service that costs anything does.

        Args:
            rows: the series that the outlook is of; paid: of all series, those that cost something that day.
        """
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            ratio = np.where(outlook.expected > 0, outlook.today / outlook.expected, 0.0)
        twice: Flags = (ratio >= _TWICE[0]) & (ratio <= _TWICE[1])
        if np.count_nonzero(twice) < _LEAST_SERVICES:
            return np.zeros(len(rows), np.bool_)
        mine = self._accounts[rows]
        every = np.bincount(self._accounts[paid], minlength=int(self._accounts.max()) + 1)
        doubled = np.bincount(mine[twice], minlength=len(every))
        found: Flags = twice & (doubled >= np.maximum(_LEAST_SERVICES, _SHARE * every))[mine]
        return found
