"""An investigation: the analyst's evidence of the subject, and the inquest over all services and changes around it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bdp.clock import Clock
from bdp.explain.case import Case, open_case
from bdp.explain.claims import write_claims
from bdp.explain.confidence import assess
from bdp.explain.evidence import COLLECTORS
from bdp.explain.grounding import check
from bdp.explain.hypotheses import Candidate, rank
from bdp.explain.inquest.findings import hypotheses, write_down
from bdp.explain.inquest.ruling import Ruling, rule
from bdp.explain.inquest.scene import Span, look
from bdp.explain.playbook import Playbook, load_playbooks
from bdp.explain.proposals import propose
from bdp.explain.prose import holding
from bdp.explain.settings import ExplainSettings
from bdp.explain.wording import name
from bdp.model.analysis import Analysis, Claim, Verdict
from bdp.model.incident import Incident
from bdp.ports import Store

_SURE = 0.7
_CLEAR = 0.6
_BEYOND_DOUBT = 0.9


class Investigator:
    """Explains an incident together with everything around it; it only reads.

    Raises:
        BadSetting: a playbook does not fit its form.
    """

    def __init__(self, store: Store, settings: ExplainSettings, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._playbooks = load_playbooks(settings.playbooks)

    def investigate(
        self, incident: Incident, *, told: datetime | None = None, alert: str = "", metric: str = "", attempt: int = 1
    ) -> Analysis:
        """Return what is found.

        Args:
            told: when people were told of it; its start where that is not known.
            alert: words of what told it.
            metric: whose alert it was.

        Raises:
            BadRequest: the store hit a limit.
            StoreUnavailable: try again later.
        """
        case = open_case(self._store, self._settings, incident, self._playbooks, self._clock.now())
        for collect in COLLECTORS.values():
            collect(case)
        end = incident.end_time or incident.last_seen
        scene = look(self._store, Span.of(told or incident.start_time, end, incident.start_time), alert)
        ruling = rule(scene, incident.subject.service, metric)
        ranked, told_before = rank(case), write_claims(case, None)
        claims = [*write_down(case, scene, ruling), *told_before]
        return self._composed(case, ruling, ranked, claims, attempt)

    def _composed(
        self, case: Case, ruling: Ruling, ranked: Sequence[Candidate], claims: Sequence[Claim], attempt: int
    ) -> Analysis:
        verdict = _verdict(ruling)
        playbook = self._playbook(ruling)
        culprit = ruling.culprit.ref if ruling.culprit else None
        actions = propose(case, playbook.actions if playbook else None, culprit)
        checked, grounding = check(claims, case.found)
        known = [*hypotheses(ruling), *(candidate.noun() for candidate in ranked)]
        return Analysis(
            incident_id=case.incident.incident_id,
            attempt=attempt,
            created_at=self._clock.now(),
            verdict=verdict,
            mechanism=ruling.cause.fault.name if ruling.cause and verdict is not Verdict.INCONCLUSIVE else "",
            root_cause=_root_cause(ruling, verdict, checked),
            summary=_summary(case.incident, ruling, verdict),
            claims=checked,
            grounding=grounding,
            confidence=assess(checked, grounding, actions, verdict=verdict, hypotheses=known),
            actions=actions,
            hypotheses=tuple(known),
            culprit_change=culprit,
            first_failing_service=ruling.first,
            blast_radius=ruling.blast,
            playbook=playbook.name if playbook else "",
            remediation=ruling.remedy,
            evidence=tuple(case.found),
        )

    def _playbook(self, ruling: Ruling) -> Playbook | None:
        wanted = ruling.cause.fault.playbook if ruling.cause else ""
        return next((book for book in self._playbooks if book.name == wanted), None)


def _verdict(ruling: Ruling) -> Verdict:
    cause = ruling.cause.score if ruling.cause else 0.0
    if ruling.culprit is not None:
        return Verdict.CONFIRMED if ruling.culprit.score >= _SURE and cause >= _CLEAR else Verdict.LIKELY
    if ruling.alone:
        return Verdict.CONFIRMED if cause >= _BEYOND_DOUBT else Verdict.LIKELY
    # What kind of failure it is may be plain while nothing is found that brought it about.
    return Verdict.LIKELY if cause >= _SURE else Verdict.INCONCLUSIVE


def _root_cause(ruling: Ruling, verdict: Verdict, claims: Sequence[Claim]) -> str:
    facts = " ".join(f"{claim.text.rstrip('.')} [{', '.join(claim.evidence)}]." for claim in holding(claims)[:6])
    if ruling.culprit is not None and ruling.cause is not None:
        sure = "Confirmed" if verdict is Verdict.CONFIRMED else "Likely"
        what = f"{ruling.cause.fault.title} at {name(ruling.first)}, brought about by {ruling.culprit.kind}"
        return f"{sure}: {what} {name(ruling.culprit.ref)}. {facts}"
    if ruling.alone and ruling.cause is not None:
        sure = "Confirmed" if verdict is Verdict.CONFIRMED else "Likely"
        return f"{sure}: {ruling.cause.fault.title}, seen first at {name(ruling.first)}; no change is to blame. {facts}"
    if verdict is Verdict.LIKELY and ruling.cause is not None:
        what = f"{ruling.cause.fault.title}, seen first at {name(ruling.first)}"
        return f"Likely: {what}; no change and no outer cause explains what brought it about. {facts}"
    seen = f"it looks like {ruling.cause.fault.title}, but " if ruling.cause else ""
    return f"The cause is not known: {seen}no change and no outer cause explains it well enough. Known so far: {facts}"


def _summary(incident: Incident, ruling: Ruling, verdict: Verdict) -> str:
    if verdict is Verdict.INCONCLUSIVE or ruling.cause is None:
        return f"{name(str(incident.subject))}: cause not known, first failing {name(ruling.first)}"
    blame = "no change is to blame" if ruling.alone else "no change explains it"
    by = f", by {ruling.culprit.kind} {name(ruling.culprit.ref[:12])}" if ruling.culprit else f", {blame}"
    return f"{name(ruling.first)}: {ruling.cause.fault.title}{by}"
