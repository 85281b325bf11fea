"""Watches over costs: judges the newest days as they come in, and keeps what is abnormal in the incident list.

A delivery comes in many batches, so a look waits until nothing has come for a while. Each look judges the newest days
anew (`review_days`), restated ones with them. However many processes look, each spike is one anomaly: its id follows
from whose costs they are and the day on which it began.

A spike that is over ends its anomaly, and so does a day that was restated to a usual one; a spike that goes on lets it
grow, also where a look dates its beginning anew. An account whose newest days are late has not ended anything yet.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import structlog

from bdp.detect.signature import TEMPLATE_CHARS, signature
from bdp.errors import BdpError
from bdp.flow.costs import Costs
from bdp.flow.daily_costs import CostQuery
from bdp.ids import derived
from bdp.model.anomaly import Anomaly, AnomalyEnd, AnomalyKind, AnomalyProgress, Severity, Subject
from bdp.model.cost_result import CostKey, CostResult
from bdp.model.incident import LIVE, Incident
from bdp.ports import Incidents

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 10.0
_PATIENCE: Final = 12
"""Polls after which a delivery that does not end is looked at all the same."""
_MOST: Final = 500
"""Anomalies told in one look; the dearest are."""
_DAY: Final = timedelta(days=1)


class CostWatch:
    """Looks when costs have come in.

    Args:
        on_incident: called with each incident that is new.
        on_quiet: called with the id of each whose spike is over.
    """

    def __init__(
        self,
        costs: Costs,
        incidents: Incidents,
        on_incident: Callable[[Incident], None],
        on_quiet: Callable[[str], None],
    ) -> None:
        self._costs = costs
        self._incidents = incidents
        self._on_incident = on_incident
        self._on_quiet = on_quiet
        self._judged = self._seen = 0
        self._waited = 0

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set."""
        while not stop.wait(POLL_SECONDS):
            try:
                self.poll()
            except BdpError as error:
                # What came in is still there: the next poll looks again.
                log.warning("costs.not_judged", reason=str(error))

    def poll(self, *, at_once: bool = False) -> bool:
        """Look if costs have come in and no more have since the last poll; return whether it looked.

        Args:
            at_once: what came in is known to be all.
        """
        lines = int(self._costs.store.query("SELECT count() AS lines FROM costs")[0]["lines"])
        if lines == self._judged or not lines:
            self._seen = lines
            return False
        settled, self._seen = lines == self._seen, lines
        self._waited += 1
        if not (settled or at_once) and self._waited < _PATIENCE:
            return False
        self._waited = 0
        self.review(self._costs.settings.review_days)
        self._judged = lines
        return True

    def review(self, days: int = 0) -> list[Incident]:
        """Judge the newest days and keep what is abnormal; return the incidents that are new.

        Args:
            days: how many; 0: all that there are.

        Raises:
            BadRequest: the store hit a limit.
            StoreUnavailable: try again later.
        """
        reviewed = self._costs.review(CostQuery(), judged=days)
        if reviewed is None:
            return []
        opened: list[Incident] = []
        found = reviewed.anomalies()
        going_on = reviewed.going_on()
        if len(found) > _MOST:
            log.warning("costs.anomalies_left_out", found=len(found), told=_MOST)
        unended = {one.signature: one for one in self._unended()}
        # The oldest first, so that an incident's days come in their order.
        for one in sorted(found[:_MOST], key=lambda one: (one.spike_start_date or one.day, str(one.key))):
            opened += self._keep(one, unended, is_over=going_on.get(one.key) != one.spike_start_date)
        still = {signature_of(key) for key in going_on}
        self._end_gone([one for one in unended.values() if one.signature not in still])
        return opened

    def _keep(self, one: CostResult, unended: Mapping[str, Incident], *, is_over: bool) -> Iterator[Incident]:
        anomaly = _dated_as_before(anomaly_of(one), unended)
        incident, is_new = self._incidents.record(anomaly, self._costs.clock.now())
        if is_new:
            log.info("incident.opened", incident_id=incident.incident_id, title=incident.title)
            self._on_incident(incident)
            yield incident
        last = _midnight(one.day)
        if one.spike_duration_days > 1:
            total = float(one.spike_duration_days)
            self._incidents.progress(AnomalyProgress(anomaly_id=anomaly.anomaly_id, last_seen=last, total=total))
        if is_over:
            quiet = self._incidents.end(_end(anomaly, one, last))
            if quiet is not None:
                self._on_quiet(quiet)

    def _unended(self) -> Iterator[Incident]:
        """Return live incidents without an end, those of other kinds too."""
        for status in LIVE:
            yield from (one for one in self._incidents.list(status, limit=_MOST) if one.end_time is None)

    def _end_gone(self, gone: Iterable[Incident]) -> None:
        """End what is abnormal no more: it was restated, has become the usual cost, or is told no more."""
        for one in map(self._incidents.get, [one.incident_id for one in gone if not one.subject.route]):
            if one.kind is not AnomalyKind.COST or one.end_time is not None:
                continue
            totals = [max(1.0, one.events - len(one.members) + 1), *[1.0] * (len(one.members) - 1)]
            ended = [
                self._incidents.end(
                    AnomalyEnd(
                        anomaly_id=member, kind=AnomalyKind.COST, signature=one.signature, end_time=one.last_seen,
                        peak=0.0, total=total,
                    )
                )
                for member, total in zip(one.members, totals, strict=True)
            ]  # fmt: skip
            if any(ended):
                self._on_quiet(one.incident_id)


def anomaly_of(one: CostResult) -> Anomaly:
    """Return the anomaly that a spike is, as of the newest of its days; what it grows to is told by its progress."""
    key, start = one.key, one.spike_start_date or one.day
    whose = (key.provider_name, key.billing_account_id, key.account_id, key.service_name, key.currency)
    return Anomaly(
        anomaly_id=derived(_midnight(start), AnomalyKind.COST.value, *whose, start.isoformat()),
        kind=AnomalyKind.COST,
        subject=_subject(key),
        signature=signature_of(key),
        severity=one.severity or Severity.LOW,
        start_time=_midnight(start),
        detected_at=_midnight(one.day),
        count=one.current_cost,
        threshold=one.expected_high,
        expected=one.expected_cost,
        window_seconds=round(_DAY.total_seconds()),
        never_seen=False,
        templates=(_opening(one.analysis),),
        trace_ids=(),
    )


def signature_of(key: CostKey) -> str:
    """Return the signature of whatever is abnormal in these costs."""
    return signature(AnomalyKind.COST, _subject(key), (key.account_id, key.currency))


def _subject(key: CostKey) -> Subject:
    return Subject(service=key.service_name, account=key.account)


def _dated_as_before(anomaly: Anomaly, unended: Mapping[str, Incident]) -> Anomaly:
    """Return it as the anomaly that has been going on, where a look at other days dates its beginning anew."""
    known = unended.get(anomaly.signature)
    if known is None or not known.members:
        return anomaly
    if anomaly.start_time > known.last_seen + _DAY or anomaly.detected_at < known.start_time:
        return anomaly
    return anomaly.model_copy(update={"anomaly_id": known.members[-1]})


def _end(anomaly: Anomaly, one: CostResult, last: datetime) -> AnomalyEnd:
    return AnomalyEnd(
        anomaly_id=anomaly.anomaly_id,
        kind=AnomalyKind.COST,
        signature=anomaly.signature,
        end_time=last,
        peak=one.current_cost,
        total=float(max(1, one.spike_duration_days)),
    )


def _opening(text: str) -> str:
    """Return as many whole sentences of a text as a template may have."""
    cut = text[:TEMPLATE_CHARS]
    if len(text) <= TEMPLATE_CHARS:
        return text
    return cut[: cut.rindex(". ") + 1] if ". " in cut else cut


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
