"""Dead letters: what could not go on, and the two things a person can do about it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from bdp.app import App
from bdp.errors import BadRequest
from bdp.flow.letters import MEANINGS, PAGE, Retried, advice
from bdp.intake.again import why_never
from bdp.model.batch import Cause, DeadLetter
from bdp.model.decision import AuditEntry
from bdp.web.reach import Product

routes = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])

_SHOWN = 2000
_ID_OR_NONE = r"^([0-9]{1,18})?$"
"""What `before` may be: another text would be taken for none, and the first page for the next one."""
_MOST_IDS = 1000


class DeadLetterAnswer(BaseModel):
    """One record that could not be processed.

    `payload` is text, with bytes that are no UTF-8 as `\\xHH`; a list shows its first 2,000 characters. `index` is its
    place in the request or file it came with, from 0.
    """

    letter_id: str
    source: str
    kind: str
    cause: str
    reason: str
    index: int
    attempts: int
    first_seen: datetime
    last_seen: datetime | None
    last_reason: str
    next_attempt: datetime | None = Field(description="when it is retried by itself; null: only when a person asks")
    cut: bool = Field(description="only the beginning was kept")
    retry_may_help: bool
    advice: str
    payload: str


class LetterCount(BaseModel):
    """How many letters of one source have one cause, what that means, and what one can do."""

    source: str
    cause: str
    count: int
    meaning: str
    advice: str


class LetterChoice(BaseModel):
    """Which letters: their ids, or what they have in common, or all. One of these must be said."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(default=[], max_length=_MOST_IDS)
    cause: Cause | None = None
    source: str | None = Field(default=None, min_length=1, max_length=200)
    all: bool = False
    by: str = Field(default="api", min_length=1, max_length=200, description="who asks; kept in the audit")

    def check(self) -> None:
        """Refuse a choice that says nothing, or two things.

        Raises:
            BadRequest: said so.
        """
        ways = (bool(self.ids), self.cause is not None or self.source is not None, self.all)
        one = "'ids', or 'cause' and/or 'source', or 'all': true"
        if not any(ways):
            raise BadRequest(f"Say which letters: {one}.")
        if sum(ways) > 1:
            raise BadRequest("Too much was said of which letters are meant.", f"Say one of {one}.")

    def __str__(self) -> str:
        if self.ids:
            return self.ids[0] if len(self.ids) == 1 else f"{len(self.ids)} letters"
        given = (("cause", self.cause and self.cause.value), ("source", self.source))
        return " ".join(f"{name}={value}" for name, value in given if value) or "all"


class RetryChoice(LetterChoice):
    """Which letters to retry; without ids in pages: send the answer's `next` as `before` until it is empty."""

    before: str = Field(default="", pattern=_ID_OR_NONE, description="go on behind this letter_id")
    limit: int = Field(default=PAGE, ge=1, le=PAGE)
    dry_run: bool = Field(default=False, description="only read them again; nothing is delivered")


class FailureAnswer(BaseModel):
    """A letter that was not delivered, and why."""

    letter_id: str
    reason: str


class RetryAnswer(BaseModel):
    """asked = delivered + failed + never."""

    asked: int
    delivered: int = Field(description="in custody again, on the way to the store")
    failed: int = Field(description="refused again")
    never: int = Field(description="no retry can deliver these, such as cut ones")
    failures: list[FailureAnswer] = Field(description="the first 100")
    next: str = Field(description="send as `before` to go on; empty: no more")


class DiscardAnswer(BaseModel):
    """How many letters went; the ledger counts them as dropped."""

    discarded: int


@routes.get("")
def dead_letters(
    product: Product,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cause: Cause | None = None,
    source: Annotated[str | None, Query(max_length=200)] = None,
    before: Annotated[str, Query(pattern=_ID_OR_NONE, description="go on behind this letter_id")] = "",
) -> list[DeadLetterAnswer]:
    """Return dead letters, newest first."""
    return [_shown(letter, _SHOWN) for letter in product.books.dead_letters(limit, cause, source, before)]


@routes.get("/counts")
def counts(product: Product) -> list[LetterCount]:
    """Return how many dead letters there are by cause and source, the most first."""
    found = sorted(product.books.letter_counts().items(), key=lambda item: (-item[1], item[0]))
    return [
        LetterCount(
            source=source, cause=cause.value, count=count, meaning=MEANINGS[cause][0], advice=MEANINGS[cause][1]
        )
        for (source, cause), count in found
    ]


@routes.get("/{letter_id}")
def dead_letter(letter_id: Annotated[str, Path(max_length=100)], product: Product) -> DeadLetterAnswer:
    """Return one dead letter with the whole record."""
    return _shown(product.books.dead_letter(letter_id), None)


@routes.post("/retry")
def retry(choice: RetryChoice, product: Product) -> RetryAnswer:
    """Try letters again with the edge's present rules. What is delivered goes on to the store; the rest stays."""
    choice.check()
    letters = product.letters
    if choice.ids:
        told = letters.retry(choice.ids, dry_run=choice.dry_run)
    else:
        told = letters.retry_where(choice.cause, choice.source, choice.before, choice.limit, dry_run=choice.dry_run)
    if told.asked and not choice.dry_run:
        _audit(product, choice, "letters.retried", {"delivered": told.delivered, "failed": told.failed + told.never})
    return _answer(told)


@routes.post("/discard")
def discard(choice: LetterChoice, product: Product) -> DiscardAnswer:
    """Let letters go for good; they are counted as dropped."""
    choice.check()
    letters = product.letters
    gone = letters.discard(choice.ids) if choice.ids else letters.discard_where(choice.cause, choice.source)
    if gone:
        _audit(product, choice, "letters.discarded", {"discarded": gone})
    return DiscardAnswer(discarded=gone)


def _audit(product: App, choice: LetterChoice, action: str, detail: dict[str, int]) -> None:
    said = choice.model_dump(mode="json", include={"ids", "cause", "source", "all"}, exclude_defaults=True)
    entry = AuditEntry(
        at=product.clock.now(), actor=choice.by, action=action, object=str(choice), detail={**said, **detail}
    )
    product.state.audit.add(entry)


def _answer(told: Retried) -> RetryAnswer:
    return RetryAnswer(
        asked=told.asked,
        delivered=told.delivered,
        failed=told.failed,
        never=told.never,
        failures=[FailureAnswer(letter_id=found.letter_id, reason=found.reason) for found in told.failures],
        next=told.next,
    )


def _shown(letter: DeadLetter, most: int | None) -> DeadLetterAnswer:
    return DeadLetterAnswer(
        letter_id=letter.letter_id,
        source=letter.source,
        kind=letter.kind.value,
        cause=letter.cause.value,
        reason=letter.reason,
        index=letter.index,
        attempts=letter.attempts,
        first_seen=letter.first_seen,
        last_seen=letter.last_seen,
        last_reason=letter.last_reason,
        next_attempt=letter.next_attempt,
        cut=letter.cut,
        retry_may_help=not why_never(letter),
        advice=advice(letter),
        payload=letter.payload[:most].decode("utf-8", "backslashreplace"),
    )
