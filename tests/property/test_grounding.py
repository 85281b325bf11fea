"""Grounding holds for any figures: a claim made from evidence is supported, and one wrong number in it is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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
