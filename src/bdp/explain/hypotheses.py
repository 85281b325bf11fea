"""Hypotheses: how well each playbook fits the evidence, and how sure the analyst may be.

score = 0.7 x share of abnormal events with a sign of it + what supporting signals add - what refuting ones take
        (0 to 1; halved where a more specific playbook fits nearly all of the same events)

CONFIRMED     score >= 0.8, a confirming signal, nothing against it, at least twice the least number of events
LIKELY        score >= 0.5, at least 5 abnormal events, no rival within 0.1
INCONCLUSIVE  everything else: too few events, no sign, two causes that fit alike
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bdp.explain.case import Case
from bdp.explain.playbook import Playbook
from bdp.explain.settings import ExplainSettings
from bdp.explain.signals import SIGNALS, Signal
from bdp.model.analysis import Hypothesis, Verdict
from bdp.model.evidence import Evidence, EvidenceKind

_SIGN_WEIGHT = 0.7
_SPECIFIC = 0.8
"""A more specific playbook takes over when it fits this part of the events of the general one."""


@dataclass(frozen=True)
class Candidate:
    """One playbook held against the evidence."""

    playbook: Playbook
    score: float
    sign: Evidence | None
    supports: dict[str, Signal]
    refutes: dict[str, Signal]
    stepped_back_for: str = ""

    @property
    def evidence(self) -> tuple[str, ...]:
        """Numbers of everything that speaks for it."""
        signs = (self.sign.id,) if self.sign else ()
        return tuple(dict.fromkeys([*signs, *(e for signal in self.supports.values() for e in signal.evidence)]))

    @property
    def refutation(self) -> str:
        """What speaks against it, in words."""
        against = [signal.text for signal in self.refutes.values()]
        if self.stepped_back_for:
            against.append(f"The more specific {self.stepped_back_for} fits the same events.")
        return " ".join(against)

    @property
    def confirmed(self) -> bool:
        """A confirming signal is there and nothing speaks against it."""
        return any(key in self.supports for key in self.playbook.confirms) and not self.refutation

    def noun(self) -> Hypothesis:
        """Return it as people see it."""
        return Hypothesis(
            mechanism=self.playbook.name,
            statement=f"{self.playbook.title}: {self.playbook.mechanism}",
            score=round(self.score, 3),
            evidence=self.evidence,
            refutation=self.refutation,
        )


def rank(case: Case) -> list[Candidate]:
    """Return the playbooks that fit at all, the best first."""
    signals = {key: found for key, look in SIGNALS.items() if (found := look(case))}
    signs = {e.value["playbook"]: e for e in case.of_kind(EvidenceKind.COUNT, "playbook")}
    changed = "change_before_onset" in signals
    fitting = [book for book in case.playbooks if book.name in signs or (book.by_change_alone and changed)]
    return sorted(
        [_weigh(book, signs, signals) for book in fitting],
        key=lambda candidate: (-candidate.score, candidate.playbook.name),
    )


def judge(ranked: Sequence[Candidate], events: float, settings: ExplainSettings) -> tuple[Verdict, str]:
    """Return the verdict and, where it is INCONCLUSIVE, what is missing."""
    if events < settings.least_events:
        return Verdict.INCONCLUSIVE, f"fewer than {settings.least_events} abnormal events"
    if not ranked:
        return Verdict.INCONCLUSIVE, "no known sign of a cause in messages and error codes"
    leader = ranked[0]
    if leader.score < settings.likely_score:
        return Verdict.INCONCLUSIVE, "no known cause fits enough of the events"
    if len(ranked) > 1 and leader.score - ranked[1].score < settings.tie_margin:
        return Verdict.INCONCLUSIVE, f"{leader.playbook.name} and {ranked[1].playbook.name} fit about equally well"
    sure = leader.score >= settings.confirmed_score and leader.confirmed and events >= 2 * settings.least_events
    return (Verdict.CONFIRMED if sure else Verdict.LIKELY), ""


def _weigh(book: Playbook, signs: dict[str, Evidence], signals: dict[str, Signal]) -> Candidate:
    supports = {key: signals[key] for key in book.supports if key in signals}
    refutes = {key: signals[key] for key in book.refutes if key in signals}
    sign = signs.get(book.name)
    score = _SIGN_WEIGHT * (sign.value["share"] if sign else 0.0)
    score = min(1.0, score + sum(book.supports[key] for key in supports)) - sum(book.refutes[key] for key in refutes)
    specific = next((other for other in book.yields_to if _covers(signs.get(other), sign)), "")
    return Candidate(book, max(0.0, score / 2 if specific else score), sign, supports, refutes, specific)


def _covers(specific: Evidence | None, general: Evidence | None) -> bool:
    return bool(specific and general and specific.value["events"] >= _SPECIFIC * general.value["events"])
