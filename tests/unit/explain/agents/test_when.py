"""Times in questions: the usual forms of two languages, and what was not understood."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdp.explain.agents.when import read

NOW = datetime(2026, 3, 4, 13, 0, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("errors in the last 2 hours", "03-04 11:00", "03-04 13:00"),
        ("errors in the last two hours", "03-04 11:00", "03-04 13:00"),
        ("errors in the last hour", "03-04 12:00", "03-04 13:00"),
        ("last 30 minutes", "03-04 12:30", "03-04 13:00"),
        ("past 3 days", "03-01 13:00", "03-04 13:00"),
        ("지난 2시간 동안", "03-04 11:00", "03-04 13:00"),
        ("최근 30분", "03-04 12:30", "03-04 13:00"),
        ("지난 한 시간", "03-04 12:00", "03-04 13:00"),
        ("지난 일주일", "02-25 13:00", "03-04 13:00"),
        ("24시간 동안", "03-03 13:00", "03-04 13:00"),
        ("today", "03-04 00:00", "03-04 13:00"),
        ("yesterday", "03-03 00:00", "03-04 00:00"),
        ("어제", "03-03 00:00", "03-04 00:00"),
        ("그저께", "03-02 00:00", "03-03 00:00"),
        ("since yesterday", "03-03 00:00", "03-04 13:00"),
        ("errors from payment yesterday", "03-03 00:00", "03-04 00:00"),
        ("on monday", "03-02 00:00", "03-03 00:00"),
        ("월요일에", "03-02 00:00", "03-03 00:00"),
        ("on 1 march", "03-01 00:00", "03-02 00:00"),
        ("3월 1일에", "03-01 00:00", "03-02 00:00"),
        ("3월 1일 14:00", "03-01 13:30", "03-01 14:30"),
        ("at 11:00", "03-04 10:30", "03-04 11:30"),
        ("at 14:00", "03-03 13:30", "03-03 14:30"),
        ("at 3 pm", "03-03 14:30", "03-03 15:30"),
        ("at 3", "03-04 02:30", "03-04 03:30"),
        ("at noon", "03-04 11:30", "03-04 12:30"),
        ("yesterday at 14h", "03-03 13:30", "03-03 14:30"),
        ("at 14:00 yesterday", "03-03 13:30", "03-03 14:30"),
        ("어제 오후 3시", "03-03 14:30", "03-03 15:30"),
        ("어제 오후 세 시 반에", "03-03 15:00", "03-03 16:00"),
        ("오늘 오전 9시 30분부터", "03-04 09:30", "03-04 13:00"),
        ("어제 오후 3시부터 5시까지", "03-03 15:00", "03-03 17:00"),
        ("오늘 새벽 2시", "03-04 01:30", "03-04 02:30"),
        ("밤 11시", "03-03 22:30", "03-03 23:30"),
        ("since 11:50", "03-04 11:50", "03-04 13:00"),
        ("11시 50분부터", "03-04 11:50", "03-04 13:00"),
        ("until 10:00", "03-04 00:00", "03-04 10:00"),
        ("between 10:00 and 11:30", "03-04 10:00", "03-04 11:30"),
        ("between 12:30 and 14:00", "03-04 12:30", "03-04 13:00"),
        ("from yesterday 22:00 until today 02:00", "03-03 22:00", "03-04 02:00"),
        ("from 22:00 to 02:00", "03-03 22:00", "03-04 02:00"),
        ("15:00 kst", "03-04 05:30", "03-04 06:30"),
        ("2 hours ago", "03-04 10:30", "03-04 11:30"),
        ("2시간 전", "03-04 10:30", "03-04 11:30"),
        ("3 days ago", "03-01 00:00", "03-02 00:00"),
        ("last night", "03-03 18:00", "03-04 06:00"),
        ("yesterday morning", "03-03 05:00", "03-03 12:00"),
        ("어제 오전", "03-03 00:00", "03-03 12:00"),
        ("last month", "02-01 00:00", "03-01 00:00"),
        ("in the previous month", "02-01 00:00", "03-01 00:00"),
        ("지난달", "02-01 00:00", "03-01 00:00"),
        ("지난 달에", "02-01 00:00", "03-01 00:00"),
        ("this month", "03-01 00:00", "03-04 13:00"),
        ("이번 달", "03-01 00:00", "03-04 13:00"),
        ("last 2 months", "01-03 13:00", "03-04 13:00"),
        ("in february", "02-01 00:00", "03-01 00:00"),
        ("2월에", "02-01 00:00", "03-01 00:00"),
        ("in march", "03-01 00:00", "03-04 13:00"),
        ("since february", "02-01 00:00", "03-04 13:00"),
        ("from january to february", "01-01 00:00", "03-01 00:00"),
        ("1월부터 2월까지", "01-01 00:00", "03-01 00:00"),
        ("this week", "03-02 00:00", "03-04 13:00"),
        ("이번 주", "03-02 00:00", "03-04 13:00"),
        ("2026-03-01", "03-01 00:00", "03-02 00:00"),
        ("since 2026-03-01", "03-01 00:00", "03-04 13:00"),
        ("2026-03-01t10:00:00z to 2026-03-02", "03-01 10:00", "03-03 00:00"),
    ],
)
def test_usual_forms(text: str, start: str, end: str) -> None:
    told = read(f"errors {text}?", NOW)
    assert told.span is not None
    assert (f"{told.span.start:%m-%d %H:%M}", f"{told.span.end:%m-%d %H:%M}") == (start, end)
    assert told.unread == ()


@pytest.mark.parametrize(
    ("text", "unread", "day"),
    [
        ("errors at 25:99", ("25:99",), ""),
        ("errors since 99:99", ("99:99",), ""),
        ("오후 25시부터 오류", ("오후 25시",), ""),
        ("errors on 2026-13-45", ("2026-13-45",), ""),
        ("last 99999999 weeks", ("99999999 weeks",), ""),
        ("what fails tomorrow", ("tomorrow",), ""),
        ("지난 주말 오류", ("지난 주말",), ""),
        ("today at 18:00", ("today", "18:00"), ""),
        ("yesterday at 25:99", ("25:99",), "2026-03-03"),
        ("어제 25시", ("25시",), "2026-03-03"),
    ],
)
def test_what_is_no_time_is_told_and_the_rest_of_it_counts(text: str, unread: tuple[str, ...], day: str) -> None:
    told = read(text, NOW)
    assert told.unread == unread
    assert (f"{told.span.start:%Y-%m-%d}" if told.span else "") == day


@pytest.mark.parametrize("text", ["is p95 over 500 ms", "서비스 2개가 느린가요", "the may release", "http 500 errors"])
def test_numbers_that_are_no_times(text: str) -> None:
    told = read(text, NOW)
    assert (told.span, told.unread) == (None, ())


@given(text=st.text(alphabet="0123456789:-시분일전오후 lastpmhourdtoyez월까지부터", max_size=60))
def test_any_text_gives_a_stretch_that_is_past_or_none(text: str) -> None:
    told = read(text, NOW)
    assert told.span is None or (told.span.start < told.span.end <= NOW)
    assert len(told.unread) <= 3


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("what did we spend in november?", "2025-11"),
        ("november's cost", "2025-11"),
        ("11월 비용", "2025-11"),
        ("11월에는 얼마?", "2025-11"),
        ("cost of nov 2024", "2024-11"),
        ("2024년 11월 비용", "2024-11"),
        ("cost of 2024-11", "2024-11"),
        ("작년 3월 비용", "2025-03"),
        ("cost in may", "2025-05"),
        ("may 2024 costs", "2024-05"),
        ("cost of last march", "2025-03"),
        ("지난 3월 비용", "2025-03"),
        ("cost in last december", "2025-12"),
    ],
)
def test_a_month_is_the_latest_that_is_not_ahead(text: str, month: str) -> None:
    told = read(text, NOW)
    assert told.span is not None
    assert f"{told.span.start:%Y-%m-%d %H:%M}" == f"{month}-01 00:00"
    assert (told.span.end.day, told.span.end.hour) == (1, 0)
    assert (told.span.end - told.span.start).days in {28, 30, 31}
    assert told.unread == ()


@pytest.mark.parametrize("text", ["what may cost more?", "they march on", "why may checkout fail"])
def test_words_that_are_also_months_name_none(text: str) -> None:
    assert read(text, NOW).span is None


@pytest.mark.parametrize(("text", "what"), [("cost of april 2026", "april 2026"), ("13월 비용", "13월")])
def test_a_month_that_is_ahead_or_none_is_told(text: str, what: str) -> None:
    told = read(text, NOW)
    assert told.span is None
    assert told.unread == (what,)
