"""The detector of many series: what people are told, and when they are left in peace."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bdp.detect.series.bank import SIGNALS, SeriesBank
from bdp.detect.series.settings import SeriesSettings
from tests.unit.detect.series.played import DAY, MONDAY, STEP, Numbers, Told, feed, play, same, times

WEEKS = 4
POINTS = WEEKS * 7 * DAY
EVENT = 23 * DAY + 100
"""Where each story has its event: in the fourth week, by day."""
LEARNT = 7 * DAY
LEAN = 8
"""Series of each kind in which nothing happens."""

Chance = np.random.Generator
Story = Callable[[Chance], Numbers]


def noise(chance: Chance, spread: float = 1.0) -> Numbers:
    return chance.normal(0, spread, POINTS)


def daily(height: float) -> Numbers:
    return height * np.sin(2 * np.pi * np.arange(POINTS) / DAY)


def weekly() -> Numbers:
    """High on working days, low at the weekend, with a wave over each day."""
    weekend = (np.arange(POINTS) // DAY) % 7 >= 5
    return (50 + daily(20)) * np.where(weekend, 0.5, 1.0)


def peaks(height: float) -> Numbers:
    """One peak a day and nothing else."""
    hour = np.arange(POINTS) / 12 % 24
    return np.asarray(height * np.exp(-(((hour - 14) / 2) ** 2)))


def changed(values: Numbers, begin: int, end: int, to: Numbers | float) -> Numbers:
    values = values.copy()
    values[begin:end] = to
    return values


def spike(chance: Chance) -> Numbers:
    return changed(100 + noise(chance), EVENT, EVENT + 1, 115)


def dip(chance: Chance) -> Numbers:
    return changed(100 + noise(chance), EVENT, EVENT + 1, 85)


def spike_on_wave(chance: Chance) -> Numbers:
    """Higher than what this hour should have, by far, and not much beyond what the day has."""
    return changed(100 + daily(20) + noise(chance), EVENT, EVENT + 1, 140)


def shift(chance: Chance) -> Numbers:
    values = 100 + noise(chance)
    return changed(values, EVENT, POINTS, values[EVENT:] + 15)


def shift_down(chance: Chance) -> Numbers:
    return -shift(chance)


def flat_day(chance: Chance) -> Numbers:
    """The daily peak is missing; each of the values is usual at night."""
    quiet = 100 + noise(chance)
    return changed(quiet + peaks(60), 23 * DAY, 24 * DAY, quiet[:DAY])


def wrong_hours(chance: Chance) -> Numbers:
    """Five hours of night by day: a run of values of which each is within range."""
    values = 100 + daily(20) + noise(chance)
    return changed(values, 23 * DAY + 24, 23 * DAY + 84, 80 + noise(chance)[:60])


def drift(chance: Chance) -> Numbers:
    """The level creeps by thirty spreads in four days."""
    values = 100 + noise(chance)
    return values + np.clip((np.arange(POINTS) - EVENT) / (4 * DAY), 0, 1) * 30


def constant_then_changed(_: Chance) -> Numbers:
    return changed(np.full(POINTS, 7.0), EVENT, POINTS, 8.0)


def constant_then_creeping(_: Chance) -> Numbers:
    return 7 + np.clip(np.arange(POINTS, dtype=np.float64) - EVENT, 0, None) * 0.01


def blip(_: Chance) -> Numbers:
    return changed(np.full(POINTS, 7.0), EVENT, EVENT + 1, 8.0)


def sparse(chance: Chance) -> Numbers:
    """Errors a minute: nearly always none, now and then one; then forty."""
    return changed((chance.random(POINTS) < 0.02).astype(np.float64), EVENT, EVENT + 1, 40)


def huge(chance: Chance) -> Numbers:
    return changed(1e15 + np.round(noise(chance, 2)), EVENT, EVENT + 1, 1e15 + 40)


def turmoil(chance: Chance) -> Numbers:
    values = 100 + noise(chance)
    return changed(values, EVENT, EVENT + 48, 100 + 6 * (values[EVENT : EVENT + 48] - 100))


STORIES: tuple[Story, ...] = (
    *(spike, dip, spike_on_wave, shift, shift_down, flat_day, wrong_hours, drift, constant_then_changed),
    *(constant_then_creeping, blip, sparse, huge, turmoil),
)
KINDS: dict[str, Story] = {
    "noise": lambda chance: 100 + noise(chance),
    "daily": lambda chance: 100 + daily(20) + noise(chance),
    "weekly": lambda chance: weekly() + noise(chance),
    "counts": lambda chance: chance.poisson(0.1, POINTS).astype(np.float64),
}


@pytest.fixture(scope="module")
def heard() -> dict[str, list[Told]]:
    """What is said of every story, and of the series in which nothing happens; all in one bank."""
    chance = np.random.default_rng(11)
    names = [story.__name__ for story in STORIES] + [kind for kind in KINDS for _ in range(LEAN)]
    values = [story(chance) for story in STORIES] + [KINDS[kind](chance) for kind in KINDS for _ in range(LEAN)]
    found: dict[str, list[Told]] = {}
    for name, told in zip(names, play(times(POINTS), np.array(values)), strict=True):
        found.setdefault(name, []).append(told)
    return found


@pytest.mark.parametrize(
    ("story", "within", "reasons", "direction"),
    [
        (spike, 1, {"value"}, 1),
        (dip, 1, {"value"}, -1),
        (spike_on_wave, 1, {"value", "season"}, 1),
        (shift, 1, {"value"}, 1),
        (shift_down, 1, {"value", "trough"}, -1),
        (drift, DAY, {"error", "value", "trough", "season"}, 1),
        (constant_then_changed, 1, {"value"}, 1),
        (constant_then_creeping, 2, {"value"}, 1),
        (blip, 1, {"value"}, 1),
        (sparse, 1, {"value"}, 1),
        (huge, 1, {"value"}, 1),
        (turmoil, 12, {"value", "trough", "unrest"}, 0),
    ],
)
def test_an_event_is_told_in_time_with_its_reason(
    heard: dict[str, list[Told]], story: Story, within: int, reasons: set[str], direction: int
) -> None:
    (told,) = heard[story.__name__]
    opened = told.opened_from(EVENT, EVENT + within)
    assert opened, f"nothing until {told.opened_from(EVENT)[:1]}"
    assert told.why(opened[0]) in reasons
    assert direction in (0, told.direction[opened[0]])
    assert told.score[opened[0]] >= 0.5


def test_a_missing_peak_is_told_while_it_is_missing(heard: dict[str, list[Told]]) -> None:
    (told,) = heard["flat_day"]
    (opened, *_) = told.opened_from(23 * DAY, 24 * DAY)
    assert told.direction[opened] == -1
    assert told.why(opened) in {"error", "season"}


def test_a_run_that_is_wrong_for_its_hour_is_told_though_each_value_is_usual(heard: dict[str, list[Told]]) -> None:
    (told,) = heard["wrong_hours"]
    (opened, *_) = told.opened_from(23 * DAY + 24, 23 * DAY + 84)
    assert told.direction[opened] == -1


@pytest.mark.parametrize("story", [shift, shift_down, constant_then_changed])
def test_a_new_level_is_told_once_and_becomes_the_normal_one(heard: dict[str, list[Told]], story: Story) -> None:
    (told,) = heard[story.__name__]
    first = EVENT + DAY // 2
    assert len(told.opened_from(EVENT, first)) <= 2
    assert told.anomalous[first : EVENT + DAY].mean() < 0.05, "stuck"
    assert told.anomalous[EVENT + DAY :].sum() <= 10
    level = {shift: 115.0, shift_down: -115.0, constant_then_changed: 8.0}[story]
    inside = (told.low[first:] <= level) & (level <= told.high[first:])
    assert inside.mean() > 0.95, "the band stayed behind"


@pytest.mark.parametrize("story", [drift, constant_then_creeping])
def test_what_goes_on_and_on_does_not_stay_an_anomaly(heard: dict[str, list[Told]], story: Story) -> None:
    (told,) = heard[story.__name__]
    days = told.anomalous[EVENT : EVENT + 4 * DAY].reshape(4, DAY).mean(axis=1)
    assert days[-1] < 0.35, days
    assert len(told.opened_from(EVENT)) <= 4 * 4


def test_a_spike_is_over_soon(heard: dict[str, list[Told]]) -> None:
    for story in (spike, dip, blip, huge):
        (told,) = heard[story.__name__]
        assert told.anomalous[EVENT : EVENT + DAY].sum() <= 60, story
        assert EVENT < told.closed[told.closed > EVENT][0] <= EVENT + 72, story


@pytest.mark.parametrize("kind", KINDS)
def test_where_nothing_happens_people_are_left_in_peace(heard: dict[str, list[Told]], kind: str) -> None:
    """Weeks are learnt in two weeks. Until then some are told; over eight weeks see the long test."""
    alarms = [len(told.opened_from(2 * 7 * DAY)) for told in heard[kind]]
    assert sum(alarms) / LEAN / (WEEKS - 2) < 1
    assert sum(len(told.opened) for told in heard[kind]) / LEAN < 6


@pytest.mark.parametrize("kind", KINDS)
def test_the_band_holds_about_what_it_says(heard: dict[str, list[Told]], kind: str) -> None:
    for told in heard[kind]:
        inside = (told.low <= told.values) & (told.values <= told.high)
        assert 0.97 < inside[LEARNT:].mean() <= 1


def test_a_constant_series_scores_nothing() -> None:
    (told,) = play(times(2 * DAY), np.full((1, 2 * DAY), 7.0))
    assert not told.score.any()
    assert (told.low[60:] == 7).all()
    assert (told.high[60:] == 7).all()


def test_what_a_computer_rounds_is_no_change() -> None:
    values = np.full((1, 2 * DAY), 0.3)
    values[0, DAY::7] = 0.1 + 0.2
    assert values[0, DAY] != 0.3
    (told,) = play(times(2 * DAY), values)
    assert not told.score.any()


def test_nothing_is_judged_before_it_is_learnt() -> None:
    values = np.random.default_rng(1).normal(0, 1, (1, 120))
    values[0, 30] = 1e6
    (told,) = play(times(120), values, SeriesSettings(learn_points=100))
    assert not told.score[:100].any()
    assert np.isnan(told.low[:100]).all()
    assert np.isfinite(told.low[100:]).all()
    assert told.score[100:].any()


def test_a_lower_threshold_finds_more() -> None:
    values = 100 + np.random.default_rng(2).normal(0, 1, (20, 2 * DAY))
    some, few = (
        sum(len(told.opened) for told in play(times(2 * DAY), values, SeriesSettings(threshold=at)))
        for at in (0.3, 0.6)
    )
    assert some > few


def test_a_rest_keeps_an_echo_quiet_and_lets_worse_pass() -> None:
    values = 100 + np.random.default_rng(4).normal(0, 1, (2, 10 * DAY))
    first, second = 8 * DAY, 8 * DAY + 24
    values[:, first] += 12
    values[0, second] += 12
    values[1, second] += 200
    echo, worse = play(times(10 * DAY), values)
    assert echo.opened_from(first, second + 10) == [first]
    assert worse.opened_from(first, second + 10) == [first, second]


def test_a_gap_and_a_restart_are_no_anomaly() -> None:
    chance = np.random.default_rng(5)
    ts = times(12 * DAY)
    ts[8 * DAY :] += 3 * 86_400
    values = (100 + 20 * np.sin(2 * np.pi * ts / 86_400) + chance.normal(0, 1, len(ts)))[None]
    (told,) = play(ts, values)
    assert told.opened_from(8 * DAY, 8 * DAY + 60) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_never_judged_and_never_learnt(bad: float) -> None:
    values = 100 + np.random.default_rng(6).normal(0, 1, 300)
    plain = feed(SeriesBank(SeriesSettings(), 1), times(300), values[None])
    bank = SeriesBank(SeriesSettings(), 1)
    heard = []
    for ts, value in zip(times(300), values, strict=True):
        none = bank.observe(np.array([0]), np.array([ts - 1]), np.array([bad]))
        assert not none.taken[0]
        assert not none.is_anomaly[0]
        heard.append(bank.observe(np.array([0]), np.array([ts]), np.array([value])))
    same(heard, plain)


@pytest.mark.parametrize("late", [0.0, -1.0, -1e6, np.nan, np.inf])
def test_a_point_that_is_not_later_is_never_judged_and_never_learnt(late: float) -> None:
    values = 100 + np.random.default_rng(7).normal(0, 1, 300)
    plain = feed(SeriesBank(SeriesSettings(), 1), times(300), values[None])
    bank = SeriesBank(SeriesSettings(), 1)
    heard = []
    for ts, value in zip(times(300), values, strict=True):
        heard.append(bank.observe(np.array([0]), np.array([ts]), np.array([value])))
        none = bank.observe(np.array([0]), np.array([ts + late]), np.array([value + 1000]))
        assert not none.taken[0]
        assert none.score[0] == 0
    same(heard, plain)


@pytest.mark.parametrize("wild", [4_294_967_295, -1.7e308])
def test_one_wild_value_does_not_blind_the_series(wild: float) -> None:
    values = 100 + np.random.default_rng(8).normal(0, 1, (1, 4 * DAY))
    values[0, DAY] = wild
    values[0, 4 * DAY - 9] = 130
    (told,) = play(times(4 * DAY), values)
    assert told.opened_from(DAY, DAY + 1)
    assert told.opened_from(4 * DAY - 9, 4 * DAY - 8)
    assert np.isfinite(told.score).all()
    assert np.isfinite(told.low[60:]).all()


def test_a_young_series_and_an_old_one_share_a_bank() -> None:
    """Growing the bank disturbs nothing, and a row that is cleared begins anew."""
    chance = np.random.default_rng(9)
    values = 100 + chance.normal(0, 1, 400)
    bank = SeriesBank(SeriesSettings(), 1)
    first = feed(bank, times(200), values[None, :200])
    bank.columns.grow(3)
    rest = [
        bank.observe(np.array([0]), np.array([ts]), np.array([value]))
        for ts, value in zip(times(400)[200:], values[200:], strict=True)
    ]
    same(first + rest, feed(SeriesBank(SeriesSettings(), 1), times(400), values[None]))
    bank.columns.clear(np.array([0]))
    same(feed(bank, times(200), values[None, :200]), first)


def test_a_series_needs_little_and_always_the_same_memory() -> None:
    bank = SeriesBank(SeriesSettings(), 2)
    before = bank.columns.row_bytes
    feed(bank, times(500), np.random.default_rng(10).normal(0, 1, (2, 500)))
    assert bank.columns.row_bytes == before == len(bank.columns.dump(0))
    assert before < 6 * 1024


def test_an_empty_call_says_nothing() -> None:
    bank = SeriesBank(SeriesSettings(), 1)
    none = bank.observe(np.zeros(0, dtype=np.intp), np.zeros(0), np.zeros(0))
    assert len(none.score) == 0


def test_more_series_than_are_worked_on_together() -> None:
    """Chunks are no matter of what is said."""
    chance = np.random.default_rng(12)
    values = np.repeat(chance.normal(0, 1, (3, 80)), 1000, axis=0)
    (*verdicts,) = feed(SeriesBank(SeriesSettings(), 3000), times(80), values)
    for verdict in verdicts:
        for score in verdict.score.reshape(3, 1000):
            assert (score == score[0]).all()


def test_what_was_normal_long_ago_is_news_again() -> None:
    """After two generations without it, a level that once was usual is told when it comes back."""
    settings = SeriesSettings(memory_points=1000)
    chance = np.random.default_rng(13)
    values = np.concatenate([np.full(300, 200.0), np.full(2800, 100.0), np.full(5, 200.0)])
    values += chance.normal(0, 1, len(values))
    soon = np.concatenate([np.full(300, 200.0), np.full(300, 100.0), np.full(5, 200.0)])
    soon += chance.normal(0, 1, len(soon))
    (late,) = play(times(len(values)), values[None], settings)
    (early,) = play(times(len(soon)), soon[None], settings)
    assert late.opened_from(3100)
    assert "value" not in [early.why(at) for at in early.opened_from(600)]


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("step", "weeks"), [(300.0, 8.0), (10.0, 1.5)])
def test_false_alarms_over_weeks(step: float, weeks: float) -> None:
    chance, each = np.random.default_rng(14), 12
    bank, rows = SeriesBank(SeriesSettings(), 3 * each), np.arange(3 * each)
    alarms = np.zeros(3 * each)
    for point in range(int(weeks * 604_800 / step)):
        ts = MONDAY + step * point
        wave = 20 * np.sin(2 * np.pi * ts / 86_400)
        weekend = 0.5 if (ts - MONDAY) // 86_400 % 7 >= 5 else 1.0
        level = np.repeat([100, 100 + wave, 100 + (30 + wave) * weekend], each)
        alarms += bank.observe(rows, np.full(3 * each, ts), level + chance.normal(0, 1, 3 * each)).opened
    assert (alarms.reshape(3, each).mean(axis=1) / weeks < 1).all(), alarms.reshape(3, each).mean(axis=1) / weeks


def test_signals_have_names_for_reasons() -> None:
    assert len(set(SIGNALS)) == len(SIGNALS) == 5
    assert STEP * DAY == 86_400


@pytest.mark.parametrize("first", [0.0, 5000.0, 1e6])
def test_a_sentinel_at_the_start_does_not_blind_the_series(first: float) -> None:
    points = 12 * 288
    at = times(points, step=300)
    wave = 100 + 30 * np.sin(2 * np.pi * at / DAY) + np.random.default_rng(1).normal(0, 2, points)
    wave[0], wave[10 * 288] = first, 220
    (found,) = play(at, wave[None])
    assert found.opened_from(9 * 288) == [10 * 288]
    assert np.nanmedian(found.high[-288:] - found.low[-288:]) < 30
