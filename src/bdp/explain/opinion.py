"""What one way of looking makes of a case; the surer one tells the story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bdp.explain.bilingual import Bilingual
from bdp.explain.playbook import Playbook
from bdp.model.analysis import Claim, Hypothesis, Verdict

_SURENESS: Final = {Verdict.CONFIRMED: 2, Verdict.LIKELY: 1, Verdict.INCONCLUSIVE: 0}


@dataclass(frozen=True)
class Opinion:
    """What is named, how surely, and on which claims.

    Attributes:
        mechanism: name of the kind of failure; empty where none is named.
        place: whom a line of it is about.
        short: what is said of the place in one line.
        cause: what is named, as it stands inside of a sentence; empty where nothing is.
        missing: why nothing is named.
        playbook: that says what to do about it.
        culprit: `ref` of the change to blame.
        first: service that failed first; blast: those that suffer; empty where that is not known.
        remediation: what helps; empty where that is not known.
        rests_on: evidence without which it would not be named.
    """

    verdict: Verdict
    mechanism: str
    place: str
    short: Bilingual
    cause: Bilingual
    missing: Bilingual
    playbook: Playbook | None
    culprit: str | None
    claims: Sequence[Claim]
    hypotheses: Sequence[Hypothesis]
    first: str = ""
    blast: tuple[str, ...] = ()
    remediation: str = ""
    rests_on: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        """A cause is named."""
        return self.verdict is not Verdict.INCONCLUSIVE


def leading(by_playbooks: Opinion, by_inquest: Opinion, *, asked: bool, of_metrics: bool) -> Opinion:
    """Return the opinion that tells the story: the surer one.

    Of two that are as sure the inquest's tells it where an investigation was asked for or a change is to blame, for it
    has looked at all services and read what changed. The playbooks' does for an incident of metrics, whose signs they
    know by name, where both name the same, and where neither names anything.

    Args:
        asked: somebody asked for an investigation.
    """
    sure, other = _SURENESS[by_playbooks.verdict], _SURENESS[by_inquest.verdict]
    if sure != other:
        return by_playbooks if sure > other else by_inquest
    same = by_playbooks.playbook is not None and by_playbooks.playbook == by_inquest.playbook
    if asked or (by_inquest.culprit and not of_metrics):
        return by_inquest
    return by_playbooks if of_metrics or same or not by_playbooks.named else by_inquest
