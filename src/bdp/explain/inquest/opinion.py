"""The inquest's opinion of a case, in words, with what it rests on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from bdp.explain.case import Case
from bdp.explain.inquest.findings import hypotheses, write_down
from bdp.explain.inquest.ruling import Ruling
from bdp.explain.inquest.scene import Scene
from bdp.explain.opinion import Opinion
from bdp.explain.playbook import Playbook
from bdp.explain.wording import name
from bdp.model.analysis import Verdict

CHANGE: Final = "change"
"""The mechanism where a change is to blame, and the kind of failure has no name."""
_UNKNOWN: Final = "a failure of no known kind"
_SURE: Final = 0.7
_CLEAR: Final = 0.6
_BEYOND_DOUBT: Final = 0.9
_TIE: Final = 0.02


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
        short=_short(ruling) if named else f"cause not known, first failing {name(ruling.first)}",
        cause=_cause(ruling) if named else "",
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
        return Verdict.CONFIRMED if ruling.culprit.score >= _SURE and cause >= _CLEAR else Verdict.LIKELY
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


def _cause(ruling: Ruling) -> str:
    title = ruling.cause.fault.title if ruling.cause else _UNKNOWN
    if ruling.culprit is not None:
        return f"{title} at {name(ruling.first)}, brought about by {ruling.culprit.kind} {name(ruling.culprit.ref)}"
    blame = "no change is to blame" if ruling.alone else "no change and no outer cause explains what brought it about"
    return f"{title}, seen first at {name(ruling.first)}; {blame}"


def _short(ruling: Ruling) -> str:
    title = ruling.cause.fault.title if ruling.cause else _UNKNOWN
    if ruling.culprit is not None:
        return f"{title}, by {ruling.culprit.kind} {name(ruling.culprit.ref[:12])}"
    return f"{title}, {'no change is to blame' if ruling.alone else 'no change explains it'}"


def _missing(ruling: Ruling) -> str:
    seen = f"it looks like {ruling.cause.fault.title}, but " if ruling.cause else ""
    return f"{seen}no change and no outer cause explains it well enough"
