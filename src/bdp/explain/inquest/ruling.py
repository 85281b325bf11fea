"""The ruling: where it began, what kind of failure it is, which change is to blame or none, who suffers, what helps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bdp.explain.inquest.fault import Showing, showings
from bdp.explain.inquest.scene import Scene
from bdp.explain.inquest.suspect import Suspect, suspects
from bdp.explain.locate.rank import Suspect as Origin
from bdp.explain.locate.rank import blast_radius, rank
from bdp.explain.locate.sense import is_victim, sense_of

CONVICTS: Final = 0.6
"""Least chance of a change that is blamed."""
_OPERATIONAL: Final = 0.5
_BEYOND_DOUBT: Final = 0.9
_LATEST: Final = 2700.0
"""Seconds after the beginning from which on other trouble is not taken for its effect."""
_HEARSAY: Final = 0.5
_FLAGS: Final = {"flag": "feature-flag-disable", "config": "config-revert"}


@dataclass(frozen=True)
class Ruling:
    """What the inquest found.

    Attributes:
        first: the service that failed first; empty where none is known.
        culprit: the change to blame; None where none is.
        cause: the kind of failure that is named; None where none shows.
        alone: the cause came about without a change.
    """

    first: str
    onset: float
    culprit: Suspect | None
    cause: Showing | None
    alone: bool
    blast: tuple[str, ...]
    remedy: str
    origins: tuple[Origin, ...]
    shown: tuple[Showing, ...]
    suspects: tuple[Suspect, ...]


def rule(scene: Scene, subject: str, metric: str = "") -> Ruling:
    """Return the ruling on a scene.

    Args:
        subject: the service that the incident was told of.
        metric: whose alert told it, if known.
    """
    sense = sense_of(metric) if metric else None
    origins = rank(scene.graph, scene.symptoms, subject, target_sense=sense)
    first = origins[0].node if origins else subject
    began = origins[0].onset if origins else scene.span.told.timestamp()
    hit = frozenset(origin.node for origin in origins)
    near = {first, subject} | scene.graph.callees(first)
    shown = showings(scene, near)
    tested = suspects(scene, shown, first, began, hit)
    culprit, cause, alone = _judged(shown, tested)
    return Ruling(
        first, began, culprit, cause, alone, _blast(scene, first, began), _remedy(culprit, cause, alone),
        tuple(origins), tuple(shown), tuple(tested),
    )  # fmt: skip


def _judged(shown: list[Showing], tested: list[Suspect]) -> tuple[Suspect | None, Showing | None, bool]:
    best = tested[0] if tested else None
    operational = next((one for one in shown if one.fault.operational), None)
    if best is not None and best.score >= CONVICTS and not _outshone(best, operational):
        cause = next((one for one in shown if best.fault and one.fault.name == best.fault.name), None)
        return best, cause, False
    if operational is not None and operational.score >= _OPERATIONAL:
        return None, operational, True
    return None, (shown[0] if shown and shown[0].score > 0.3 else None), False


def _outshone(best: Suspect, operational: Showing | None) -> bool:
    """Return whether an outer cause that more than words show is clearer than the change.

    Anybody can write into a log what fits a change; what is measured is not outshouted.
    """
    if operational is None or best.fault == operational.fault or len(operational.reasons) < 2:
        return False
    return operational.score >= max(_BEYOND_DOUBT, best.score)


def _remedy(culprit: Suspect | None, cause: Showing | None, alone: bool) -> str:
    if culprit is not None and culprit.flag:
        return _FLAGS["flag"]
    if culprit is not None and culprit.settings_only:
        return _FLAGS["config"]
    if culprit is not None:
        return _FLAGS.get(culprit.kind) or (culprit.fault.remedy if culprit.fault else "rollback")
    return cause.fault.remedy_alone if cause else "escalate-upstream"


def _blast(scene: Scene, first: str, began: float) -> tuple[str, ...]:
    """Return who suffers: other services that degraded, and callers that failed in traces with it."""
    found = blast_radius(scene.graph, scene.symptoms, first)
    upstream = scene.graph.reach(first)
    failing = {one.service for one in scene.said if one.count > 2 * one.before}
    # One that only tells of callers who gave up does not suffer itself.
    real = {one.node for one in scene.symptoms if one.weight > _HEARSAY and not is_victim(one.metric)}
    soon = {one.node for one in scene.symptoms if one.onset.at <= began + _LATEST}
    suffering = [node for node in found if node in upstream or (node in real and node in soon)]
    return tuple(dict.fromkeys([*suffering, *sorted(upstream & failing)]))
