"""One call about several samples: its prompt, and what of the answer may be shown.

Each item is judged by itself: one that is missing, doubled, of no known form, hostile, or that quotes a number which is
none of its sample's is wrong, and its neighbours are right. A call is asked again as a whole only where nothing in its
answer is right; else the wrong items may be asked again in a call of their own, which tells what was wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final, NamedTuple

from bdp.errors import NoAnswer
from bdp.explain.insight.examples import Language
from bdp.explain.insight.figures import names_of, strangers
from bdp.explain.insight.form import (
    FEWEST_STEPS,
    LONGEST_EXPLANATION,
    LONGEST_STEP,
    MOST_STEPS,
    NORMAL,
    TYPES,
    Judged,
    Judgements,
)
from bdp.explain.insight.plain import leads_away, orders, plain, shortened
from bdp.explain.insight.prompt import prompt
from bdp.llm.ask import Prompt
from bdp.model.inquiry import Inquiry
from bdp.model.insight import InsightSource, Opinion, PredictionType
from bdp.model.spending import Reason

ANSWER_TOKENS: Final = 250
"""That one item's answer may have, in English."""
_SHOWN: Final = 5
_LONGEST_SHOWN: Final = 40
_LASTING: Final = re.compile(
    r"\b\d{1,4} ?(?:s|sec|seconds?|min|minutes?|h|hours?|days?|samples?|times)\b|\d{1,4} ?(?:초|분|시간|일|번|회)",
    re.IGNORECASE,
)


class Outcome(NamedTuple):
    """What came of a call, by id of the question; what is in neither was not told.

    Attributes:
        opinions: of the items that are right.
        wrong: what is wrong with the others.
    """

    opinions: dict[str, Opinion]
    wrong: dict[str, str]


class Sheet:
    """One call.

    Args:
        inquiries: the riskiest first; the last ones are left out where a model has no room for them.
        tiers: False: the full prompt for each.
        wrong: by id of the question, what was wrong with an earlier answer.
    """

    def __init__(
        self, inquiries: Sequence[Inquiry], language: Language, *, tiers: bool = True, wrong: Mapping[str, str] = {}
    ) -> None:
        self._items = {str(number): one for number, one in enumerate(inquiries, 1)}
        self._language = language
        self._tiers = tiers
        self._wrong = {name: wrong[one.inquiry_id] for name, one in self._items.items() if one.inquiry_id in wrong}
        self._held = len(self._items)

    def prompt(self, tokens: int) -> Prompt:
        """Return the largest prompt of so many tokens at most.

        Raises:
            NoAnswer: not even one item fits.
        """
        made, self._held = prompt(
            list(self._items.items()), tokens, self._language, tiers=self._tiers, wrong=self._wrong
        )
        if not self._held:
            raise NoAnswer(f"No question about a sample fits into {tokens} tokens.", reason=Reason.REJECTED)
        return made

    def check(self, answer: Judgements) -> str | None:
        """Return what is wrong with an answer in which nothing is right; else None."""
        outcome = self.read(answer, "")
        if outcome.opinions:
            return None
        ids = {one.inquiry_id: name for name, one in self._items.items()}
        return "; ".join(f"item {ids[inquiry_id]}: {reason}" for inquiry_id, reason in outcome.wrong.items())

    def read(self, answer: Judgements, model: str) -> Outcome:
        """Return the opinions in an answer of this model, and what is wrong with the others."""
        outcome = Outcome({}, {})
        for name, inquiry in list(self._items.items())[: self._held]:
            said = [one for one in answer.answers if one.id.strip() == name]
            found = opinion_of(said[0], inquiry, model) if len(said) == 1 else _counted(said)
            if isinstance(found, Opinion):
                outcome.opinions[inquiry.inquiry_id] = found
            else:
                outcome.wrong[inquiry.inquiry_id] = found
        return outcome


def opinion_of(judged: Judged, inquiry: Inquiry, model: str) -> Opinion | str:
    """Return one item's answer as it may be shown, or what is wrong with it."""
    kind, risk, sure = judged.prediction_type.strip().lower(), judged.risk_score, judged.confidence
    if kind not in TYPES:
        return "prediction_type is none of those given"
    if not (isfinite(risk) and 0 <= risk <= 100):
        return "risk_score is not within 0 and 100"
    if not (isfinite(sure) and 0 <= sure <= 1):
        return "confidence is not within 0 and 1"
    explanation = shortened(plain(judged.explanation), LONGEST_EXPLANATION)
    steps = [shortened(plain(step), LONGEST_STEP) for step in judged.recommendations[: 2 * MOST_STEPS]]
    steps = [step for step in dict.fromkeys(steps) if step][:MOST_STEPS]
    wrong = _wrong_words(explanation, steps, inquiry) or _wrong_numbers("explanation", explanation, inquiry)
    if wrong := wrong or _wrong_steps(steps, inquiry):
        return wrong
    return Opinion(
        prediction_type=None if kind == NORMAL else PredictionType(kind),
        risk_score=round(risk),
        explanation=explanation,
        recommendations=tuple(steps),
        confidence=round(sure, 4),
        model_used=model,
        source=InsightSource.AI,
    )


def _counted(said: Sequence[Judged]) -> str:
    return "there is more than one answer to it" if said else "there is no answer to it"


def _wrong_words(explanation: str, steps: Sequence[str], inquiry: Inquiry) -> str:
    if not explanation:
        return "explanation is empty"
    if len(steps) < FEWEST_STEPS:
        return f"recommendations are fewer than {FEWEST_STEPS}"
    if any(orders(text) for text in (explanation, *steps)):
        return "explanation or recommendations speak to a model, not to people"
    if any(leads_away(text, names_of(inquiry)) for text in (explanation, *steps)):
        return "explanation or recommendations have an address, a command line, or ask for credentials"
    return ""


def _wrong_steps(steps: Sequence[str], inquiry: Inquiry) -> str:
    """A step may say how long or how often, which no sample knows; every other number must be the sample's."""
    found = (_wrong_numbers("a recommendation", _LASTING.sub(" ", step), inquiry) for step in steps)
    return next((wrong for wrong in found if wrong), "")


def _wrong_numbers(what: str, text: str, inquiry: Inquiry) -> str:
    strange = strangers(text, inquiry)
    if not strange:
        return ""
    shown = ", ".join(one[:_LONGEST_SHOWN] for one in strange[:_SHOWN])
    return f"{what} says {shown}, which the item does not have: write its figures as they are, or rounded"
