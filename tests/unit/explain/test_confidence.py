"""The cases that confidence was defined by."""

from __future__ import annotations

import pytest

from bdp.explain.confidence import assess
from bdp.explain.grounding import tally
from bdp.model.analysis import ActionProposal, ActionType, Check, Claim, Confidence, Verdict


def claims(*checks: Check) -> list[Claim]:
    return [Claim(text=f"claim {i}", evidence=(f"E{i}",), check=check) for i, check in enumerate(checks)]


def actions(count: int) -> list[ActionProposal]:
    return [ActionProposal(type=ActionType.WEBHOOK, description="Restart.", parameters={"n": i}) for i in range(count)]


def assessed(
    said: list[Claim], do: list[ActionProposal], verdict: Verdict = Verdict.LIKELY, tried: tuple[str, ...] = ()
) -> Confidence:
    return assess(said, tally(said), do, verdict=verdict, tried=tried)


def test_three_facts_and_two_actions_are_well_founded() -> None:
    found = assessed(claims(*[Check.SUPPORTED] * 3), actions(2))
    assert found.score >= 0.7
    assert not found.replan


def test_nothing_at_all_asks_for_a_replan() -> None:
    found = assessed([], [])
    assert found.score < 0.5
    assert found.replan
    assert len(found.suggestions) >= 2


def test_repeating_a_failed_action_scores_low() -> None:
    do = actions(2)
    found = assessed(claims(*[Check.SUPPORTED] * 3), do, Verdict.CONFIRMED, tried=(do[1].key,))
    assert found.score < 0.5
    assert any("other than what was tried" in suggestion for suggestion in found.suggestions)


def test_trying_something_new_does_not() -> None:
    assert assessed(claims(*[Check.SUPPORTED] * 3), actions(2), tried=("0" * 16,)).score >= 0.7


@pytest.mark.parametrize("wrong", [1, 2, 3])
def test_grounding_caps_it(wrong: int) -> None:
    said = claims(*[Check.SUPPORTED] * 3, *[Check.CONTRADICTED] * wrong)
    assert assessed(said, actions(2)).score <= 3 / (3 + wrong)


def test_only_a_confirmed_cause_reaches_the_point_of_acting_unasked() -> None:
    said = claims(*[Check.SUPPORTED] * 3)
    scores = [
        assessed(said, actions(2), verdict).score
        for verdict in (Verdict.CONFIRMED, Verdict.LIKELY, Verdict.INCONCLUSIVE)
    ]
    assert scores[0] >= 0.85 > scores[1] >= 0.5 > scores[2]


def test_actions_without_parameters_are_not_concrete() -> None:
    vague = [ActionProposal(type=ActionType.NOTIFY, description="Look into it.")] * 2
    said = claims(*[Check.SUPPORTED] * 3)
    assert assessed(said, vague).breakdown["actionability"] == 0
