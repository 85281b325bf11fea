"""Frozen incidents of our own making: many kinds of failure, with tempting innocent changes; a case is a folder.

They were written by somebody who did not know the rules; what the rules scored then is in docs/reference/figures.md.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bdp.clock import SystemClock
from bdp.explain.settings import ExplainSettings
from bdp.flow.investigating import Investigated, investigate_folder
from bdp.model.analysis import Check
from benchmarks._rootcausebench import grade
from tests.evals.korean import assert_told_in_korean
from tests.kept import empty_store

FROZEN = Path(__file__).parent / "frozen"
CASES = sorted(path.parent for path in FROZEN.glob("*/ground_truth.json"))
HARD = {
    "login-email-scan", "thumbs-worker-values", "account-sessions", "depot-routes", "forecast-feed", "orders-writer",
    "stock-sync",
}  # fmt: skip
"""Whose guilty change is not found yet."""


@cache
def judged(case: Path) -> tuple[Investigated, float, dict[str, Any]]:
    store = empty_store()
    try:
        found = investigate_folder(case, store, ExplainSettings(), SystemClock())
    finally:
        store.close()
    return found, *grade(found.analysis, json.loads((case / "ground_truth.json").read_text("utf-8")))


@pytest.fixture
def graded() -> dict[str, tuple[Investigated, float, dict[str, Any]]]:
    """All of them, each judged once in a process."""
    return {case.name: judged(case) for case in CASES}


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_the_guilty_change_is_found_or_none_is_accused_rightly(name: str) -> None:
    found, _, parts = judged(FROZEN / name)
    if name not in HARD:
        assert parts["change"] == "right", found.analysis.summary
    assert found.analysis.hypotheses


@pytest.mark.timeout(600)
def test_together_they_reach_the_aim(graded: dict[str, tuple[Investigated, float, dict[str, Any]]]) -> None:
    rewards = [reward for _, reward, _ in graded.values()]
    accused = [name for name, (_, _, parts) in graded.items() if parts["change"] == "innocent"]
    assert sum(rewards) / len(rewards) >= 0.87
    assert len(accused) <= 0.1 * len(rewards), accused


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_all_is_told_in_korean_as_well(name: str) -> None:
    assert_told_in_korean(judged(FROZEN / name)[0].analysis)


@pytest.mark.timeout(600)
def test_no_claim_is_contradicted(graded: dict[str, tuple[Investigated, float, dict[str, Any]]]) -> None:
    claims = [claim for found, *_ in graded.values() for claim in found.analysis.claims]
    assert [claim.text for claim in claims if claim.check is Check.CONTRADICTED] == []
    supported = sum(claim.check is Check.SUPPORTED for claim in claims)
    assert supported >= 0.95 * len(claims)
