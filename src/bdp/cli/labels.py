"""Fixed words around incidents and analyses in a terminal, in English and Korean."""

from __future__ import annotations

from typing import Final

from bdp.brief.sentences import WORDS
from bdp.model.noun import Language

LABELS: Final[dict[str, dict[Language, str]]] = {
    "incident": {"en": "incident", "ko": "인시던트"},
    "severity": {"en": "severity", "ko": "심각도"},
    "status": {"en": "status", "ko": "상태"},
    "start": {"en": "start (UTC)", "ko": "시작 (UTC)"},
    "events": {"en": "events", "ko": "이벤트"},
    "title": {"en": "title", "ko": "제목"},
    "one_event": {"en": "{count} event", "ko": "이벤트 {count}건"},
    "many_events": {"en": "{count} events", "ko": "이벤트 {count}건"},
    "no_incidents": {
        "en": "No incidents. Send events with 'bdp ingest PATH' or POST /v1/events, or see 'bdp demo'.",
        "ko": "인시던트가 없습니다. 'bdp ingest PATH'나 POST /v1/events로 이벤트를 보내거나 'bdp demo'를 보세요.",
    },
    "ended": {"en": "{start} to {end} UTC", "ko": "{start}부터 {end}까지 (UTC)"},
    "going_on": {"en": "{start} to still going at {end} UTC", "ko": "{start} 시작, {end} 현재 계속됨 (UTC)"},
    "seen": {"en": ", seen {count} times", "ko": ", {count}회 관측"},
    "not_analysed": {
        "en": "Not analysed yet: bdp incident {id} --again",
        "ko": "아직 분석되지 않았습니다: bdp incident {id} --again",
    },
    "trust": {
        "en": "confidence {confidence}   grounding {grounding} ({supported} of {checkable} checkable claims hold)",
        "ko": "신뢰도 {confidence}   근거율 {grounding} (검증한 주장 {checkable}건 중 {supported}건이 사실)",
    },
    "claims": {"en": "Claims", "ko": "주장"},
    "none": {"en": "none", "ko": "없음"},
    "evidence": {"en": "Evidence", "ko": "근거"},
    "more": {"en": "and {count} more: {command}", "ko": "그 외 {count}건: {command}"},
    "json_shows": {"en": "--json shows all", "ko": "--json으로 전체 보기"},
    "next": {"en": "Proposed next", "ko": "다음 조치 제안"},
    "notify": {"en": "notify", "ko": "알림"},
    "investigate": {"en": "investigate", "ko": "조사"},
    "webhook": {"en": "webhook", "ko": "웹훅"},
    "timeline": {"en": "Timeline", "ko": "타임라인"},
    "contradicted": {"en": "contradicted", "ko": "근거와 모순"},
    "unsupported": {"en": "unsupported", "ko": "근거 부족"},
    "tested": {"en": "Tested", "ko": "검토한 가설"},
    "score": {"en": "score", "ko": "점수"},
    "hypothesis": {"en": "hypothesis", "ko": "가설"},
    "against": {"en": "against it", "ko": "반대 근거"},
    "seconds": {"en": "{seconds} s, without a model", "ko": "{seconds}초, 모델 없이"},
    "no_records": {"en": "There is not one record in what you gave.", "ko": "주어진 입력에 레코드가 하나도 없습니다."},
    "nothing_abnormal": {
        "en": "Nothing abnormal in {records}: no key crossed its threshold.",
        "ko": "{records} 중 비정상이 없습니다: 임계값을 넘은 키가 없습니다.",
    },
    "one_record": {"en": "{count} record", "ko": "레코드 {count}건"},
    "many_records": {"en": "{count} records", "ko": "레코드 {count}건"},
    "ledger": {"en": "Ledger", "ko": "원장"},
    "balance": {
        "en": "accepted {accepted} = stored {stored} + dead letters {dead} + dropped {dropped} + in flight {flying}",
        "ko": "접수 {accepted} = 저장 {stored} + 데드 레터 {dead} + 폐기 {dropped} + 진행 {flying}",
    },
    "nothing_lost": {"en": "nothing lost", "ko": "유실 없음"},
}


def label(key: str, language: Language, **values: object) -> str:
    """Return a fixed text with its values put in."""
    return LABELS[key][language].format(**values)


def counted(number: float, what: str, language: Language) -> str:
    """Return a number with its noun (`event`, `record`): `1 event`, `2,000 events`, `이벤트 2,000건`."""
    return label(f"one_{what}" if number == 1 else f"many_{what}s", language, count=f"{number:,.0f}")


def word(value: str, language: Language) -> str:
    """Return the word for a value of one of our enumerations."""
    return WORDS[language].get(value, value.replace("_", " "))
