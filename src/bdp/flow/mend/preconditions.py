"""Preconditions of an action, asked of the store right when they count: at the decision, and again before the act."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bdp.decide.words import Words
from bdp.errors import BdpError, StoreUnavailable
from bdp.flow.mend.parts import SymptomGone
from bdp.model.analysis import Condition, ConditionKind
from bdp.model.incident import Incident
from bdp.notify.plain import one_line
from bdp.ports import Store
from bdp.sql import equals, literal

RECENT = timedelta(minutes=5)
"""A symptom that the last five minutes do not show is over."""


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Nothing(_Given):
    pass


class _OfChange(_Given):
    service: str = Field(min_length=1)
    ref: str = Field(min_length=1)


class _OfService(_Given):
    service: str = Field(min_length=1)


class _OfEvents(_OfService):
    least: int = Field(ge=1)
    minutes: int = Field(default=5, ge=1, le=1440)


class _OfMetric(_Given):
    entity: str = Field(min_length=1)
    name: str = Field(min_length=1)
    value: float
    minutes: int = Field(default=5, ge=1, le=1440)


class Preconditions:
    """Asks whether what an action requires is true now."""

    def __init__(self, store: Store, symptom_gone: SymptomGone) -> None:
        self._store = store
        self._symptom_gone = symptom_gone
        self._asked: dict[ConditionKind, Callable[[Condition, Incident, datetime], Words | None]] = {
            ConditionKind.SYMPTOM_PRESENT: self._symptom_present,
            ConditionKind.CHANGE_IS_LATEST: self._change_is_latest,
            ConditionKind.NO_CHANGE_SINCE: self._no_change_since,
            ConditionKind.EVENTS_AT_LEAST: self._events_at_least,
            ConditionKind.METRIC_ABOVE: self._metric_above,
            ConditionKind.METRIC_BELOW: self._metric_below,
        }

    def unmet(self, conditions: Sequence[Condition], incident: Incident, now: datetime) -> list[Words]:
        """Return what is not true, in words; a condition that cannot be asked counts as not true.

        Raises:
            StoreUnavailable: try again later.
        """
        found = (self._asked_of(condition, incident, now) for condition in conditions)
        return [words for words in found if words is not None]

    def _asked_of(self, condition: Condition, incident: Incident, now: datetime) -> Words | None:
        try:
            return self._asked[condition.kind](condition, incident, now)
        except StoreUnavailable:
            raise
        except (BdpError, ValidationError):
            kind = condition.kind.replace("_", " ")
            return Words(f"{kind} could not be checked", f"{kind} 조건을 확인할 수 없음")

    def _symptom_present(self, condition: Condition, incident: Incident, now: datetime) -> Words | None:
        _Nothing.model_validate(condition.parameters)
        if not self._symptom_gone(incident, now - RECENT):
            return None
        return Words("the symptom is no longer there", "증상이 더 이상 나타나지 않음")

    def _change_is_latest(self, condition: Condition, incident: Incident, now: datetime) -> Words | None:
        given = _OfChange.model_validate(condition.parameters)
        chosen = f"FROM changes WHERE {equals('service', given.service)} AND ts <= {literal(now)}"
        query = f"SELECT ref {chosen} ORDER BY ts DESC, ref LIMIT 1"
        latest = self._store.query(query)
        if latest and latest[0]["ref"] == given.ref:
            return None
        ref = one_line(latest[0]["ref"], 80) if latest else ""
        if not ref:
            return Words(f"no change of {one_line(given.service, 80)} is known", "서비스의 변경 기록이 없음")
        blamed = one_line(given.ref, 80)
        return Words(f"{ref} came after {blamed}", f"{blamed} 이후에 {ref} 변경이 있었음")

    def _no_change_since(self, condition: Condition, incident: Incident, now: datetime) -> Words | None:
        given = _OfService.model_validate(condition.parameters)
        since, until = literal(incident.opened_at), literal(now)
        chosen = f"{equals('service', given.service)} AND ts > {since} AND ts <= {until}"
        query = f"SELECT count() AS n FROM changes WHERE {chosen}"  # noqa: S608 - every value goes through bdp.sql
        count = int(self._store.query(query)[0]["n"])
        if not count:
            return None
        service = one_line(given.service, 80)
        return Words(f"{service} was changed since: somebody may be mending it", f"그 사이 {service} 서비스가 변경됨")

    def _events_at_least(self, condition: Condition, incident: Incident, now: datetime) -> Words | None:
        given = _OfEvents.model_validate(condition.parameters)
        since = literal(now - timedelta(minutes=given.minutes))
        chosen = f"{equals('service', given.service)} AND ts >= {since} AND ts <= {literal(now)}"
        query = f"SELECT sum(weight) AS n FROM events WHERE {chosen}"  # noqa: S608 - every value goes through bdp.sql
        count = float(self._store.query(query)[0]["n"] or 0)
        if count >= given.least:
            return None
        service = one_line(given.service, 80)
        return Words(
            f"{service} had {count:g} events in {given.minutes} minutes, {given.least} are needed",
            f"{service} 서비스의 최근 {given.minutes}분 이벤트가 {count:g}건으로, 필요한 {given.least}건보다 적음",
        )

    def _metric_above(self, condition: Condition, incident: Incident, now: datetime) -> Words | None:
        return self._metric(condition, now, lambda mean, value: mean > value, "above", "초과")

    def _metric_below(self, condition: Condition, incident: Incident, now: datetime) -> Words | None:
        return self._metric(condition, now, lambda mean, value: mean < value, "below", "미만")

    def _metric(
        self, condition: Condition, now: datetime, holds: Callable[[float, float], bool], word: str, word_ko: str
    ) -> Words | None:
        given = _OfMetric.model_validate(condition.parameters)
        since = literal(now - timedelta(minutes=given.minutes))
        chosen = f"{equals('entity', given.entity)} AND {equals('name', given.name)}"
        chosen += f" AND ts >= {since} AND ts <= {literal(now)}"
        query = f"SELECT avg(value) AS mean, count() AS n FROM metrics WHERE {chosen}"  # noqa: S608 - as above
        row = self._store.query(query)[0]
        if row["n"] and holds(float(row["mean"]), given.value):
            return None
        name = one_line(f"{given.name} of {given.entity}", 120)
        told = f"is {float(row['mean']):g}" if row["n"] else "is not known"
        told_ko = f"{float(row['mean']):g}" if row["n"] else "알 수 없음"
        bound = f"{given.value:g}"
        return Words(f"{name} {told}, not {word} {bound}", f"{name} 값: {told_ko} ({bound} {word_ko} 아님)")
