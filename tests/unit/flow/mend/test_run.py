"""The names of workflows tell what they work on."""

from __future__ import annotations

import pytest

from bdp.flow.mend.run import begun_anew_by, begun_by, continued_by, incident_of, is_anew, question_of


@pytest.mark.parametrize(
    ("name", "question", "anew"),
    [
        (begun_by("01I"), "", False),
        (continued_by("01I", "01Q"), "01Q", False),
        (begun_anew_by("01I", "bdp-2"), "", True),
    ],
)
def test_names(name: str, question: str, anew: bool) -> None:
    assert incident_of(name) == "01I"
    assert question_of(name) == question
    assert is_anew(name) is anew
