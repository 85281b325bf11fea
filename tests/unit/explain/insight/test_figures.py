"""A number in an explanation is one of its sample's figures, within the rounding that was written, or it is told."""

from __future__ import annotations

import pytest

from bdp.explain.insight.figures import figures, strangers
from bdp.model.inquiry import Measure
from tests.unit.explain.insight.samples import question

FALLS = Measure(name="link_falls_10min", value=3)


@pytest.mark.parametrize(
    "text",
    [
        "P99 latency on ib-02 is 14.2 µs, 3.1 times its 15-minute mean of 4.6 µs.",
        "P99 is 14 us against 4.60 µs; the reference is < 5 µs.",
        "latency_p99 rose by 209 % to 0.0142 ms.",
        "Latency more than tripled, over 3 times its mean, nearly 15 µs.",
        "62 % utilised, within 40-70 %, moving 110 Gbps (110.4 Gbit/s).",
        "Errors stay at 0.021 %; no queue pair fails.",
        "P99 지연이 14.2µs로 15분 평균 4.6µs의 3.1배입니다. 사용률 62%.",
        "IB-02: 지연 세 배.",
        "The link fell 3 times within 10 minutes, fell 3 times in all.",
    ],
)
def test_what_the_sample_says_is_right(text: str) -> None:
    one = question()
    assert strangers(text, one.model_copy(update={"measures": (*one.measures, FALLS)})) == []


@pytest.mark.parametrize(
    ("text", "strange"),
    [
        ("P99 latency is 15.2 µs.", ["15.2 µs"]),
        ("P99 latency is 14.3 µs.", ["14.3 µs"]),
        ("P99 latency is 14.2 ms.", ["14.2 ms"]),
        ("It is 14.2 % utilised.", ["14.2 %"]),
        ("Latency is 4 times its mean.", ["4 times"]),
        ("Latency rose fivefold.", ["fivefold"]),
        ("Latency is 두배.", ["두배"]),
        ("지연이 15.9µs입니다.", ["15.9µs"]),
        ("Latency is \uff11\uff15 µs.", ["\uff11\uff15 µs"]),
        ("It moves 110 GB/s.", ["110 GB/s"]),
        ("Seen for 20 minutes.", ["20 minutes"]),
        ("Since 14:05 it is slow.", ["14:05"]),
        ("ib-03 is slow.", ["ib-03"]),
        ("The peer mlx5_0 is slow.", ["mlx5_0"]),
        ("ib-021 is slow.", ["ib-021"]),
        ("2 of its links fail.", ["2"]),
        ("1.42e1 µs is right, 1.5e1 µs is not.", ["1.5e1 µs"]),
        ("P99 is 14,217 µs.", ["14,217 µs"]),
    ],
)
def test_what_it_does_not_say_is_told(text: str, strange: list[str]) -> None:
    assert strangers(text, question()) == strange


def test_a_course_counts_only_where_the_text_says_so() -> None:
    one = question()
    course = Measure(name="utilization_5min_ago", value=54.9, unit="%")
    one = one.model_copy(update={"measures": (*one.measures, course)})
    assert strangers("Utilisation was 54.9 % 5 minutes ago.", one) == []
    assert [figure.key for figure in figures(one) if "_ago" in figure.key] == ["utilization_5min_ago.value"]


def test_a_stream_without_a_baseline_has_no_ratio() -> None:
    bare = Measure(name="error_rate", value=12.5, unit="%", reference="< 0.1")
    one = question(given=(bare,))
    assert strangers("The error rate is 12.5 %, under 0.1 % is usual.", one) == []
    assert strangers("The error rate is 3 times its mean.", one) == ["3 times"]
