"""How the product is: may records come here, what is away, and since when nobody answers.

Three answers. Ready: all is in use and moves on. Degraded: records are taken and safe, but something is away, such as
the first sink while another takes its records, or a feed. Stuck: send records elsewhere, if there is an elsewhere; no
sink takes them, or what was taken does not move on for want of the store or by a defect of ours.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Protocol

import msgspec

from bdp.breaker import BreakerState
from bdp.clock import Clock
from bdp.errors import BdpError, StreamUnavailable
from bdp.ports import Store
from bdp.stream.delivery.chain import Chain, Link

STORE_SECONDS = 3.0
"""Longest wait for the store's answer."""


class Moving(Protocol):
    """What is asked of a pipeline; see `bdp.flow.pipeline` and `bdp.flow.shared`."""

    @property
    def trouble(self) -> str: ...
    @property
    def away(self) -> bool: ...


class Condition(msgspec.Struct, kw_only=True, frozen=True):
    """What is wrong, in plain sentences.

    Attributes:
        stuck: why no records should come here now.
        absences: what is away while records are taken and safe.
    """

    stuck: tuple[str, ...] = ()
    absences: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """Return ready, degraded or stuck."""
        return "stuck" if self.stuck else "degraded" if self.absences else "ready"


class Tried(msgspec.Struct, kw_only=True, frozen=True):
    """What came of trying a sink now.

    Attributes:
        reason: why it failed; empty if it answered.
    """

    sink: str
    reason: str


class Health:
    """Looks at the parts of a running product. Use from any thread.

    Args:
        feeds: returns what keeps each feed from fetching, by name; empty text if nothing does.
        probe: asks the first sink's broker whether it is there.
    """

    def __init__(
        self,
        chain: Chain,
        pipeline: Moving,
        store: Store,
        feeds: Callable[[], Mapping[str, str]],
        probe: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._chain = chain
        self._pipeline = pipeline
        self._feeds = feeds
        self._probe = probe
        self._store = _Asked("The store", lambda: store.query("SELECT 1 AS one"), STORE_SECONDS, clock)

    def look(self) -> Condition:
        """Return the condition from what is known, and from the store, which gets three seconds to answer."""
        stuck: list[str] = []
        absences = self._absences()
        if not any(self._takes(link) for link in self._links):
            stuck.append(f"No sink takes records: {'; '.join(map(_why, self._links))}.")
        trouble = self._pipeline.trouble
        if trouble and not self._pipeline.away:
            stuck.append(f"Records wait: {trouble}")
        elif trouble and not absences:
            absences.append(f"What was taken waits: {trouble}")
        if reason := self._store.trouble():
            stuck.append(reason)
        absences += [f"The feed {name} does not fetch everything: {why}" for name, why in self._feeds().items() if why]
        return Condition(stuck=tuple(stuck), absences=tuple(absences))

    def feeds(self) -> dict[str, str]:
        """Return what keeps each feed from fetching, by name; empty text if nothing does."""
        return dict(self._feeds())

    def examine(self) -> list[Tried]:
        """Try each sink without giving it a record: the first one's broker, and the databases behind it."""
        tried = [Tried(sink=self._chain.primary.sink.name, reason=_failure(self._probe))]
        for link, _ in self._chain.behind:
            tried.append(Tried(sink=link.sink.name, reason=self._chain.held.ask(link.sink.name)))
        return tried

    @property
    def _links(self) -> Sequence[Link]:
        return (self._chain.primary, *(link for link, _ in self._chain.behind if link.takes))

    def _takes(self, link: Link) -> bool:
        """Say whether a sink would take a record now, or be tried with it: who is never asked is never back."""
        if link is self._chain.primary and self._pipeline.away:
            return False
        return link.breaker.passes and link.lowest() is not None

    def _absences(self) -> list[str]:
        """Return what is wrong with the first sink, and which of the others do not say what waits in them.

        Whether those behind it would take records matters only once it is away.
        """
        return [*self._away(), *self._unknown()]

    def _unknown(self) -> list[str]:
        troubles = self._chain.held.troubles()
        return [f"What waits in the sink {name} is unknown: {reason}" for name, reason in troubles.items()]

    def _away(self) -> list[str]:
        primary = self._chain.primary
        found = [primary] if primary.breaker.state is BreakerState.CLOSED else list(self._links)
        return [
            f"The sink {link.sink.name} is away, and records wait for it: {link.breaker.reason}"
            if link is primary
            else f"The sink {link.sink.name} is away: {link.breaker.reason}"
            for link in found
            if link.breaker.state is not BreakerState.CLOSED
        ]


class _Asked:
    """One question, asked once at a time in a thread of its own; whoever wants to know waits a while, not for ever.

    Args:
        who: as it reads in the answer, such as "The store".
    """

    def __init__(self, who: str, ask: Callable[[], object], seconds: float, clock: Clock) -> None:
        self._who = who
        self._ask = ask
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._answer: Future[str] | None = None
        self._begun = 0.0

    def trouble(self) -> str:
        """Return why there is no answer; empty if there is one."""
        with self._lock:
            answer = self._answer
            if answer is None or answer.done():
                answer = self._answer = Future()
                self._begun = self._clock.monotonic()
                threading.Thread(target=self._run, args=(answer,), name="probe", daemon=True).start()
            waited = self._clock.monotonic() - self._begun
        try:
            return answer.result(max(self._seconds - waited, 0))
        except TimeoutError:
            seconds = max(waited, self._seconds)
            return f"{self._who} has not answered for {seconds:.0f} seconds: it hangs or has too much to do."

    def _run(self, answer: Future[str]) -> None:
        try:
            self._ask()
        except BdpError as error:
            answer.set_result(f"{self._who} does not answer: {error.what}")
        except Exception as error:
            # Whatever it is, nobody gets an answer from there.
            answer.set_result(f"{self._who} does not answer: {type(error).__name__}.")
        else:
            answer.set_result("")


def _failure(call: Callable[[], object]) -> str:
    try:
        call()
    except StreamUnavailable as error:
        return error.what
    return ""


def _why(link: Link) -> str:
    reason = link.breaker.reason.rstrip(".") if link.lowest() else "its disk is full"
    return f"{link.sink.name}: {reason or 'it is away'}"
