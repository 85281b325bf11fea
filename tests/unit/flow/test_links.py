"""One-time links: what they carry, who can make them, and what is no link."""

from __future__ import annotations

import base64
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bdp.clock import ManualClock
from bdp.decide.approvers import ApproverSettings, Person
from bdp.errors import BadSetting
from bdp.flow.links import LinkForged, LinkOver, Links, LinkSettings
from bdp.model.decision import Approval, ApprovalStatus, Role
from tests.contract.voting import question

AT = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
PEOPLE = ApproverSettings(people=(Person(name="Kim"), Person(name="Lee", role=Role.VIEWER), Person(name="Park")))
SECRETS = {"A": "a" * 32, "B": "b" * 32, "SHORT": "s" * 31}


def links(
    folder: Path,
    clock: ManualClock | None = None,
    url: str = "https://bdp.example/",
    approvers: ApproverSettings = PEOPLE,
    **settings: object,
) -> Links:
    given = LinkSettings.model_validate(settings)
    return Links(given, url, approvers, folder, clock or ManualClock(AT), SECRETS.get)


def token(made: Links, verb: str = "approve", person: str = "Kim", asked: Approval | None = None) -> str:
    found = {link.words.lower(): link.url for link in made.links_of(asked or question(), person)}
    return found[verb].rpartition("/")[2]


def test_a_link_names_question_answer_and_person(tmp_path: Path) -> None:
    made = links(tmp_path)
    approve, reject = made.links_of(question(), "kim")
    assert approve.url.startswith("https://bdp.example/answer/q1/approve/")
    assert reject.url.startswith("https://bdp.example/answer/q1/reject/")
    assert (approve.words, approve.words_ko, reject.words, reject.words_ko) == ("Approve", "승인", "Reject", "거부")
    asked = made.read(token(made), "q1", "approve")
    assert asked[:3] == ("q1", ApprovalStatus.APPROVED, "Kim")
    other = made.read(token(made, "reject"), "q1", "reject")
    assert other.once != asked.once != made.read(token(made, person="Park"), "q1", "approve").once
    assert made.links_of(question(), "Kim") == (approve, reject)


def test_who_may_not_answer_gets_no_link(tmp_path: Path) -> None:
    assert links(tmp_path).links_of(question(), "Lee") == ()
    assert links(tmp_path).links_of(question(), "nobody") == ()
    assert links(tmp_path).links_of(question(role=Role.ADMIN), "Kim") == ()
    assert links(tmp_path, url="").links_of(question(), "Kim") == ()
    assert links(tmp_path, approvers=ApproverSettings()).links_of(question(), "Kim") == ()
    assert links(tmp_path).links_of(question(status=ApprovalStatus.APPROVED), "Kim") == ()
    assert not (tmp_path / "links.key").exists()


def test_a_link_ends_with_its_question_at_the_latest(tmp_path: Path) -> None:
    asked, clock = question(), ManualClock(AT)
    made = links(tmp_path, clock)
    given = token(made)
    clock.at = asked.expires_at - timedelta(seconds=1.1)
    assert made.read(given, "q1", "approve")
    clock.at = asked.expires_at
    with pytest.raises(LinkOver):
        made.read(given, "q1", "approve")


@pytest.mark.parametrize(("approval_id", "verb"), [("q2", "approve"), ("q1", "reject"), ("q1", "perhaps"), ("", "")])
def test_a_link_for_something_else(tmp_path: Path, approval_id: str, verb: str) -> None:
    made = links(tmp_path)
    with pytest.raises(LinkForged):
        made.read(token(made), approval_id, verb)


def test_another_key_makes_another_link(tmp_path: Path) -> None:
    here, there = links(tmp_path), links(tmp_path / "other", key="env:A")
    with pytest.raises(LinkForged):
        here.read(token(there), "q1", "approve")
    with pytest.raises(LinkForged):
        there.read(token(here), "q1", "approve")


def test_every_other_spelling_of_a_link_is_none(tmp_path: Path) -> None:
    """Base64 ignores the last bits and strange characters; who copies a link must not get a second one so."""
    made = links(tmp_path, key="env:A")
    given = token(made)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spelt = [given[:-1] + char for char in alphabet if char != given[-1]]
    spelt += [given + "=", given + "!", given[:-3] + "!" + given[-3:], given + "\n", given[:-1], given.upper(), ""]
    spelt += [given.replace(".", "..", 1), "." + given, given + "é", "." * 44, "x" * 5000]
    for other in spelt:
        with pytest.raises(LinkForged):
            made.read(other, "q1", "approve")


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    given = token(links(tmp_path))
    path = tmp_path / "links.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(base64.b64decode(path.read_text())) == 32
    assert links(tmp_path).read(given, "q1", "approve")
    assert [found.name for found in tmp_path.iterdir()] == ["links.key"]


def test_a_key_is_changed_without_losing_links(tmp_path: Path) -> None:
    old = token(links(tmp_path))
    with (tmp_path / "links.key").open("a") as file:
        file.write(base64.b64encode(b"k" * 32).decode() + "\n")
    now = links(tmp_path)
    assert token(now) != old
    assert now.read(old, "q1", "approve") == now.read(token(now), "q1", "approve")
    (tmp_path / "links.key").write_text(base64.b64encode(b"k" * 32).decode() + "\n")
    with pytest.raises(LinkForged):
        now.read(old, "q1", "approve")


def test_keys_by_reference_are_shared_and_changed_so_too(tmp_path: Path) -> None:
    old = token(links(tmp_path, key="env:A"))
    both = links(tmp_path / "elsewhere", key="env:B", old_keys=("env:A",))
    assert both.read(old, "q1", "approve")
    with pytest.raises(LinkForged):
        links(tmp_path, key="env:A").read(token(both), "q1", "approve")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"key": "env:SHORT"}, "fewer than 32"),
        ({"key": "env:NONE"}, "is not set"),
        ({"key": "env:A", "old_keys": ["b" * 32]}, "stands in the settings itself"),
    ],
)
def test_a_key_that_is_none(tmp_path: Path, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(BadSetting, match=says) as told:
        links(tmp_path, **settings).links_of(question(), "Kim")
    assert "bbb" not in str(told.value)


@pytest.mark.parametrize("text", ["", "c2hvcnQ=\n", "%%%", "\xff"])
def test_a_key_file_that_is_damaged(tmp_path: Path, text: str) -> None:
    (tmp_path / "links.key").write_text(text, encoding="latin-1")
    with pytest.raises(BadSetting, match=r"links\.key"):
        links(tmp_path).links_of(question(), "Kim")


def test_the_key_stands_in_no_setting(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pattern"):
        LinkSettings(key="a" * 32)
