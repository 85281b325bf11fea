"""When messages broke out: what is said now and then is no outbreak, however early it was said."""

from __future__ import annotations

import pytest

from bdp.explain.inquest.outbreak import MINUTE, Outbreak, outbreak

HOUR = 60
BEGIN = 29_000_000


def found(*shapes: dict[int, float]) -> Outbreak | None:
    placed = [{BEGIN + minute: count for minute, count in shape.items()} for shape in shapes]
    return outbreak(placed, BEGIN * MINUTE, (BEGIN + 2 * HOUR) * MINUTE)


def test_it_begins_with_the_crowd_not_with_the_first_message() -> None:
    now_and_then = dict.fromkeys(range(3, 2 * HOUR, 17), 1.0)
    crowd = dict.fromkeys(range(70, 90), 5.0)
    burst = found(now_and_then, crowd)
    assert burst is not None
    assert burst.start == (BEGIN + 70) * MINUTE
    assert burst.inside == pytest.approx(5, rel=0.05)
    assert burst.outside < 0.1


@pytest.mark.parametrize(
    "shape", [dict.fromkeys(range(0, 2 * HOUR, 5), 1.0), dict.fromkeys(range(2 * HOUR), 40.0), {5: 1.0, 70: 1.0}, {}]
)
def test_what_is_said_all_the_time_or_hardly_ever_is_none(shape: dict[int, float]) -> None:
    assert found(shape) is None


def test_a_few_messages_in_one_minute_are_one() -> None:
    burst = found({80: 4.0})
    assert burst == Outbreak((BEGIN + 80) * MINUTE, 4.0, 0.0)


def test_one_that_is_over_again_is_found_where_it_began() -> None:
    burst = found(dict.fromkeys(range(30, 40), 9.0), {5: 1.0, 100: 2.0})
    assert burst is not None
    assert burst.start == (BEGIN + 30) * MINUTE


def test_what_lies_outside_the_span_does_not_count() -> None:
    assert found({-5: 100.0, 2 * HOUR + 9: 100.0}) is None
