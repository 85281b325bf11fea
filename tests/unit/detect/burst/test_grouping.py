"""The filter on the hot path is the rule of the model."""

from __future__ import annotations

from itertools import product

from bdp.detect.burst.grouping import abnormal, group
from bdp.model.event import Level
from tests.unit.detect.burst.signals import error


def test_filter_is_the_models_rule() -> None:
    signals = [
        error(0, level=level, error_code=code, status=status)
        for level, code, status in product(Level, ("", "E"), (0, 200, 499, 500))
    ]
    assert abnormal(signals) == [signal for signal in signals if signal.abnormal]


def test_long_names_are_cut() -> None:
    ((service, _, _),) = group([error(0, "x" * 100_000)])
    assert len(service) == 200
