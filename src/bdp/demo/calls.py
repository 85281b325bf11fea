"""Plays call trees: one event for each call, callees before callers, failures handed on along the trace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np

from bdp.demo.columns import MINUTE_US, Bools, Floats, Ints, Row, hex_ids, rfc3339, ulids
from bdp.demo.company import CUSTOMER_IPS, RELEASES, SERVICES, Call, attributes_of, customer_of, released
from bdp.demo.failures import FAILURES, FAULTS, NOISE, Failure, Fault

FINE = -1
"""No failure."""
_HANDED_ON = {504: 502}
"""What a caller answers when its callee answered this; 503 for the other 5xx, and a refusal is passed on as it is."""


@dataclass(frozen=True)
class Traces:
    """Columns of traces: one row each."""

    trace: list[str]
    customer: Ints

    def take(self, rows: Ints) -> Traces:
        """Return the traces at these rows."""
        return Traces([self.trace[row] for row in rows.tolist()], self.customer[rows])


class World(Protocol):
    """What calls meet."""

    def versions(self, service: str, host: Ints, start: Ints) -> Ints:
        """Return for each call the place of the version that its host runs, see `attributes_of`."""

    def strike(self, rng: np.random.Generator, call: Call, start: Ints, version: Ints) -> Ints:
        """Return for each call the index of the failure it meets by itself, or -1."""


class PlannedDay:
    """The world of the seeded day: releases and faults by the minute."""

    def versions(self, service: str, host: Ints, start: Ints) -> Ints:
        """Return the version by the day's releases."""
        return _versions(service, host, start)

    def strike(self, rng: np.random.Generator, call: Call, start: Ints, version: Ints) -> Ints:
        """Return failures by the day's noise and its planted faults."""
        return _strike(rng, call, start, version)


class Player:
    """Plays calls of one day and keeps their events.

    Attributes:
        events: (microsecond of the day, canonical event), unsorted.
    """

    def __init__(self, day: date, rng: np.random.Generator, world: World | None = None) -> None:
        self.events: list[tuple[int, Row]] = []
        self._day = day
        self._rng = rng
        self._world = world or PlannedDay()

    def play(self, call: Call, traces: Traces, start: Ints, parents: list[str]) -> tuple[Ints, Ints]:
        """Play one call for every trace.

        Returns:
            when each call ended (microsecond of the day), and the index of its failure, -1 for none. A failure that a
            callee had is returned as the callee's: it is the reason.
        """
        rng, count = self._rng, len(start)
        host = rng.integers(0, SERVICES[call.service].hosts, count)
        version = self._world.versions(call.service, host, start)
        reason = self._world.strike(rng, call, start, version)
        own = call.own_ms * 1000 * rng.lognormal(0, call.sigma, count)
        took = np.where(reason == FINE, own, _failing_us(rng, reason))
        spans = hex_ids(rng, count, 16)
        cursor, blamed = self._play_children(call, traces, start + (took * 0.4).astype(np.int64), spans, reason)
        end = cursor + (took * 0.6).astype(np.int64) + 150
        columns = _Columns(call, traces, start, end, spans, parents, host, version, reason, blamed)
        self._emit(columns)
        return end, reason

    def _play_children(
        self, call: Call, traces: Traces, cursor: Ints, spans: list[str], reason: Ints
    ) -> tuple[Ints, Ints]:
        """Return when the last child ended and which child failed; write the child's failure into `reason`."""
        blamed = np.full(len(cursor), FINE)
        for place, child in enumerate(call.children):
            rows = np.flatnonzero(reason == FINE)
            parents = [spans[row] for row in rows.tolist()]
            cursor[rows], reason[rows] = self.play(child, traces.take(rows), cursor[rows], parents)
            blamed[rows[reason[rows] != FINE]] = place
        return cursor, blamed

    def _emit(self, columns: _Columns) -> None:
        call, end = columns.call, columns.end
        took = ((end - columns.start) / 1000).round(3)
        keys = ulids(self._rng, self._day, end)
        attributes, _ = attributes_of(call.service)
        attributes = [{**each, "http.request.method": call.method} for each in attributes]
        place = (columns.version * SERVICES[call.service].hosts + columns.host).tolist()
        outcomes = _outcomes(self._rng, columns, took)
        rows = zip(
            end.tolist(), keys, rfc3339(self._day, end), took.tolist(), outcomes, place, columns.traces.trace,
            columns.spans, columns.parents, columns.traces.customer.tolist(), strict=True,
        )  # fmt: skip
        self.events += [
            (
                us,
                {
                    "event_id": key, "ts": ts, "service": call.service, "route": call.path,
                    "level": outcome[0], "error_code": outcome[1], "status": outcome[2], "duration_ms": ms,
                    "message": outcome[3], "trace_id": trace, "span_id": span, "parent_id": parent,
                    "user_id": customer_of(customer), "client_ip": CUSTOMER_IPS[customer],
                    "attributes": attributes[where],
                },
            )
            for us, key, ts, ms, outcome, where, trace, span, parent, customer in rows
        ]  # fmt: skip


@dataclass(frozen=True)
class _Columns:
    call: Call
    traces: Traces
    start: Ints
    end: Ints
    spans: list[str]
    parents: list[str]
    host: Ints
    version: Ints
    reason: Ints
    blamed: Ints


_Outcome = tuple[str, str, int, str]
"""Level, error code, status, message."""


def _versions(service: str, host: Ints, start: Ints) -> Ints:
    version = np.zeros(len(start), dtype=np.int64)
    for place, release in enumerate((r for r in RELEASES if r.service == service), start=1):
        version[released(release, host, start // MINUTE_US)] = place
    return version


def _strike(rng: np.random.Generator, call: Call, start: Ints, version: Ints) -> Ints:
    """Return for each call the index of the failure it meets by itself, or -1."""
    reason = np.full(len(start), FINE)
    for share, failure in NOISE.get(call.service, ()):
        reason[rng.random(len(start)) < share] = FAILURES.index(failure)
    for fault in FAULTS:
        if fault.service == call.service and call.path in fault.paths:
            reason[_hit(rng, fault, start, version)] = FAILURES.index(fault.failure)
    return reason


def _hit(rng: np.random.Generator, fault: Fault, start: Ints, version: Ints) -> Bools:
    minute = start / MINUTE_US
    strength = np.clip((minute - fault.start) / fault.ramp, 0.15, 1.0) if fault.ramp else 1.0
    hit = (minute >= fault.start) & (minute < fault.end) & (rng.random(len(start)) < fault.share * strength)
    if fault.version:
        _, versions = attributes_of(fault.service)
        hit &= version == versions.index(fault.version)
    return np.asarray(hit)


def _failing_us(rng: np.random.Generator, reason: Ints) -> Floats:
    bounds = np.array([(failure.low_ms, failure.high_ms) for failure in FAILURES] + [(0.0, 1.0)])
    low, high = bounds[reason, 0], bounds[reason, 1]
    return np.asarray((low + (high - low) * rng.random(len(reason))) * 1000)


def _outcomes(rng: np.random.Generator, columns: _Columns, took: Floats) -> list[_Outcome]:
    call, numbers = columns.call, rng.integers(10_000, 99_999, len(took)).tolist()
    line, prefix = f"{call.method} {call.path.replace('{sku}', '%s')} 200 in %.1f ms", "sku-%d"
    with_sku = "{sku}" in call.path
    outcomes: list[_Outcome] = [
        ("INFO", "", 200, line % ((prefix % number, ms) if with_sku else ms))
        for number, ms in zip(numbers, took.tolist(), strict=True)
    ]
    failed = np.flatnonzero(columns.reason != FINE)
    for row in failed.tolist():
        failure = FAILURES[columns.reason[row]]
        if columns.blamed[row] != FINE:
            callee = call.children[columns.blamed[row]]
            outcomes[row] = _handed_on(call, callee, failure, float(took[row]))
        else:
            user = customer_of(int(columns.traces.customer[row]))
            outcomes[row] = outcome_of(rng, failure, user, float(took[row]))
    return outcomes


def outcome_of(rng: np.random.Generator, failure: Failure, user: str, ms: float) -> _Outcome:
    """Return level, code, status and message of one failed call."""
    template = failure.messages[int(rng.integers(len(failure.messages)))]
    message = template.format(
        hex=rng.bytes(6).hex(), n=int(rng.integers(10_000, 99_999)), small=int(rng.integers(2, 60)), ms=round(ms),
        sku=f"sku-{int(rng.integers(10_000, 99_999))}", user=user,
    )  # fmt: skip
    return failure.level, failure.code, failure.status, message


def _handed_on(call: Call, callee: Call, failure: Failure, ms: float) -> _Outcome:
    """Return how a caller tells of a failure below it; what refuses one customer is no error of the caller."""
    if failure.status < 500:
        return "INFO", "", failure.status, f"{call.method} {call.path} {failure.status} in {ms:.1f} ms"
    status = _HANDED_ON.get(failure.status, 503)
    where = f"{callee.method} http://{callee.service}.svc{callee.path}"
    return "ERROR", call.wrapped, status, f"{call.method} {call.path} {status} in {ms:.1f} ms: {where} failed"
