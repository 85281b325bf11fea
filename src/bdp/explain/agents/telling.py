"""The reply that people get, from what rules found and what models said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bdp.explain.agents.agent import Agent
from bdp.explain.agents.form import Findings
from bdp.explain.agents.reply import Factors, Price, Reply
from bdp.explain.agents.verdict import Judged, summary_of
from bdp.explain.grounding import tally
from bdp.llm.ask import Answer
from bdp.model.spending import NANO, Reason

NO_CLAIMS: Final = "no_claims"
_TOLD: Final[Mapping[str, tuple[str, str]]] = {
    Reason.NO_MODEL: (
        "No model is set up: this is what rules found. bdp doctor says how to set one up.",
        "설정된 모델이 없어 규칙이 찾은 내용입니다. 설정 방법은 bdp doctor가 알려 줍니다.",
    ),
    NO_CLAIMS: (
        "A model answered, but nothing that it said rests on the evidence; this is what rules found.",
        "모델이 답했지만 근거가 뒷받침하는 내용이 없어 규칙이 찾은 내용입니다.",
    ),
    "cause_not_supported": (
        "A model named a cause that its evidence does not carry; the rules' verdict stands.",
        "모델이 말한 원인을 근거가 뒷받침하지 않아 규칙의 판정을 따릅니다.",
    ),
    "less_grounded": (
        "A model's claims are less grounded than the rules'; the rules' verdict stands.",
        "모델의 주장이 규칙보다 근거가 약해 규칙의 판정을 따릅니다.",
    ),
    "rules_are_surer": (
        "A model names no cause or another one than the rules confirmed; the rules' verdict stands.",
        "모델이 원인을 대지 않거나 규칙이 확정한 것과 다른 원인을 대어 규칙의 판정을 따릅니다.",
    ),
}
_NO_ANSWER: Final = (
    "No model gave a usable answer ({reason}); this is what rules found.",
    "모델이 쓸 수 있는 답을 주지 않아({reason}) 규칙이 찾은 내용입니다.",
)


@dataclass(frozen=True)
class Said:
    """What one agent's model answered, and what of it may be shown."""

    agent: Agent
    findings: Findings
    judged: Judged


def answered(reply: Reply, said: Sequence[Said]) -> Reply:
    claims = tuple(dict.fromkeys(claim for one in said for claim in one.judged.claims))
    first = said[0].findings
    return reply.model_copy(
        update={
            "agents": tuple(one.agent.name for one in said),
            "summary": next((told for one in said if (told := summary_of(one.judged))), reply.summary),
            "claims": claims,
            "grounding": tally(claims),
            "actions": said[0].judged.actions,
            "alternatives": tuple(one for part in said for one in part.judged.alternatives),
            "factors": Factors(evidence=first.evidence_strength, match=first.match, risk=first.risk),
            "source": "ai",
            "reason": "",
            "told": "",
            "answers": True,
            "offered": (),
            "examples": (),
        }
    )


def left_to_rules(reply: Reply, reason: str) -> Reply:
    korean = reply.language == "ko"
    told = _TOLD.get(reason, _NO_ANSWER)[korean].format(reason=reason)
    return reply.model_copy(update={"reason": reason, "told": f"{told} {reply.told}".strip()})


def price_of(answers: Sequence[Answer[Any]]) -> Price:
    if not answers:
        return Price()
    last = answers[-1]
    return Price(
        model=last.model,
        provider=last.provider,
        requests=sum(one.requests for one in answers),
        steps=sum(one.steps for one in answers),
        tokens_in=sum(one.tokens_in for one in answers),
        tokens_out=sum(one.tokens_out for one in answers),
        usd=sum(one.nano_usd for one in answers) / NANO,
        seconds=sum(one.seconds for one in answers),
    )


def head_of(text: str) -> str:
    """Return a sentence up to its first semicolon outside of names.

    >>> head_of("2 errors; `a;b` 1 error."), head_of("`a;b` fails.")
    ('2 errors', '`a;b` fails')
    """
    quoted = False
    for at, character in enumerate(text):
        quoted ^= character == "`"
        if character == ";" and not quoted:
            return text[:at]
    return text.rstrip(".")
