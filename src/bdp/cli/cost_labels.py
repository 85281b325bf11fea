"""Fixed words around the analysis of costs, in English and Korean."""

from __future__ import annotations

from typing import Final

from bdp.model.noun import Language

LABELS: Final[dict[str, dict[Language, str]]] = {
    "costs": {"en": "Costs", "ko": "비용"},
    "one_day": {"en": "{count} day", "ko": "{count}일"},
    "many_days": {"en": "{count} days", "ko": "{count}일"},
    "one_account": {"en": "{count} account", "ko": "계정 {count}개"},
    "many_accounts": {"en": "{count} accounts", "ko": "계정 {count}개"},
    "one_service": {"en": "{count} service", "ko": "서비스 {count}개"},
    "many_services": {"en": "{count} services", "ko": "서비스 {count}개"},
    "one_line": {"en": "{count} line", "ko": "비용 행 {count}건"},
    "many_lines": {"en": "{count} lines", "ko": "비용 행 {count}건"},
    "one_anomaly": {"en": "{count} anomaly", "ko": "이상 {count}건"},
    "many_anomalys": {"en": "{count} anomalies", "ko": "이상 {count}건"},
    "above": {"en": "{money} above what was expected", "ko": "예상보다 {money} 초과"},
    "nothing_abnormal": {
        "en": "Nothing abnormal in {judged} of accounts and services that were judged.",
        "ko": "계정과 서비스별로 판정한 {judged} 중 이상이 없습니다.",
    },
    "nothing_judged": {
        "en": "No day could be judged; why is said below.",
        "ko": "판정할 수 있는 날이 없습니다. 이유는 아래에 있습니다.",
    },
    "currency": {"en": "currency", "ko": "통화"},
    "billed": {"en": "billed", "ko": "청구 비용"},
    "effective": {"en": "effective", "ko": "실효 비용"},
    "lines": {"en": "lines", "ko": "행"},
    "credit_given": {"en": "{name} (given back)", "ko": "{name} (차감)"},
    "dearest": {"en": "Dearest services", "ko": "비용이 큰 서비스"},
    "dearest_of": {"en": "Dearest services, {shown} of {count}", "ko": "비용이 큰 서비스, {count}개 중 {shown}개"},
    "service": {"en": "service", "ko": "서비스"},
    "account": {"en": "account", "ko": "계정"},
    "latest_days": {"en": "latest {days}", "ko": "최근 {days}"},
    "cost": {"en": "cost", "ko": "비용"},
    "share": {"en": "share", "ko": "비중"},
    "change": {"en": "change", "ko": "변화"},
    "trend": {"en": "trend", "ko": "추세"},
    "unnamed": {"en": "(no name)", "ko": "(이름 없음)"},
    "more_anomalies": {"en": "More anomalies", "ko": "그 밖의 이상"},
    "in_full": {"en": "in full: --show {count}", "ko": "자세히 보기: --show {count}"},
    "since": {"en": "{days}, {count} in a row", "ko": "{days}, {count} 연속"},
    "cost_of": {"en": "cost on {day}", "ko": "{day} 비용"},
    "cost_a_day": {"en": "cost a day", "ko": "일 비용"},
    "expected": {"en": "expected", "ko": "예상"},
    "at_most": {"en": "{money}, at most {most}", "ko": "{money}, 최대 {most}"},
    "average": {"en": "average before", "ko": "이전 평균"},
    "impact": {"en": "impact", "ko": "영향"},
    "impact_so_far": {"en": "{money} above what was expected so far", "ko": "지금까지 예상보다 {money} 초과"},
    "confidence": {"en": "confidence", "ko": "신뢰도"},
    "before_patterns": {"en": "{score}, {raw} before patterns", "ko": "{score}, 패턴 적용 전 {raw}"},
    "legend": {
        "en": "╌ expected   ^ the days in question{gap}{credit}",
        "ko": "╌ 예상   ^ 해당 기간{gap}{credit}",
    },
    "gap": {"en": "   blank: not delivered", "ko": "   빈칸: 데이터 없음"},
    "credit": {"en": "   - credits", "ko": "   - 크레딧"},
    "analysis": {"en": "Analysis", "ko": "분석"},
    "methods": {"en": "Methods", "ko": "방법"},
    "method": {"en": "method", "ko": "방법"},
    "weight": {"en": "weight", "ko": "가중치"},
    "says": {"en": "says", "ko": "설명"},
    "patterns": {"en": "Patterns", "ko": "패턴"},
    "no_effect": {"en": "does not hold", "ko": "해당 없음"},
    "recorded_only": {"en": "recorded only", "ko": "기록만"},
    "drivers": {"en": "What drives it", "ko": "원인이 된 항목"},
    "against": {"en": "What moved against it", "ko": "반대로 움직인 항목"},
    "was": {"en": "{cost}, usually {usual}", "ko": "{cost}, 평소 {usual}"},
    "new": {"en": "new", "ko": "신규"},
    "of_change": {"en": "{share} of the change", "ko": "변화의 {share}"},
    "changes": {"en": "Changes shortly before", "ko": "직전 변경"},
    "quiet": {"en": "Abnormal, but nobody is told", "ko": "이상이지만 알리지 않음"},
    "not_judged": {"en": "Not judged, or not told", "ko": "판정하지 않았거나 알리지 않음"},
    "notes": {"en": "About the data", "ko": "데이터 참고 사항"},
    "absent": {"en": "Methods that did not run", "ko": "실행되지 않은 방법"},
    "install": {"en": "not installed: {command}", "ko": "설치되지 않음: {command}"},
    "providers": {"en": "As the provider sees it", "ko": "공급자의 판단"},
    "asked_at": {"en": "asked at {at} UTC", "ko": "{at} UTC 조회"},
    "provider_problem": {"en": "could not be asked: {problem}", "ko": "조회 실패: {problem}"},
    "their_forecast": {"en": "its forecast", "ko": "공급자 예측"},
    "our_forecast": {"en": "ours", "ko": "BDP 예측"},
    "their_anomalies": {"en": "its anomalies", "ko": "공급자 이상"},
    "none": {"en": "none", "ko": "없음"},
    "also_ours": {"en": "found here too", "ko": "BDP도 발견"},
    "not_ours": {"en": "not found here", "ko": "BDP는 발견하지 않음"},
    "budgets": {"en": "Budgets", "ko": "예산"},
    "of_budget": {"en": "{spent} of {amount} by {day}", "ko": "{day}까지 {amount} 중 {spent}"},
    "at_end": {"en": "at the end {expected} ({low} to {high})", "ko": "기말 예상 {expected} ({low} ~ {high})"},
    "overrun": {"en": "used up on {day}", "ko": "{day}에 소진"},
    "overrun_soon": {"en": "at worst on {day}", "ko": "최악의 경우 {day}"},
    "overrun_chance": {"en": "{chance} likely to be exceeded", "ko": "초과 확률 {chance}"},
    "holds": {"en": "holds", "ko": "유지됨"},
    "forecast": {"en": "Forecast", "ko": "예측"},
    "everything": {"en": "everything", "ko": "전체"},
    "total": {"en": "total", "ko": "합계"},
    "interval": {"en": "{level} interval", "ko": "{level} 구간"},
    "what": {"en": "what", "ko": "대상"},
    "from_to": {"en": "{low} to {high}", "ko": "{low} ~ {high}"},
    "forecast_legend": {
        "en": "█ past   ━ expected   ░ interval ({level} of days)",
        "ko": "█ 과거   ━ 예상   ░ 구간 (전체 날의 {level})",
    },
    "future_legend": {"en": "━ expected   ░ interval ({level} of days)", "ko": "━ 예상   ░ 구간 (전체 날의 {level})"},
    "no_forecast": {
        "en": "Nothing can be forecast: there are too few days with costs.",
        "ko": "예측할 수 없습니다: 비용이 있는 날이 너무 적습니다.",
    },
    "no_costs": {
        "en": "There is not one cost in what was asked for.",
        "ko": "요청한 범위에 비용이 하나도 없습니다.",
    },
    "teach_home": {
        "en": "Give bills, or send cost lines:\n"
        "  bdp cost analyze bill.csv   FOCUS, AWS CUR, Azure or OCI; leaves nothing behind\n"
        "  bdp cost analyze            what was sent to 'bdp serve' by POST /v1/costs\n"
        "With --since, --account, --service or --currency: see whether they fit.",
        "ko": "청구 파일을 주거나 비용을 보내세요:\n"
        "  bdp cost analyze bill.csv   FOCUS, AWS CUR, Azure, OCI 파일; 아무것도 남기지 않음\n"
        "  bdp cost analyze            POST /v1/costs로 'bdp serve'에 보낸 비용\n"
        "--since, --account, --service, --currency를 썼다면 맞는지 확인하세요.",
    },
    "teach_files": {
        "en": "See whether --since, --until, --account, --service and --currency fit what the files hold.",
        "ko": "--since, --until, --account, --service, --currency가 파일 내용과 맞는지 확인하세요.",
    },
    "shadow": {"en": "Live against shadow", "ko": "라이브와 섀도 비교"},
    "shadow_counts": {
        "en": "Days on which an account's service was called abnormal, and the money above what was expected",
        "ko": "계정의 서비스가 이상으로 판정된 날 수와 예상을 초과한 금액",
    },
    "both": {"en": "both", "ko": "모두"},
    "live_only": {"en": "live only", "ko": "라이브만"},
    "shadow_only": {"en": "shadow only", "ko": "섀도만"},
    "money_live": {"en": "impact live only", "ko": "라이브만의 영향"},
    "money_shadow": {"en": "impact shadow only", "ko": "섀도만의 영향"},
    "examples": {"en": "Where they differ: {name}", "ko": "차이: {name}"},
    "agree": {"en": "They agree on every anomaly.", "ko": "모든 이상에서 일치합니다."},
    "no_shadow": {
        "en": "Nothing runs in the shadow. To try patterns without letting them decide: BDP_PATTERN_MODE=shadow.\n"
        'To try a method: [costs] shadow_methods = ["luminol"] in bdp.toml.',
        "ko": "섀도로 실행되는 것이 없습니다. 패턴을 결정에 반영하지 않고 시험하려면: BDP_PATTERN_MODE=shadow.\n"
        'bdp.toml에서 방법을 시험하려면: [costs] shadow_methods = ["luminol"].',
    },
}
STANDINGS: Final[dict[str, dict[Language, str]]] = {
    "too_young": {
        "en": "fewer days of history than a judgement needs",
        "ko": "판정에 필요한 이력 일수 부족",
    },
    "no_cost": {"en": "nothing was charged that day, or less than nothing", "ko": "해당 일에 청구가 없거나 음수"},
    "below_impact": {
        "en": "abnormal, but the money is below the least impact",
        "ko": "이상이지만 금액이 최소 영향 미만",
    },
    "looks_doubled": {"en": "the day seems to have been counted twice", "ko": "하루가 두 번 집계된 것으로 보임"},
}
WORDS: Final[dict[str, str]] = {
    "day_of_week": "요일",
    "trend": "추세",
    "month_cycle": "월 주기",
    "service_profile": "서비스 특성",
    "account": "계정",
    "service": "서비스",
    "region": "리전",
    "resource": "리소스",
    "usage_type": "사용 유형",
    "charge_category": "요금 범주",
    "tag": "태그",
    "usage": "사용",
    "purchase": "구매",
    "tax": "세금",
    "credit": "크레딧",
    "adjustment": "조정",
    "increasing": "증가",
    "decreasing": "감소",
    "stable": "안정",
    "patterns": "패턴",
}
"""Korean words for values of enumerations and of FOCUS columns."""


def label(key: str, language: Language, **values: object) -> str:
    """Return a fixed text with its values put in."""
    return LABELS[key][language].format(**values)


def counted(number: float, what: str, language: Language, *, more: bool = False) -> str:
    """Return a number with its noun: `1 day`, `2,000 lines`, `이상 3건`; `3+ accounts` where there may be more."""
    sign = "+" if more else ""
    return label(f"one_{what}" if number == 1 and not more else f"many_{what}s", language, count=f"{number:,.0f}{sign}")


def word(value: str, language: Language) -> str:
    """Return the word for a value of an enumeration; what has none is shown as it is."""
    found = WORDS.get(value.lower().replace(" ", "_")) if language == "ko" else None
    return found or value.replace("_", " ")
