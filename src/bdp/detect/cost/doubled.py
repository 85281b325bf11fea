"""A day that was counted twice: nearly everything of an account costs twice what was expected of it.

Delivered twice under two names, a bill doubles all services of an account alike, which no use of them does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bdp.detect.cost.daily import Flags
from bdp.detect.cost.outlook import Outlook
from bdp.model.cost_result import CostKey

_TWICE: Final = (1.85, 2.15)
_LEAST_SERVICES: Final = 3
_SHARE: Final = 0.75


def doubled(keys: Sequence[CostKey], rows: NDArray[np.intp], outlook: Outlook, paid: Flags) -> Flags:
    """Say which of the rows cost twice as much, in accounts where nearly every service that costs anything does.

    Args:
        rows: the series that the outlook is of; paid: of all series, those that cost something that day.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(outlook.expected > 0, outlook.today / outlook.expected, 0.0)
    twice: Flags = (ratio >= _TWICE[0]) & (ratio <= _TWICE[1])
    if np.count_nonzero(twice) < _LEAST_SERVICES:
        return np.zeros(len(rows), np.bool_)
    found: dict[tuple[str, str], int] = {}
    for row in rows[twice].tolist():
        found[_account(keys[row])] = found.get(_account(keys[row]), 0) + 1
    every: dict[tuple[str, str], int] = dict.fromkeys(found, 0)
    for row in np.flatnonzero(paid).tolist():
        account = _account(keys[row])
        if account in every:
            every[account] += 1
    odd = {one for one, count in found.items() if count >= max(_LEAST_SERVICES, _SHARE * every[one])}
    whole = np.fromiter((_account(keys[row]) in odd for row in rows.tolist()), np.bool_, len(rows))
    return twice & whole


def _account(key: CostKey) -> tuple[str, str]:
    return key.billing_account_id, key.account_id
