"""Who may approve: people by name, with their role and what each way in knows them as.

Where nobody is listed, whoever holds the token of the home is its admin, under the name that they give: a home of one
person works without set-up. As soon as people are listed, only they count. The role is always looked up here; nobody
states their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bdp.errors import NotEntitled
from bdp.model.decision import Role, person_of

_OURS = "bdp"
"""The name of BDP itself in the audit log."""
_LIST = 'Add {{ name = "…", role = "approver", {way} = "{known}" }} to people under [approvers] in bdp.toml.'


class Way(StrEnum):
    """How an answer comes in."""

    CLI = "cli"
    API = "api"
    LINK = "link"
    SLACK = "slack"


class Person(BaseModel):
    """Somebody who may see or decide."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200, description="as the audit log has it; in links too")
    role: Role = Field(default=Role.APPROVER, description="viewer, operator, approver or admin")
    cli: str = Field(default="", max_length=200, description="user name of the operating system; empty: the name")
    api: str = Field(default="", max_length=200, description="what `by` says over HTTP; empty: the name")
    slack: str = Field(default="", max_length=200, description="Slack's id of the member, such as U012AB3CD")
    channels: tuple[str, ...] = Field(
        default=(), description="channels that reach this person alone: questions go there with links to answer by"
    )

    def known_as(self, way: Way) -> str:
        """Return what a way in knows this person as; empty if it does not."""
        given = {Way.CLI: self.cli or self.name, Way.API: self.api or self.name, Way.SLACK: self.slack}
        return given.get(way, self.name)


class ApproverSettings(BaseModel):
    """Who may approve what BDP wants to do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    people: tuple[Person, ...] = Field(
        default=(), description="who may answer; empty: whoever holds the token of the home, as admin"
    )

    @model_validator(mode="after")
    def _told_apart(self) -> ApproverSettings:
        for way in Way:
            known = [person_of(name) for name in (person.known_as(way) for person in self.people) if name]
            if len(set(known)) < len(known):
                raise ValueError(f"people: two of them are the same for {way}")
            if "" in known or _OURS in known:
                raise ValueError("people: nobody can be told by that name")
        return self

    def entitled(self, role: Role) -> Iterator[Person]:
        """Give those who have at least this role."""
        return (person for person in self.people if person.role.may(role))


class Approver(NamedTuple):
    """Who answers.

    Attributes:
        listed: the settings name this person, so that two of them are two people.
    """

    name: str
    role: Role
    listed: bool


def approver(settings: ApproverSettings, way: Way, known_as: str) -> Approver:
    """Return who it is that a way in knows by this name.

    Raises:
        NotEntitled: nobody whom the settings list, or a name that says nothing.
    """
    person = person_of(known_as)
    if settings.people or way in {Way.LINK, Way.SLACK}:
        for one in settings.people:
            if person and person_of(one.known_as(way)) == person:
                return Approver(one.name, one.role, listed=True)
        shown = ascii(known_as[:100])[1:-1]
        raise NotEntitled(f"{way}: nobody listed is known as '{shown}'.", _LIST.format(way=_SETTING[way], known=shown))
    if not person or person == _OURS:
        raise NotEntitled("An answer needs the name of a person.", "Say who answers.")
    return Approver(known_as.strip()[:200], Role.ADMIN, listed=False)


_SETTING = {Way.CLI: "cli", Way.API: "api", Way.LINK: "name", Way.SLACK: "slack"}
