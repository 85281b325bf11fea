"""What raises, what closes, what is remembered."""

from __future__ import annotations

from datetime import timedelta

from bdp.detect.burst.detector import BurstDetector, BurstSettings, Override
from bdp.model.anomaly import Severity
from bdp.model.event import Level
from tests.unit.detect.burst.signals import at, ended, error, normal, play, raised, spread


def detector(**settings: object) -> BurstDetector:
    return BurstDetector(BurstSettings.model_validate(settings))


def test_ten_do_not_raise_and_eleven_do() -> None:
    burst = detector()
    assert burst.observe(spread(0, 250, 10)) == []
    (anomaly,) = raised(burst.observe([error(260)]))
    assert (anomaly.count, anomaly.threshold, anomaly.expected) == (11, 10, None)
    assert (anomaly.start_time, anomaly.detected_at) == (at(0), at(260))


def test_eleven_that_span_more_than_the_window_do_not_raise() -> None:
    assert detector().observe(spread(0, 330, 11)) == []


def test_normal_events_do_not_count() -> None:
    assert detector().observe([normal(i) for i in range(100)]) == []


def test_keys_do_not_add_up() -> None:
    assert detector().observe(spread(0, 10, 10, "a") + spread(0, 10, 10, "b")) == []


def test_weight_counts() -> None:
    (anomaly,) = raised(detector().observe([error(0, weight=10.0), error(1, weight=1.0)]))
    assert anomaly.count == 11


def test_late_event_tips_it_over() -> None:
    burst = detector()
    assert burst.observe(spread(100, 90, 10)) == []
    (anomaly,) = raised(burst.observe([error(75)]))
    assert anomaly.start_time == at(75)
    assert burst.too_late == 0


def test_event_behind_the_watermark_is_counted_as_too_late_and_nowhere_else() -> None:
    burst = detector()
    assert burst.observe(spread(200, 50, 10)) == []
    assert burst.observe([error(120)]) == []
    assert burst.too_late == 1


def test_overrides_the_most_specific_wins() -> None:
    burst = detector(overrides=[{"service": "*", "threshold": 50}, {"service": "shop", "threshold": 2}])
    assert raised(burst.observe(spread(0, 10, 3)))[0].threshold == 2
    assert raised(burst.observe(spread(0, 10, 50, "bank"))) == []


def test_override_names_one_error_code() -> None:
    override = Override(error_code="E1", threshold=1)
    assert override.fits(("shop", "/pay", "E1"))
    assert not override.fits(("shop", "/pay", "E2"))


def test_flapping_does_not_raise_again_and_quiet_time_closes() -> None:
    burst = detector()
    found = play(burst, (spread(start, 60, 12) for start in range(0, 1800, 420)))
    assert len(raised(found)) == 1
    assert ended(found) == []
    found = burst.observe([error(4000), error(4001), error(4002)])
    (end,) = ended(found)
    assert end.anomaly_id == burst_id(burst, found, first=0)
    assert (end.total, end.peak, end.end_time) == (60, 12, at(1680 + 55))


def burst_id(burst: BurstDetector, found: object, first: int) -> str:
    """Return the id that a fresh detector gives to the same first crossing: ids do not depend on what follows."""
    return raised(BurstDetector(BurstSettings()).observe(spread(first, 60, 12)))[0].anomaly_id


def test_second_burst_after_the_end_is_a_new_anomaly_with_the_same_signature() -> None:
    burst = detector()
    found = play(burst, [spread(0, 60, 20), spread(3000, 60, 20)])
    first, second = raised(found)
    assert first.signature == second.signature
    assert first.anomaly_id != second.anomaly_id
    assert [type(one).__name__ for one in found] == ["Anomaly", "AnomalyEnd", "Anomaly"]


def test_advance_closes_after_quiet_time_and_lateness() -> None:
    burst = detector()
    burst.observe(spread(0, 60, 20))
    assert burst.advance(at(600)) == []
    (end,) = burst.advance(at(55 + 300 + 300 + 120 + 5))
    assert (end.total, end.end_time) == (20, at(57))
    assert burst.advance(at(9000)) == []


def test_advance_leaves_an_old_log_alone_while_it_flows() -> None:
    burst = detector()
    years_later = at(300_000_000)
    burst.advance(years_later)
    burst.observe(spread(0, 60, 20))
    assert burst.advance(years_later + timedelta(seconds=1)) == []
    assert raised(burst.observe(spread(60, 60, 20))) == []
    assert len(burst.advance(years_later + timedelta(seconds=900))) == 1


def test_events_after_the_end_by_advance_raise_anew() -> None:
    burst = detector()
    burst.observe(spread(0, 60, 20))
    assert len(burst.advance(at(5000))) == 1
    assert len(raised(burst.observe(spread(5000, 60, 20)))) == 1


def test_finish_closes_what_is_open_once() -> None:
    burst = detector()
    burst.observe(spread(0, 60, 20))
    (end,) = ended(burst.finish())
    assert (end.peak, end.total) == (20, 20)
    assert burst.finish() == []


def test_one_event_far_ahead_makes_nothing_late() -> None:
    burst = detector()
    burst.observe([error(0)])
    burst.observe([error(86_000)])
    assert burst.observe(spread(10, 30, 9)) == []
    assert len(raised(burst.observe([error(41)]))) == 1
    assert burst.too_late == 0


def test_first_event_of_a_key_far_ahead_makes_nothing_late() -> None:
    burst = detector()
    burst.observe([error(86_000)])
    assert len(raised(burst.observe(spread(0, 30, 11)))) == 1
    assert burst.too_late == 0


def test_a_few_clocks_ahead_do_not_outvote_the_others() -> None:
    burst = detector()
    for minute in range(60):
        burst.observe([error(60 * minute + 1), error(60 * minute + 2), error(40_000 + 60 * minute)])
    assert burst.too_late == 0


def test_burst_after_a_long_gap_raises_with_its_eleventh_event() -> None:
    burst = detector()
    burst.observe([error(0)])
    found = [raised(burst.observe([error(90_000 + i)])) for i in range(11)]
    assert [len(one) for one in found] == [0] * 10 + [1]


def test_steady_key_stops_paging_and_five_times_as_much_pages() -> None:
    burst = detector()
    found = play(burst, (spread(300 * slot, 300, 200) for slot in range(40)))
    assert len(raised(found)) == len(ended(found)) == 1
    assert play(burst, (spread(300 * slot, 300, 200) for slot in range(40, 80))) == []
    (anomaly,) = raised(burst.observe(spread(300 * 80, 300, 1000)))
    assert anomaly.expected is not None
    assert 190 < anomaly.expected < 210
    assert 200 < anomaly.threshold < 400


def test_never_seen_key_pages_at_once_and_says_so() -> None:
    burst = detector()
    play(burst, ([normal(60 * i), error(60 * i, "old")] for i in range(70)))
    (anomaly,) = raised(burst.observe(spread(4200, 20, 11, "new")))
    assert anomaly.never_seen
    assert anomaly.expected == 0


def test_key_of_a_young_detector_is_not_called_never_seen() -> None:
    assert not raised(detector().observe(spread(0, 20, 11)))[0].never_seen


def test_known_key_is_not_called_never_seen() -> None:
    burst = detector()
    burst.observe([error(0)])
    assert not raised(burst.observe(spread(9000, 20, 11)))[0].never_seen


def test_warnings_are_at_most_medium_and_many_errors_are_critical() -> None:
    warnings = [error(i / 50, level=Level.WARN) for i in range(500)]
    errors = [error(i / 500, "bank") for i in range(500)]
    found = raised(detector().observe(warnings + errors))
    assert {one.subject.service: one.severity for one in found} == {
        "shop": Severity.MEDIUM,
        "bank": Severity.CRITICAL,
    }


def test_anomaly_shows_templates_and_traces() -> None:
    signals = [error(i, message=f"order {i} failed", trace_id=f"t{i}") for i in range(11)]
    (anomaly,) = raised(detector().observe(signals))
    assert anomaly.templates == ("order <*> failed",)
    assert anomaly.trace_ids == tuple(f"t{i}" for i in range(11))


def test_keys_are_bounded_and_open_ones_stay() -> None:
    burst = detector(max_keys=2000)
    burst.observe(spread(0, 60, 20, "keep"))
    for i in range(20):
        burst.observe([error(60 + i, f"s{i}-{j}") for j in range(5000)])
    assert burst.keys <= 2000
    assert burst.evicted == 100_001 - burst.keys
    assert raised(burst.observe(spread(100, 10, 20, "keep"))) == []


def test_rows_of_evicted_keys_are_deleted() -> None:
    burst = detector(max_keys=10)
    rows: dict[str, bytes] = {}
    for i in range(50):
        burst.observe([error(i, f"s{i}")])
        for name, row in burst.changed_rows().items():
            if row is None:
                del rows[name]
            else:
                rows[name] = row
    assert len(rows) == burst.keys + 1
    assert burst.changed_rows() == {}


def test_seconds_of_a_key_are_bounded() -> None:
    burst = detector()
    sizes = []
    for minute in range(0, 7200, 60):
        burst.observe([error(minute + s) for s in range(60)])
        sizes.append(sum(len(row or b"") for row in burst.changed_rows().values()))
    assert max(sizes[60:]) < 2 * sizes[7]


def test_restored_detector_keeps_its_counters_and_open_anomaly() -> None:
    burst = detector()
    burst.observe([*spread(0, 60, 20), error(200)])
    burst.observe([error(10)])
    rows = {name: row for name, row in burst.changed_rows().items() if row is not None}
    again = detector()
    again.restore({**rows, "other/room": b"not ours"})
    assert again.too_late == 1
    assert again.finish() == burst.finish()


def test_restore_after_a_failed_commit_undoes_the_batch() -> None:
    burst = detector()
    burst.observe(spread(0, 60, 8))
    rows = {name: row for name, row in burst.changed_rows().items() if row is not None}
    lost = burst.observe([*spread(60, 60, 20), error(61, "new")])
    burst.restore(rows)
    assert burst.changed_rows() == {}
    assert burst.observe([*spread(60, 60, 20), error(61, "new")]) == lost
