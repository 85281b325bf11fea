"""Capacities: levers that are a number."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Final

from bdp.act import aws
from bdp.act.action import Tools
from bdp.act.amount import Amount, risk_of, wanted
from bdp.act.lever import Lever, State, Words
from bdp.model.plan import Request, Risk

SETTING: Final = "act.auto_scaling"


class Capacity(Lever):
    """`capacity` of something on AWS.

    Attributes:
        counts: what it is a number of, in English and in Korean.
        service: of AWS, as clients and permissions name it.
    """

    counts: ClassVar[tuple[str, str]]
    service: ClassVar[str]

    def __init__(self, tools: Tools, amount: Amount, resource: str, region: str) -> None:
        self._tools = tools
        self._amount = amount
        self._region = region
        self._bounds = tools.settings.auto_scaling
        self.resource = resource
        english, korean = self.counts
        self.intent = f"Set the {english} of {resource}.", f"{resource}: {korean} 값을 조정합니다."

    @abstractmethod
    def calls(self, goal: State) -> tuple[Request, ...]:
        """Return what sets it so, in whichever direction."""

    def goal(self, before: State, key: str) -> State:
        """Return the number that is wanted."""
        return {"capacity": wanted(self._amount, before["capacity"], self._bounds, SETTING)}

    def requests(self, before: State, goal: State) -> tuple[Request, ...]:
        """Return the calls; they hold no secrets."""
        return self.calls(goal)

    def words(self, before: State, goal: State) -> Words:
        """Say it."""
        english, korean = self.counts
        start = {name: before[name] for name in goal}
        old, new = _said(start), _said(goal)
        way = "; ".join(request.call for request in self.calls(start))
        return Words(
            f"Set the {english} of {self.resource} from {old[0]} to {new[0]}.",
            f"{self.resource}: {korean} 값을 변경합니다: {old[1]} → {new[1]}.",
            f"{way}: set it back to {old[0]}.",
            f"{way}: 이전 값({old[1]})으로 되돌립니다.",
        )

    def weigh(self, before: State, goal: State) -> tuple[Risk, int]:
        """As many are touched as come or go."""
        now, then = before["capacity"], goal["capacity"]
        return risk_of(now, then), max(1, abs(then - (now or 0)))

    def client(self) -> Any:
        """Return the service's client."""
        return aws.client(self._tools, self.service, self._region)


def _said(state: State) -> tuple[str, str]:
    many = state["capacity"]
    if many is None:
        return "none", "미설정"
    if "max" in state:
        return f"{many} (at most {state['max']})", f"{many}(최대 {state['max']})"
    return str(many), str(many)
