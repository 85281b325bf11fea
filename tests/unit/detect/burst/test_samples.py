"""Samples stay small and speak of now."""

from __future__ import annotations

from bdp.detect.burst.samples import Samples

WORDS = [f"{a}{b}{c}" for a in "abcdefgh" for b in "abcdefgh" for c in "abcdefgh"]


def test_bounded_and_the_frequent_one_survives() -> None:
    samples = Samples()
    for i, word in enumerate(WORDS):
        samples.add(i // 2, f"{word} failed", f"t{i}", 1.0, 300)
        samples.add(i // 2, "the pool is empty", "", 1.0, 300)
    assert len(samples.templates) == 32
    assert len(samples.traces) == 20
    assert samples.top(5)[0] == "the pool is empty"


def test_of_a_storm_only_the_first_of_each_second_are_looked_at() -> None:
    samples = Samples()
    for i in range(10_000):
        samples.add(i // 1000, "failed", "", 1.0, 300)
    assert samples.templates == {"failed": 200.0}


def test_a_gap_empties_and_a_window_halves() -> None:
    samples = Samples()
    samples.add(0, "old", "a", 8.0, 300)
    samples.add(299, "old", "a", 0.0, 300)
    samples.add(301, "new", "b", 1.0, 300)
    assert samples.templates == {"old": 4.0, "new": 1.0}
    samples.add(1000, "newest", "c", 1.0, 300)
    assert samples.templates == {"newest": 1.0}
    assert list(samples.traces) == ["c"]
