"""The report of costs in a terminal: all that is told, in both languages, at 80 and 120 columns, and harmless."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from bdp.cli.cost_labels import LABELS, STANDINGS
from bdp.cli.cost_outlook import forecast_view
from bdp.cli.cost_report import report_view
from bdp.cli.cost_shadow import shadow_view
from bdp.cli.money import figure, money
from bdp.model.cost_result import CostNote, CostReport, Standing, TrendDirection
from bdp.model.noun import Language
from tests.unit.cli.conftest import HOSTILE
from tests.unit.cli.cost_reports import DAYS, EC2, NOW, budget, provider, report, result, shadow

CONTROL = set("\x1b\x07\x9b\u202e\u2028\r\x00")
EMPTY = CostReport(start=None, end=None, timestamp=NOW)


def printed(parts: Iterable[RenderableType], width: int) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, highlight=False, markup=False, emoji=False, color_system=None)
    for part in parts:
        console.print(part)
    return file.getvalue()


def shown(told: CostReport, language: Language = "en", width: int = 120, **more: Any) -> str:
    return printed(report_view(told, language, width, **more), width)


def line_with(text: str, *words: str) -> str:
    return next(line for line in text.splitlines() if all(word in line for word in words))


@pytest.mark.parametrize("width", [50, 80, 120])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_it_fits(language: Language, width: int) -> None:
    told = report(anomalies=(result(), result(key=EC2.model_copy(update={"service_name": "x" * 200}))))
    for parts in (
        report_view(told, language, width),
        forecast_view(told, language, width),
        shadow_view(told, language),
        report_view(EMPTY, language, width),
    ):
        text = printed(parts, width)
        assert max(map(cell_len, text.splitlines())) <= width


def test_the_head_says_what_it_is_about() -> None:
    lines = shown(report()).splitlines()
    assert lines[0] == "Costs 2026-03-20 to 2026-05-05  3 accounts, 4 services, 18,496 lines"
    assert lines[1] == "1 anomaly, 912.48 USD above what was expected"


def test_totals_tell_credits_apart() -> None:
    text = shown(report())
    assert line_with(text, "8,123.40", "USD").split() == ["USD", "8,123.40", "7,901.25", "18,402"]
    assert "-31.50" in line_with(text, "Credit (given back)")
    assert line_with(text, "1,234,567", "KRW").split() == ["KRW", "1,234,567", "1,234,567", "94"]


def test_services_have_shape_share_and_change() -> None:
    text = shown(report())
    row = line_with(text, "Elastic Compute Cloud", "77%")
    assert re.search(r"▃-▃+███\s+6,683\.50 USD\s+77%\s+\+261%\s+→", row)
    assert "0.0000008 USD" in line_with(text, "Amazon Bedrock")
    assert "데이터팀" in line_with(text, "객체 저장소", "×125")


def test_shares_of_a_list_that_was_cut_are_of_what_was_billed() -> None:
    text = shown(report(service_count=900))
    assert "Dearest services, 4 of 900" in text
    assert "3+ accounts, 4+ services, 18,496 lines" in text
    assert "82%" in line_with(text, "Elastic Compute Cloud", "6,683.50")


def test_an_anomaly_says_all_that_is_known() -> None:
    text = shown(report())
    for words in (
        ("HIGH", "Amazon Elastic Compute Cloud, prod 123456789012"),
        ("2026-05-03 to 2026-05-05, 3 days in a row",),
        ("cost on 2026-05-05", "455.60 USD", "+261%"),
        ("expected", "131.90 USD, at most 152.04 USD"),
        ("average before", "126.30 USD"),
        ("impact", "912.48 USD above what was expected so far"),
        ("confidence", "0.82, 0.97 before patterns"),
        ("455.60 ┤",),
        ("^ ^ ^",),
        ("3.5 times as usual",),
        ("+ BoxUsage:p4d.24xlarge", "+330.10", "101% of the change", "(new)"),
        ("- eu-west-1", "-8.20", "usually 20.30"),
        ("2026-05-02 22:14", "deploy train@2.1.0 trainer: GPU training on p4d"),
        ("2 h before the rise",),
        ("✓ ecod", "0.40", "1.00", "rarer than 99.9 %"),
        ("· trend", "0.10", "0.31"),
        ("month cycle", "-0.15", "turn of the month"),
        ("day of week", "does not hold", "recorded only"),
    ):
        assert line_with(text, *words)


def test_what_is_not_shown_in_full_has_a_line() -> None:
    other = result(key=EC2.model_copy(update={"service_name": "Amazon Athena"}), day=date(2026, 4, 1))
    text = shown(report(anomalies=(result(), other)), shown=1)
    assert line_with(text, "2026-04-01", "Amazon Athena, prod 123456789012", "455.60 USD", "+261%", "912.48 USD")
    assert "--show 2" in text


def test_what_was_left_out_is_said() -> None:
    text = shown(report())
    assert line_with(text, "AWS Key Management Service", "0.93 USD", "0.61 USD")
    assert line_with(text, "14 days", "fewer days of history")
    assert line_with(text, "6 days", "nothing was charged")
    assert line_with(text, "luminol", "not installed: pip install 'bdp-agent[luminol]'")
    assert line_with(shown(report(), "ko"), "luminol", "설치되지 않음: pip install 'bdp-agent[luminol]'")
    assert line_with(text, "2026-05-06 is still being delivered")


def test_the_provider_stands_beside() -> None:
    text = shown(report())
    assert line_with(text, "its forecast", "12,850.25 USD")
    assert line_with(text, "Elastic Compute Cloud", "899.10 USD", "found here too")
    assert line_with(text, "AWS Glue", "12.50 USD", "not found here")
    broken = shown(report(providers=(provider(forecast=None, anomalies=(), problem="AccessDenied"),)))
    assert line_with(broken, "could not be asked: AccessDenied")


def test_budgets_say_when_they_are_used_up() -> None:
    text = shown(report())
    assert line_with(text, "all of AWS", "1,866.20 of 9,000.00 USD by 2026-05-05")
    assert "used up on 2026-05-19" in text
    assert "at worst on 2026-05-16" in text
    fine = shown(report(budgets=(budget(overrun_day=None, overrun_earliest=None, probability=0.01, text=""),)))
    assert line_with(fine, "holds", "1%")


def test_a_forecast_has_past_band_and_parts() -> None:
    text = printed(forecast_view(report(), "en", 120), 120)
    assert line_with(text, "Forecast 2026-05-06 to 2026-05-15", "10 days")
    assert line_with(text, "5,200.00 USD", "4,160.00 to 6,500.00 USD", "90% interval")
    assert {"█", "━", "░", "▒"} <= set(text)
    assert line_with(text, "Amazon S3, prod", "412.00 USD", "329.60 to 515.00")
    assert line_with(text, "past", "expected", "interval")
    alone = printed(forecast_view(report(services=(), service_count=0, days=()), "en", 80), 80)
    assert "past" not in alone
    assert "too few days" in printed(forecast_view(EMPTY, "en", 80), 80)


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("size", [1.0, 60_000.0])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_figures_of_a_forecast_are_never_cut(width: int, size: float, language: Language) -> None:
    told = report()
    grown = [
        one.model_copy(update={name: getattr(one, name) * size for name in ("total", "low", "high")})
        for one in told.forecasts
    ]
    grown[1] = grown[1].model_copy(update={"service_name": "아주 긴 이름의 " * 12, "note": "said of it"})
    text = printed(forecast_view(told.model_copy(update={"forecasts": tuple(grown)}), language, width), width)
    assert max(map(cell_len, text.splitlines())) <= width
    table = text.splitlines()
    for one in grown[1:]:
        assert [line for line in table if money(one.total, one.currency) in line]
        for cost in (one.low, one.high):
            assert [line for line in table if figure(cost, one.currency) in line]
    assert line_with(text, "아주 긴", "…", money(grown[1].total, "USD"))
    assert "said of it" in text


def test_the_shadow_is_compared() -> None:
    text = printed(shadow_view(report(), "en"), 80)
    assert line_with(text, "patterns", "4", "3", "55.20")
    assert "0.58 live, 0.43 with patterns" in text
    agreed = report(shadow=(shadow(live_only=0, money_live_only=0, examples=()),))
    assert "They agree" in printed(shadow_view(agreed, "en"), 80)
    assert "BDP_PATTERN_MODE=shadow" in printed(shadow_view(EMPTY, "en"), 80)


def test_nothing_abnormal_and_nothing_judged() -> None:
    assert "Nothing abnormal in 311 days" in shown(report(anomalies=(), quiet=()))
    assert "No day could be judged" in shown(report(anomalies=(), quiet=(), judged=0))


def test_no_costs_teach() -> None:
    assert "bdp cost analyze bill.csv" in shown(EMPTY)
    assert "--since, --until" in shown(EMPTY, files=True)
    assert "an export" in shown(EMPTY.model_copy(update={"notes": (CostNote(kind="x", text="an export"),)}))


def test_korean_leaves_no_english_sentence() -> None:
    text = shown(report(), "ko") + printed(forecast_view(report(), "ko", 120), 120)
    assert "prod의 Amazon Elastic Compute Cloud가" in text
    for word in (*STANDINGS.values(), *LABELS.values()):
        fixed = max(re.split(r"\{\w+\}", word["en"]), key=len).strip()
        assert " " not in fixed or fixed not in text, fixed
    assert line_with(text, "높음", "Amazon Elastic Compute Cloud")
    assert line_with(text, "사용 유형", "신규")


@pytest.mark.parametrize("language", ["en", "ko"])
def test_hostile_names_are_harmless(language: Language) -> None:
    key = EC2.model_copy(
        update=dict.fromkeys(("account_name", "service_name", "account_id", "provider_name", "currency"), HOSTILE)
    )
    found, view = result(), provider()
    drivers = tuple(one.model_copy(update={"name": HOSTILE, "dimension": HOSTILE}) for one in found.drivers)
    changes = tuple(
        one.model_copy(update=dict.fromkeys(("ref", "kind", "service", "summary", "why", "why_ko"), HOSTILE))
        for one in found.changes
    )
    said = {"analysis": HOSTILE, "analysis_ko": HOSTILE, "note": HOSTILE, "drivers": drivers, "changes": changes}
    method = found.detection_results["ecod"].model_copy(update={"explanation": HOSTILE, "explanation_ko": HOSTILE})
    bad = result(key=key, detection_results={HOSTILE: method}, **said)
    theirs = tuple(
        one.model_copy(update={"service_name": HOSTILE, "root_causes": (HOSTILE,), "currency": HOSTILE})
        for one in view.anomalies
    )
    told = report(
        totals=tuple(
            one.model_copy(update={"currency": HOSTILE, "by_category": {HOSTILE: -1}}) for one in report().totals
        ),
        services=tuple(one.model_copy(update={"key": key}) for one in report().services),
        anomalies=(bad, bad),
        quiet=(bad,),
        standings={HOSTILE: 3},
        forecasts=tuple(
            one.model_copy(update={"note": HOSTILE, "method": HOSTILE, "currency": HOSTILE, "account": account})
            for one, account in zip(report().forecasts, ("", HOSTILE, HOSTILE), strict=True)
        ),
        budgets=(budget(name=HOSTILE, currency=HOSTILE, text=HOSTILE, text_ko=HOSTILE),),
        providers=(provider(name=HOSTILE, problem=HOSTILE, anomalies=theirs),),
        shadow=(shadow(name=HOSTILE, examples=(HOSTILE,)),),
        notes=(CostNote(kind=HOSTILE, text=HOSTILE, text_ko=HOSTILE),),
        absent={HOSTILE: HOSTILE},
    )
    text = shown(told, language, 80, shown=1) + printed(forecast_view(told, language, 80), 80)
    text += printed(shadow_view(told, language), 80)
    assert not set(text) & CONTROL
    assert text.count("smile") > 20


def test_huge_tiny_and_negative_money_fits() -> None:
    services = tuple(
        one.model_copy(update={"cost": cost, "costs": (cost,) * len(DAYS)})
        for one, cost in zip(report().services, (9.9e21, 0.0000008, -12_345_678.9, 0.0), strict=True)
    )
    huge = result(current_cost=9.9e21, impact=9.8e21, expected_cost=0.0000008, historical_costs=(0.0000008, 9.9e21),
                  timestamps=DAYS[-2:], change_percent=1e25)  # fmt: skip
    text = shown(report(services=services, anomalies=(huge,)), width=80)
    assert max(map(cell_len, text.splitlines())) <= 80
    assert "9.9e+21 USD" in text
    assert "0.0000008 USD" in text
    assert "-12,345,679 KRW" in text


def test_a_service_without_a_name_and_days_that_do_not_match() -> None:
    key = EC2.model_copy(update={"service_name": "", "account_name": "", "account_id": "", "billing_account_id": ""})
    parts = ("historical_costs", "timestamps", "pattern_contexts", "drivers", "changes")
    none: dict[str, Any] = dict.fromkeys(parts, ()) | {"detection_results": {}, "spike_start_date": None}
    bare = result(key=key, analysis="", spike_duration_days=0, change_percent=None, **none)
    service = (
        report()
        .services[0]
        .model_copy(
            update={"key": key, "costs": (), "standing": Standing.NO_COST, "trend_direction": TrendDirection.STABLE}
        )
    )
    text = shown(report(anomalies=(bare,), services=(service,), service_count=1, days=()), width=80)
    assert "(no name)" in text
    assert "Analysis" not in text
    assert "┤" not in text


def test_many_days_are_drawn_as_the_latest() -> None:
    many = tuple(DAYS[0] + timedelta(days=number) for number in range(400))
    found = result(timestamps=many, historical_costs=tuple(range(400)), day=many[-1], spike_start_date=many[-1])
    text = shown(report(anomalies=(found,)), width=80)
    assert str(many[-1]) in line_with(text, str(many[-30]))
