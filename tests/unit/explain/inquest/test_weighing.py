"""What speaks for a change: its fit, its time, a step of a signal; and that none is guilty where nothing stands out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bdp.explain.inquest.scene import Scene, Span
from bdp.explain.inquest.shipped import changes_of
from bdp.explain.inquest.step import stepped
from bdp.explain.inquest.weighing import Traits, chances, weight
from bdp.explain.locate.graph import CallGraph

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
PLAIN = Traits(
    fit=0.0, alters=1.0, relation=1.0, minutes=5.0, late=False, step=0.0, touch=0.0, placed=False, echo=0.0,
    after=False, shipped=True, flag=False, gated=False,
)  # fmt: skip


def test_a_change_that_fits_is_blamed_and_one_that_only_came_just_before_is_not() -> None:
    fitting, near = weight(replace(PLAIN, fit=0.8, minutes=60.0)), weight(replace(PLAIN, minutes=1.0))
    first, second = chances([fitting, near], outer=0.0)
    assert first > 0.5 > second
    assert max(chances([near], outer=0.0)) < 0.5


def test_a_harmless_or_late_change_has_no_chance() -> None:
    harmless, late = replace(PLAIN, alters=0.0, fit=0.9), replace(PLAIN, late=True, fit=0.9)
    assert max(chances([weight(harmless), weight(late)], outer=0.0)) < 0.001


def test_a_clear_outer_cause_takes_from_what_a_change_is_suspected_of() -> None:
    found = [weight(replace(PLAIN, fit=0.4))]
    assert chances(found, outer=0.95)[0] < chances(found, outer=0.0)[0]


def test_two_changes_that_are_alike_share_the_blame() -> None:
    one = weight(replace(PLAIN, fit=0.8))
    assert chances([one, one], outer=0.0) == pytest.approx([chances([one, one], outer=0.0)[0]] * 2)
    assert chances([one, one], outer=0.0)[0] < 0.5


def test_a_step_counts_for_the_change_that_it_follows_and_not_for_the_next() -> None:
    times = np.arange(0.0, 7_200.0, 60.0)
    levels = np.where(times < 3_600.0, 10.0, 20.0) + 0.3 * np.sin(times)
    assert stepped([(times, levels)], at=3_590.0, onset=6_000.0) > 0.9
    assert stepped([(times, levels)], at=5_400.0, onset=7_000.0) < 0.1
    assert stepped([], at=3_590.0, onset=6_000.0) == 0.0


def test_a_commit_behind_a_flag_takes_effect_when_the_flag_is_switched() -> None:
    patch = "+if flags.on('new_price'):"
    rows = [
        {"ts": AT, "kind": "commit", "service": "shop", "ref": "c1", "summary": "", "patch": patch},
        {"ts": AT + timedelta(hours=1), "kind": "deploy", "service": "shop", "ref": "c1", "summary": "", "patch": ""},
        {"ts": AT + timedelta(hours=5), "kind": "flag", "service": "shop", "ref": "new_price", "summary": "off->on",
         "patch": ""},
    ]  # fmt: skip
    scene = Scene(Span.of(AT + timedelta(hours=6), AT + timedelta(hours=7)), CallGraph({}), changes=rows)
    (commit,) = [one for one in changes_of(scene) if one.kind == "commit"]
    shop = [frozenset({"shop"})]
    until = (AT + timedelta(hours=6)).timestamp()
    assert commit.since(shop, until) == (AT + timedelta(hours=5), "new_price")
    assert commit.since(shop, until - 7_200) == (AT + timedelta(hours=1), "")
