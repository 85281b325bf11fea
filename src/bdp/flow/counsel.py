"""What a model says of some questions, and what follows from it.

    sampled out?  ->  remembered answer?  ->  asked, some in one call  ->  wrong ones asked again, without the others
    (rules)           (cached)                (ai)                         (ai, or in the end rules)

    a model is sure of something        its opinion decides, the rules' stands beside it
    a model is sure that all is well    the rules' finding stands, its opinion beside it (`normal`)
    … or that it is far less risky      the same, from two classes on: nobody talks a finding away (`far_lower`)
    a model is not sure                 the rules' finding stands, its opinion beside it (`unsure`)
    no model gave a usable answer       the rules' finding stands (the reason of `NoAnswer`)

Where the rules said nothing, only a model that is sure raises something, and not what was raised there minutes ago.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from bdp.clock import Clock
from bdp.detect.fabric.settings import FabricSettings
from bdp.errors import NoAnswer
from bdp.explain.insight.examples import Language
from bdp.explain.insight.form import Judgements
from bdp.explain.insight.memory import kept, key_of, served
from bdp.explain.insight.sheet import ANSWER_TOKENS, Sheet
from bdp.llm.ask import Answer, Ask, ChatModel
from bdp.model.inquiry import Advice, Inquiry
from bdp.model.insight import TTL, Insight, InsightFilter, InsightSource, Opinion, PredictionType, severity_of
from bdp.model.spending import Reason
from bdp.ports import Inquiries, Insights

AGENT: Final = "insights"
UNSURE: Final = "unsure"
NORMAL: Final = "normal"
FAR_LOWER: Final = "far_lower"
_FAR: Final = 2
"""Classes of risk."""
_ROUNDS: Final = 2
"""Further calls about those of a call that were wrong, or not told."""
_LEAST_SECONDS: Final = 2.0
_ITEM_TOKENS: Final = 1_000
"""Of an item in a prompt, an upper bound for most; more leaves the last items for the next call."""
_SHARED_TOKENS: Final = 1_500
_SHARES: Final = 1 << 32
_KOREAN: Final = 2


class AdviceSettings(BaseModel):
    """When models are asked about the fabric's samples, and when their word counts. Each saving has its switch."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sampling_rate: float = Field(
        default=1.0, ge=0, le=1, description="share of the questions that are asked; the others are left to the rules"
    )
    deadline_seconds: float = Field(
        default=60.0, ge=5, le=3600, description="so long after detection each question is closed, answered or not"
    )
    answer_seconds: float = Field(
        default=30.0, ge=1, le=600, description="longest time for the answer to some questions"
    )
    batch: int = Field(
        default=8,
        ge=1,
        le=64,
        description="most questions in one call, as far as its answer has room; 1: each by itself",
    )
    linger_seconds: float = Field(
        default=20.0,
        ge=0,
        le=600,
        description="a question waits so long for others to share its call; a critical one does not wait, and takes "
        "along what waits",
    )
    cache_seconds: float = Field(
        default=300.0, ge=0, le=86_400, description="an answer serves alike samples for so long; 0: each is asked"
    )
    tiers: bool = Field(
        default=True, description="shorter prompts for lower risks; false: the full prompt for each question"
    )
    sure_from: float = Field(
        default=0.7,
        ge=0,
        le=1,
        description="confidence from which on a model's word decides, and the rules' stands beside",
    )
    old_seconds: float = Field(
        default=86_400.0, ge=0, description="of samples found so long after their time no model is asked"
    )
    workers: int = Field(default=2, ge=1, le=32, description="calls of this process at a time")


@dataclass(frozen=True)
class Said:
    """One opinion and what it cost."""

    opinion: Opinion
    nano_usd: int = 0
    tokens: int = 0


class Counsel:
    """Asks a model about questions, in a few calls.

    Args:
        models: fingerprint of the chain that answers.
        answer_tokens: that an answer of the first model may have; a call is about no more than fit into that.
    """

    def __init__(
        self,
        inquiries: Inquiries,
        insights: Insights,
        model: ChatModel,
        clock: Clock,
        settings: AdviceSettings,
        fabric: FabricSettings,
        models: str = "",
        answer_tokens: int = 1000,
    ) -> None:
        self._inquiries = inquiries
        self._insights = insights
        self._model = model
        self._clock = clock
        self._settings = settings
        self._fabric = fabric
        self._models = models
        self._answer_tokens = answer_tokens

    @property
    def most(self) -> int:
        """How many questions one call has room for."""
        answer = _answer_tokens(self._fabric.language)
        room = (self._model.context_tokens - _SHARED_TOKENS) // (_ITEM_TOKENS + answer)
        return max(1, min(self._settings.batch, room, self._answer_tokens // answer))

    def advise(self, batch: Sequence[Inquiry], until: datetime) -> dict[str, Advice]:
        """Return what follows for each question; there is no answer behind `until`."""
        asked = [one for one in batch if is_sampled(one, self._settings.sampling_rate)]
        said, reasons = self._consulted(asked, until)
        fresh: list[Insight] = []
        found: dict[str, Advice] = {}
        for inquiry in batch:
            word = said.get(inquiry.inquiry_id)
            if word is None:
                reason = reasons.get(inquiry.inquiry_id, Reason.SAMPLED_OUT)
                found[inquiry.inquiry_id] = left_to_rules(inquiry, reason)
                continue
            advice = advised(inquiry, word, self._settings.sure_from)
            insight = advice.insight
            if inquiry.insight is None and insight is not None:
                if self._raised_lately(insight, fresh):
                    advice = advice.model_copy(update={"insight": None})
                else:
                    fresh.append(insight)
            found[inquiry.inquiry_id] = advice
        return found

    def _consulted(self, batch: Sequence[Inquiry], until: datetime) -> tuple[dict[str, Said], dict[str, str]]:
        """Return opinions by question, and why there is none of the others."""
        said: dict[str, Said] = {}
        reasons: dict[str, str] = {}
        wrong: dict[str, str] = {}
        keys = {one.inquiry_id: self._key(one) for one in batch}
        answers = self._recalled(keys)
        pending = self._serve(batch, keys, answers, said)
        for _ in range(len(batch) + _ROUNDS):
            seconds = (until - self._clock.now()).total_seconds()
            if not pending or seconds < _LEAST_SECONDS:
                break
            # Alike ones go along: in a call that is made anyway they cost less than another call for those that the
            # fresh answer does not fit.
            leads = pending[: self.most]
            try:
                told = self._ask(leads, seconds, wrong)
            except NoAnswer as error:
                reasons |= {one.inquiry_id: error.reason for one in leads}
                if error.reason != Reason.INVALID:
                    reasons |= {one.inquiry_id: error.reason for one in pending}
                    break
                pending = [one for one in pending if one not in leads]
                continue
            said |= told
            answers |= self._remember(leads, told, keys)
            twice = {one.inquiry_id for one in leads if one.inquiry_id in reasons}
            reasons |= {
                one.inquiry_id: Reason.INVALID if one.inquiry_id in wrong else Reason.REJECTED
                for one in leads
                if one.inquiry_id not in told
            }
            pending = [one for one in pending if one.inquiry_id not in said and one.inquiry_id not in twice]
            pending = self._serve(pending, keys, answers, said)
        reasons = {one.inquiry_id: Reason.TIMEOUT for one in pending} | reasons
        return said, reasons

    def _ask(self, leads: Sequence[Inquiry], seconds: float, wrong: dict[str, str]) -> dict[str, Said]:
        """Ask about some questions in one call; what is wrong with an item is noted in `wrong`."""
        language = self._fabric.language
        sheet = Sheet(leads, language, tiers=self._settings.tiers, wrong=wrong)
        answer = self._model.ask(
            Ask(
                agent=AGENT,
                prompt=sheet.prompt,
                form=Judgements,
                seconds=seconds,
                check=sheet.check,
                max_tokens=_answer_tokens(language) * len(leads),
            )
        )
        outcome = sheet.read(answer.value, answer.model)
        wrong.update(outcome.wrong)
        return _shared(outcome.opinions, answer)

    def _key(self, inquiry: Inquiry) -> str:
        return key_of(inquiry, self._fabric.language, self._models) if self._settings.cache_seconds else ""

    def _recalled(self, keys: Mapping[str, str]) -> dict[str, str]:
        wanted = sorted({key for key in keys.values() if key})
        return self._inquiries.recall(wanted, self._clock.now()) if wanted else {}

    def _remember(self, leads: Sequence[Inquiry], told: Mapping[str, Said], keys: Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for one in leads:
            if keys[one.inquiry_id] and one.inquiry_id in told:
                text = kept(told[one.inquiry_id].opinion, one)
                if text is not None:
                    found[keys[one.inquiry_id]] = text
        if found:
            now = self._clock.now()
            self._inquiries.remember(list(found.items()), now, now + timedelta(seconds=self._settings.cache_seconds))
        return found

    def _serve(
        self,
        pending: Sequence[Inquiry],
        keys: Mapping[str, str],
        answers: Mapping[str, str],
        said: dict[str, Said],
    ) -> list[Inquiry]:
        """Take remembered answers into `said`; return the questions that have none."""
        left = []
        for one in pending:
            text = answers.get(keys[one.inquiry_id])
            opinion = served(text, one) if text else None
            if opinion is None:
                left.append(one)
            else:
                said[one.inquiry_id] = Said(opinion)
        return left

    def _raised_lately(self, insight: Insight, fresh: Sequence[Insight]) -> bool:
        """Return whether as much was raised of this type at this stream minutes before or after."""
        slow = insight.prediction_type is PredictionType.PERFORMANCE_DEGRADATION
        around = timedelta(seconds=self._fabric.slow_repeat_seconds if slow else self._fabric.duplicate_seconds)
        wanted = InsightFilter(
            since=insight.timestamp - around,
            until=insight.timestamp + around,
            prediction_type=insight.prediction_type,
            related_entity=insight.related_entity,
        )
        known = [*(one for one in fresh if _same(one, insight)), *self._insights.recent(wanted).insights]
        near = [one for one in known if abs(one.timestamp - insight.timestamp) < around]
        return any(_rank(one.risk_score) >= _rank(insight.risk_score) for one in near)


def is_sampled(inquiry: Inquiry, rate: float) -> bool:
    """Return whether a question is in the share that is asked: always the same for the same question.

    >>> from datetime import UTC, datetime
    >>> one = Inquiry(inquiry_id="a", related_entity="s", timestamp=datetime(2026, 1, 1, tzinfo=UTC), measures=())
    >>> is_sampled(one, 0.0), is_sampled(one, 1.0)
    (False, True)
    """
    digest = hashlib.sha256(inquiry.inquiry_id.encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:4], "big") < rate * _SHARES


def left_to_rules(inquiry: Inquiry, reason: str) -> Advice:
    """Return that the rules' finding stands."""
    return Advice(source=InsightSource.RULES, reason=reason, insight=inquiry.insight)


def advised(inquiry: Inquiry, said: Said, sure_from: float) -> Advice:
    """Return what follows from an opinion."""
    opinion, rules = said.opinion, inquiry.insight
    nano_usd, tokens = said.nano_usd, said.tokens
    reason = _doubt(opinion, rules, sure_from)
    if reason:
        beside = None if rules is None else rules.model_copy(update={"beside": opinion})
        source, insight = InsightSource.RULES, beside
    else:
        source, reason, insight = opinion.source, "", _insight(inquiry, opinion)
    return Advice(source=source, reason=reason, opinion=opinion, insight=insight, nano_usd=nano_usd, tokens=tokens)


def _doubt(opinion: Opinion, rules: Insight | None, sure_from: float) -> str:
    """Return why the rules' finding stands beside an opinion; empty where the opinion decides."""
    if opinion.confidence < sure_from:
        return UNSURE
    if rules is None:
        return ""
    if opinion.prediction_type is None:
        return NORMAL
    return FAR_LOWER if _rank(rules.risk_score) - _rank(opinion.risk_score) >= _FAR else ""


def _insight(inquiry: Inquiry, opinion: Opinion) -> Insight | None:
    """Return a model's opinion as the insight, with the rules' beside it; None where it sees nothing."""
    if opinion.prediction_type is None:
        return None
    rules = inquiry.insight
    said = {name: getattr(opinion, name) for name in Opinion.model_fields}
    if rules is not None:
        return rules.model_copy(update={**said, "beside": _opinion(rules)})
    return Insight(
        entity_id=f"alert_{inquiry.related_entity}_{int(inquiry.timestamp.timestamp())}",
        timestamp=inquiry.timestamp,
        related_entity=inquiry.related_entity,
        ttl=inquiry.timestamp + TTL,
        **said,
    )


def _opinion(insight: Insight) -> Opinion:
    return Opinion(**{name: getattr(insight, name) for name in Opinion.model_fields})


def _shared(opinions: Mapping[str, Opinion], answer: Answer[Judgements]) -> dict[str, Said]:
    """Share what a call cost among those that it answered; the first has what is left over."""
    count = max(1, len(opinions))
    found: dict[str, Said] = {}
    for number, (inquiry_id, opinion) in enumerate(opinions.items()):
        parts = (divmod(whole, count) for whole in (answer.nano_usd, answer.tokens_in + answer.tokens_out))
        money, tokens = (each + (rest if number == 0 else 0) for each, rest in parts)
        found[inquiry_id] = Said(opinion, money, tokens)
    return found


def _answer_tokens(language: Language) -> int:
    return ANSWER_TOKENS * (_KOREAN if language == "ko" else 1)


def _same(one: Insight, other: Insight) -> bool:
    return (one.related_entity, one.prediction_type) == (other.related_entity, other.prediction_type)


def _rank(risk: int) -> int:
    order = ("low", "medium", "high", "critical")
    return order.index(severity_of(risk).value)
