"""Briefings: a day in numbers first, words second."""

from __future__ import annotations

from datetime import datetime

from bdp.model.analysis import IncidentReport
from bdp.model.decision import Approval
from bdp.model.execution import Execution
from bdp.model.noun import Noun


class Trend(Noun):
    """Abnormal events of one service, this period against the one before."""

    service: str
    now: float
    before: float


class CostTrend(Noun):
    """Cost of one billed service in the stretch, against what its last seven days make usual for such a stretch.

    Attributes:
        usual: in the briefing's currency; None without earlier charges.
    """

    service: str
    now: float
    usual: float | None


class Chatter(Noun):
    """How many of a service's events were DEBUG lines (weighted)."""

    service: str
    debug: float


class Briefing(Noun):
    """What a person should know of one stretch of time.

    Attributes:
        start_time, end_time: event time, UTC; end exclusive.
        top: the worst incidents, worst first, at most 3.
        total_incidents: all incidents of the stretch.
        slowest: (service and route, 95th percentile of the duration in milliseconds), slowest first.
        executions: runs for the stretch's incidents, and runs that started in the stretch; newest first.
        events, abnormal: weighted counts of the stretch; `events_before` of the equally long stretch before it.
        costs: highest cost first.
        chatter: services with DEBUG lines, most lines first.
    """

    start_time: datetime
    end_time: datetime
    top: tuple[IncidentReport, ...]
    total_incidents: int
    by_status: dict[str, int]
    trends: tuple[Trend, ...]
    slowest: tuple[tuple[str, float], ...]
    executions: tuple[Execution, ...]
    waiting: tuple[Approval, ...]
    cost_total: float
    cost_before: float
    currency: str
    ledger: dict[str, int]
    tokens: int = 0
    money_usd: float = 0.0
    events: float = 0.0
    abnormal: float = 0.0
    events_before: float = 0.0
    costs: tuple[CostTrend, ...] = ()
    chatter: tuple[Chatter, ...] = ()
