"""Guilty diffs of many languages read as something that can bring their failure about, harmless ones as nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from bdp.explain.changes.altered import altered
from bdp.explain.changes.effect import effects
from bdp.explain.inquest.fault import faults

LEAST = 0.3
"""Of power times weight: what the inquest takes for a fit."""

DIFFS = tomllib.loads(Path(__file__).with_name("diffs.toml").read_text("utf-8"))["diff"]
GUILTY = {one["name"]: one for one in DIFFS if "brings" in one}
HARMLESS = {one["name"]: one for one in DIFFS if "brings" not in one}


def diff(one: dict[str, str]) -> str:
    text = one["text"].removesuffix("\n")
    return f"diff --git a/{one['file']} b/{one['file']}\n@@ -1,9 +1,9 @@\n{text}"


def reach(one: dict[str, str]) -> float:
    powers = next(fault.effects for fault in faults() if fault.name == one["brings"])
    return max((powers.get(effect.kind, 0.0) * effect.weight for effect in effects(diff(one))), default=0.0)


@pytest.mark.parametrize("name", GUILTY, ids=str)
def test_a_guilty_diff_can_bring_its_failure_about(name: str) -> None:
    assert altered(diff(GUILTY[name])) > 0
    assert reach(GUILTY[name]) >= LEAST


@pytest.mark.parametrize("name", HARMLESS, ids=str)
def test_a_harmless_diff_alters_nothing_that_runs(name: str) -> None:
    assert altered(diff(HARMLESS[name])) == 0


def test_a_diff_that_is_not_given_may_alter_something() -> None:
    assert 0 < altered("diff --git a/a.go b/a.go\n") < 0.5
    assert altered("diff --git a/docs/a.md b/docs/a.md\n") == 0
