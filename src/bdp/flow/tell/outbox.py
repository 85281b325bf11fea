"""The outbox: what people are to be told is written down first, then sent by the courier until each channel has it.

That an incident began is written in the transaction in which it begins (`announced`); all else is posted.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from bdp.clock import Clock
from bdp.flow.tell.incident_notice import opened_message
from bdp.flow.tell.triage import AlertingSettings
from bdp.model.action import Message, MessageForm
from bdp.model.anomaly import AnomalyKind
from bdp.model.incident import Incident
from bdp.ports import Alerts

TOLD_AS_INSIGHTS = frozenset({AnomalyKind.METRIC, AnomalyKind.FABRIC})
"""People are told of the insights behind these, see `bdp.flow.tell.alerting`."""

COSTS_COME_LATE: Final = timedelta(days=4)
"""A day's bill is known a day or two after it is over, and corrected for some more; it is news all the same."""

Say = Callable[[Incident], Message | None]


class Outbox:
    """Posts messages at the present time."""

    def __init__(self, alerts: Alerts, clock: Clock) -> None:
        self._alerts = alerts
        self._clock = clock

    def post(self, form: MessageForm, message: Message, detected_at: datetime | None = None) -> bool:
        """Write a message, to be sent to each channel once; False if its key was written before.

        Args:
            detected_at: when the first of what it tells was detected; None: now.

        Raises:
            StoreUnavailable: nothing was written; post it again.
        """
        now = self._clock.now()
        return self._alerts.post(form, message, detected_at or now, now)


def opening(incident: Incident) -> Message | None:
    """Return what people are told of an incident that begins; None where its insights tell it."""
    return None if incident.kind in TOLD_AS_INSIGHTS else opened_message(incident)


def is_old(incident: Incident, settings: AlertingSettings) -> bool:
    """Return whether it was found too long after it happened, as in a replay."""
    late = COSTS_COME_LATE if incident.kind is AnomalyKind.COST else timedelta()
    return incident.opened_at - incident.last_seen > late + timedelta(seconds=settings.old_seconds)
