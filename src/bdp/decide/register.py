"""Keeps every version of the policy that ever held, with its text: who is asked later what was allowed can tell."""

from __future__ import annotations

from typing import Any

from bdp.clock import Clock
from bdp.decide.policy import Policy
from bdp.errors import NotPossible
from bdp.model.policy import PolicyVersion
from bdp.ports import Policies

NAME = "policy"
_BY = "bdp"


class Register:
    """Writes versions into the state database, and with them into the audit log."""

    def __init__(self, policies: Policies, clock: Clock) -> None:
        self._policies = policies
        self._clock = clock
        self._noted = ""

    def note(self, policy: Policy) -> None:
        """Keep a policy that holds, if it is another than the last one kept. A broken one never holds.

        Raises:
            StoreUnavailable: the state database is away; note it again later.
        """
        if policy.broken or policy.version == self._noted:
            return
        try:
            self._put(policy)
        except NotPossible:  # another process was first, most likely with the same
            self._put(policy)
        self._noted = policy.version

    def history(self, limit: int = 100) -> list[PolicyVersion]:
        """Return the versions, newest first; `body` has `hash`, `source`, `rules` and `files` (text by name)."""
        return self._policies.history(NAME, limit)

    def _put(self, policy: Policy) -> None:
        last = self._policies.current(NAME)
        if last is not None and last.body.get("hash") == policy.version:
            return
        body: dict[str, Any] = {
            "hash": policy.version,
            "source": policy.source,
            "rules": len(policy.rules),
            "files": dict(policy.texts),
        }
        self._policies.put(NAME, body, _BY, self._clock.now(), last.version if last else 0)
