"""Who may approve: the names that each way in knows, and what an empty list means."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bdp.decide.approvers import ApproverSettings, Person, Way, approver
from bdp.errors import NotEntitled
from bdp.model.decision import Role

KIM = Person(name="Kim", role=Role.ADMIN, cli="mkim", api="kim@corp", slack="U1", channels=("mail-kim",))
LEE = Person(name="Lee")
LISTED = ApproverSettings(people=(KIM, LEE))


@pytest.mark.parametrize(
    ("way", "known_as", "name", "role"),
    [
        (Way.CLI, "mkim", "Kim", Role.ADMIN),
        (Way.CLI, " MKIM", "Kim", Role.ADMIN),
        (Way.API, "kim@corp", "Kim", Role.ADMIN),
        (Way.SLACK, "U1", "Kim", Role.ADMIN),
        (Way.LINK, "Kim", "Kim", Role.ADMIN),
        (Way.CLI, "lee", "Lee", Role.APPROVER),
        (Way.API, "Lee", "Lee", Role.APPROVER),
    ],
)
def test_a_person_is_known_by_what_the_way_in_says(way: Way, known_as: str, name: str, role: Role) -> None:
    assert approver(LISTED, way, known_as) == (name, role, True)


@pytest.mark.parametrize(
    ("way", "known_as"),
    [
        (Way.CLI, "root"),
        (Way.CLI, "Kim"),  # that is the name, not the user name
        (Way.API, "mkim"),
        (Way.SLACK, "Lee"),  # has no Slack id
        (Way.SLACK, ""),
        (Way.API, "\u200b"),
    ],
)
def test_who_is_not_listed_is_told_what_to_do(way: Way, known_as: str) -> None:
    with pytest.raises(NotEntitled, match="nobody listed is known as") as told:
        approver(LISTED, way, known_as)
    assert "[approvers] in bdp.toml" in told.value.next_step
    assert f"{'name' if way is Way.LINK else way} = " in told.value.next_step


def test_on_a_fresh_machine_the_holder_of_the_token_is_admin() -> None:
    nobody = ApproverSettings()
    assert approver(nobody, Way.CLI, "ada") == ("ada", Role.ADMIN, False)
    assert approver(nobody, Way.API, " ada ") == ("ada", Role.ADMIN, False)
    for way, name in ((Way.SLACK, "U1"), (Way.LINK, "ada"), (Way.CLI, ""), (Way.API, "BDP")):
        with pytest.raises(NotEntitled):
            approver(nobody, way, name)


@pytest.mark.parametrize(
    "people",
    [
        (LEE, Person(name=" lee ")),
        (LEE, Person(name="Park", cli="LEE")),
        (KIM, Person(name="Park", slack="u1")),
        (Person(name="BDP"),),
        (Person(name="\u200b"),),
    ],
    ids=["names", "user-names", "slack", "ours", "nothing"],
)
def test_people_who_cannot_be_told_apart_are_refused(people: tuple[Person, ...]) -> None:
    with pytest.raises(ValidationError, match="people: "):
        ApproverSettings(people=people)


def test_entitled_are_those_with_the_role_or_more() -> None:
    assert [person.name for person in LISTED.entitled(Role.APPROVER)] == ["Kim", "Lee"]
    assert [person.name for person in LISTED.entitled(Role.ADMIN)] == ["Kim"]
