"""How far the work on an incident is, when a question ends one workflow and its answer begins the next.

It is kept beside the question, so that whoever answers, wherever, leaves all that is needed to go on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bdp.decide.words import Words
from bdp.flow.mend.run import Json
from bdp.model.analysis import Analysis
from bdp.model.decision import Decision
from bdp.ports import Effects

SHOWN_DRY_RUNS = 5
_TOLD = ("planned_only", "failed", "refused")


@dataclass
class Standing:
    """What was tried so far.

    Attributes:
        attempt: of the analysis that is worked through.
        tried: keys of actions that ran, were refused, or could not be planned.
        planned_only: what would have been done, but for the dry run.
        failed: what did not help, and why.
        refused: what had no leave when its moment came, and why.
    """

    attempt: int = 1
    tried: list[str] = field(default_factory=list)
    planned_only: list[Words] = field(default_factory=list)
    failed: list[Words] = field(default_factory=list)
    refused: list[Words] = field(default_factory=list)

    def told(self) -> list[Words]:
        """Return what a person who takes over must know."""
        shown = self.planned_only[:SHOWN_DRY_RUNS]
        would = [Words(f"Would have been done: {one.en}", f"실행했을 조치: {one.ko}") for one in shown]
        would += [Words(f"Not done: {one.en}", f"실행하지 않은 조치: {one.ko}") for one in self.refused]
        return would + [Words(f"Did not help: {one.en}", f"효과가 없었던 조치: {one.ko}") for one in self.failed]

    def as_json(self) -> Json:
        """Return it as JSON, for `of`."""
        told = {name: [list(one) for one in getattr(self, name)] for name in _TOLD}
        return {"attempt": self.attempt, "tried": list(self.tried), **told}

    @classmethod
    def of(cls, kept: Json) -> Standing:
        """Return what `as_json` gave."""
        words = {name: [Words(*one) for one in kept[name]] for name in _TOLD}
        return cls(attempt=kept["attempt"], tried=list(kept["tried"]), **words)


def keep(
    effects: Effects, approval_id: str, standing: Json, decision: Decision, analysis: Analysis, now: datetime
) -> None:
    """Keep what the workflow after the question needs; keeping it again changes nothing."""
    effects.claim(_key(approval_id), now)
    kept = {"standing": standing, "decision": decision.model_dump(mode="json"), "attempt": analysis.attempt}
    effects.finish(_key(approval_id), kept | {"analysis": analysis.model_dump(mode="json")})


def kept(effects: Effects, approval_id: str) -> Json | None:
    """Return what was kept beside a question; None for one of an earlier version of BDP."""
    return effects.result(_key(approval_id))


def _key(approval_id: str) -> str:
    return f"standing:{approval_id}"
