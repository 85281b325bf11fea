"""Service profile: services that are paid by the call or the job, whose use comes in bursts by their nature."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from bdp.detect.cost.daily import Flags, Floats
from bdp.model.cost_result import CostKey

ALLOWANCE: Final = 0.10
_BURSTS: Final = re.compile(r"(?:^|[^a-z])(?:aws|amazon)?\s?(?:lambda|batch|glue)(?:$|[^a-z])", re.IGNORECASE)


def bursts(keys: Sequence[CostKey]) -> Flags:
    """Say which series are of such a service: AWS Lambda, Batch, Glue."""
    known: dict[str, bool] = {}
    for key in keys:
        if key.service_name not in known:
            known[key.service_name] = bool(_BURSTS.search(key.service_name))
    return np.array([known[key.service_name] for key in keys], np.bool_)


def allowance(services: Flags) -> Floats:
    """Return 0.10 for such services, else 0; shape (series,)."""
    found: Floats = np.where(services, ALLOWANCE, 0.0)
    return found
