"""Who tells costs, and what those who bill say of them themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from bdp.model.cost import CostLine
from bdp.model.cost_result import BudgetOutlook, CostForecast, ProviderAnomaly, ProviderForecast, ProviderView


class CostProvider(Protocol):
    """Tells daily costs of accounts and services. Asking may cost money. For one thread at a time.

    Attributes:
        name: of the provider, as settings call it.
        problem: why the last `forecast` was None; empty where it was not.
    """

    name: str
    problem: str

    def lines(self, start: date, end: date) -> Iterator[CostLine]:
        """Yield the costs of the days from `start` up to but not including `end` (UTC), each of whole days.

        What one call yields is one statement, or lines that stand by themselves: see `bdp.model.cost.CostLine`. It is
        asked for while lines are taken, so what is raised may come after the first of them.

        Raises:
            Retry: it did not answer, or asks for fewer requests.
            NotAllowed: the credentials are missing, over, or do not allow this.
            NotPossible: it has no costs to tell yet.
            BadRequest: it cannot answer such a question, or its answer cannot be read.
            BadSetting, MissingExtra: it cannot be asked as it is set up.
        """

    def forecast(self, start: date, end: date) -> ProviderForecast | None:
        """Return what it expects the same days to cost; None where it cannot tell, and `problem` says why.

        Raises:
            Retry, NotAllowed, BadSetting, MissingExtra: as `lines` does.
        """

    def anomalies(self, start: date, end: date) -> tuple[ProviderAnomaly, ...]:
        """Return what it found abnormal by itself in these days.

        Raises:
            Retry, NotAllowed, NotPossible, BadRequest, BadSetting, MissingExtra: as `lines` does.
        """


class ProviderViews(Protocol):
    """What providers forecast and found, as each was last asked. Use from any thread and any number of processes."""

    def keep(self, view: ProviderView) -> None:
        """Keep a view in place of the older one of its name; one that is older than what is kept is let go."""

    def all(self) -> tuple[ProviderView, ...]:
        """Return the newest view of each name, by name."""


@dataclass(frozen=True)
class MonthAhead:
    """What one calendar month was billed so far, and what is forecast for the rest of it.

    Attributes:
        first, last: of the month; as_of: the last day with costs that is over.
        spent: from the first day to `as_of`, by currency, without taxes and credits; `query`: SQL that gives it again.
        rest: for the days after `as_of` up to the last, by currency.
    """

    first: date
    last: date
    as_of: date
    spent: Mapping[str, float]
    rest: tuple[CostForecast, ...]
    query: str


@dataclass(frozen=True)
class BudgetAhead:
    """How a budget stands; `query`: SQL that gives what was spent of it again."""

    outlook: BudgetOutlook
    query: str


class CostOutlook(Protocol):
    """Tells what costs will be, as reports of costs do. Use from any thread."""

    def month(self, service: str = "") -> MonthAhead | None:
        """Return what the month comes to in which the day after the newest whole one lies.

        None where no whole day was billed.

        Args:
            service: what is billed, exact; empty: all.

        Raises:
            BadRequest: the store hit a limit.
            StoreUnavailable: try again later.
        """

    def budgets(self) -> tuple[BudgetAhead, ...]:
        """Return how each budget that costs belong to stands; none where none is set.

        Raises:
            BadRequest: the store hit a limit.
            StoreUnavailable: try again later.
        """
