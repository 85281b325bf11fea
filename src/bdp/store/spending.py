"""What models may cost and did: budgets, rates, calls, and sums by day, shared by all workers.

Whoever reserves or settles is alone: on SQLite a write transaction is, on PostgreSQL all queue for one row; what is
read after that is what is committed. Running totals are kept by hour, day, month and incident, so that a check reads a
few rows however many calls there were. A call is settled into the periods that it was reserved in.

A reservation is on disk before its request is sent. A settlement does not wait for the disk: if the machine fails and
it is lost, its reservation stands and is settled in full by `expire`, so that no budget is ever exceeded by it.

A budget refuses what does not fit. It is *at its limit* only once most of it is spent as well, see `FULL_PERCENT`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection, and_, bindparam, delete, or_, select, update

from bdp.errors import BadRequest
from bdp.model.decision import AuditEntry
from bdp.model.spending import NANO, Bill, Bounds, CostLine, Demand, Grant, Reason, Standing
from bdp.store.audit import write_down
from bdp.store.database import Database, add_up, insert, storable
from bdp.store.rates import Rates, give_back, names_of
from bdp.store.spending_tables import spending_calls, spending_days, spending_gate, spending_periods
from bdp.telemetry import LLM_OVER_RESERVATION

log = structlog.get_logger(__name__)

SCOPES = ("hour", "day", "month", "incident")
AUDITED = "spending"
FULL_PERCENT = 90
"""A budget that has no room for a request is at its limit if so much of it is spent; only then people are told, and all
is stopped if that is the policy. A request is reserved by an upper bound, several times what it takes: one that does
not fit into a budget hardly used tells of its prompt, and most of what others have reserved comes back."""
_BUDGETS = ("month", "day", "incident")  # the widest first: raising a narrower one would not help
_ACTOR = "bdp"
_EXPIRED = "expired"
_AT_ONCE = 200
_MOST = 10**15
"""Nano-dollars or tokens of one call; whoever names more is wrong, and sums of more would not fit into a column."""
_REFUSED = (Reason.THROTTLED, Reason.ACCESS, Reason.REJECTED)
"""What a provider counts no tokens for."""
_UNSENT = (Reason.UNSENT, Reason.BREAKER)
"""Nothing was sent: nothing counts, neither money nor tokens nor the request."""

_periods, _calls = spending_periods.c, spending_calls.c
_GATE = select(spending_gate.c.stopped_at).where(spending_gate.c.gate_id == 1)
_ENTER = _GATE.with_for_update()
_TOTALS = select(_periods.scope, _periods.spent, _periods.reserved, _periods.granted, _periods.refused_above).where(
    or_(*(and_(_periods.scope == scope, _periods.period == bindparam(scope)) for scope in SCOPES))
)
_CLOSE = (
    update(spending_calls)
    .where(_calls.call_id == bindparam("closed"), _calls.settled_at.is_(None))
    .values(settled_at=bindparam("ended"))
    .returning(spending_calls)
)
_LOST = select(_calls.call_id, _calls.nano_usd).where(_calls.settled_at.is_(None), _calls.at < bindparam("before"))
_TOTALLED = ("spent", "reserved", "granted")
_TOLD = ("tokens_in", "tokens_out", "tokens_cached", "nano_usd")
_SUMMED = ("calls", "failed", *_TOLD)


class _Total(NamedTuple):
    spent: int
    reserved: int
    granted: int
    refused_above: int | None


_NOTHING = _Total(0, 0, 0, None)


class _Refusal(NamedTuple):
    reason: Reason
    stops: bool
    """The budget is one of all requests, and at its limit."""


class SqlSpending:
    """`bdp.ports.Spending` in the state database.

    Args:
        monotonic: seconds that never go back: a demand's time is moved on by what it waited here for its turn.
    """

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic

    def reserve(self, demand: Demand, bounds: Bounds) -> Grant:
        """Reserve money and a place within the rates, all or nothing, in one transaction.

        What costs nothing needs no budget. A demand that was reserved before, by its `call_id`, stays as it is.
        """
        if demand.tokens > (bounds.tokens_per_minute or _MOST) or demand.nano_usd > _MOST:
            return Grant(reason=Reason.REJECTED)
        began = self._monotonic()
        with self._database.write() as connection:
            if _enter(connection) is not None:
                return Grant(reason=Reason.STOPPED)
            refusal = _refusal(connection, demand, bounds)
            if refusal is not None:
                if bounds.stops and refusal.stops:
                    _stop(connection, demand.at, _ACTOR, refusal.reason)
                return Grant(reason=refusal.reason)
            waited = self._monotonic() - began
            rates = Rates(connection, demand, bounds, demand.at.timestamp() + waited)
            wait = rates.wait()
            if wait:
                return Grant(reason=Reason.RATE, wait_seconds=wait)
            if _open_call(connection, demand, rates.second):
                rates.take()
                _add(connection, demand.at, demand.incident_id, reserved=demand.nano_usd)
            return Grant(waited_seconds=waited)

    def settle(self, bill: Bill) -> None:
        """Replace a reservation by what it took; once by `call_id`, unknown ids are ignored.

        A bill above its reservation is booked as it is: the money is gone. One of a request that was never sent gives
        all of it back, its place within the rates too, and is in no sums by day.
        """
        most = 0 if bill.outcome in _UNSENT else _MOST
        bill = bill.model_copy(update={name: min(getattr(bill, name), most) for name in _TOLD})
        with self._database.write(lasting=False) as connection:
            _enter(connection)
            call = _close(connection, bill.call_id, bill.ended_at)
            if call is None:
                return
            _book(connection, call, bill)
            _return_place(connection, call, bill)
        if bill.nano_usd > call["nano_usd"]:
            LLM_OVER_RESERVATION.labels(provider=call["provider"]).inc()
            over = {"reserved_usd": call["nano_usd"] / NANO, "billed_usd": bill.nano_usd / NANO}
            log.warning("spending.over_reservation", call_id=bill.call_id, model=call["model"], **over)

    def expire(self, before: datetime) -> int:
        """Settle in full what was reserved before this time and never settled (its process died); return how many."""
        total = 0
        while True:
            with self._database.write() as connection:
                _enter(connection)
                lost = connection.execute(_LOST.limit(_AT_ONCE), {"before": before}).all()
                for call_id, nano_usd in lost:
                    call = _close(connection, call_id, before)
                    bill = Bill(call_id=call_id, ended_at=before, outcome=_EXPIRED, seconds=0, nano_usd=nano_usd)
                    if call is not None:
                        _book(connection, call, bill)
            total += len(lost)
            if len(lost) < _AT_ONCE:
                return total

    def standings(self, at: datetime, bounds: Bounds, incident_id: str = "") -> list[Standing]:
        """Return how the hour, the day and the month of `at` stand, and the incident if one is given."""
        limits = _limits(bounds)
        periods = periods_of(at, incident_id)
        with self._database.read() as connection:
            found = _totals(connection, periods)
        return [
            _standing(scope, period, found.get(scope, _NOTHING), limits.get(scope)) for scope, period in periods.items()
        ]

    def allow(self, name: str, period: str, nano_usd: int, by: str, at: datetime) -> None:
        """Let a person put more on one budget: `day`, `month` or `incident`, for that period only.

        Raises:
            BadRequest: no such budget, or less than nothing.
        """
        if name not in _BUDGETS or not period:
            raise BadRequest(f"There is no budget for {name[:40]!r}.", "Name day, month or incident.")
        if nano_usd <= 0:
            raise BadRequest("More than nothing has to be put on a budget.", "Give an amount above 0.")
        with self._database.write() as connection:
            _enter(connection)
            add_up(connection, spending_periods, [_delta(name, period, at, granted=nano_usd)], _TOTALLED)
            detail = {"name": name, "period": period, "usd": nano_usd / NANO}
            _write_down(connection, at, by, "spending.allow", detail)

    def stopped(self) -> datetime | None:
        """Return since when requests are stopped, None if they are not."""
        with self._database.read() as connection:
            found: datetime | None = connection.scalar(_GATE)
            return found

    def stop(self, at: datetime, by: str) -> None:
        """Stop all requests until `resume`; idempotent."""
        with self._database.write() as connection:
            if _enter(connection) is None:
                _stop(connection, at, by)

    def resume(self, at: datetime, by: str) -> None:
        """Let requests go on; idempotent."""
        with self._database.write() as connection:
            since = _enter(connection)
            if since is not None:
                connection.execute(update(spending_gate).values(stopped_at=None))
                _write_down(connection, at, by, "spending.resume", {"stopped_at": since})

    def costs(self, since: date, until: date) -> list[CostLine]:
        """Return what was spent on the days from `since` up to but not including `until`, dearest first."""
        days = spending_days.c
        query = select(spending_days).where(days.day >= since, days.day < until)
        order = (days.nano_usd.desc(), days.calls.desc(), days.day, days.agent, days.provider, days.model)
        with self._database.read() as connection:
            return [CostLine(**row) for row in connection.execute(query.order_by(*order)).mappings()]

    def forget(self, before: datetime) -> int:
        """Let go of single calls before this time, and of hours and incidents last used then; sums by day stay."""
        calls = delete(spending_calls).where(_calls.at < before, _calls.settled_at.is_not(None))
        passing = _periods.scope.in_(("hour", "incident"))
        periods = delete(spending_periods).where(passing, _periods.used_at < before, _periods.reserved == 0)
        with self._database.write() as connection:
            _enter(connection)
            connection.execute(periods)
            return connection.execute(calls).rowcount


def periods_of(at: datetime, incident_id: str = "") -> dict[str, str]:
    """Return the periods (UTC) that a request at this time is counted in, by scope."""
    at = at.astimezone(UTC)
    found = {"hour": f"{at:%Y-%m-%dT%H}", "day": f"{at:%Y-%m-%d}", "month": f"{at:%Y-%m}"}
    return found | {"incident": storable(incident_id)} if incident_id else found


def _enter(connection: Connection) -> datetime | None:
    """Wait until no other is inside; return since when all is stopped."""
    found: datetime | None = connection.scalar(_ENTER)
    return found


def _limits(bounds: Bounds) -> dict[str, int | None]:
    return {"incident": bounds.incident_usd, "day": bounds.day_usd, "month": bounds.month_usd}


def _totals(connection: Connection, periods: Mapping[str, str]) -> dict[str, _Total]:
    chosen = {scope: periods.get(scope, "") for scope in SCOPES}
    return {scope: _Total(*sums) for scope, *sums in connection.execute(_TOTALS, chosen)}


def _standing(scope: str, period: str, total: _Total, limit: int | None) -> Standing:
    limit = None if limit is None else limit + total.granted
    refused = limit is not None and total.refused_above is not None and total.refused_above >= limit
    return Standing(
        name=scope, period=period, limit=limit, spent=total.spent, reserved=total.reserved, refused=refused
    )  # fmt: skip


def _refusal(connection: Connection, demand: Demand, bounds: Bounds) -> _Refusal | None:
    """Return which budget has no room for it, None if each has; note it there if it is at its limit."""
    limits, periods = _limits(bounds), periods_of(demand.at, demand.incident_id)
    if not demand.nano_usd or all(limit is None for limit in limits.values()):
        return None
    found = _totals(connection, periods)
    for scope in _BUDGETS:
        limit, total = limits[scope], found.get(scope, _NOTHING)
        if limit is None or scope not in periods:
            continue
        limit += total.granted
        if total.spent + total.reserved + demand.nano_usd > limit:
            full = total.spent * 100 >= limit * FULL_PERCENT
            if full and total.refused_above != limit:
                row = _delta(scope, periods[scope], demand.at) | {"refused_above": limit}
                add_up(connection, spending_periods, [row], _TOTALLED, ("used_at", "refused_above"))
            return _Refusal(Reason(f"{scope}_budget"), full and scope != "incident")
    return None


def _open_call(connection: Connection, demand: Demand, second: int) -> bool:
    """Return False if it was opened before."""
    row = dict(demand) | {"second": second, "settled_at": None}
    query = insert(connection, spending_calls).on_conflict_do_nothing().returning(_calls.call_id)
    return connection.execute(query, row).first() is not None


def _close(connection: Connection, call_id: str, at: datetime) -> Mapping[str, Any] | None:
    """Return the call, None if it is unknown or was closed before."""
    row = connection.execute(_CLOSE, {"closed": call_id, "ended": at}).mappings().one_or_none()
    return None if row is None else dict(row)


def _book(connection: Connection, call: Mapping[str, Any], bill: Bill) -> None:
    _add(connection, call["at"], call["incident_id"], spent=bill.nano_usd, reserved=-call["nano_usd"])
    if bill.outcome in _UNSENT:
        return
    row = {name: getattr(bill, name) for name in _TOLD}
    row |= {name: call[name] for name in ("agent", "provider", "model")}
    row |= {"day": call["at"].date(), "calls": 1, "failed": int(bill.outcome != "ok")}
    add_up(connection, spending_days, [row], _SUMMED)


def _return_place(connection: Connection, call: Mapping[str, Any], bill: Bill) -> None:
    used = bill.tokens_in + bill.tokens_out
    unsent = bill.outcome in _UNSENT
    known = used > 0 or unsent or bill.outcome in _REFUSED
    if unsent or (known and used != call["tokens"]):
        names = names_of(call["provider"], call["agent"])
        give_back(connection, names, call["second"], call["tokens"] - used, int(unsent))


def _add(connection: Connection, at: datetime, incident_id: str, *, spent: int = 0, reserved: int = 0) -> None:
    if spent or reserved:
        chosen = periods_of(at, incident_id).items()
        rows = [_delta(scope, period, at, spent=spent, reserved=reserved) for scope, period in chosen]
        add_up(connection, spending_periods, rows, _TOTALLED, ("used_at",))


def _delta(scope: str, period: str, at: datetime, *, spent: int = 0, reserved: int = 0, granted: int = 0) -> Any:
    return {
        "scope": scope, "period": period, "used_at": at, "spent": spent, "reserved": reserved, "granted": granted,
    }  # fmt: skip


def _stop(connection: Connection, at: datetime, by: str, reason: str = "") -> None:
    connection.execute(update(spending_gate).values(stopped_at=at))
    _write_down(connection, at, by, "spending.stop", {"reason": reason})


def _write_down(connection: Connection, at: datetime, by: str, action: str, detail: dict[str, Any]) -> None:
    write_down(connection, AuditEntry(at=at, actor=by, action=action, object=AUDITED, detail=detail))
