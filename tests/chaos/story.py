"""What each incident of the chaos run is: its number says what its analyst proposes and what a person answers."""

from __future__ import annotations

from enum import IntEnum

from bdp.model.analysis import ActionProposal, ActionType


class Story(IntEnum):
    """One of eight, by the incident's number."""

    ACTS = 0
    """One action, allowed, that mends."""
    UNDOES = 1
    """The first action does not help and is taken back; the second mends."""
    ASKS = 2
    """A person approves."""
    REJECTED = 3
    """A person rejects the first; the second is allowed and mends."""
    SILENT = 4
    """Nobody answers."""
    UNSURE = 5
    """The analysis is inconclusive."""
    TWO = 6
    """Two people must approve."""
    FAILS = 7
    """Nothing helps: two actions, both taken back, then a person."""

    @classmethod
    def of(cls, number: int) -> Story:
        """Return the story of an incident."""
        return cls(number % len(cls))


def service_of(story: Story) -> str:
    """Return the service, by which the policy tells whom to ask."""
    return {Story.ASKS: "asks", Story.REJECTED: "asks", Story.SILENT: "asks", Story.TWO: "two"}.get(story, "free")


def actions_of(number: int) -> tuple[ActionProposal, ...]:
    """Return what is proposed for an incident, in its order."""
    story = Story.of(number)
    if story is Story.UNSURE:
        return ()
    names = {
        Story.UNDOES: ("poke", "mend"),
        Story.REJECTED: ("mend",),
        Story.FAILS: ("poke", "prod"),
    }.get(story, ("mend",))
    return tuple(_proposal(name, number, priority) for priority, name in enumerate(names, 1))


def _proposal(operation: str, number: int, priority: int) -> ActionProposal:
    return ActionProposal(
        type=ActionType.WEBHOOK,
        description=f"Do {operation} for {number}.",
        parameters={"operation": operation, "number": number},
        priority=priority,
    )
