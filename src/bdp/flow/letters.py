"""Dead letters tried again: by themselves where the cause may pass, else when a person asks.

A letter's record goes through the edge's present rules once more. A good one becomes a batch `letter:<letter id>` that
redelivers the letter: where it comes into the primary's books the letter goes, in one transaction. A letter's id is
never given twice, so however often and by whomever it is retried, its record reaches the store once.

Memory: one page of letters (at most 100, each at most 1 MiB), and the ids of the last 100,000 that were given on.
"""

from __future__ import annotations

import random
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog
from pydantic import BaseModel, ConfigDict, Field

from bdp.clock import Clock
from bdp.errors import BadRecord, Retry
from bdp.intake.again import read_again, why_never
from bdp.intake.limits import IntakeSettings
from bdp.intake.refusal import RefusedRecord
from bdp.model.batch import TRANSIENT, Batch, Cause, DeadLetter
from bdp.ports import Books, Sink

log = structlog.get_logger(__name__)

PAGE = 100
_SHOWN = 100
_REMEMBERED = 100_000
_GIVEN_SECONDS = 3600.0

MEANINGS: Final[dict[Cause, tuple[str, str]]] = {
    Cause.SCHEMA: (
        "the record does not have the shape of its kind",
        "mend the sender and send it again; then discard the letter",
    ),
    Cause.TOO_LARGE: (
        "the record is larger than the limit",
        "raise intake.max_record_bytes and retry, unless the letter is cut; else discard it",
    ),
    Cause.ENCODING: (
        "the bytes are no UTF-8 text, or a file is damaged",
        "send it again as UTF-8; then discard the letter",
    ),
    Cause.CLOCK: (
        "its time lies too far ahead of our clock",
        "set the sender's clock right; retry when that time has come nearer",
    ),
    Cause.SINK_REFUSED: (
        "a sink did not take it",
        "nothing: it is retried by itself; if that ends, look at the sink and retry",
    ),
    Cause.POISON: (
        "the store cannot read it",
        "retry after an update of BDP or of the store; else discard it",
    ),
    Cause.TIMEOUT: (
        "its processing took too long",
        "nothing: it is retried by itself; if that ends, retry it in a quiet hour",
    ),
}
"""What each cause means, and what a person can do."""


class LetterSettings(BaseModel):
    """How dead letters with a cause that may pass are tried again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first_retry_seconds: float = Field(default=30, gt=0, description="wait before the first retry")
    factor: float = Field(default=2, ge=1, le=10, description="each further wait is so many times longer")
    longest_seconds: float = Field(default=3600, gt=0, description="longest wait between two retries")
    jitter: float = Field(default=0.2, ge=0, le=1, description="share of a wait that chance may take off")
    max_attempts: int = Field(default=8, ge=1, description="attempts after which a letter waits for a person")
    pass_seconds: float = Field(default=10, gt=0, description="time between two looks for letters that are due")
    pass_letters: int = Field(default=500, ge=1, le=10_000, description="most letters retried in one look")


class Failure(msgspec.Struct, kw_only=True, frozen=True):
    """A letter that could not be delivered, and why."""

    letter_id: str
    reason: str


class Retried(msgspec.Struct, kw_only=True):
    """What a retry came to; asked = delivered + failed + never.

    Attributes:
        delivered: in custody again, on the way to the store.
        failed: refused again; each has one attempt more.
        never: no retry can deliver these, such as cut ones.
        failures: the first 100 of both.
        next: the last letter that was looked at, to go on behind; empty when there are no more.
    """

    asked: int = 0
    delivered: int = 0
    failed: int = 0
    never: int = 0
    failures: list[Failure] = []
    next: str = ""

    def note(self, letter_id: str, reason: str) -> None:
        """Keep a reason, if there is room."""
        if len(self.failures) < _SHOWN:
            self.failures.append(Failure(letter_id=letter_id, reason=reason))


class Letters:
    """Retries and discards dead letters. Use from any thread."""

    def __init__(
        self,
        books: Books,
        sink: Sink,
        clock: Clock,
        intake: IntakeSettings,
        settings: LetterSettings | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self._books = books
        self._sink = sink
        self._clock = clock
        self._intake = intake
        self._settings = settings or LetterSettings()
        self._chance = chance or random.Random()
        self._one_at_a_time = threading.Lock()
        self._given: OrderedDict[str, float] = OrderedDict()

    def retry(self, letter_ids: Sequence[str], *, dry_run: bool = False) -> Retried:
        """Try letters again.

        Args:
            dry_run: only read them; nothing is delivered, no attempt is counted.

        Raises:
            NotFound: there is no letter with one of these ids.
            StreamUnavailable: no sink takes records now; the letters stay.
        """
        letters = [self._books.dead_letter(letter_id) for letter_id in dict.fromkeys(letter_ids)]
        return self._try(letters, dry_run=dry_run)

    def retry_where(
        self,
        cause: Cause | None = None,
        source: str | None = None,
        before: str = "",
        limit: int = PAGE,
        *,
        dry_run: bool = False,
    ) -> Retried:
        """Try the next letters that fit again, newest page first; call again with `before` set to the answer's `next`.

        Raises:
            StreamUnavailable: no sink takes records now; the letters stay.
        """
        page = self._books.dead_letters(min(limit, PAGE), cause, source, before)
        told = self._try(page[::-1], dry_run=dry_run)
        told.next = page[-1].letter_id if page else ""
        return told

    def discard(self, letter_ids: Sequence[str]) -> int:
        """Let letters go, counted as dropped; return how many there were."""
        with self._one_at_a_time:
            return self._books.discard(list(dict.fromkeys(letter_ids)))

    def discard_where(self, cause: Cause | None = None, source: str | None = None) -> int:
        """Let all letters that fit go; return how many there were. Letters that come meanwhile stay."""
        gone = 0
        for page in self._pages(cause, source):
            gone += self.discard([letter.letter_id for letter in page])
        return gone

    def tend(self) -> Retried:
        """Try the letters that are due; at most `pass_letters` of them.

        Raises:
            StreamUnavailable: no sink takes records now; the letters stay due.
        """
        told = Retried()
        while told.asked < self._settings.pass_letters:
            now = self._clock.now()
            page = self._books.due(now, PAGE)
            ripe = [letter for letter in page if self._is_ripe(letter, now)]
            _add(told, self._try(ripe))
            # What was tried is gone or due later; what waits behind the primary is not ripe any more.
            if not ripe or len(page) < PAGE:
                break
        return told

    def run(self, stop: threading.Event) -> None:
        """Tend letters until `stop` is set."""
        while not stop.wait(self._settings.pass_seconds):
            try:
                told = self.tend()
                if told.asked:
                    log.info("letters.retried", asked=told.asked, delivered=told.delivered, failed=told.failed)
            except Exception as error:
                # A defect of ours must not end the thread: letters would wait behind a process that looks well.
                log.warning("letters.waiting", reason=str(error), exc_info=not isinstance(error, Retry))

    def next_attempt(self, attempts: int, now: datetime) -> datetime | None:
        """Return when a letter that failed `attempts` times is tried again; None: only when a person asks."""
        if attempts >= self._settings.max_attempts:
            return None
        return now + timedelta(seconds=self._wait(attempts) * (1 - self._settings.jitter * self._chance.random()))

    def _wait(self, attempts: int) -> float:
        settings = self._settings
        # Limited before the power is taken: a large one does not fit into a float.
        steps = min(attempts - 1, 64)
        return min(settings.longest_seconds, settings.first_retry_seconds * settings.factor**steps)

    def _is_ripe(self, letter: DeadLetter, now: datetime) -> bool:
        """A letter that came back from the pipeline is due at once in the books; it has to wait like others."""
        given = self._given.get(letter.letter_id)
        if given is not None and self._clock.monotonic() - given < _GIVEN_SECONDS:
            return False  # it waits in a sink behind the primary
        if letter.attempts >= self._settings.max_attempts:
            self._books.reschedule(letter.letter_id, now, letter.last_reason or letter.reason, None)
            return False
        since = letter.last_seen or letter.first_seen
        return now >= since + timedelta(seconds=self._wait(letter.attempts) * (1 - self._settings.jitter))

    def _pages(self, cause: Cause | None, source: str | None) -> Iterator[list[DeadLetter]]:
        before = ""
        while page := self._books.dead_letters(PAGE, cause, source, before):
            before = page[-1].letter_id
            yield page

    def _try(self, letters: Sequence[DeadLetter], *, dry_run: bool = False) -> Retried:
        told = Retried(asked=len(letters))
        with self._one_at_a_time:
            now = self._clock.now()
            good: list[Batch] = []
            for letter in letters:
                try:
                    good.append(_redelivery(letter, read_again(letter, now, self._intake)))
                except RefusedRecord as error:
                    self._refused(letter, error.what, told, now, dry_run=dry_run)
            told.delivered += len(good) if dry_run else self._deliver(good, told, now)
        return told

    def _refused(self, letter: DeadLetter, reason: str, told: Retried, now: datetime, *, dry_run: bool) -> None:
        told.note(letter.letter_id, reason)
        never = bool(why_never(letter))
        told.never += never
        told.failed += not never
        if not dry_run and (not never or letter.next_attempt is not None):
            again = self.next_attempt(letter.attempts + 1, now) if letter.cause in TRANSIENT and not never else None
            self._books.reschedule(letter.letter_id, now, reason, again)

    def _deliver(self, batches: list[Batch], told: Retried, now: datetime) -> int:
        """Append all at once; where the sink refuses one of them, one by one. Returns how many were taken."""
        if not batches:
            return 0
        try:
            self._sink.append(batches)
        except BadRecord as error:
            if len(batches) > 1:
                return sum(self._deliver([batch], told, now) for batch in batches)
            self._sink_refused(batches[0], error, told, now)
            return 0
        for batch in batches:
            self._given[batch.redelivers[0]] = self._clock.monotonic()
        while len(self._given) > _REMEMBERED:
            self._given.popitem(last=False)
        return len(batches)

    def _sink_refused(self, batch: Batch, error: BadRecord, told: Retried, now: datetime) -> None:
        letter_id = batch.redelivers[0]
        told.note(letter_id, error.what)
        told.failed += 1
        self._books.reschedule(letter_id, now, error.what, self.next_attempt(batch.attempts + 1, now))


def advice(letter: DeadLetter) -> str:
    """Return what a person can do about a letter."""
    never = why_never(letter)
    return f"A retry cannot help: {never}." if never else f"{MEANINGS[letter.cause][1].capitalize()}."


def _add(told: Retried, part: Retried) -> None:
    told.asked += part.asked
    told.delivered += part.delivered
    told.failed += part.failed
    told.never += part.never


def _redelivery(letter: DeadLetter, line: bytes) -> Batch:
    return Batch(
        batch_id=f"letter:{letter.letter_id}",
        source=letter.source,
        kind=letter.kind,
        count=1,
        payload=line,
        redelivers=(letter.letter_id,),
        attempts=letter.attempts,
    )
