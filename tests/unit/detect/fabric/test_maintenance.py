"""Which maintenance means whom, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bdp.detect.fabric.maintenance import Calendar
from bdp.model.change import Change, ChangeKind
from tests.unit.detect.fabric.fabric_points import at, maintenance


def calendar(*changes: Change) -> Calendar:
    made = Calendar(timedelta(minutes=60))
    for change in changes:
        made.note(change)
    return made


def covered(made: Calendar, name: str, minute: float) -> bool:
    return made.covers((name,), round(at(60 * minute).timestamp() * 1_000_000)) is not None


def minutes(made: Calendar, name: str = "leaf-1") -> int:
    return sum(covered(made, name, minute) for minute in range(0, 12_000, 5))


@pytest.mark.parametrize(
    ("summary", "lasts"),
    [
        ("swap of a line card", 60),
        ("swap, for 90 min", 90),
        ("swap for 2 h", 120),
        ("swap for 2 hosts", 60),
        ("swap until 2026-11-16T08:30Z", 30),
        ("swap until 2026-11-16 17:30+09:00", 30),
        ("교체, 2026-11-16T08:45 까지", 45),
        ("교체, 90분 동안", 90),
        ("end=2026-11-16T07:00Z", 60),
        ("until 2026-13-99T99:99Z", 60),
        ("for 9999 h", 7 * 1440),
    ],
)
def test_it_lasts_as_stated_or_for_the_set_time(summary: str, lasts: int) -> None:
    assert minutes(calendar(maintenance(0, "leaf-1", summary=summary))) == lasts // 5 + 1


def test_it_means_whom_it_names_and_nobody_else() -> None:
    made = calendar(maintenance(0, "Leaf-1", ref="node7, node8, CHG-9"))
    assert all(covered(made, name, 1) for name in ("leaf-1", "node7", "node8"))
    assert not any(covered(made, name, 1) for name in ("leaf-2", "leaf", "node"))
    assert not covered(made, "leaf-1", -1)


def test_one_without_names_means_nobody() -> None:
    assert not covered(calendar(maintenance(0)), "", 1)


def test_it_survives_a_restart_and_is_bounded() -> None:
    made = calendar(*(maintenance(60 * n, f"leaf-{n}") for n in range(1200)))
    other = Calendar(timedelta(minutes=60))
    other.restore(made.row())
    assert covered(other, "leaf-1199", 1200)
    assert not covered(other, "leaf-1", 2)


def test_hostile_references_are_made_plain() -> None:
    change = Change(ts=at(0), kind=ChangeKind.MAINTENANCE, service="leaf-1", ref="a\x1b[31m" + "x" * 500)
    ref = calendar(change).covers(("leaf-1",), round(at(1).timestamp() * 1_000_000))
    assert ref is not None
    assert "\x1b" not in ref
    assert len(ref) <= 80
