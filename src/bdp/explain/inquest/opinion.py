"""The inquest's opinion of a case, in words, with what it rests on."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from bdp.explain.bilingual import Bilingual, in_both
from bdp.explain.case import Case
from bdp.explain.inquest.findings import hypotheses, write_down
from bdp.explain.inquest.ruling import Ruling
from bdp.explain.inquest.scene import Scene
from bdp.explain.opinion import Opinion
from bdp.explain.playbook import Playbook
from bdp.explain.sentences import kind_of, say
from bdp.explain.wording import name
from bdp.model.analysis import Verdict

CHANGE: Final = "change"
"""The mechanism where a change is to blame, and the kind of failure has no name."""
_SURE: Final = 0.7
_CLEAR: Final = 0.6
_BEYOND_DOUBT: Final = 0.9
_TIE: Final = 0.02
_HASH: Final = re.compile("[0-9a-f]{13,64}")


def opinion(
    case: Case, scene: Scene, ruling: Ruling, playbooks: Sequence[Playbook], *, asked: bool, known: Collection[str] = ()
) -> Opinion:
    """Return what the inquest makes of a case; its evidence is added to the case.

    Args:
        asked: an investigation was asked for; then a kind of failure is named even where nothing says what brought it
            about. Of an incident that nobody asked about the playbooks know its kind better, by its own events.
        known: playbooks that were held against it.
    """
    verdict = _verdict(ruling, asked=asked)
    named = verdict is not Verdict.INCONCLUSIVE
    wanted = ruling.cause.fault.playbook if ruling.cause else ""
    return Opinion(
        verdict=verdict,
        mechanism=(ruling.cause.fault.name if ruling.cause else CHANGE) if named else "",
        place=ruling.first if named else str(case.incident.subject),
        short=_short(ruling) if named else say("first_only", first=name(ruling.first)),
        cause=_cause(ruling) if named else Bilingual(),
        missing=_missing(ruling),
        playbook=next((book for book in playbooks if book.name == wanted), None),
        culprit=ruling.culprit.ref if ruling.culprit else None,
        claims=write_down(case, scene, ruling),
        hypotheses=hypotheses(ruling, asked=asked, known=() if named else known),
        first=ruling.first if asked or named or ruling.first != case.service else "",
        blast=ruling.blast,
        remediation=ruling.remedy,
    )


def _verdict(ruling: Ruling, *, asked: bool) -> Verdict:
    cause = ruling.cause.score if ruling.cause else 0.0
    if ruling.culprit is not None:
        # Times are coarse, so that what came a little later may be to blame; sure of it nobody can be.
        in_time = ruling.culprit.at.timestamp() <= ruling.onset
        sure = in_time and ruling.culprit.score >= _SURE and cause >= _CLEAR
        return Verdict.CONFIRMED if sure else Verdict.LIKELY
    if ruling.alone and (_alike(ruling) or not (asked or _well_shown(ruling))):
        return Verdict.INCONCLUSIVE
    if ruling.alone:
        return Verdict.CONFIRMED if cause >= _BEYOND_DOUBT else Verdict.LIKELY
    # What kind of failure it is may be plain while nothing is found that brought it about.
    return Verdict.LIKELY if asked and cause >= _SURE else Verdict.INCONCLUSIVE


def _well_shown(ruling: Ruling) -> bool:
    """Return whether more than one thing shows the cause: an address in a message alone accuses nobody."""
    return ruling.cause is not None and len(ruling.cause.reasons) > 1


def _alike(ruling: Ruling) -> bool:
    """Return whether another outer cause of another playbook shows as clearly as the first."""
    outer = [one for one in ruling.shown if one.fault.operational]
    return any(
        one.score >= outer[0].score - _TIE and one.fault.playbook != outer[0].fault.playbook for one in outer[1:]
    )


def _cause(ruling: Ruling) -> Bilingual:
    fault, first = _fault(ruling), name(ruling.first)
    if ruling.culprit is not None:
        kind = kind_of(ruling.culprit.kind, begins=False)
        return say("fault_by_change", fault=fault, first=first, kind=kind, ref=name(ruling.culprit.ref))
    return say("fault_alone" if ruling.alone else "fault_unexplained", fault=fault, first=first)


def _short(ruling: Ruling) -> Bilingual:
    if ruling.culprit is not None:
        kind = kind_of(ruling.culprit.kind, begins=False)
        return say("short_by_change", fault=_fault(ruling), kind=kind, ref=name(_ref(ruling.culprit.ref)))
    return say("short_alone" if ruling.alone else "short_unexplained", fault=_fault(ruling))


def _ref(ref: str) -> str:
    """Return a change's name; of a commit's hash the beginning says enough."""
    return ref[:12] if _HASH.fullmatch(ref) else ref


def _missing(ruling: Ruling) -> Bilingual:
    return say("looks_like", fault=_fault(ruling)) if ruling.cause else say("unexplained")


def _fault(ruling: Ruling) -> Bilingual:
    return in_both(ruling.cause.fault, "title") if ruling.cause else say("unknown_fault")
