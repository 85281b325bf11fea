"""Prose, written from claims that hold; a struck claim never gets here."""

from __future__ import annotations

from collections.abc import Sequence

from bdp.explain.playbook import Playbook
from bdp.explain.wording import name
from bdp.model.analysis import Check, Claim, Verdict
from bdp.model.incident import Incident


def holding(claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims that prose may use."""
    return [claim for claim in claims if claim.check is Check.SUPPORTED]


def root_cause(
    incident: Incident, verdict: Verdict, playbook: Playbook | None, claims: Sequence[Claim], missing: str
) -> str:
    """Return the root cause in a few sentences; for INCONCLUSIVE what is known and what is missing.

    Args:
        playbook: of the cause that is named; None for INCONCLUSIVE.
        missing: why no cause is named.
    """
    facts = " ".join(_cited(claim) for claim in holding(claims)[:6])
    subject = name(str(incident.subject))
    if playbook is None or verdict is Verdict.INCONCLUSIVE:
        known = facts or "nothing that could be checked."
        return f"The cause of the trouble of {subject} is not known: {missing}. Known so far: {known}"
    sure = "Confirmed" if verdict is Verdict.CONFIRMED else "Likely"
    return f"{sure}: {title(playbook)} at {subject}: {playbook.mechanism}. {facts}"


def summary(incident: Incident, verdict: Verdict, playbook: Playbook | None, extent: str) -> str:
    """Return one line.

    Args:
        extent: how much there is of it, in a few words.
    """
    subject = name(str(incident.subject))
    if playbook is None or verdict is Verdict.INCONCLUSIVE:
        return f"{subject}: {extent}, cause not known"
    doubt = "" if verdict is Verdict.CONFIRMED else "likely "
    return f"{subject}: {doubt}{title(playbook)}, {extent}"


def title(playbook: Playbook) -> str:
    """Return its title as it stands inside of a sentence; a name such as InfiniBand keeps its letters."""
    first, *rest = playbook.title.split(" ")
    return " ".join([first if any(c.isupper() for c in first[1:]) else first.lower(), *rest])


def _cited(claim: Claim) -> str:
    return f"{claim.text.rstrip('.')} [{', '.join(claim.evidence)}]."
