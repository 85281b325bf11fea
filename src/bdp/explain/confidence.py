"""Confidence in an analysis: four weighed factors, then capped.

evidence sufficiency            .35   distinct evidence under claims that hold; three are enough
logical consistency             .25   claims that are not contradicted, lead over the next cause, refutations
actionability                   .25   concrete actions; two are enough
consistency with attempts       .15   nothing that was tried is proposed again

caps: grounding; 0.97 for CONFIRMED (rules are never certain); 0.84 for LIKELY (a person is asked before anything
changes); 0.45 for INCONCLUSIVE; 0.4 when a tried action is proposed again
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bdp.explain.bilingual import Bilingual, together
from bdp.explain.sentences import say
from bdp.model.analysis import ActionProposal, Check, Claim, Confidence, Grounding, Hypothesis, Verdict

WEIGHTS = {"evidence": 0.35, "consistency": 0.25, "actionability": 0.25, "attempts": 0.15}
_ENOUGH_EVIDENCE = 3
_ENOUGH_ACTIONS = 2
_CLEAR_LEAD = 0.3
_CAPS = {Verdict.CONFIRMED: 0.97, Verdict.LIKELY: 0.84, Verdict.INCONCLUSIVE: 0.45}
_CAP_REPEATED = 0.4
REPLAN_BELOW = 0.5


def assess(
    claims: Sequence[Claim],
    grounding: Grounding,
    actions: Sequence[ActionProposal],
    *,
    verdict: Verdict = Verdict.LIKELY,
    hypotheses: Sequence[Hypothesis] = (),
    tried: Collection[str] = (),
) -> Confidence:
    """Return how far an analysis can be built on.

    Args:
        claims: checked claims.
        hypotheses: best first; empty where none were ranked.
        tried: keys (`ActionProposal.key`) of actions that were tried and did not help.
    """
    repeated = [action for action in actions if action.key in tried]
    breakdown = {
        "evidence": _evidence(claims),
        "consistency": _consistency(claims, hypotheses),
        "actionability": _actionability(actions),
        "attempts": 1.0 - len(repeated) / len(actions) if actions else float(not tried),
    }
    caps = {"cap_grounding": grounding.score, "cap_verdict": _CAPS[verdict]}
    if repeated:
        caps["cap_repeated"] = _CAP_REPEATED
    raw = sum(WEIGHTS[factor] * value for factor, value in breakdown.items())
    score = round(min(raw, *caps.values()), 4)
    reasoning = _reasoning(breakdown, raw, caps, score, verdict, actions)
    suggestions = _suggestions(breakdown, grounding, repeated)
    return Confidence(
        score=score,
        breakdown={factor: round(value, 4) for factor, value in breakdown.items()}
        | {"grounding": round(grounding.score, 4)},
        reasoning=reasoning.en,
        reasoning_ko=reasoning.ko,
        suggestions=tuple(one.en for one in suggestions),
        suggestions_ko=tuple(one.ko for one in suggestions),
        replan=score < REPLAN_BELOW,
    )


def _evidence(claims: Sequence[Claim]) -> float:
    cited = {number for claim in claims if claim.check is Check.SUPPORTED for number in claim.evidence}
    return min(1.0, len(cited) / _ENOUGH_EVIDENCE)


def _consistency(claims: Sequence[Claim], hypotheses: Sequence[Hypothesis]) -> float:
    if not claims:
        return 0.0
    sound = 1.0 - sum(claim.struck for claim in claims) / len(claims)
    if not hypotheses:
        return sound
    rival = hypotheses[1].score if len(hypotheses) > 1 else 0.0
    lead = min(1.0, (hypotheses[0].score - rival) / _CLEAR_LEAD)
    return sound * (0.5 + 0.5 * lead) * (0.7 if hypotheses[0].refutation else 1.0)


def _actionability(actions: Sequence[ActionProposal]) -> float:
    concrete = [action for action in actions if action.description and action.parameters]
    return min(1.0, len(concrete) / _ENOUGH_ACTIONS)


def _reasoning(
    breakdown: dict[str, float],
    raw: float,
    caps: dict[str, float],
    score: float,
    verdict: Verdict,
    actions: Sequence[ActionProposal],
) -> Bilingual:
    strength = "strong" if breakdown["evidence"] == 1 else "moderate" if breakdown["evidence"] >= 0.5 else "weak"
    risk = "medium" if any(action.rollback for action in actions) else "low"
    capped = [_cap(why, cap, verdict) for why, cap in caps.items() if cap < raw]
    both = say("caps", one=capped[0], other=capped[1]) if len(capped) > 1 else together(capped)
    limit = say("capped", caps=both) if capped else Bilingual()
    factors = {"strength": say(strength), "match": say(f"match_{verdict}"), "risk": say(f"risk_{risk}")}
    return say("reasoning", **factors, raw=f"{raw:.2f}", limit=limit, score=f"{score:.2f}")


def _cap(why: str, cap: float, verdict: Verdict) -> Bilingual:
    named = say(why, verdict=say(verdict.value)) if why == "cap_verdict" else say(why)
    return say("cap", why=named, cap=f"{cap:.2f}")


def _suggestions(
    breakdown: dict[str, float], grounding: Grounding, repeated: Sequence[ActionProposal]
) -> list[Bilingual]:
    wanted = {
        "more_evidence": breakdown["evidence"] < 1,
        "look_at_rivals": breakdown["consistency"] < 0.6,
        "name_actions": breakdown["actionability"] < 1,
        "propose_other": bool(repeated),
        "mend_claims": 0 < grounding.score < 1,
    }
    return [say(key) for key, needed in wanted.items() if needed]
