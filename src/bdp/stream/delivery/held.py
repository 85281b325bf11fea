"""What waits behind the primary, as far as it is known: a sink that cannot be asked now stops nobody from counting."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from bdp.clock import Clock
from bdp.errors import StreamUnavailable
from bdp.ports import Backlog

_PAUSE_SECONDS = 5.0
"""So long a sink that did not answer is left in peace: each question may cost its whole time-out."""


class _Known(msgspec.Struct, kw_only=True, frozen=True):
    """What is known of one sink.

    Attributes:
        counts: records by source when it last answered.
        trouble: why it cannot be asked; empty if it can.
        again: when it is asked again, in monotonic seconds.
    """

    counts: Mapping[str, int] = {}
    trouble: str = ""
    again: float = 0.0


class Held:
    """Asks the sinks behind the primary what waits in them. Use from any thread.

    Memory: one count by source for each sink.

    Args:
        backlogs: by their sinks' names.
    """

    def __init__(self, backlogs: Mapping[str, Backlog], clock: Clock) -> None:
        self._backlogs = dict(backlogs)
        self._clock = clock
        # Each entry is replaced whole, so that no lock is needed; of two who ask at once, either answer is as good.
        self._known = dict.fromkeys(self._backlogs, _Known())

    def counts(self, name: str) -> Mapping[str, int]:
        """Return the records that wait in a sink, by source: those of its last answer while it cannot be asked."""
        known = self._known[name]
        if not known.trouble or self._clock.monotonic() >= known.again:
            self.ask(name)
        return self._known[name].counts

    def records(self, name: str) -> int | None:
        """Return how many records wait in a sink; None if it cannot be asked now."""
        counts = self.counts(name)
        return None if self._known[name].trouble else sum(counts.values())

    def ask(self, name: str) -> str:
        """Ask a sink now and return why it does not answer; empty if it does."""
        try:
            self._known[name] = _Known(counts=self._backlogs[name].waiting())
        except StreamUnavailable as error:
            self.failed(name, error.what)
        return self._known[name].trouble

    def failed(self, name: str, reason: str) -> None:
        """Note that somebody else asked a sink in vain."""
        again = self._clock.monotonic() + _PAUSE_SECONDS
        self._known[name] = msgspec.structs.replace(self._known[name], trouble=reason, again=again)

    def answered(self, name: str) -> None:
        """Note that somebody else found a sink there."""
        if self._known[name].trouble:
            self._known[name] = msgspec.structs.replace(self._known[name], trouble="")

    def troubles(self) -> dict[str, str]:
        """Return why sinks could not be asked last time, by name; only those that could not."""
        return {name: known.trouble for name, known in self._known.items() if known.trouble}
