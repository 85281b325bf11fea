"""Prose, written from claims that hold; a struck claim never gets here."""

from __future__ import annotations

from collections.abc import Sequence

from bdp.explain.opinion import Opinion
from bdp.explain.playbook import Playbook
from bdp.explain.wording import name
from bdp.model.analysis import Check, Claim, Verdict
from bdp.model.incident import Incident


def holding(claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims that prose may use."""
    return [claim for claim in claims if claim.check is Check.SUPPORTED]


def root_cause(incident: Incident, verdict: Verdict, cause: str, claims: Sequence[Claim], missing: str) -> str:
    """Return the root cause in a few sentences; for INCONCLUSIVE what is known and what is missing.

    Args:
        cause: what is named, as it stands inside of a sentence; empty where nothing is.
        missing: why nothing is named.
    """
    facts = " ".join(_cited(claim) for claim in holding(claims)[:6])
    if not cause or verdict is Verdict.INCONCLUSIVE:
        known = facts or "nothing that could be checked."
        subject = name(str(incident.subject))
        return f"The cause of the trouble of {subject} is not known: {missing}. Known so far: {known}"
    sure = "Confirmed" if verdict is Verdict.CONFIRMED else "Likely"
    return f"{sure}: {cause}. {facts}"


def named(playbook: Playbook, incident: Incident) -> str:
    """Return the cause that a playbook stands for, as it stands inside of a sentence."""
    return f"{title(playbook)} at {name(str(incident.subject))}: {playbook.mechanism}"


def summary(opinion: Opinion) -> str:
    """Return one line."""
    doubt = "likely " if opinion.verdict is Verdict.LIKELY else ""
    return f"{name(opinion.place)}: {doubt}{opinion.short}"


def title(playbook: Playbook) -> str:
    """Return its title as it stands inside of a sentence; a name such as InfiniBand keeps its letters."""
    first, *rest = playbook.title.split(" ")
    return " ".join([first if any(c.isupper() for c in first[1:]) else first.lower(), *rest])


def _cited(claim: Claim) -> str:
    return f"{claim.text.rstrip('.')} [{', '.join(claim.evidence)}]."
