"""What is said of a day's cost, in English and Korean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from bdp.model.cost_result import CostKey

Both = tuple[str, str]

_METHODS: Final[dict[str, Both]] = {
    "ecod": (
        "rarer than one day in {odds:,.0f} by the distribution of the days before",
        "이전 날들의 분포로 볼 때 {odds:,.0f}일에 한 번보다 드묾",
    ),
    "ratio": ("{value:,.2f} times what was expected (counts from {threshold:,.2f})",
     "예상의 {value:,.2f}배 (기준 {threshold:,.2f}배)"),
    "stddev": ("z-score {value:,.1f} (counts from {threshold:,.1f})", "z-점수 {value:,.1f} (기준 {threshold:,.1f})"),
    "trend": (
        "the last days are {value:,.1f} standard deviations above the level before (counts from {threshold:,.1f})",
        "최근 며칠이 이전 수준보다 {value:,.1f} 표준편차 높음 (기준 {threshold:,.1f})",
    ),
    "luminol": (
        "its score is {value:,.1f} times the highest of the days before (counts from {threshold:,.1f})",
        "점수가 이전 최고점의 {value:,.1f}배 (기준 {threshold:,.1f}배)",
    ),
}  # fmt: skip
_FROM_NOTHING: Final[Both] = (
    "over a thousand times what was expected, which was next to nothing",
    "거의 비용이 없던 항목으로 예상의 천 배를 넘음",
)
_NAMES: Final[dict[str, Both]] = {
    "ecod": ("ECOD", "ECOD"), "ratio": ("ratio", "비율"), "stddev": ("standard deviation", "표준편차"),
    "trend": ("trend", "추세"), "luminol": ("luminol", "luminol"),
}  # fmt: skip
_PATTERNS: Final[dict[str, tuple[Both, Both]]] = {
    "day_of_week": (
        ("A {weekday} usually costs {times:.2f} times the mean of its week.",
         "{weekday}은 보통 그 주 평균의 {times:.2f}배입니다."),
        ("A {weekday} explains none of it.", "{weekday}이라는 점으로는 설명되지 않습니다."),
    ),
    "trend": (
        ("Its cost has been changing by {percent:+.1f} % a week.", "비용이 매주 {percent:+.1f} % 변해 왔습니다."),
        ("No steady growth explains it.", "꾸준한 증가 추세로는 설명되지 않습니다."),
    ),
    "month_cycle": (
        ("At the turn of the month it costs as much in other months too.",
         "다른 달에도 월초와 월말에는 이 정도 비용이 듭니다."),
        ("The turn of the month explains none of it.", "월초·월말 주기로는 설명되지 않습니다."),
    ),
    "service_profile": (
        ("It is paid by the call or the job, so its use comes in bursts.",
         "호출이나 작업 단위로 과금되어 사용량이 몰리는 서비스입니다."),
        ("It is no service whose use comes in bursts.", "사용량이 몰리는 유형의 서비스가 아닙니다."),
    ),
}  # fmt: skip
_MOST_TIMES: Final = 1000
_LONGEST: Final = 100
_WEEKDAYS: Final = (
    ("Monday", "월요일"), ("Tuesday", "화요일"), ("Wednesday", "수요일"), ("Thursday", "목요일"),
    ("Friday", "금요일"), ("Saturday", "토요일"), ("Sunday", "일요일"),
)  # fmt: skip


def money(value: float, currency: str) -> str:
    """Return a sum as people read it: two decimals, more where it would be nothing with them."""
    if value and abs(value) < 0.01:
        return f"{value:.2g} {currency}"
    return f"{value:,.2f} {currency}"


def cut(name: str) -> str:
    """Return a name, shortened where it is very long."""
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def method(name: str, value: float, threshold: float) -> Both:
    """Return what a method found."""
    english, korean = _METHODS[name]
    odds = min(1e6, 2.718281828 ** min(value, 13.8))
    told = {"value": value, "threshold": threshold, "odds": odds}
    if name == "ratio" and value >= _MOST_TIMES:
        return _FROM_NOTHING
    return english.format(**told), korean.format(**told)


def pattern(name: str, *, holds: bool, day: date, times: float, percent: float) -> Both:
    """Return why a rise was expected, or that this does not explain it."""
    english, korean = _PATTERNS[name][0 if holds else 1]
    weekday = _WEEKDAYS[day.weekday()]
    told = {"times": times, "percent": percent}
    return english.format(weekday=weekday[0], **told), korean.format(weekday=weekday[1], **told)


def new_account(begun: date) -> Both:
    """Return what is to be known of the figures of an account that is new."""
    english = (
        f"The account is new: its first charge was on {begun}, and the bill that it belongs to had nothing of it "
        "before. It is judged as a whole until its services have a past."
    )
    korean = (
        f"새 계정입니다. 첫 비용은 {begun}에 발생했고, 이 계정이 속한 청구서에는 그 전에 비용이 없었습니다. "
        "서비스별 이력이 쌓일 때까지 계정 전체로 판단합니다."
    )
    return english, korean


@dataclass(frozen=True)
class Said:
    """What an analysis tells.

    Attributes:
        impact: money above what was expected, since `start`, over `days` days.
        methods: names of those that call the day abnormal.
        lowered: why the confidence was lowered, in English and in Korean.
    """

    key: CostKey
    day: date
    cost: float
    expected: float
    impact: float
    start: date
    days: int
    methods: Sequence[str]
    confidence: float
    lowered: tuple[Sequence[str], Sequence[str]]


def analysis(said: Said) -> Both:
    """Return the analysis of an abnormal day."""
    return _english(said), _korean(said)


def _english(said: Said) -> str:
    unit, key = said.key.currency, said.key
    whose = f"{cut(key.service_name) or 'Something'} in {cut(key.account) or 'an unnamed account'}"
    sentences = [f"{whose} cost {money(said.cost, unit)} on {said.day}, {_times(said)[0]}."]
    more = money(said.impact, unit)
    if said.days > 1:
        sentences.append(f"It has been so for {said.days} days, since {said.start}, {more} more than usual in all.")
    else:
        sentences.append(f"That is {more} more than usual.")
    names = [_NAMES[name][0] for name in said.methods]
    sure = f"confidence {said.confidence:.2f}"
    if names:
        listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
        sentences.append(f"{listed[0].upper()}{listed[1:]} call{'s' * (len(names) == 1)} it abnormal; {sure}.")
    else:
        sentences.append(f"No method alone calls it abnormal, all together do; {sure}.")
    return " ".join([*sentences, *said.lowered[0]])


def _korean(said: Said) -> str:
    unit, key = said.key.currency, said.key
    whose = f"{cut(key.account) or '이름 없는 계정'} 계정의 {cut(key.service_name) or '이름 없는 서비스'}"
    sentences = [f"{said.day} {whose} 비용은 {money(said.cost, unit)}입니다.", f"{_times(said)[1]}."]
    more = money(said.impact, unit)
    if said.days > 1:
        sentences.append(f"{said.start}부터 {said.days}일째이며 평소보다 모두 {more} 더 들었습니다.")
    else:
        sentences.append(f"평소보다 {more} 더 들었습니다.")
    names = ", ".join(_NAMES[name][1] for name in said.methods)
    who = f"{names} 방법이 이상으로 판단했습니다" if names else "한 방법만으로는 아니지만 모두 합치면 이상입니다"
    sentences.append(f"{who} (신뢰도 {said.confidence:.2f}).")
    return " ".join([*sentences, *said.lowered[1]])


def _times(said: Said) -> Both:
    """Return how the cost compares with what was expected."""
    if said.expected <= 0 or said.cost > _MOST_TIMES * said.expected:
        return "where next to nothing was to be expected", "거의 비용이 없던 항목입니다"
    times, expected = f"{said.cost / said.expected:,.1f}", money(said.expected, said.key.currency)
    return (
        f"{times} times the {expected} that its past makes likely",
        f"과거로 예상되는 {expected}의 {times}배입니다",
    )
