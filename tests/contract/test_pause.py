"""The kill switch and the register of policies, on every state database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bdp.clock import ManualClock
from bdp.decide.pause import NAME, Switch
from bdp.decide.policy import policy_of, shipped
from bdp.decide.register import Register
from bdp.errors import BadRequest
from bdp.model.action import Pause
from bdp.store.state import State

START = datetime(2026, 5, 1, tzinfo=UTC)
OTHER = policy_of({"a.yaml": b"rules: []"}, "folder")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


def test_a_pause_holds_in_every_process_at_once_until_somebody_resumes(state: State, clock: ManualClock) -> None:
    here, there = Switch(state.policies, clock), Switch(state.policies, clock)
    assert here.now() is None
    here.pause("kim", "storm")
    assert there.now() == Pause(by="kim", at=START, reason="storm")
    clock.advance(timedelta(days=30))
    assert there.now() is not None
    assert there.resume("lee")
    assert here.now() is None
    assert not here.resume("kim")
    assert [version.by for version in here.history()] == ["lee", "kim"]
    assert [entry.actor for entry in state.audit.list(object=NAME)] == ["lee", "kim"]


def test_a_pause_may_end_by_itself(state: State, clock: ManualClock) -> None:
    switch = Switch(state.policies, clock)
    switch.pause("kim", until=START + timedelta(hours=2))
    clock.advance(timedelta(hours=2) - timedelta(seconds=1))
    assert switch.now() is not None
    clock.advance(timedelta(seconds=1))
    assert switch.now() is None
    with pytest.raises(BadRequest, match="over already"):
        switch.pause("kim", until=START)


def test_a_pause_in_words_that_nobody_knows_holds(state: State, clock: ManualClock) -> None:
    switch = Switch(state.policies, clock)
    for body in ({}, {"pause": {"scope": "some"}}, {"pause": 1}):
        state.policies.put(NAME, body, "kim", START)
        found = switch.now()
        assert found is not None
        assert found.by == "kim"
    assert switch.resume("lee")
    assert switch.now() is None


def test_each_version_of_the_policy_is_kept_once_with_its_text(state: State, clock: ManualClock) -> None:
    here, there = Register(state.policies, clock), Register(state.policies, clock)
    for register in (here, there, here):
        register.note(shipped())
    there.note(OTHER)
    there.note(policy_of({"a.yaml": b"nonsense"}, "folder"))
    history = here.history()
    assert [found.body["hash"] for found in history] == [OTHER.version, shipped().version]
    assert history[0].body["files"] == {"a.yaml": "rules: []"}
    audited = state.audit.list(object="policy")
    assert [entry.detail["body"]["hash"] for entry in audited] == [OTHER.version, shipped().version]
    here.note(shipped())
    assert len(here.history()) == 2, "its own last one is known"
