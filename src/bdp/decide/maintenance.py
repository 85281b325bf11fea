"""Maintenance windows: when a person works on something, so that BDP keeps off."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from bdp.decide.globs import Globs, fits, pattern_of, several
from bdp.decide.hours import Hours, Zone
from bdp.decide.rule import Name, Reasoning
from bdp.model.noun import Noun


def _moment(value: Any) -> Any:
    try:
        return datetime.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise ValueError("write a time as 2026-11-22T02:00+09:00") from None


Moment = Annotated[str, BeforeValidator(_moment)]


class Window(Noun):
    """One maintenance: once (`from` and `to`) or each week (`weekly`).

    It is for what matches its `resources`, and for every action on an incident of its `services`.
    """

    name: Name
    resources: Globs | None = None
    services: Globs | None = None
    start: Moment | None = Field(default=None, alias="from")
    end: Moment | None = Field(default=None, alias="to")
    zone: Zone | None = None
    weekly: Annotated[tuple[Hours, ...], Field(max_length=50), BeforeValidator(several)] = ()
    reason: Reasoning = ""
    reason_ko: Reasoning = ""
    _resource: re.Pattern[str] | None = PrivateAttr()
    _service: re.Pattern[str] | None = PrivateAttr()
    _start: datetime | None = PrivateAttr(default=None)
    _end: datetime | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _made(self) -> Window:
        if self.resources is None and self.services is None:
            raise ValueError("name resources or services; for everything write services: '*'")
        if bool(self.weekly) == bool(self.start or self.end) or bool(self.start) != bool(self.end):
            raise ValueError("give either from and to, or weekly")
        self._resource = pattern_of(self.resources or (), any_case=True)
        self._service = pattern_of(self.services or (), any_case=True)
        if self.start and self.end:
            self._start, self._end = self._aware(self.start), self._aware(self.end)
            if self._end <= self._start:
                raise ValueError("to: it ends before it begins")
        return self

    def open(self, resource: str, service: str, now: datetime) -> bool:
        """Return whether a resource, or what belongs to a service, is under maintenance now."""
        named = (self.resources is not None and fits(self._resource, resource)) or (
            self.services is not None and fits(self._service, service)
        )
        return named and self._is_now(now)

    def _is_now(self, now: datetime) -> bool:
        if self._start and self._end:
            return self._start <= now < self._end
        return any(hours.hold(now) for hours in self.weekly)

    def _aware(self, moment: str) -> datetime:
        at = datetime.fromisoformat(moment)
        if at.tzinfo is not None:
            return at
        if self.zone is None:
            raise ValueError(f"{moment} says no time zone; add +09:00 or Z, or write zone: Asia/Seoul")
        return at.replace(tzinfo=ZoneInfo(self.zone))
