"""What of a model's findings may be shown, and whether its verdict stands against the rules'.

    a sentence that gives orders or has a command line    left out
    a claim that its evidence contradicts                 struck out
    a claim that its evidence does not carry              marked; never a fact, never in prose
    telemetry repeated as if it were a finding            the same: it would be its own evidence
    an action                                             one of the offers, as our code wrote it

An agent's verdict on an incident stands if its claims are grounded at least as well as the rules', its root cause is
supported, and the rules have not confirmed another mechanism: facts that are true name no cause by themselves. It is
CONFIRMED only where the rules say so of the same mechanism.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bdp.explain.agents.form import Findings, Statement
from bdp.explain.agents.words import is_fit, repeats, runs_of, spoken
from bdp.explain.bilingual import Bilingual, together
from bdp.explain.confidence import assess
from bdp.explain.grounding import check, tally
from bdp.explain.playbook import Playbook
from bdp.explain.prose import cited, holding, named_by, root_cause
from bdp.explain.sentences import say
from bdp.model.analysis import ActionProposal, ActionType, Analysis, Check, Claim, Grounding, Hypothesis, Verdict
from bdp.model.evidence import Evidence
from bdp.model.incident import Incident

_TOLD: Final = 3
_REPEATS: Final = "it repeats what machines wrote as its own words; quote it in backticks"
Runs = frozenset[tuple[str, ...]]
_HARMLESS: Final = frozenset({ActionType.INVESTIGATE, ActionType.NOTIFY})


@dataclass(frozen=True)
class Judged:
    """Findings, held against the evidence.

    Attributes:
        cause: the root cause as a checked claim; None where it may not be shown.
        claims: with the cause first.
        summary: the answer in one line if it is supported; else empty.
        mechanism: one that is known; else empty.
    """

    cause: Claim | None
    claims: tuple[Claim, ...]
    grounding: Grounding
    summary: str
    mechanism: str
    actions: tuple[ActionProposal, ...]
    alternatives: tuple[Hypothesis, ...]

    @property
    def is_of_use(self) -> bool:
        """At least one claim is supported."""
        return self.grounding.supported > 0


def judge(
    findings: Findings, evidence: Sequence[Evidence], offers: Mapping[str, ActionProposal], known: Sequence[str] = ()
) -> Judged:
    """Return what may be shown of findings.

    Args:
        known: names of mechanisms.
    """
    said = [_claim(one) for one in (findings.root_cause, *findings.claims)]
    cause = said[0]
    runs = runs_of(evidence)
    claims = _held([one for one in said if one is not None], evidence, runs)
    summary = _supported(findings.summary.text, findings.summary.evidence, evidence, runs)
    return Judged(
        cause=claims[0] if cause is not None else None,
        claims=claims,
        grounding=tally(claims),
        summary=summary.text if summary is not None else "",
        mechanism=findings.mechanism if findings.mechanism in known else "",
        actions=_chosen(findings, offers),
        alternatives=tuple(_alternatives(findings, evidence, known, runs)),
    )


def wrong_with(findings: Findings, evidence: Sequence[Evidence]) -> str | None:
    """Return what is wrong with findings in which nothing is supported, for the model; None if something is."""
    judged = judge(findings, evidence, {})
    if judged.is_of_use or not evidence:
        return None
    reasons = [f"claim {number}: {one.reason}" for number, one in enumerate(judged.claims[:_TOLD])]
    return "; ".join(reasons) or "No claim may be shown: they give orders or have commands."


def stands(judged: Judged, rules: Analysis) -> str:
    """Return why an agent's verdict on an incident does not stand against the rules'; empty if it does."""
    if judged.cause is None or judged.cause.check is not Check.SUPPORTED:
        return "cause_not_supported"
    if judged.grounding.score < rules.grounding.score:
        return "less_grounded"
    if rules.verdict is Verdict.CONFIRMED and judged.mechanism != rules.mechanism:
        return "rules_are_surer"
    return ""


def analysis_of(
    judged: Judged,
    findings: Findings,
    incident: Incident,
    rules: Analysis,
    evidence: Sequence[Evidence],
    playbooks: Sequence[Playbook],
    now: datetime,
) -> Analysis:
    """Return an agent's findings on an incident as an analysis; ask `stands` before."""
    playbook = next((one for one in playbooks if one.name == judged.mechanism), None)
    verdict = _verdict(judged, findings, rules)
    same = judged.mechanism == rules.mechanism
    actions = judged.actions if same else tuple(one for one in judged.actions if one.type in _HARMLESS)
    actions = tuple(one.model_copy(update={"priority": place}) for place, one in enumerate(actions, 1))
    hypotheses = tuple(sorted(rules.hypotheses, key=lambda one: one.mechanism != judged.mechanism))
    confidence = assess(judged.claims, judged.grounding, actions, verdict=verdict, hypotheses=rules.hypotheses)
    if verdict is Verdict.CONFIRMED:
        confidence = confidence.model_copy(update={"score": min(confidence.score, rules.confidence.score)})
    cause = named_by(playbook, incident) if playbook else Bilingual()
    if judged.cause is not None and judged.cause.check is Check.SUPPORTED:
        said = cited(Bilingual.alike(judged.cause.text), judged.cause.evidence)
        cause = together([cause, said], ". ") if cause else cause
    subject = root_cause(incident, verdict, cause, say("not_shown"))
    return rules.model_copy(
        update={
            "created_at": now,
            "verdict": verdict,
            "mechanism": playbook.name if playbook and verdict is not Verdict.INCONCLUSIVE else "",
            "playbook": playbook.name if playbook and verdict is not Verdict.INCONCLUSIVE else "",
            "root_cause": subject.en,
            "root_cause_ko": subject.ko,
            "summary": judged.summary or rules.summary,
            "summary_ko": "" if judged.summary else rules.summary_ko,
            "cause": judged.cause,
            "claims": judged.claims[1:] if judged.cause is not None else judged.claims,
            "grounding": judged.grounding,
            "confidence": confidence,
            "actions": actions,
            "hypotheses": hypotheses,
            "culprit_change": rules.culprit_change if same else None,
            "remediation": rules.remediation if same else (playbook and playbook.remedy_alone) or "",
            "source": "ai",
            "evidence": tuple(evidence),
        }
    )


def summary_of(judged: Judged) -> str:
    """Return the answer in one line: the model's if it is supported, else its first claim that is."""
    return judged.summary or next((claim.text for claim in holding(judged.claims)), "")


def _verdict(judged: Judged, findings: Findings, rules: Analysis) -> Verdict:
    if not judged.mechanism or findings.evidence_strength == "weak" or findings.match == "inferred":
        return Verdict.INCONCLUSIVE
    sure = rules.verdict is Verdict.CONFIRMED and judged.mechanism == rules.mechanism
    return Verdict.CONFIRMED if sure else Verdict.LIKELY


def _claim(statement: Statement) -> Claim | None:
    text = spoken(statement.text)
    cited = tuple(dict.fromkeys(one.strip() for one in statement.evidence))
    return Claim(text=text, evidence=cited) if is_fit(text) else None


def _chosen(findings: Findings, offers: Mapping[str, ActionProposal]) -> tuple[ActionProposal, ...]:
    wanted = sorted(findings.actions, key=lambda one: one.priority)
    keys = dict.fromkeys(one.offer.strip() for one in wanted if one.offer.strip() in offers)
    return tuple(offers[key].model_copy(update={"priority": place}) for place, key in enumerate(keys, 1))


def _alternatives(
    findings: Findings, evidence: Sequence[Evidence], known: Sequence[str], runs: Runs
) -> list[Hypothesis]:
    """Return other causes of known mechanisms, with statements that their evidence carries."""
    found = []
    for one in findings.alternatives:
        claim, against = (
            _supported(text, one.evidence, evidence, runs) for text in (one.statement, one.refutation or one.statement)
        )
        if claim is not None and one.mechanism in known:
            found.append(
                Hypothesis(
                    mechanism=one.mechanism,
                    statement=claim.text,
                    score=0.0,
                    evidence=claim.evidence,
                    refutation=against.text if against is not None and one.refutation else "",
                )
            )
    return found


def _held(claims: Sequence[Claim], evidence: Sequence[Evidence], runs: Runs) -> tuple[Claim, ...]:
    """Check claims, each once; one that only repeats what machines wrote is no finding, whatever its evidence says."""
    checked, _ = check(list(dict.fromkeys(claims)), evidence)
    return tuple(
        one.model_copy(update={"check": Check.UNSUPPORTED, "reason": _REPEATS}) if _echoes(one, runs) else one
        for one in checked
    )


def _echoes(claim: Claim, runs: Runs) -> bool:
    return claim.check is not Check.CONTRADICTED and repeats(claim.text, runs)


def _supported(text: str, cited: Sequence[str], evidence: Sequence[Evidence], runs: Runs) -> Claim | None:
    claim = _claim(Statement(text=text, evidence=list(cited))) if text.strip() else None
    checked = _held([claim] if claim is not None else [], evidence, runs)
    return next((one for one in checked if one.check is Check.SUPPORTED), None)
