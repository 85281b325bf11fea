"""The incident that answers why a cost rose: the watch over costs has kept it, and its analysis has the cause.

It is one of a cost, live or of late, of the service or the account that the question names, in the time that it names;
where it names none, the gravest. A question that names a service is not answered by another's incident.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bdp.explain.agents.bench import Span
from bdp.explain.agents.named import formed, lowered, stored
from bdp.explain.agents.question import Question
from bdp.explain.agents.tools.days import DAY, midnight
from bdp.model.anomaly import SEVERITIES, AnomalyKind
from bdp.model.incident import LIVE, Incident
from bdp.model.title import titled
from bdp.ports import Incidents

_LATE: Final = timedelta(days=31)
_MOST: Final = 500
_BESIDE: Final = 3


def caused_by(question: Question, incidents: Incidents, now: datetime) -> Question:
    """Return the question with the incidents that answer it; as it was where it asks for no cause, or none does."""
    if question.incident_id or not question.why or "cost" not in question.topics:
        return question
    listed = [one for one in incidents.list(limit=_MOST) if _is_of_cost(one) and _is_of_late(one, question, now)]
    text = lowered(formed(question.text))
    accounts = {said.name for said in stored(text, {one.subject.account for one in listed if one.subject.account})}
    accounts.update(question.accounts)
    about = [one for one in listed if _is_about(one, question, accounts)]
    if not about:
        return question
    gravest = sorted(about, key=lambda one: (SEVERITIES.index(one.severity), -one.last_seen.timestamp()))
    # Looked at are the incident's days, beside as many before.
    first = gravest[0]
    span = question.span or Span(midnight(first.start_time), midnight(first.last_seen) + DAY)
    ids = tuple(one.incident_id for one in gravest[: _BESIDE + 1])
    missing = tuple(word for word in question.missing if not _is_part_of(word, accounts))
    return replace(question, incident_id=ids[0], found_in=ids, missing=missing, span=span)


def _is_about(one: Incident, question: Question, accounts: set[str]) -> bool:
    if accounts and one.subject.account not in accounts:
        return False
    if question.names:
        return one.subject.service in question.names
    return bool(accounts) or not question.missing


def _is_part_of(word: str, accounts: set[str]) -> bool:
    return any(word.casefold() in one.casefold() for one in accounts)


def _is_of_cost(one: Incident) -> bool:
    """Say whether it is of a cost: what is listed comes without the timeline, which says so."""
    return one.kind is AnomalyKind.COST or one.title == titled(AnomalyKind.COST, one.subject)


def _is_of_late(one: Incident, question: Question, now: datetime) -> bool:
    if question.span is not None:
        return one.start_time < question.span.end and one.last_seen + DAY > question.span.start
    return one.status in LIVE or one.last_seen >= now - _LATE
