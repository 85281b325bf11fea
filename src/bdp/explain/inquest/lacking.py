"""What is missing, or speaks against it, where a change or a kind of failure was held against the evidence and lost."""

from __future__ import annotations

from typing import Final

from bdp.explain.bilingual import Bilingual, in_both, lasting
from bdp.explain.inquest.fault import Showing
from bdp.explain.inquest.ruling import Ruling
from bdp.explain.inquest.suspect import Suspect
from bdp.explain.sentences import kind_of, say
from bdp.explain.wording import name

_MOST: Final = 3
_LITTLE: Final = 0.3
_CLEAR: Final = 0.5
_LONG_MINUTES: Final = 120.0


def lacking_of_change(suspect: Suspect, ruling: Ruling) -> list[Bilingual]:
    """Return what speaks against a change; nothing of the one that is to blame, unless something does even so."""
    found = list(suspect.refutations)
    if suspect is ruling.culprit:
        return found
    found += _missing(suspect, ruling)[: max(0, _MOST - len(found))]
    if ruling.culprit is not None:
        found.append(_better(ruling.culprit))
    elif ruling.alone and ruling.cause is not None:
        found.append(say("outer_explains", fault=in_both(ruling.cause.fault, "title")))
    return found or [say("not_clear_enough")]


def _missing(suspect: Suspect, ruling: Ruling) -> list[Bilingual]:
    traits = suspect.traits
    if traits is None or traits.late:
        return []
    ran, first = lasting(traits.minutes * 60), ruling.first
    missing = [
        (traits.after, say("after_first_sign")),
        (suspect.fault is not None and traits.fit < _LITTLE, say("hardly_fits")),
        (bool(suspect.services) and first not in suspect.services, say("not_in_first", first=name(first))),
        (traits.minutes >= _LONG_MINUTES, say("ran_long", time=ran)),
        (traits.step < _CLEAR, say("no_step")),
        (not traits.placed and traits.touch < _CLEAR, say("nothing_names_it")),
        (not traits.shipped, say("not_shipped")),
    ]
    known = suspect.refutations
    return [text for holds, text in missing if holds and not (known and text == say("hardly_fits"))]


def lacking_of_cause(showing: Showing, ruling: Ruling) -> list[Bilingual]:
    """Return what speaks against a kind of failure; nothing of the one that is named."""
    if ruling.cause is not None and showing.fault.name == ruling.cause.fault.name:
        return []
    if not showing.reasons:
        return [say("shows_nothing")]
    found = list(showing.lacks)
    if ruling.culprit is not None:
        found.append(_better(ruling.culprit))
    elif ruling.alone and not showing.fault.operational:
        found.append(say("needs_change"))
    elif ruling.cause is not None and showing.score < ruling.cause.score:
        found.append(say("less_clear", cause=in_both(ruling.cause.fault, "title")))
    return found or [say("not_clear_enough")]


def _better(culprit: Suspect) -> Bilingual:
    return say("explained_by", kind=kind_of(culprit.kind), ref=name(culprit.ref[:12]))
