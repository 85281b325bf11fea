"""Grounding holds for any figures: a claim made from evidence is supported, and one wrong number in it is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bdp.explain.grounding import check
from bdp.explain.wording import figure, name, percent, span
from bdp.model.analysis import Check, Claim
from bdp.model.evidence import Evidence, EvidenceKind

AT = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
COUNTS = st.integers(min_value=1, max_value=10_000_000)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


def evidence(value: dict[str, object]) -> Evidence:
    end = AT + timedelta(minutes=5)
    return Evidence(
        id="E1", kind=EvidenceKind.COUNT, value=value, text="", source="events", start_time=AT, end_time=end
    )


def checked(text: str, value: dict[str, object]) -> Check | None:
    return check([Claim(text=text, evidence=("E1",))], [evidence(value)])[0][0].check


@given(part=COUNTS, rest=COUNTS, who=NAMES)
def test_a_true_part_of_a_whole_is_supported_with_any_name(part: int, rest: int, who: str) -> None:
    whole = part + rest
    value: dict[str, object] = {"value": who, "events": part, "abnormal_events": whole, "share": round(part / whole, 4)}
    text = f"{name(who)}: {figure(part)} of {figure(whole)} abnormal events ({percent(part / whole)})."
    assert checked(text, value) is Check.SUPPORTED


@given(events=COUNTS, wrong=st.floats(min_value=0.06, max_value=5), up=st.booleans())
def test_a_wrong_count_is_contradicted(events: int, wrong: float, up: bool) -> None:
    said = round(events * (1 + wrong) if up else events / (1 + wrong))
    assume(said != events)
    assert checked(f"{figure(said)} abnormal events.", {"abnormal_events": events}) is Check.CONTRADICTED


@given(part=COUNTS, rest=COUNTS, off=st.floats(min_value=1.6, max_value=60))
def test_a_wrong_percentage_is_contradicted(part: int, rest: int, off: float) -> None:
    whole = part + rest
    share = part / whole
    said = share + off / 100 if share < 0.5 else share - off / 100
    assume(said > 0.01 and abs(said / share - 1) > 0.05)
    value: dict[str, object] = {"events": part, "abnormal_events": whole, "share": round(share, 4)}
    assert checked(f"{figure(part)} of {figure(whole)} events ({percent(said)}).", value) is Check.CONTRADICTED


@given(seconds=st.floats(min_value=1, max_value=86_400), wrong=st.floats(min_value=1.12, max_value=4))
def test_durations_are_compared_across_units(seconds: float, wrong: float) -> None:
    value: dict[str, object] = {"seconds_before": round(seconds, 3)}
    assert checked(f"{span(seconds)} before the onset.", value) is Check.SUPPORTED
    assume(seconds * (wrong - 1) > 1)
    assert checked(f"{span(seconds * wrong)} before the onset.", value) is Check.CONTRADICTED


@given(text=st.text(max_size=300), cited=st.sampled_from([(), ("E1",), ("E2",)]))
def test_any_text_gets_a_verdict(text: str, cited: tuple[str, ...]) -> None:
    claims, grounding = check([Claim(text=text, evidence=cited)], [evidence({"events": 7, "service": text})])
    assert claims[0].check is not None
    assert 0 <= grounding.score <= 1


VALUES = st.floats(min_value=0.001, max_value=1e9).map(lambda value: float(f"{value:.6g}"))


def level(usual: float, extreme: float) -> dict[str, object]:
    return {
        "metric": "queue_depth",
        "entity": "shop",
        "unit": "",
        "counter": False,
        "moved": True,
        "usual": usual,
        "highest": max(usual, extreme),
        "lowest": min(usual, extreme),
        "extreme": extreme,
        "difference": extreme - usual,
    }


def written(value: float, style: int) -> str:
    """The number as people write it; none of them says more than it is."""
    if value.is_integer():
        return (f"{value:.0f}", f"{value:,.0f}", f"{value:.1f}", f"{value:,.2f}")[style]
    return (f"{value:.10f}".rstrip("0"), f"{value:,.9f}", f"{value:.6e}", f"{value:.12f}")[style]


@given(value=VALUES, usual=VALUES, style=st.integers(0, 3), korean=st.booleans())
def test_a_value_is_accepted_however_it_is_written(value: float, usual: float, style: int, korean: bool) -> None:
    assume(abs(value / usual - 1) > 0.1)
    shown = written(value, style)
    text = f"queue_depth가 {shown}를 기록했다." if korean else f"queue_depth reached {shown}."
    assert checked(text, level(usual, value)) is Check.SUPPORTED


@given(value=VALUES, usual=VALUES, off=st.floats(min_value=1.05, max_value=50), up=st.booleans(), korean=st.booleans())
def test_another_value_of_the_same_measure_is_not(
    value: float, usual: float, off: float, up: bool, korean: bool
) -> None:
    said = value * off if up else value / off
    assume(abs(said / usual - 1) > 0.05 and abs(value / usual - 1) > 0.1 and said > 1e-4)
    shown = f"{said:.12f}"
    text = f"queue_depth가 {shown}를 기록했다." if korean else f"queue_depth reached {shown}."
    assert checked(text, level(usual, value)) is Check.CONTRADICTED


@given(usual=VALUES, extreme=VALUES, up=st.booleans(), korean=st.booleans())
def test_the_way_it_went_is_compared(usual: float, extreme: float, up: bool, korean: bool) -> None:
    assume(abs(extreme / usual - 1) > 0.1)
    word = ("증가" if up else "감소") if korean else ("rose" if up else "fell")
    low, high = f"{usual:.9f}", f"{extreme:.9f}"
    text = f"queue_depth가 {low}에서 {high}로 {word}했다." if korean else f"queue_depth {word} from {low} to {high}."
    right = Check.SUPPORTED if (extreme > usual) is up else Check.CONTRADICTED
    assert checked(text, level(usual, extreme)) is right


@given(count=st.integers(10_000, 99_999_999), style=st.integers(0, 2))
def test_korean_myriads_are_read(count: int, style: int) -> None:
    rest = f" {count % 10_000}" if count % 10_000 else ""
    shown = (f"{count // 10_000}만{rest}", f"{count:,}", f"{count / 10_000:.4f}만")[style]
    assert checked(f"이상 이벤트 {shown}건.", {"abnormal_events": count}) is Check.SUPPORTED
    assert checked(f"이상 이벤트 {count + 1}건.", {"abnormal_events": count}) is Check.CONTRADICTED


PIECES = (
    "1",
    ",",
    ".",
    "-",
    "a",
    "A",
    "_",
    " ",
    "from 1 ",
    "of ",
    "12:",
    "만",
    "에서 ",
    "5% ",
    "before ",
    "no ",
    "`",
    '"',
    "a.",
    "가 ",
    "E1 ",
    "up ",
)


@pytest.mark.parametrize("piece", PIECES)
def test_the_time_that_a_claim_takes_grows_with_its_length_only(piece: str) -> None:
    def seconds(length: int) -> float:
        text = (piece * length)[:length]
        begun = perf_counter()
        checked(text, {"events": 7, "service": "shop"})
        return perf_counter() - begun

    short, long = min(seconds(450) for _ in range(5)), min(seconds(1800) for _ in range(5))
    assert long < 10 * short + 0.005  # 4 times as long; what grows with the square takes 16 times
