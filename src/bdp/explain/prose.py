"""Prose, written from claims that hold; a struck claim never gets here."""

from __future__ import annotations

from collections.abc import Sequence

from bdp.explain.bilingual import Bilingual, in_both, together
from bdp.explain.opinion import Opinion
from bdp.explain.playbook import Playbook
from bdp.explain.sentences import say
from bdp.explain.wording import name
from bdp.model.analysis import Check, Claim, Verdict
from bdp.model.incident import Incident


def holding(claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims that prose may use."""
    return [claim for claim in claims if claim.check is Check.SUPPORTED]


def root_cause(
    incident: Incident, verdict: Verdict, cause: Bilingual, claims: Sequence[Claim], missing: Bilingual
) -> Bilingual:
    """Return the root cause in a few sentences; for INCONCLUSIVE what is known and what is missing.

    Args:
        cause: what is named, as it stands inside of a sentence; empty where nothing is.
        missing: why nothing is named.
    """
    facts = together(_cited(claim) for claim in holding(claims)[:6])
    if not cause or verdict is Verdict.INCONCLUSIVE:
        subject = name(str(incident.subject))
        return say("not_known_cause", subject=subject, missing=missing, known=facts or say("nothing_checked"))
    return say("confirmed" if verdict is Verdict.CONFIRMED else "likely", cause=cause, facts=facts)


def named(playbook: Playbook, incident: Incident) -> Bilingual:
    """Return the cause that a playbook stands for, as it stands inside of a sentence."""
    mechanism = in_both(playbook, "mechanism")
    return say("named", title=title(playbook), subject=name(str(incident.subject)), mechanism=mechanism)


def summary(opinion: Opinion) -> Bilingual:
    """Return one line."""
    key = "likely_summary" if opinion.verdict is Verdict.LIKELY else "summary"
    return say(key, place=name(opinion.place), short=opinion.short)


def title(playbook: Playbook) -> Bilingual:
    """Return its title as it stands inside of a sentence; a name such as InfiniBand keeps its letters."""
    said = in_both(playbook, "title")
    first, *rest = said.en.split(" ")
    begun = first if any(c.isupper() for c in first[1:]) else first.lower()
    return Bilingual(" ".join([begun, *rest]), said.ko)


def _cited(claim: Claim) -> Bilingual:
    text = Bilingual(claim.text.rstrip("."), claim.worded("text", "ko").rstrip("."))
    return say("cited", text=text, evidence=", ".join(claim.evidence))
