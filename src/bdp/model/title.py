"""Titles of incidents: what was detected where, in few words. Names from telemetry stay as they are."""

from __future__ import annotations

from typing import Final

from bdp.model.anomaly import AnomalyKind, Subject
from bdp.model.noun import Language

LONGEST_TITLE: Final = 200
_UNNAMED: Final[dict[Language, str]] = {"en": "unnamed service", "ko": "이름 없는 서비스"}
_NO_CODE: Final[dict[Language, str]] = {"en": "abnormal events", "ko": "비정상 이벤트"}
_TITLES: Final[dict[AnomalyKind, dict[Language, str]]] = {
    AnomalyKind.BURST: {"en": "Burst of {what} in {where} {route}", "ko": "{where} {route} {what} 급증"},
    AnomalyKind.METRIC: {"en": "Abnormal metrics of {entity}", "ko": "{entity} 지표 이상"},
    AnomalyKind.FABRIC: {"en": "Fabric trouble on {entity}", "ko": "{entity} 패브릭 이상"},
    AnomalyKind.COST: {"en": "Cost of {where}{account} is above what is usual", "ko": "{account}{where} 비용 급증"},
}
_ACCOUNT: Final[dict[Language, str]] = {"en": " in {account}", "ko": "{account} 계정 "}
_NO_ENTITY: Final[dict[Language, str]] = {"en": "an unnamed entity", "ko": "이름 없는 대상"}


def titled(kind: AnomalyKind, subject: Subject, language: Language = "en") -> str:
    """Return a short plain title, without control characters."""
    words = _TITLES[kind][language].format(
        what=subject.error_code or _NO_CODE[language],
        where=subject.service or _UNNAMED[language],
        route=subject.route,
        entity=subject.service or _NO_ENTITY[language],
        account=_ACCOUNT[language].format(account=subject.account) if subject.account else "",
    )
    plain = " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())
    return plain if len(plain) <= LONGEST_TITLE else plain[: LONGEST_TITLE - 1] + "…"
