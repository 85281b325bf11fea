"""What asking language models needs of the state: money and rates that all workers share, and questions that wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from bdp.model.inquiry import Advice, Inquiry, InquiryCounts
from bdp.model.spending import Bill, Bounds, CostLine, Demand, Grant, Standing


class Spending(Protocol):
    """Money and rates of all workers together. Use from any thread and any number of processes."""

    def reserve(self, demand: Demand, bounds: Bounds) -> Grant:
        """Reserve money and a place within the rates, all or nothing, in one transaction.

        What costs nothing needs no budget, so that a free model answers when the money is gone. More tokens than fit
        into an empty minute are `Reason.REJECTED`. A `call_id` that was reserved before stays as it was.

        Raises:
            StoreUnavailable: nothing is reserved.
        """

    def settle(self, bill: Bill) -> None:
        """Replace a reservation by what it took; once by `call_id`, unknown ids are ignored.

        A bill above its reservation is booked as it is. Tokens that were not used are given back to the rates if the
        bill tells any, or if the provider refused the request. Of a request that was never sent (`Reason.UNSENT`,
        `Reason.BREAKER`) nothing counts: neither money nor tokens nor the request itself.

        Raises:
            StoreUnavailable: the reservation stands; settle again.
        """

    def expire(self, before: datetime) -> int:
        """Settle in full what was reserved before this time and never settled (its process died); return how many."""

    def standings(self, at: datetime, bounds: Bounds, incident_id: str = "") -> list[Standing]:
        """Return how the hour, the day and the month of `at` stand, and the incident if one is given."""

    def allow(self, name: str, period: str, nano_usd: int, by: str, at: datetime) -> None:
        """Let a person put more on one budget: `day`, `month` or `incident`, for that period only.

        It ends no stop. This, `stop` and `resume` are written to the audit log.

        Raises:
            BadRequest: no such budget, or no amount above 0.
        """

    def stopped(self) -> datetime | None:
        """Return since when requests are stopped, None if they are not."""

    def stop(self, at: datetime, by: str) -> None:
        """Stop all requests until `resume`; idempotent."""

    def resume(self, at: datetime, by: str) -> None:
        """Let requests go on; idempotent."""

    def costs(self, since: date, until: date) -> list[CostLine]:
        """Return what was spent on the days from `since` up to but not including `until`, dearest first."""

    def forget(self, before: datetime) -> int:
        """Let go of single calls before this time; the daily sums stay."""


class Inquiries(Protocol):
    """Questions about samples that wait for a model. Use from any thread and any number of processes."""

    def add_all(self, inquiries: Sequence[Inquiry], now: datetime, deadline: datetime) -> int:
        """Keep questions, each once by `inquiry_id`; return how many are new.

        Where too many wait already, none is kept.
        """

    def claim(self, now: datetime, limit: int, until: datetime, asked_before: datetime | None = None) -> list[Inquiry]:
        """Take questions that wait, riskiest first; after `until` they are free for others again.

        Args:
            asked_before: take none unless one of them was asked before this time or is critical, or `limit` wait.
        """

    def overdue(self, now: datetime, limit: int) -> list[Inquiry]:
        """Take questions whose deadline is over, claimed or not, so that they are closed with the rules' answer."""

    def close_all(self, advice: Mapping[str, Advice], now: datetime) -> set[str]:
        """Close questions, by id, and let their insights say what follows from the advice: all of it or nothing.

        Returns:
            those that this call closed; the others were closed before.
        """

    def recall(self, keys: Sequence[str], now: datetime) -> dict[str, str]:
        """Return remembered answers (JSON) by key, those that are still good."""

    def remember(self, answers: Sequence[tuple[str, str]], now: datetime, until: datetime) -> None:
        """Remember answers by key."""

    def counts(self, since: datetime, until: datetime | None = None) -> InquiryCounts:
        """Return how questions closed from `since` on, up to but not including `until`, were answered."""

    def forget(self, now: datetime) -> int:
        """Let go of what is no longer needed."""
