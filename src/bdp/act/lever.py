"""Levers: things that are set to a value and back, such as a number of instances. One way of turning them for all.

A lever is turned once although the step that turns it may run several times, and never against another person's will.
Before each write its present state is read:

    it is as planned for         the write took place before the crash, or somebody did the same; nothing is sent
    it is as when it was planned it is written
    it is neither                somebody changed it since: nothing is sent, the action fails and says so

That a write is about to be sent is kept as a claim before it (`bdp.ports.Effects`), so that after a crash our own write
is told from another person's. Where the system can keep our key with the change (`marked`), it is looked for as well.
Undo is the same turn, the other way round: with a key of its own, from the state planned for to the state before.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

from bdp.act.action import DryRun, Tools, failed, nothing_to_undo, only_planned
from bdp.errors import BdpError, NotAllowed, NotPossible
from bdp.model.action import ActionResult, ActionStatus
from bdp.model.analysis import ActionProposal, IncidentReport
from bdp.model.plan import ActionPlan, Request, Risk
from bdp.notify.effect import patiently
from bdp.notify.plain import one_line

State = dict[str, Any]
"""How a lever stands, as JSON and without secrets; and facts about it, which are shown and not compared."""


class Words(NamedTuple):
    """What people are shown."""

    effect: str
    effect_ko: str
    undo: str
    undo_ko: str


class Lever(ABC):
    """One thing to turn, made for one call of the action; it keeps what it last read.

    Attributes:
        resource: as in `ActionPlan.resource`.
        listed: whether the settings list it; if not, nothing is even read.
        intent: what is wanted of it in English and in Korean, before anything was read.
        marked: its state holds our key, so that the state planned for can only be ours.
    """

    resource: str
    listed: bool
    intent: tuple[str, str]
    marked: ClassVar[bool] = False

    @abstractmethod
    def read(self) -> State:
        """Ask how it stands."""

    @abstractmethod
    def goal(self, before: State, key: str) -> State:
        """Return how it shall stand: the keys that are compared and no facts. The same whenever it is asked.

        Raises:
            NotAllowed: the settings do not allow that much.
            NotPossible: it cannot be set so.
        """

    @abstractmethod
    def requests(self, before: State, goal: State) -> tuple[Request, ...]:
        """Return what `write` sends, with references in place of secrets."""

    @abstractmethod
    def words(self, before: State, goal: State) -> Words:
        """Return the effect and the way back, for people."""

    @abstractmethod
    def weigh(self, before: State, goal: State) -> tuple[Risk, int]:
        """Return the risk, and how many instances, tasks, pods or functions are touched."""

    @abstractmethod
    def write(self, goal: State) -> None:
        """Set it, right after `read`."""

    def between(self, now: State, start: State, goal: State) -> bool:
        """Return whether nobody else touched it: it is as it was, or in part as planned if a turn is several writes."""
        return agrees(now, start)

    def settled(self, goal: State) -> bool:
        """Return whether what was set has come true, by what was last read.

        Raises:
            NotPossible: it never will.
        """
        return True


class LeverAction(ABC):
    """An action that turns one lever."""

    informational: ClassVar[bool] = False

    def __init__(self, tools: Tools, report: IncidentReport) -> None:
        self._tools = tools

    @abstractmethod
    def lever(self, asked: ActionProposal | ActionPlan) -> Lever:
        """Return what the parameters name.

        Raises:
            BadRequest: they do not fit.
            NotAllowed: there is a list of what may be touched, and it leaves that out.
        """

    def plan(self, proposal: ActionProposal, key: str) -> ActionPlan:
        """Read how it stands and return what would be sent."""
        lever = self.lever(proposal)
        if not lever.listed:
            return _unlisted(proposal, key, lever)
        before = self._patiently(lever.read)
        goal = lever.goal(before, key)
        if agrees(before, goal):
            raise NotPossible(f"{lever.resource} is so already.", "There is nothing to do.")
        words, (risk, touched) = lever.words(before, goal), lever.weigh(before, goal)
        return ActionPlan(
            idempotency_key=key,
            type=proposal.type,
            parameters=proposal.parameters,
            **words._asdict(),
            dry_run=self._tools.settings.dry_run is not DryRun.NOTHING,
            resource=lever.resource,
            risk=risk,
            blast_radius=touched,
            requests=lever.requests(before, goal),
            before=before,
        )

    def apply(self, plan: ActionPlan) -> ActionResult:
        """Turn it, once."""
        if plan.dry_run:
            return only_planned(plan)
        try:
            lever, goal = self._planned(plan)
            data = self._turned(lever, plan.idempotency_key, plan.before, goal)
        except BdpError as error:
            return failed(error)
        text = "Done." if data["changed"] else "It was so already, somebody else did the same; nothing was sent."
        return ActionResult(status=ActionStatus.APPLIED, detail=f"{plan.effect} {text}", data=data)

    def verify(self, plan: ActionPlan, result: ActionResult) -> bool:
        """Ask until it stands as planned and has settled, or the wait is over."""
        if result.status is not ActionStatus.APPLIED:
            return False
        settings = self._tools.settings
        try:
            lever, goal = self._planned(plan)
            for rest in range(math.ceil(settings.wait_seconds / settings.poll_seconds), -1, -1):
                now = self._patiently(lever.read)
                if agrees(now, goal) and lever.settled(goal):
                    return True
                if not agrees(now, goal) and not lever.between(now, plan.before, goal):
                    return False
                time.sleep(settings.poll_seconds if rest else 0)
        except BdpError:
            return False
        return False

    def undo(self, plan: ActionPlan, result: ActionResult) -> ActionResult:
        """Turn it back to where it was, once; if somebody turned it since, refuse."""
        if result.status is ActionStatus.PLANNED_ONLY or not result.data.get("changed", True):
            return nothing_to_undo()
        key = plan.idempotency_key
        if result.status is ActionStatus.FAILED and self._tools.effects.claim(key, self._tools.clock.now()):
            return nothing_to_undo()  # it never came to a write
        try:
            lever, goal = self._planned(plan)
            start = {name: plan.before[name] for name in goal}
            data = self._turned(lever, f"{key}:undo", goal, start)
        except BdpError as error:
            return failed(error)
        return ActionResult(status=ActionStatus.UNDONE, detail=f"{plan.undo} Done.", data=data)

    def _planned(self, plan: ActionPlan) -> tuple[Lever, State]:
        """Return the lever and where it goes, if the settings of today still say what the plan says.

        Raises:
            NotAllowed: they do not. A person may have approved the plan; today something else would be sent.
        """
        lever = self.lever(plan)
        if lever.listed and lever.resource == plan.resource:
            goal = lever.goal(plan.before, plan.idempotency_key)
            if lever.requests(plan.before, goal) == plan.requests:
                return lever, goal
        raise NotAllowed("The settings changed since this was planned.", "Let it be planned again.")

    def _turned(self, lever: Lever, key: str, start: State, goal: State) -> State:
        """Turn from `start` to `goal`, once by the key."""
        effects = self._tools.effects
        kept = effects.result(key)
        if kept is not None:
            return kept
        changed = self._patiently(lambda: self._turn(lever, key, start, goal))
        data = {"changed": changed, "before": {name: start[name] for name in goal}, "after": goal}
        effects.finish(key, data)
        return data

    def _turn(self, lever: Lever, key: str, start: State, goal: State) -> bool:
        effects, now = self._tools.effects, self._tools.clock.now()
        stands = lever.read()
        if agrees(stands, goal):
            return not effects.claim(key, now) or lever.marked
        if not lever.between(stands, {name: start[name] for name in goal}, goal):
            found, was = _shown(stands, goal), _shown(start, goal)
            raise NotPossible(
                f"Somebody changed {lever.resource} meanwhile: it is {found}, and it was {was}.",
                "Nothing was sent. Look at it by hand.",
            )
        effects.claim(key, now)
        lever.write(goal)
        return True

    def _patiently(self, do: Any) -> Any:
        return patiently(do, self._tools.settings.tries, self._tools.settings.pause_seconds)


def agrees(now: State, state: State) -> bool:
    """Return whether `now` holds everything that `state` says."""
    return all(name in now and now[name] == value for name, value in state.items())


def _shown(state: State, goal: State) -> str:
    differs = ", ".join(f"{name} {state.get(name)}" for name in goal if state.get(name) != goal[name])
    return one_line(differs, 300) or "otherwise"


def _unlisted(proposal: ActionProposal, key: str, lever: Lever) -> ActionPlan:
    """Return the plan of what the settings list nothing for: it is shown, and nobody is asked anything."""
    english, korean = lever.intent
    where = f"act.{proposal.type}"
    return ActionPlan(
        idempotency_key=key,
        type=proposal.type,
        parameters=proposal.parameters,
        effect=f"{english} It is not listed in {where}, so nothing is touched.",
        effect_ko=f"{korean} {where}에 등록되어 있지 않아 아무것도 변경하지 않습니다.",
        undo="",
        dry_run=True,
        resource=lever.resource,
        risk=Risk.MEDIUM,
    )
