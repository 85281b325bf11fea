"""The analyst without a model: evidence, opinions, claims, grounding, prose, actions, confidence, in this order.

Two ways of looking are held side by side: playbooks against what the incident itself says, and the inquest over all
services, series and changes around it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bdp.clock import Clock
from bdp.explain.bilingual import Bilingual
from bdp.explain.case import Case, open_case
from bdp.explain.claims import culprit_change, extent, write_claims
from bdp.explain.confidence import assess
from bdp.explain.evidence import COLLECTORS, COST_COLLECTORS
from bdp.explain.grounding import check, count, tally
from bdp.explain.hypotheses import judge, rank
from bdp.explain.inquest.opinion import opinion
from bdp.explain.inquest.ruling import Ruling, rule
from bdp.explain.inquest.scene import Span, look
from bdp.explain.opinion import Opinion, leading
from bdp.explain.playbook import Playbook, load_playbooks
from bdp.explain.proposals import propose
from bdp.explain.prose import cause_claim, cited, named_by, root_cause, summary, title
from bdp.explain.sentences import say
from bdp.explain.settings import ExplainSettings
from bdp.explain.wording import name
from bdp.model.analysis import Analysis, Check, Claim, Hypothesis, Verdict
from bdp.model.evidence import Evidence, EvidenceKind
from bdp.model.incident import Incident
from bdp.ports import Store


@dataclass(frozen=True)
class Told:
    """How an incident was told, where an alert did.

    Attributes:
        at: when; the incident's start where that is not known.
        text: words of the alert.
        metric: whose alert it was.
        whole: the incident is of a whole service, whatever the route and the error; else of its subject exactly.
        alerted: the words are an alert's; else they are the incident's title.
    """

    at: datetime | None = None
    text: str = ""
    metric: str = ""
    alerted: bool = False
    whole: bool = False


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

    def explain(
        self, incident: Incident, *, told: Told | None = None, attempt: int = 1, tried: Sequence[str] = ()
    ) -> Analysis:
        """Return what one attempt at explaining an incident finds.

        Args:
            told: where an investigation was asked for; it says more of less.
            attempt: 1 for the first, up by one with each replan.
            tried: keys (`ActionProposal.key`) of actions that did not help; they are not proposed again.

        Raises:
            BadRequest: the store hit a limit.
            StoreUnavailable: try again later.
        """
        whole = told is not None and told.whole
        case = open_case(self._store, self._settings, incident, self._playbooks, self._clock.now(), whole=whole)
        for collect in (COST_COLLECTORS if case.of_costs else COLLECTORS).values():
            collect(case)
        by_playbooks = _by_playbooks(case)
        if case.of_costs:
            # The inquest asks which service failed first; a bill is about none, and comes by the day.
            return self._composed(case, _brought_about(by_playbooks), _none(case), attempt, tried)
        ruling, by_inquest = self._by_inquest(case, told, {one.mechanism for one in by_playbooks.hypotheses})
        leader = leading(by_playbooks, by_inquest, asked=told is not None, of_metrics=case.of_metrics)
        other = by_inquest if leader is by_playbooks else by_playbooks
        return self._composed(case, _blaming(leader, other, ruling), other, attempt, tried)

    def _by_inquest(self, case: Case, asked: Told | None, known: Collection[str]) -> tuple[Ruling, Opinion]:
        incident = case.incident
        told = asked or Told(text=incident.title)
        span = Span.of(told.at or incident.start_time, case.stretch.end, incident.start_time)
        scene = look(self._store, span, told.text, alerted=told.alerted)
        ruling = rule(scene, incident.subject.service, told.metric)
        return ruling, opinion(case, scene, ruling, self._playbooks, asked=asked is not None, known=known)

    def _composed(self, case: Case, leader: Opinion, other: Opinion, attempt: int, tried: Sequence[str]) -> Analysis:
        incident = case.incident
        claims, _ = check(_each_once(case, [*leader.claims, *other.claims]), case.found)
        leader, said = _held(leader, claims, case.found)
        grounding = tally([*([said] if said else []), *claims])
        count(grounding, "rules")
        playbook = leader.playbook if leader.named else None
        where = leader.place if leader.named and leader.place == leader.first else ""
        remedy = _helps(leader, other)
        told = playbook.actions if playbook else None
        actions = propose(case, told, leader.culprit, tried, service=where, remedy=remedy)
        hypotheses = _ranked(leader, other)
        named = cited(leader.cause, said.evidence) if said else Bilingual()
        cause = root_cause(incident, leader.verdict, named, leader.missing)
        line = summary(leader)
        return Analysis(
            incident_id=incident.incident_id,
            attempt=attempt,
            created_at=self._clock.now(),
            verdict=leader.verdict,
            mechanism=leader.mechanism,
            root_cause=cause.en,
            root_cause_ko=cause.ko,
            summary=line.en,
            summary_ko=line.ko,
            cause=said,
            claims=claims,
            grounding=grounding,
            confidence=assess(claims, grounding, actions, verdict=leader.verdict, hypotheses=hypotheses, tried=tried),
            actions=actions,
            hypotheses=_with_reasons(hypotheses, leader),
            culprit_change=leader.culprit,
            first_failing_service=leader.first or other.first,
            blast_radius=leader.blast or other.blast,
            playbook=playbook.name if playbook else "",
            remediation=remedy,
            evidence=tuple(case.found),
        )


def _by_playbooks(case: Case) -> Opinion:
    ranked = rank(case)
    verdict, missing = judge(case, ranked)
    leader = ranked[0] if ranked and verdict is not Verdict.INCONCLUSIVE else None
    claims, _ = check(write_claims(case, leader), case.found)
    if leader and not all(_holds(claims, carrier) for carrier in leader.carriers):
        verdict, missing, leader = Verdict.INCONCLUSIVE, say("carrier_does_not_hold"), None
    book, subject, much = leader.playbook if leader else None, str(case.incident.subject), extent(case, leader)
    return Opinion(
        verdict=verdict,
        mechanism=book.name if book else "",
        place=subject,
        short=say("short", title=title(book), much=much) if book else say("short_not_known", much=much),
        cause=named_by(book, case.incident) if book else Bilingual(),
        missing=missing,
        playbook=book,
        culprit=culprit_change(case, leader),
        claims=claims,
        hypotheses=[candidate.noun(leader) for candidate in ranked],
        first=_first(case),
        blast=_callers(case),
        remediation=_remedy(book, culprit_change(case, leader)),
        rests_on=leader.carriers if leader else (),
    )


def _remedy(book: Playbook | None, culprit: str | None) -> str:
    return (book.remedy if culprit else book.remedy_alone) or "" if book else ""


def _each_once(case: Case, claims: Sequence[Claim]) -> list[Claim]:
    """Return claims, each once; one that counts the events that the incident's own count holds gives way to it."""
    values = {one.id: one.value for one in case.found}
    whole = case.found[0].value
    own = next((claim for claim in claims if claim.evidence == (case.found[0].id,)), None)

    def same(claim: Claim) -> bool:
        value = values.get(claim.evidence[0], {}) if len(claim.evidence) == 1 else {}
        alike = ("service", "abnormal_events", "last_time")
        return "onset" in value and all(value.get(key) == whole.get(key) for key in alike)

    return list(dict.fromkeys(own if own is not None and same(claim) else claim for claim in claims))


def _held(leader: Opinion, claims: Sequence[Claim], found: Sequence[Evidence]) -> tuple[Opinion, Claim | None]:
    """Return an opinion with what it names as a checked claim; it names nothing if its evidence does not carry that.

    What is checked is where it is seen and what brought it about; what kind of failure it is stands in our own words,
    which rest on the claims that carry it.
    """
    if not leader.named:
        return leader, None
    cause = cause_claim(leader.cause, claims, leader.rests_on)
    where, ref = name(leader.place), name(leader.culprit or "")
    names = say("seen_at_by", place=where, ref=ref) if leader.culprit else say("seen_at", place=where)
    (checked,), _ = check([cause.model_copy(update={"text": names.en})], found)
    claim = cause.model_copy(update={"check": checked.check, "reason": checked.reason})
    if claim.check in {Check.SUPPORTED, Check.NOT_CHECKABLE}:
        return leader, claim
    return replace(leader, verdict=Verdict.INCONCLUSIVE, mechanism="", missing=say("carrier_does_not_hold")), claim


def _helps(leader: Opinion, other: Opinion) -> str:
    """Return what helps; the other's word counts where it blames the same change, or none as well."""
    return leader.remediation or (other.remediation if leader.culprit == other.culprit else "")


def _blaming(leader: Opinion, other: Opinion, ruling: Ruling) -> Opinion:
    """Return an opinion with the change to blame: its own, or that of the other if both name the same.

    One that was read and does nothing that could matter is not to blame, whatever its time.
    """
    cleared = {one.ref for one in ruling.suspects if one.harmless}
    if leader.culprit in cleared:
        return replace(leader, culprit=None, remediation=_remedy(leader.playbook, None))
    if leader.culprit and name(leader.culprit) not in leader.cause.en:
        return _brought_about(leader)
    alike = leader.playbook is not None and leader.playbook == other.playbook
    if leader.culprit or not (alike and other.culprit) or other.culprit in cleared:
        return leader
    ref = name(other.culprit)
    return replace(
        leader,
        culprit=other.culprit,
        remediation=other.remediation or _remedy(leader.playbook, other.culprit),
        short=say("short_by", short=leader.short, ref=ref),
        cause=say("brought_about", cause=leader.cause, ref=ref),
    )


def _brought_about(leader: Opinion) -> Opinion:
    """Return an opinion with its change to blame in what it names."""
    if not leader.culprit:
        return leader
    return replace(leader, cause=say("brought_about", cause=leader.cause, ref=name(leader.culprit)))


def _none(case: Case) -> Opinion:
    """Return the opinion of whoever did not look."""
    place = str(case.incident.subject)
    return Opinion(Verdict.INCONCLUSIVE, "", place, Bilingual(), Bilingual(), Bilingual(), None, None, (), ())


def _ranked(leader: Opinion, other: Opinion) -> tuple[Hypothesis, ...]:
    """Return the hypotheses of both, the one that is named first, else by score."""
    known = sorted([*leader.hypotheses, *other.hypotheses], key=lambda one: -one.score)
    return tuple(sorted(known, key=lambda one: one.mechanism != leader.mechanism)) if leader.named else tuple(known)


def _with_reasons(hypotheses: Sequence[Hypothesis], leader: Opinion) -> tuple[Hypothesis, ...]:
    """Return hypotheses, each that lost with a reason: what speaks against it or is missing, or what fits better."""
    standing = {leader.mechanism, leader.playbook.name if leader.playbook else ""} if leader.named else set()
    why = say("fits_better", cause=leader.cause) if leader.named else say("not_named_for", missing=leader.missing)
    return tuple(
        one
        if one.refutation or one.mechanism in standing
        else one.model_copy(update={"refutation": why.en, "refutation_ko": why.ko})
        for one in hypotheses
    )


def _holds(claims: Sequence[Claim], evidence: str) -> bool:
    return any(claim.check is Check.SUPPORTED and evidence in claim.evidence for claim in claims)


def _first(case: Case) -> str:
    """Return the service that fails first in most traces; empty where none does."""
    orders = (evidence.value for evidence in case.of_kind(EvidenceKind.TRACE_ORDER, "first_service"))
    return next((str(order["first_service"]) for order in orders if 2 * order["traces_first"] > order["traces"]), "")


def _callers(case: Case) -> tuple[str, ...]:
    return tuple(row["service"] for e in case.of_kind(EvidenceKind.CALLERS) for row in e.value["hit_services"])
