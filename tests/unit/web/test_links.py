"""One-time links as mail readers, scanners and thieves follow them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.clock import ManualClock
from bdp.model.decision import ApprovalStatus, Role
from tests.contract.voting import plan, question
from tests.unit.web.asking import later, product, visitor

EVIL = '<script>alert(1)</script>\' onmouseover="x" \u202e'


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[App, ManualClock]]:
    with product(tmp_path / "home") as found:
        yield found


@pytest.fixture
def app(opened: tuple[App, ManualClock]) -> App:
    found = opened[0]
    found.state.approvals.ask(question(planned=plan(), why="unsure", evidence=("12 errors",), why_ko="불확실합니다."))
    return found


@pytest.fixture
def person(app: App) -> Iterator[TestClient]:
    with visitor(app) as client:
        yield client


def address(app: App, verb: str = "approve", name: str = "Kim", approval_id: str = "q1") -> str:
    found = {link.words.lower(): link.url for link in app.links.links_of(app.state.approvals.get(approval_id), name)}
    return found[verb]


def status(app: App) -> ApprovalStatus:
    return app.state.approvals.get("q1").status


def test_a_page_shows_all_that_is_asked_and_changes_nothing(app: App, person: TestClient) -> None:
    for _ in range(3):  # a scanner of mail follows it, too
        page = person.get(address(app))
    assert page.status_code == 200
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))
    for words in (
        "May BDP do this?", "POST http://localhost/restart", "&quot;n&quot;: 3", "nothing to take back", "unsure",
        "12 errors", "0 of 1 approvals", "2026-03-01 13:00:00 UTC", "You answer as Kim.", "Approve: let it run",
    ):  # fmt: skip
        assert words in text, words
    assert (status(app), app.state.audit.list()) == (ApprovalStatus.WAITING, [])


def test_only_the_button_answers_and_only_once(app: App, person: TestClient) -> None:
    link = address(app)
    done = person.post(link, data={"note": "go on & watch 결제"})
    assert (done.status_code, "Your answer is kept" in done.text) == (200, True)
    approval = app.state.approvals.get("q1")
    assert (approval.status, approval.decided_by, approval.note) == ("approved", "Kim", "go on & watch 결제")
    assert [(vote.via, vote.role) for vote in approval.votes] == [("link", Role.APPROVER)]
    again = person.post(link)
    assert (again.status_code, "used before" in again.text) == (409, True)
    assert person.get(link).status_code == 409
    assert person.post(address_after(app, link, "reject")).status_code == 403
    assert len(app.state.audit.list()) == 2


def address_after(app: App, link: str, verb: str) -> str:
    """The same token under another answer."""
    return link.replace("/approve/", f"/{verb}/")


def test_rejecting_by_link(app: App, person: TestClient) -> None:
    link = address(app, "reject")
    assert "Forbid this?" in person.get(link).text
    assert "does not run" in person.post(link).text
    assert status(app) is ApprovalStatus.REJECTED


def test_two_people_two_links(app: App, person: TestClient) -> None:
    app.state.approvals.ask(question("q2", needed=2))
    first = person.post(address(app, approval_id="q2"))
    assert "1 of 2 approvals are there" in first.text
    assert person.get(address(app, approval_id="q2")).status_code == 409
    assert person.post(address(app, "approve", "Lee", "q2")).status_code == 200
    assert app.state.approvals.get("q2").decided_by == "Kim, Lee"


def test_who_has_answered_another_way_has_answered(app: App, person: TestClient) -> None:
    app.state.approvals.ask(question("q2", needed=2))
    app.answers.approve("q2", "mkim", via="cli")  # type: ignore[arg-type]
    assert person.post(address(app, "reject", approval_id="q2")).status_code == 409
    assert app.state.approvals.get("q2").approvals == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda link: link[:-1] + ("A" if link[-1] != "A" else "B"), 403),
        (lambda link: link.replace("/q1/", "/q2/"), 403),
        (lambda link: link.replace("/approve/", "/reject/"), 403),
        (lambda link: link.replace("/approve/", "/perhaps/"), 403),
        (lambda link: link.rpartition("/")[0] + "/x", 403),
        (lambda link: link.rpartition("/")[0] + "/" + "x" * 4001, 422),
    ],
    ids=["flipped", "other-approval", "other-answer", "no-answer", "forged", "long"],
)
def test_what_is_no_link_changes_nothing(app: App, person: TestClient, change: object, code: int) -> None:
    app.state.approvals.ask(question("q2"))
    wrong = change(address(app))  # type: ignore[operator]
    for answer in (person.get(wrong), person.post(wrong)):
        assert answer.status_code == code
        assert "approved" not in answer.text.lower().replace("approve:", "")
    assert {one.status for one in app.state.approvals.list()} == {ApprovalStatus.WAITING}
    assert app.state.audit.list() == []


def test_a_late_link_is_gone(app: App, opened: tuple[App, ManualClock], person: TestClient) -> None:
    link = address(app)
    later(opened[1], minutes=55)
    for answer in (person.get(link), person.post(link)):
        assert (answer.status_code, "the time to answer has passed" in answer.text) == (410, True)
    assert status(app) is ApprovalStatus.WAITING


def test_who_was_taken_off_the_list_has_no_links(app: App, person: TestClient, tmp_path: Path) -> None:
    link = address(app)
    people = [{"name": "Kim", "role": "operator"}, {"name": "Lee"}]
    key = (tmp_path / "home/links.key").read_bytes()
    with product(tmp_path / "second", approvers={"people": people}) as (second, _), visitor(second) as client:
        second.state.approvals.ask(question())
        (tmp_path / "second/links.key").write_bytes(key)
        assert [client.get(link).status_code, client.post(link).status_code] == [403, 403]
        assert second.state.approvals.get("q1").votes == ()


def test_a_question_that_is_no_more(app: App, person: TestClient, tmp_path: Path) -> None:
    link, key = address(app), (tmp_path / "home/links.key").read_bytes()
    with product(tmp_path / "second") as (second, _), visitor(second) as client:
        (tmp_path / "second/links.key").write_bytes(key)
        assert [client.get(link).status_code, client.post(link).status_code] == [404, 404]


@pytest.mark.parametrize(
    ("query", "header", "language"),
    [
        ("", "", "en"),
        ("", "ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("", "en-US,ko;q=0.5", "en"),
        ("", "fr,ko;q=0.5", "ko"),
        ("?lang=ko", "en", "ko"),
        ("?lang=en", "ko", "en"),
        ("?lang=<b>", "ko", "en"),
    ],
)
def test_the_page_is_in_english_or_korean(app: App, person: TestClient, query: str, header: str, language: str) -> None:
    link = address(app) + query
    page = person.get(link, headers={"Accept-Language": header})
    assert f"<html lang='{language}'>" in page.text
    assert ("이 조치를 실행해도 됩니까?" in page.text) == (language == "ko")
    assert ("불확실합니다." in page.text) == (language == "ko")
    done = person.post(link, headers={"Accept-Language": header})
    assert ("답변이 저장되었습니다" in done.text) == (language == "ko")


def test_every_page_forbids_scripts_frames_copies_and_referrers(app: App, person: TestClient) -> None:
    link = address(app)
    pages = [person.get(link), person.post(link), person.post(link), person.get(link + "x")]
    assert [page.status_code for page in pages] == [200, 200, 409, 403]
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "script" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "viewport" in page.text


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attrs}


def test_text_of_telemetry_stays_text(app: App, person: TestClient) -> None:
    evil = plan().model_copy(update={"resource": EVIL, "effect": EVIL})
    evil = evil.model_copy(update={"requests": (evil.requests[0].model_copy(update={"body": {EVIL: EVIL}}),)})
    asked = question("q3", planned=evil, why=EVIL, evidence=(EVIL,))
    app.state.approvals.ask(asked.model_copy(update={"plan": EVIL, "undo": EVIL, "incident_id": EVIL}))
    page = person.get(address(app, approval_id="q3"))
    found = Tags()
    found.feed(page.text)
    assert "script" not in found.tags
    assert not {name for name in found.names if name.startswith("on")}
    assert "\u202e" not in page.text
    assert "\\u202e" in page.text  # what would be sent shows that it is there
    assert person.post(address(app, approval_id="q3"), data={"note": EVIL}).status_code == 200


def test_a_strange_form_has_no_note(app: App, person: TestClient) -> None:
    app.state.approvals.ask(question("q2", needed=2))
    for name, content in (("Kim", b"note=" + b"n" * 50_000), ("Lee", b"\xff\x00&&&&&&&&&&&&=;")):
        assert person.post(address(app, "approve", name, "q2"), content=content).status_code == 200
    assert [vote.note for vote in app.state.approvals.get("q2").votes] == ["", ""]
