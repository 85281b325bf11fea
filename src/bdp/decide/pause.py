"""The kill switch: one entry in the state database that every decision looks at."""

from __future__ import annotations

from datetime import datetime

from bdp.clock import Clock
from bdp.errors import BadRequest
from bdp.model.action import Pause
from bdp.model.policy import PolicyVersion
from bdp.ports import Policies

NAME = "pause"


class Switch:
    """Stops everything that changes a system, in every process that shares the state database."""

    def __init__(self, policies: Policies, clock: Clock) -> None:
        self._policies = policies
        self._clock = clock

    def now(self) -> Pause | None:
        """Return the pause that holds; None while BDP may act. Asked anew each time: nothing is kept.

        Raises:
            StoreUnavailable: nobody can tell; then nothing may be done.
        """
        found = self._policies.current(NAME)
        pause = Pause.of(found) if found else None
        return pause if pause is not None and pause.holds(self._clock.now()) else None

    def pause(self, by: str, reason: str = "", until: datetime | None = None) -> Pause:
        """Throw the switch; thrown before, it now holds as said here.

        Raises:
            BadRequest: `until` is over already.
        """
        now = self._clock.now()
        if until is not None and until <= now:
            raise BadRequest(f"{until:%Y-%m-%d %H:%M:%S} UTC is over already.", "Name a later end, or none.")
        pause = Pause(by=by, at=now, reason=reason, until=until)
        self._policies.put(NAME, {"pause": pause.model_dump(mode="json")}, by, now)
        return pause

    def resume(self, by: str) -> bool:
        """Let BDP act again; return False when it was not paused, which changes nothing."""
        found = self._policies.current(NAME)
        if found is None or Pause.of(found) is None:
            return False
        self._policies.put(NAME, {"pause": None}, by, self._clock.now())
        return True

    def history(self, limit: int = 100) -> list[PolicyVersion]:
        """Return who paused and resumed, newest first."""
        return self._policies.history(NAME, limit)
