"""Hypotheses: how well each playbook fits the evidence, and how sure the analyst may be.

score = 0.7 x share of abnormal events with a sign of it + what supporting signals add - what refuting ones take
        (0 to 1; halved where a more specific playbook fits nearly all of the same events)

CONFIRMED     score >= 0.8, a confirming signal, nothing against it, at least twice the least number of events
LIKELY        score >= 0.5, at least 5 abnormal events, no rival within 0.1
INCONCLUSIVE  everything else: too few events, no sign, two causes that fit alike

Of an incident of metrics the metric signs that hold count instead of a number of events: their weights are added, at
most 0.95 together, once one that carries the mechanism holds. CONFIRMED then needs one that confirms and another that
carries, besides a score >= 0.8, nothing against it, and at least 3 points in the stretch.

Of an incident of costs what the bill shows counts in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bdp.explain.bilingual import Bilingual, in_both, together
from bdp.explain.case import Case
from bdp.explain.costs.usual import LEAST_DAYS
from bdp.explain.playbook import CostSign, MetricSign, Playbook, says
from bdp.explain.sentences import say
from bdp.explain.series import LEAST_USUAL_POINTS, Course
from bdp.explain.settings import ExplainSettings
from bdp.explain.signals import SIGNALS, Signal
from bdp.explain.wording import figure, percent
from bdp.model.analysis import Hypothesis, Verdict
from bdp.model.evidence import Evidence, EvidenceKind

_SIGN_WEIGHT = 0.7
_SPECIFIC = 0.8
"""A more specific playbook takes over when it fits this part of the events of the general one."""


_MOST_BY_METRICS = 0.95
_LEAST_POINTS = 3


@dataclass(frozen=True)
class Shown:
    """A metric sign that holds, by the evidence that moved farthest."""

    sign: MetricSign
    evidence: Evidence


@dataclass(frozen=True)
class ShownCost:
    """A cost sign that holds, and the evidence that shows it."""

    sign: CostSign
    evidence: Evidence


@dataclass(frozen=True)
class Candidate:
    """One playbook held against the evidence."""

    playbook: Playbook
    score: float
    sign: Evidence | None
    supports: dict[str, Signal]
    refutes: dict[str, Signal]
    stepped_back_for: str = ""
    metrics: tuple[Shown, ...] = ()
    costs: tuple[ShownCost, ...] = ()

    @property
    def evidence(self) -> tuple[str, ...]:
        """Numbers of everything that speaks for it."""
        signs = (self.sign.id,) if self.sign else ()
        metrics = (shown.evidence.id for shown in self._held)
        signals = (one for signal in self.supports.values() for one in signal.evidence)
        return tuple(dict.fromkeys([*signs, *metrics, *signals]))

    @property
    def speaking(self) -> tuple[ShownCost, ...]:
        """What of the bill speaks for it."""
        return tuple(shown for shown in self.costs if not shown.sign.against)

    @property
    def _held(self) -> tuple[Shown | ShownCost, ...]:
        return (*self.metrics, *self.speaking)

    @property
    def refutation(self) -> Bilingual:
        """What speaks against it, in words."""
        against = [signal.text for signal in self.refutes.values()]
        said = (shown.evidence for shown in self.costs if shown.sign.against)
        against += dict.fromkeys(Bilingual(one.text, one.text_ko) for one in said)
        if self.stepped_back_for:
            against.append(say("more_specific", other=self.stepped_back_for))
        return together(against)

    @property
    def confirmed(self) -> bool:
        """A confirming signal is there and nothing speaks against it."""
        carried = {shown.evidence.id for shown in self._held if shown.sign.carries}
        sure = {shown.evidence.id for shown in self._held if shown.sign.confirms}
        by_metrics = any(carried - {one} for one in sure)
        return (by_metrics or any(key in self.supports for key in self.playbook.confirms)) and not self.refutation

    @property
    def carriers(self) -> tuple[str, ...]:
        """Numbers of the evidence without which the cause is not to be named."""
        metrics = (shown.evidence.id for shown in self._held if shown.sign.carries)
        return (*((self.sign.id,) if self.sign else ()), *metrics)

    @property
    def lacks(self) -> Bilingual:
        """What of it is not shown, in words; empty where its signs are in every event."""
        if self.metrics or self.costs:
            return Bilingual()
        if self.sign is None:
            return say("none_shows_it")
        value = self.sign.value
        if value["share"] >= 1:
            return Bilingual()
        total, share = figure(value["abnormal_events"]), percent(value["share"])
        return say("few_show_it", events=figure(value["events"]), total=total, share=share)

    def noun(self, leader: Candidate | None = None) -> Hypothesis:
        """Return it as people see it, of another than the leader also what is missing."""
        book = self.playbook
        against = [self.refutation] if self is leader else [self.refutation, self.lacks]
        statement = say("titled", title=in_both(book, "title"), mechanism=in_both(book, "mechanism"))
        return hypothesis(book.name, statement, round(self.score, 3), together(filter(None, against)), self.evidence)


def hypothesis(
    mechanism: str, statement: Bilingual, score: float, refutation: Bilingual, evidence: tuple[str, ...] = ()
) -> Hypothesis:
    """Return a hypothesis with its texts in both languages."""
    return Hypothesis(
        mechanism=mechanism,
        statement=statement.en,
        statement_ko=statement.ko,
        score=score,
        evidence=evidence,
        refutation=refutation.en,
        refutation_ko=refutation.ko,
    )


def rank(case: Case) -> list[Candidate]:
    """Return the playbooks that fit at all, the best first."""
    if case.of_costs:
        return _rank_costs(case)
    signals = {key: found for key, look in SIGNALS.items() if (found := look(case))}
    signs = {e.value["playbook"]: e for e in case.of_kind(EvidenceKind.COUNT, "playbook")}
    changed = "change_before_onset" in signals
    shown = {book.name: _shown(book, case) for book in case.playbooks} if case.of_metrics else {}
    fitting = [
        book
        for book in case.playbooks
        if book.name in signs or shown.get(book.name) or (book.by_change_alone and changed)
    ]
    return sorted(
        [_weigh(book, signs, signals, shown.get(book.name, ())) for book in fitting],
        key=lambda candidate: (-candidate.score, candidate.playbook.name),
    )


def judge(case: Case, ranked: Sequence[Candidate]) -> tuple[Verdict, Bilingual]:
    """Return the verdict and, where it is INCONCLUSIVE, what is missing."""
    if case.of_costs:
        return _judge_costs(case, ranked)
    if case.of_metrics and case.series:
        return _judge_metrics(case, ranked)
    events, settings = case.found[0].value["abnormal_events"], case.settings
    if case.of_metrics and not events:
        return Verdict.INCONCLUSIVE, say("no_points")
    if events < settings.least_events:
        return Verdict.INCONCLUSIVE, say("few_events", least=settings.least_events)
    if not ranked:
        return Verdict.INCONCLUSIVE, say("no_sign")
    verdict, missing = _compare(ranked, settings, say("none_fits"))
    sure = verdict is not Verdict.CONFIRMED or events >= 2 * settings.least_events
    return verdict if sure else Verdict.LIKELY, missing


def _judge_metrics(case: Case, ranked: Sequence[Candidate]) -> tuple[Verdict, Bilingual]:
    if not any(course.known for course in case.series.values()):
        return Verdict.INCONCLUSIVE, say("few_points", least=LEAST_USUAL_POINTS)
    if not case.moved:
        return Verdict.INCONCLUSIVE, say("no_metric_moved")
    if not ranked:
        return Verdict.INCONCLUSIVE, say("metrics_tell_nothing")
    verdict, missing = _compare(ranked, case.settings, say("metrics_not_enough"))
    sure = verdict is not Verdict.CONFIRMED or max(course.points for course in case.series.values()) >= _LEAST_POINTS
    return verdict if sure else Verdict.LIKELY, missing


def _rank_costs(case: Case) -> list[Candidate]:
    found = [(book, _shown_by_bill(book, case)) for book in case.playbooks]
    carried = {
        book.name: (book, shown)
        for book, shown in found
        if any(one.sign.carries and not one.sign.against for one in shown)
    }
    weighed = []
    for book, shown in carried.values():
        specific = next((other for other in book.yields_to if other in carried), "")
        score = _score(shown) / 2 if specific else _score(shown)
        weighed.append(Candidate(book, score, None, {}, {}, specific, costs=shown))
    return sorted(weighed, key=lambda candidate: (-candidate.score, candidate.playbook.name))


def _score(shown: Sequence[ShownCost]) -> float:
    speaking = min(1.0, sum(one.sign.weight for one in shown if not one.sign.against))
    return max(0.0, speaking - sum(one.sign.weight for one in shown if one.sign.against))


def _shown_by_bill(book: Playbook, case: Case) -> tuple[ShownCost, ...]:
    """Return the cost signs of a playbook that hold, each by the first evidence that shows it."""
    bill, known = case.bill, {one.id: one for one in case.found}
    if bill is None:
        return ()
    held = (
        (
            sign,
            next((one for one in bill.shown if one.sign in sign.shows and _named(sign, one.name, bill.billed)), None),
        )
        for sign in book.costs
    )
    return tuple(ShownCost(sign, known[one.evidence]) for sign, one in held if one is not None)


def _named(sign: CostSign, part: str, billed: str) -> bool:
    of_part = not sign.names or any(says(phrase, part) for phrase in sign.names)
    return of_part and (not sign.billed or any(says(phrase, billed) for phrase in sign.billed))


def _judge_costs(case: Case, ranked: Sequence[Candidate]) -> tuple[Verdict, Bilingual]:
    bill = case.bill
    if bill is None or not bill.whole.days:
        return Verdict.INCONCLUSIVE, say("cost_missing")
    if len(bill.whole.before) < LEAST_DAYS:
        return Verdict.INCONCLUSIVE, say("cost_too_young", least=LEAST_DAYS)
    if not bill.rose:
        return Verdict.INCONCLUSIVE, say("cost_no_rise")
    if not ranked:
        return Verdict.INCONCLUSIVE, say("cost_not_singled_out")
    return _compare(ranked, case.settings, say("cost_not_enough"))


def _compare(ranked: Sequence[Candidate], settings: ExplainSettings, weak: Bilingual) -> tuple[Verdict, Bilingual]:
    leader = ranked[0]
    if leader.score < settings.likely_score:
        return Verdict.INCONCLUSIVE, weak
    if len(ranked) > 1 and leader.score - ranked[1].score < settings.tie_margin:
        return Verdict.INCONCLUSIVE, say("tie", one=leader.playbook.name, other=ranked[1].playbook.name)
    sure = leader.score >= settings.confirmed_score and leader.confirmed
    return (Verdict.CONFIRMED if sure else Verdict.LIKELY), Bilingual()


def _weigh(
    book: Playbook, signs: dict[str, Evidence], signals: dict[str, Signal], metrics: tuple[Shown, ...]
) -> Candidate:
    supports = {key: signals[key] for key in book.supports if key in signals}
    refutes = {key: signals[key] for key in book.refutes if key in signals}
    sign = signs.get(book.name)
    score = _SIGN_WEIGHT * (sign.value["share"] if sign else 0.0)
    score += min(_MOST_BY_METRICS, sum(shown.sign.weight for shown in metrics))
    score = min(1.0, score + sum(book.supports[key] for key in supports)) - sum(book.refutes[key] for key in refutes)
    specific = next((other for other in book.yields_to if _covers(signs.get(other), sign)), "")
    return Candidate(book, max(0.0, score / 2 if specific else score), sign, supports, refutes, specific, metrics)


def _covers(specific: Evidence | None, general: Evidence | None) -> bool:
    return bool(specific and general and specific.value["events"] >= _SPECIFIC * general.value["events"])


def _shown(book: Playbook, case: Case) -> tuple[Shown, ...]:
    """Return the metric signs of a playbook that hold; none where none of them carries the mechanism."""
    if book.entities and not any(says(sign, name) for sign in book.entities for name in case.metrics):
        return ()
    held = ((sign, next((e for e in case.moved if _holds(sign, case.series[e.id])), None)) for sign in book.metrics)
    shown = tuple(Shown(sign, evidence) for sign, evidence in held if evidence)
    return shown if any(one.sign.carries for one in shown) else ()


def _holds(sign: MetricSign, course: Course) -> bool:
    if not any(says(name, course.name) for name in sign.names):
        return False
    if sign.falls is not None:
        return not course.up and course.usual > 0 and course.extreme <= sign.falls * course.usual
    # A counter that grows at all may do so from nothing; so may a level that is usually 0.
    enough = course.up and (course.usual <= 0 or course.extreme >= (sign.rises or 1) * course.usual)
    high = sign.least is None or course.extreme >= sign.least
    return enough and high and (sign.least_percent is None or _percent(course) >= sign.least_percent)


def _percent(course: Course) -> float:
    """Return the farthest value in percent: of 100 where its unit or name says so, else of 1 if it never was above."""
    if course.unit in {"%", "percent"} or "percent" in course.name.lower():
        return course.extreme
    return course.extreme * 100 if max(course.extreme, course.high) <= 1 else course.extreme if not course.unit else 0.0
