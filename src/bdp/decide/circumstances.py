"""What a policy must know besides plan and incident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bdp.model.action import Pause, Permit


@dataclass(frozen=True)
class Circumstances:
    """What is so at the moment of a decision.

    Attributes:
        now: wall time, aware.
        pause: the kill switch, if it is thrown.
        recent: permits of at least `Policy.longest_window`, in any order.
    """

    now: datetime
    pause: Pause | None = None
    recent: Sequence[Permit] = ()
