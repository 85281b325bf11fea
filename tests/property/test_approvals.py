"""Nothing but enough entitled people, each once and in time, ever approves a question.

A machine plays people, thieves and the clock against a real state database. Beside it runs a model of a few lines that
knows only who validly approved; whatever is tried, the database must never be ahead of it.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from itsdangerous import URLSafeSerializer

from bdp.clock import ManualClock
from bdp.decide.approvers import ApproverSettings, Person, Way
from bdp.errors import NotAllowed, NotFound, NotPossible
from bdp.flow.approval import Answers
from bdp.flow.links import LinkForged, Links, LinkSettings
from bdp.model.decision import ApprovalStatus, Role, person_of
from bdp.notify.slack_buttons import check, signed
from bdp.store.state import open_state
from tests.contract.voting import question

AT = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)
PEOPLE = (
    Person(name="Kim", slack="U1", cli="mkim"),
    Person(name="Lee", slack="U2", role=Role.ADMIN),
    Person(name="Park", slack="U3", role=Role.ADMIN),
    Person(name="Choi", slack="U4", role=Role.OPERATOR),
    Person(name="Han", slack="U5", role=Role.VIEWER),
)
LISTED = ApproverSettings(people=PEOPLE)
NAMES = st.sampled_from(
    [
        "Kim",
        "mkim",
        "kim",
        " KIM ",
        "ｋｉｍ",
        "k\u200bim",
        "Lee",
        "LEE",
        "Park",
        "Choi",
        "Han",
        "U1",
        "U2",
        "nobody",
        "bdp",
        "",
    ]
)
QUESTIONS = {"q1": (1, Role.APPROVER), "q2": (2, Role.APPROVER), "q3": (2, Role.ADMIN)}
IDS = st.sampled_from(sorted(QUESTIONS))
VERBS = st.sampled_from(["approve", "reject"])
REFUSED = (NotAllowed, NotPossible, NotFound)


def opened_links(folder: Path, clock: ManualClock) -> Links:
    return Links(LinkSettings(key="env:KEY"), "https://bdp.example", LISTED, folder, clock, lambda name: "a" * 32)


class Questions(RuleBasedStateMachine):
    """Three questions: one needs one approver, one two, one two admins."""

    @initialize()
    def ask(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = ManualClock(AT + timedelta(minutes=1))
        self.state = open_state("sqlite://")
        self.answers = Answers(self.state.approvals, self.clock, None, LISTED)
        self.links = opened_links(Path(self.folder.name), self.clock)
        self.tokens: list[tuple[str, str, str]] = []
        self.good: dict[str, set[str]] = {name: set() for name in QUESTIONS}
        self.refused: set[str] = set()
        self.over: set[str] = set()
        for approval_id, (needed, role) in QUESTIONS.items():
            asked = question(approval_id, needed=needed, role=role)
            self.state.approvals.ask(asked)
            for person in PEOPLE:
                for link in self.links.links_of(asked, person.name):
                    verb, token = link.url.split("/")[-2:]
                    self.tokens.append((approval_id, verb, token))

    def give(self, approval_id: str, verb: str, by: str, via: Way, once: str = "") -> None:
        """Answer, and note in the model what may count."""
        do = self.answers.approve if verb == "approve" else self.answers.reject
        self.note(approval_id, verb, by, via)
        with suppress(*REFUSED):
            do(approval_id, by, via=via, once=once)

    def note(self, approval_id: str, verb: str, by: str, via: Way) -> None:
        person = next((one for one in PEOPLE if person_of(one.known_as(via)) == person_of(by)), None)
        if person is None or approval_id in self.over | self.refused or not person.role.may(QUESTIONS[approval_id][1]):
            return
        good = self.good[approval_id]
        late = self.clock.now() >= self.state.approvals.get(approval_id).expires_at
        if late or person.name in good or len(good) >= QUESTIONS[approval_id][0]:
            return
        if verb == "approve":
            good.add(person.name)
        else:
            self.refused.add(approval_id)

    @rule(approval_id=IDS, verb=VERBS, by=NAMES, via=st.sampled_from([Way.CLI, Way.API, Way.SLACK]))
    def answer(self, approval_id: str, verb: str, by: str, via: Way) -> None:
        self.give(approval_id, verb, by, via)

    @rule(place=st.integers(0, 1000), other=IDS, verb=VERBS)
    def follow(self, place: int, other: str, verb: str) -> None:
        """Follow a link: first to where it does not belong, then as it was sent, then again."""
        approval_id, its, token = self.tokens[place % len(self.tokens)]
        if (other, verb) != (approval_id, its):
            with suppress(LinkForged, NotPossible):
                self.links.read(token, other, verb)
                raise AssertionError("a link served for something else")
        for _ in range(2):
            with suppress(NotAllowed, NotPossible):
                asked = self.links.read(token, approval_id, its)
                self.give(asked.approval_id, its, asked.person, Way.LINK, asked.once)

    @rule(place=st.integers(0, 1000), bit=st.integers(0, 4000) | st.integers(-16, -1))
    def forge(self, place: int, bit: int) -> None:
        """Flip one bit of a link, or sign its words with another key."""
        approval_id, verb, token = self.tokens[place % len(self.tokens)]
        raw = bytearray(token.encode())
        raw[bit // 8 % len(raw)] ^= 1 << bit % 8
        words = {"u": "bdp.approval.v1", "a": approval_id, "s": f"{verb}d", "p": "Lee", "e": 2**33, "n": str(bit)}
        other = URLSafeSerializer(b"k" * 32, salt="bdp.approval.v1").dumps(words)
        for forged in (raw.decode("latin-1"), str(other)):
            try:
                self.links.read(forged, approval_id, verb)
            except NotAllowed:
                continue
            raise AssertionError(f"{forged} was taken for a link")

    @rule(minutes=st.sampled_from([1, 30, 58, 60]))
    def wait(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    @rule(approval_id=IDS)
    def expire(self, approval_id: str) -> None:
        if self.state.approvals.expire(approval_id, self.clock.now()).status is ApprovalStatus.TIMED_OUT:
            self.over.add(approval_id)

    @invariant()
    def only_who_may_has_decided(self) -> None:
        for approval_id, (needed, _) in QUESTIONS.items():
            found = self.state.approvals.get(approval_id)
            assert {vote.by for vote in found.votes if vote.status is ApprovalStatus.APPROVED} == self.good[approval_id]
            assert len({vote.person for vote in found.votes}) == len(found.votes)
            assert (found.status is ApprovalStatus.REJECTED) == (approval_id in self.refused)
            assert (found.status is ApprovalStatus.APPROVED) == (len(self.good[approval_id]) == needed)

    def teardown(self) -> None:
        assert self.state.audit.verify().whole
        votes = [one for one in self.state.audit.list() if one.action == "approval.vote"]
        assert len(votes) == sum(len(found.votes) for found in self.state.approvals.list())
        self.state.close()
        self.folder.cleanup()


Questions.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, suppress_health_check=[HealthCheck.too_slow]
)
TestQuestions = Questions.TestCase


@given(text=st.text(max_size=300) | st.binary(max_size=300).map(lambda raw: raw.decode("latin-1")))
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_is_a_link(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = opened_links(Path(folder), ManualClock(AT))
        try:
            made.read(text, "q1", "approve")
        except LinkForged:
            return
    raise AssertionError("it was taken for a link")


@given(
    body=st.binary(max_size=200), bit=st.integers(0, 10_000), late=st.integers(-2000, 2000), secret=st.text(min_size=1)
)
@settings(max_examples=200)
def test_only_the_app_signs_for_slack(body: bytes, bit: int, late: int, secret: str) -> None:
    now = 1_772_367_000
    stamp = str(now - late)
    right = signed("the secret", stamp, body)
    flipped = bytearray(body or b"x")
    flipped[bit // 8 % len(flipped)] ^= 1 << bit % 8
    tries = [(stamp, bytes(flipped), right), (str(now - late + 1), body, right), (stamp, body, right[:-1])]
    tries += [(stamp, body, signed(secret, stamp, body))] if secret != "the secret" else []
    for given_stamp, given_body, signature in tries:
        try:
            check("the secret", given_stamp, given_body, signature, now)
        except NotAllowed:
            continue
        raise AssertionError("a forged request passed")
    fresh = True
    try:
        check("the secret", stamp, body, right, now)
    except NotAllowed:
        fresh = False
    assert fresh == (abs(late) <= 300)
