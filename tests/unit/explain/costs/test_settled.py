"""When a cost counts as back to what is usual."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bdp.clock import ManualClock
from bdp.flow.mend.symptom import SymptomCheck, SymptomSettings
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.costs.bill import DAY, fill, incident, line, since, usual

ACT = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)


def gone(store: ClickHouseStore, days_later: float) -> bool:
    check = SymptomCheck(store, ManualClock(ACT + timedelta(days=days_later)), SymptomSettings())
    return check.gone(incident(), ACT)


@pytest.mark.parametrize(
    ("next_day", "days_later", "is_gone"),
    [
        (100.0, 1.5, True),
        (100.0, 0.9, False),  # the day after is not over
        (300.0, 1.5, False),
        (118.0, 1.5, True),  # a tenth of the rise may be left
        (None, 1.5, False),  # nothing delivered is no success
    ],
)
def test_the_newest_whole_day_after_the_act_decides(
    store: ClickHouseStore, next_day: float | None, days_later: float, *, is_gone: bool
) -> None:
    after = [line(DAY + timedelta(days=1), next_day)] if next_day is not None else []
    fill(store, [*usual(100), *since(300), *after])
    assert gone(store, days_later) is is_gone


def test_the_rest_of_the_day_of_the_act_is_no_answer(store: ClickHouseStore) -> None:
    fill(store, [*usual(100), *since(100)])
    assert not gone(store, 1.5)


def test_a_day_of_few_hours_is_no_answer(store: ClickHouseStore) -> None:
    before = [line(DAY - timedelta(days=back), 4, hour=hour) for back in range(30, 0, -1) for hour in range(24)]
    spike = [line(DAY, 12, hour=hour) for hour in range(24)]
    few = [line(DAY + timedelta(days=1), 4, hour=hour) for hour in range(6)]
    fill(store, [*before, *spike, *few])
    assert not gone(store, 1.5)


def test_silence_of_a_bill_does_not_count_as_a_service_that_is_down(store: ClickHouseStore) -> None:
    check = SymptomCheck(store, ManualClock(ACT + timedelta(days=2)), SymptomSettings())
    assert check.heard(incident(), ACT)
