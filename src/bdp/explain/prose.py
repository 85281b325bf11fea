"""Prose, written from claims that hold; a struck claim never gets here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bdp.explain.bilingual import Bilingual, in_both
from bdp.explain.opinion import Opinion
from bdp.explain.playbook import Playbook
from bdp.explain.sentences import say
from bdp.explain.wording import name
from bdp.model.analysis import Check, Claim, Verdict
from bdp.model.incident import Incident

_QUOTED: Final = re.compile(r"`[^`]{1,200}`")
_MOST_CITED: Final = 4


def holding(claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims that prose may use."""
    return [claim for claim in claims if claim.check is Check.SUPPORTED]


def root_cause(incident: Incident, verdict: Verdict, cause: Bilingual, missing: Bilingual) -> Bilingual:
    """Return the root cause in one sentence; for INCONCLUSIVE what is missing. What is known stands in the claims.

    Args:
        cause: what is named, as it stands inside of a sentence; empty where nothing is.
        missing: why nothing is named.
    """
    if not cause or verdict is Verdict.INCONCLUSIVE:
        return say("not_known_cause", subject=name(str(incident.subject)), missing=missing)
    return say("confirmed" if verdict is Verdict.CONFIRMED else "likely", cause=cause)


def cause_claim(cause: Bilingual, claims: Sequence[Claim], rests_on: Sequence[str] = ()) -> Claim:
    """Return what is named as a claim, which rests on what names the same, or else on the weightiest claim.

    Args:
        claims: that were checked, weightiest first.
        rests_on: evidence without which it would not be named.
    """
    said = set(_QUOTED.findall(cause.en))
    sound = holding(claims)
    wanted = [claim for claim in sound if said & set(_QUOTED.findall(claim.text))] or sound[:1]
    cited = [*rests_on, *(one for claim in wanted[:_MOST_CITED] for one in claim.evidence)]
    return Claim(text=_sentence(cause.en), text_ko=_sentence(cause.ko), evidence=tuple(dict.fromkeys(cited)))


def cited(text: Bilingual, evidence: Sequence[str]) -> Bilingual:
    """Return what stands inside of a sentence, with its evidence."""
    return say("cited", text=Bilingual(text.en.rstrip("."), text.ko.rstrip(".")), evidence=", ".join(evidence))


def named_by(playbook: Playbook, incident: Incident) -> Bilingual:
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


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
