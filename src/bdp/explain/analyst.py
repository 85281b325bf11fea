"""The analyst without a model: evidence, hypotheses, claims, grounding, prose, actions, confidence, in this order."""

from __future__ import annotations

from collections.abc import Sequence

from bdp.clock import Clock
from bdp.explain.case import Case, open_case
from bdp.explain.claims import culprit_change, extent, write_claims
from bdp.explain.confidence import assess
from bdp.explain.evidence import COLLECTORS
from bdp.explain.grounding import check, count
from bdp.explain.hypotheses import Candidate, judge, rank
from bdp.explain.playbook import load_playbooks
from bdp.explain.proposals import propose
from bdp.explain.prose import root_cause, summary
from bdp.explain.settings import ExplainSettings
from bdp.model.analysis import Analysis, Check, Claim, Verdict
from bdp.model.evidence import EvidenceKind
from bdp.model.incident import Incident
from bdp.ports import Store


class Analyst:
    """Explains incidents from the store's records; it only reads.

    Raises:
        BadSetting: a playbook does not fit its form.
    """

    def __init__(self, store: Store, settings: ExplainSettings, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._playbooks = load_playbooks(settings.playbooks)

    def explain(self, incident: Incident, *, attempt: int = 1, tried: Sequence[str] = ()) -> Analysis:
        """Return what one attempt at explaining an incident finds.

        Args:
            attempt: 1 for the first, up by one with each replan.
            tried: keys (`ActionProposal.key`) of actions that did not help; they are not proposed again.

        Raises:
            BadRequest: the store hit a limit.
            StoreUnavailable: try again later.
        """
        case = open_case(self._store, self._settings, incident, self._playbooks, self._clock.now())
        for collect in COLLECTORS.values():
            collect(case)
        ranked = rank(case)
        verdict, missing = judge(case, ranked)
        leader = ranked[0] if ranked and verdict is not Verdict.INCONCLUSIVE else None
        claims, _ = check(write_claims(case, leader), case.found)
        if leader and not all(_holds(claims, carrier) for carrier in leader.carriers):
            verdict, missing, leader = Verdict.INCONCLUSIVE, "the claim that carries the cause does not hold", None
        return self._compose(case, ranked, leader, verdict, missing, claims, attempt, tried)

    def _compose(
        self,
        case: Case,
        ranked: Sequence[Candidate],
        leader: Candidate | None,
        verdict: Verdict,
        missing: str,
        claims: tuple[Claim, ...],
        attempt: int,
        tried: Sequence[str],
    ) -> Analysis:
        incident = case.incident
        playbook = leader.playbook if leader else None
        culprit = culprit_change(case, leader)
        actions = propose(case, playbook.actions if playbook else None, culprit, tried)
        claims, grounding = check(claims, case.found)
        count(grounding, "rules")
        hypotheses = tuple(candidate.noun() for candidate in ranked)
        return Analysis(
            incident_id=incident.incident_id,
            attempt=attempt,
            created_at=self._clock.now(),
            verdict=verdict,
            mechanism=playbook.name if playbook else "",
            root_cause=root_cause(incident, verdict, playbook, claims, missing),
            summary=summary(incident, verdict, playbook, extent(case, leader)),
            claims=claims,
            grounding=grounding,
            confidence=assess(claims, grounding, actions, verdict=verdict, hypotheses=hypotheses, tried=tried),
            actions=actions,
            hypotheses=hypotheses,
            culprit_change=culprit,
            first_failing_service=_first(case),
            blast_radius=tuple(
                row["service"] for e in case.of_kind(EvidenceKind.CALLERS) for row in e.value["hit_services"]
            ),
            playbook=playbook.name if playbook else "",
            evidence=tuple(case.found),
        )


def _holds(claims: Sequence[Claim], evidence: str) -> bool:
    return any(claim.check is Check.SUPPORTED and evidence in claim.evidence for claim in claims)


def _first(case: Case) -> str:
    """Return the service that fails first in most traces; empty where none does."""
    orders = (evidence.value for evidence in case.of_kind(EvidenceKind.TRACE_ORDER))
    return next((str(order["first_service"]) for order in orders if 2 * order["traces_first"] > order["traces"]), "")
