"""Which messages are told at once, together, or not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bdp.flow.tell.sorting import Heard, Lately, Sorted, sort
from bdp.flow.tell.triage import AlertingSettings
from bdp.model.action import MessageForm, Posted
from bdp.model.insight import AlertState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENT, OPENED, QUESTION, REMINDER, TOLD = (
    MessageForm(name) for name in ("event", "opened", "question", "reminder", "told")
)


def posted(
    number: int = 0, form: MessageForm = OPENED, about: str = "", severity: str = "high", ago: float = 0
) -> Posted:
    return Posted(f"k{number}", form, about, severity, f"i{number}", NOW - timedelta(seconds=ago))


def sorted_by(*given: Posted, heard: Heard | None = None, **settings: Any) -> Sorted:
    return sort(given, heard or Heard(), NOW, AlertingSettings.model_validate(settings))


def keys(some: list[Posted]) -> list[str]:
    return [one.key for one in some]


def test_the_worst_of_several_duplicates_is_told() -> None:
    done = sorted_by(
        posted(1, about="x", severity="low"), posted(2, about="x", severity="critical"), posted(3, about="y")
    )
    assert keys(done.alone) == ["k2", "k3"]
    assert keys(done.quiet[AlertState.DUPLICATE]) == ["k1"]


def test_a_duplicate_is_one_of_the_same_form() -> None:
    heard = Heard(about={(OPENED, "x")})
    done = sorted_by(
        posted(1, OPENED, "x"), posted(2, EVENT, "x"), posted(3, QUESTION, "x"), posted(4, REMINDER, "x"), heard=heard
    )
    assert sorted(keys(done.alone)) == ["k2", "k3", "k4"]


def test_what_has_no_about_has_no_duplicate() -> None:
    assert len(sorted_by(*(posted(number) for number in range(5)), heard=Heard(about={(OPENED, "")})).alone) == 5


@pytest.mark.parametrize(("least", "told"), [("low", 5), ("medium", 4), ("high", 3), ("critical", 2)])
def test_less_severe_ones_are_left_to_the_digest(least: str, told: int) -> None:
    given = [posted(number, severity=name) for number, name in enumerate(("critical", "high", "medium", "low", ""))]
    done = sorted_by(*given, least_severity=least)
    assert (len(done.alone), len(done.quiet.get(AlertState.BELOW, []))) == (told, 5 - told)


def test_questions_and_reminders_are_always_told_alone() -> None:
    given = [posted(number, form, "x", "low") for number, form in enumerate([QUESTION, REMINDER] * 20)]
    heard = Heard(about={(QUESTION, "x")}, lately={OPENED: Lately(99, NOW)}, untold=99)
    assert len(sorted_by(*given, heard=heard, least_severity="critical").alone) == 40


class TestFlood:
    def test_up_to_the_limit_they_come_alone(self) -> None:
        assert len(sorted_by(*(posted(number) for number in range(10))).alone) == 10
        done = sorted_by(*(posted(number) for number in range(11)))
        assert (done.alone, len(done.together[OPENED])) == ([], 11)

    def test_each_form_has_its_own(self) -> None:
        given = [posted(number, form) for form in (OPENED, EVENT) for number in range(10)]
        assert len(sorted_by(*given).alone) == 20

    def test_notes_of_actions_come_in_no_floods(self) -> None:
        assert len(sorted_by(*(posted(number, TOLD) for number in range(50))).alone) == 50

    @pytest.mark.parametrize(
        ("fresh", "ago", "alone", "gathered", "held"),
        [
            (5, 0, 6, None, True),  # more than ten within a minute, and none has waited long
            (5, 41, 6, None, False),  # … until one has
            (30, 0, 0, 10, True),  # a burst right after one
            (30, 0, 0, 45, False),  # a burst some time after one
            (1, 0, 0, 45, True),  # what trickles in after one is held
            (30, 0, 0, -10, False),  # the clock was set back
        ],
    )
    def test_what_trickles_in_is_held(
        self, fresh: int, ago: float, alone: int, gathered: float | None, held: bool
    ) -> None:
        at = None if gathered is None else NOW - timedelta(seconds=gathered)
        heard = Heard(lately={OPENED: Lately(alone, at)})
        done = sorted_by(*(posted(number, ago=ago) for number in range(fresh)), heard=heard)
        assert (not done.alone and not done.together) is held

    def test_one_that_was_held_alone_comes_alone(self) -> None:
        heard = Heard(lately={OPENED: Lately(0, NOW - timedelta(seconds=45))})
        assert keys(sorted_by(posted(ago=41), heard=heard).alone) == ["k0"]

    def test_while_nobody_is_reached_all_is_held(self) -> None:
        done = sorted_by(posted(1), posted(2, TOLD), heard=Heard(untold=10))
        assert keys(done.alone) == ["k2"]
